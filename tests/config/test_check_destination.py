"""Rules on where calls are sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.findings import TRUNK, paths, warned

HOUSE: dict[str, Any] = {
    "trunks": [TRUNK],
    "extensions": [{"extension": "1001", "id": "alice", "certificate_subject": "a"}],
    "ring_groups": [{"id": "support", "name": "Support desk", "extensions": ["1001"]}],
}


def route(kind: str, value: str) -> dict[str, Any]:
    """Return the section of one route to that destination."""
    return {"routes": [{"id": "r", "pattern": "^1", "destination": {"type": kind, "value": value}}]}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Trunk", "nowhere"),
        ("Trunk", ""),
        ("Trunk", "${destination}"),
        ("Extension", "1002"),
        ("Extension", ""),
        ("Extension", "9${destination}"),
        ("RingGroup", "sales"),
        ("RingGroup", "${destination}"),
        ("Voicemail", "1002"),
        ("Queue", ""),
        ("Hangup", "200"),
        ("Hangup", "\u0664\u0668\u0666"),
        ("Custom", "alice"),
        ("Custom", "tel:+12025550123"),
        ("Custom", ""),
    ],
)
def test_a_destination_exists_and_is_not_chosen_by_the_caller(kind: str, value: str) -> None:
    """Unknown names, substitution in the name of a trunk, impossible statuses and broken URIs are refused."""
    assert paths(routing=route(kind, value), **HOUSE) == ["$.routing.routes[0].destination.value"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Trunk", "carrier"),
        ("Extension", "1001"),
        ("Extension", "alice"),
        ("Extension", "${destination}"),
        ("RingGroup", "support"),
        ("RingGroup", "Support desk"),
        ("Hangup", "486"),
        ("Hangup", ""),
        ("Custom", "sip:alice@example.com;transport=tls"),
    ],
)
def test_a_destination_of_each_kind_is_taken(kind: str, value: str) -> None:
    """By number, id or name."""
    assert warned(routing=route(kind, value), **HOUSE) == []


def test_a_destination_that_takes_no_calls_is_warned_of() -> None:
    """A group that is off, queues, which there are none of, and boxes, which take no messages yet."""
    off = HOUSE | {"ring_groups": [HOUSE["ring_groups"][0] | {"enabled": False}]}
    place = ["$.routing.routes[0].destination.value"]
    assert warned(routing=route("RingGroup", "support"), **off) == place
    assert warned(routing=route("Queue", "sales"), **HOUSE) == place
    for box in ("1001", "${destination}"):
        assert warned(routing=route("Voicemail", box), **HOUSE) == place
