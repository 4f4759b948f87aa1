"""Sets of networks."""

from __future__ import annotations

import pytest

from rustalk.config.model import Teams
from rustalk.security.networks import NetworkSet, parse_address, source_of


@pytest.mark.parametrize("address", ["52.112.0.0", "52.115.255.255", "52.120.0.0", "52.123.255.255"])
def test_the_edges_of_microsofts_networks_are_in(address: str) -> None:
    """NET-05: the union of both wordings."""
    assert NetworkSet(Teams().networks).contains(address)


@pytest.mark.parametrize("address", ["52.116.0.0", "52.119.255.255", "52.124.0.0", "52.111.255.255"])
def test_the_addresses_next_to_microsofts_networks_are_out(address: str) -> None:
    """NET-05: one address further is someone else."""
    assert not NetworkSet(Teams().networks).contains(address)


def test_both_versions_live_in_one_set_without_mixing() -> None:
    """::/1 as a number would hold every IPv4 address."""
    networks = NetworkSet(["192.0.2.0/24", "2001:db8::/32", "::/1"])
    assert networks.contains("192.0.2.255")
    assert networks.contains("2001:db8:ffff::1")
    assert not networks.contains("198.51.100.1")


def test_a_mapped_address_counts_as_its_ipv4_part() -> None:
    """RusTalk's v4 rules never matched a peer on a dual-stack socket."""
    assert NetworkSet(["10.0.0.0/8"]).contains("::ffff:10.1.2.3")
    assert NetworkSet(["::ffff:10.0.0.0/104"]).contains("10.1.2.3")
    assert not NetworkSet(["::ffff:10.0.0.0/104"]).contains("11.1.2.3")


def test_overlapping_and_neighbouring_networks_are_one() -> None:
    """A network inside another does not cut it short."""
    networks = NetworkSet(["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"])
    assert networks.contains("10.255.0.1")
    assert networks.contains("11.0.0.1")
    assert not networks.contains("12.0.0.0")


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.1/32", "10.0.0.1 ", "010.0.0.1", "10.1", "0x0a000001"])
def test_what_is_no_address_is_in_no_network(text: str) -> None:
    """Other spellings of an address open no door (A32)."""
    assert not NetworkSet(["0.0.0.0/0", "::/0"]).contains(text)
    assert parse_address(text) is None


def test_an_empty_set_is_false_and_holds_nothing() -> None:
    """No network configured means nobody."""
    assert not NetworkSet()
    assert not NetworkSet().contains("127.0.0.1")
    assert NetworkSet(["::1"])


def test_a_link_local_address_is_seen_without_its_interface() -> None:
    """The kernel gives fe80::1%eth0 as the source."""
    assert NetworkSet(["fe80::/10"]).contains("fe80::1%eth0")
    assert NetworkSet(["fe80::1%eth0"]).contains("fe80::1")


def test_an_address_that_is_parsed_once_can_be_asked_of_several_sets() -> None:
    """The screen asks every trunk about one peer."""
    parsed = parse_address("::ffff:192.0.2.1")
    assert parsed is not None
    assert NetworkSet(["192.0.2.0/24"]).holds(parsed)
    assert not NetworkSet(["198.51.100.0/24"]).holds(parsed)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("localhost", ""),
    ],
)
def test_an_ipv6_address_is_counted_with_its_64(address: str, source: str) -> None:
    """Whoever has one address there has them all."""
    assert source_of(address) == source
