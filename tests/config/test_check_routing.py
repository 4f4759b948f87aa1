"""Rules over routes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.findings import TRUNK, faults, paths, warned


def route(**keys: Any) -> dict[str, Any]:
    """Return the routing section with one good route, changed by ``keys``."""
    good = {"id": "r", "pattern": "^1", "destination": {"type": "Trunk", "value": "carrier"}}
    return {"routes": [good | keys]}


def test_an_accepting_route_has_a_destination() -> None:
    """A refusing one needs none."""
    assert paths(routing=route(destination=None)) == ["$.routing.routes[0].destination"]
    assert paths(routing=route(destination=None, action="reject")) == []


def test_a_source_is_a_trunk() -> None:
    """A misspelt source would never match."""
    assert paths(trunks=[TRUNK], routing=route(source="carier")) == ["$.routing.routes[0].source"]
    assert paths(trunks=[TRUNK], routing=route(source="carrier")) == []


def test_a_pattern_that_re2_refuses_stops_the_load() -> None:
    """RusTalk's look-ahead route never matched and blocked nothing."""
    problem = faults(trunks=[TRUNK], routing=route(pattern=r"^\+(?!1).*$"))[0]
    assert problem.path == "$.routing.routes[0].pattern"
    assert "look-ahead" in problem.hint


def test_continue_without_its_flag_is_refused() -> None:
    """The search would end there without a destination."""
    assert paths(trunks=[TRUNK], routing=route(action="continue")) == ["$.routing.routes[0].continue_on_match"]
    assert paths(trunks=[TRUNK], routing=route(action="continue", continue_on_match=True)) == []


def test_a_route_that_may_surprise_is_warned_of() -> None:
    """A pattern without anchor, a flag without effect, a trunk that is off."""
    assert warned(trunks=[TRUNK], routing=route(pattern="555")) == ["$.routing.routes[0].pattern"]
    flagged = route(continue_on_match=True)
    assert warned(trunks=[TRUNK], routing=flagged) == ["$.routing.routes[0].continue_on_match"]
    off = TRUNK | {"enabled": False}
    assert warned(trunks=[off], routing=route()) == ["$.routing.routes[0].destination.value"]


def test_a_source_can_be_the_phones_of_the_house() -> None:
    """By the name that no trunk may have."""
    assert paths(trunks=[TRUNK], routing=route(source="extensions")) == []


def test_the_key_source_has_the_spelling_of_the_api_too() -> None:
    """What the API writes can be read from a file."""
    assert paths(trunks=[TRUNK], routing=route(source_trunk="carrier")) == []
    assert paths(trunks=[TRUNK], routing=route(source_trunk="a", source="b"))[0] == "$.routing.routes[0].source"


def test_a_route_has_one_destination_or_a_list() -> None:
    """Both together would be a guess, and a list in which nothing has weight has nothing to choose from."""
    several = [{"type": "Trunk", "value": "carrier", "weight": 0}]
    start = "$.routing.routes[0].destinations"
    assert paths(trunks=[TRUNK], routing=route(destinations=several)) == [start]
    assert paths(trunks=[TRUNK], routing=route(destination=None, destinations=several)) == []
    assert paths(trunks=[TRUNK], routing=route(destination=None, destinations=several, select="weight")) == [start]
    unknown = [{"type": "Trunk", "value": "nowhere"}]
    assert paths(trunks=[TRUNK], routing=route(destination=None, destinations=unknown)) == [f"{start}[0].value"]


def test_an_emergency_call_is_never_refused_by_its_route() -> None:
    """A route for emergencies that rejects is a mistake."""
    assert paths(routing=route(destination=None, action="reject", emergency=True)) == ["$.routing.routes[0].emergency"]


@pytest.mark.parametrize(
    "keys",
    [
        {"tenant": "contoso"},
        {"policy": "office"},
        {"timezone": "Europe/Atlantis"},
        {"conditions": [{"type": "Holiday", "calendar": "holidays"}]},
        {"conditions": [{"type": "Header", "name": "a b", "pattern": "x"}]},
        {"rewrite": {"caller": [{"match": "^0", "replace": r"\1"}]}},
        {"policy": {"frequency_limit": {"count": 1}}},
    ],
)
def test_what_a_route_names_exists(keys: dict[str, Any]) -> None:
    """Tenant, policy, time zone, calendar, header field and group of a pattern."""
    (found,) = paths(trunks=[TRUNK], routing=route(**keys))
    assert found.startswith(f"$.routing.routes[0].{next(iter(keys))}")
