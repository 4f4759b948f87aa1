"""Rules on where calls are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rustalk.config.load import load
from rustalk.config.problem import ConfigError
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


@pytest.mark.parametrize("text", ["support", "RingGroup:support"])
def test_a_group_in_the_place_of_an_extension_is_told_how_to_name_it(text: str) -> None:
    dids = [{"number": "+12025550123", "destination": text}]
    with pytest.raises(ConfigError) as caught:
        load(json.dumps({**HOUSE, "dids": dids}))
    (problem,) = caught.value.problems
    assert problem.path == "$.dids[0].destination.value"
    assert problem.hint.startswith('a ring group is {"type": "RingGroup", "value": "support"}')
    assert problem.hint.endswith("destination.type=RingGroup destination.value=support")
