"""The way of one direction's RTP."""

from __future__ import annotations

from rustalk.media.offload import Route


def test_a_route_has_the_version_of_both_its_halves() -> None:
    assert Route(("192.0.2.2", 1), ("192.0.2.1", 2), ("192.0.2.1", 4), ("198.51.100.2", 3)).family == 4
    assert Route(("2001:db8::2", 1), ("2001:db8::1", 2), ("2001:db8::1", 4), ("2001:db8::3", 3)).family == 6


def test_a_route_between_two_versions_has_none() -> None:
    assert Route(("192.0.2.2", 1), ("192.0.2.1", 2), ("2001:db8::1", 4), ("2001:db8::3", 3)).family is None
