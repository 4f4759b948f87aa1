"""Rules over routes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.findings import TRUNK, faults, paths, warned

ALWAYS = {"type": "Time", "start_time": "00:00", "end_time": "23:59:59"}


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


def messages(*routes: dict[str, Any], **sections: Any) -> list[str]:
    """Load a trunk and the routes, each good but for what it says, and return where the warnings are."""
    full = [
        {"id": f"r{n}", "destination": {"type": "Trunk", "value": "carrier"}} | keys for n, keys in enumerate(routes)
    ]
    return warned(trunks=[TRUNK, TRUNK | {"id": "other", "host": "192.0.2.8"}], routing={"routes": full}, **sections)


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


def test_a_route_after_one_that_takes_everything_is_reported() -> None:
    """Whatever their order in the file, and however "everything" is written."""
    late, catch_all = {"pattern": "^1", "priority": 50}, {"pattern": "^.*$", "priority": 10}
    assert messages(late, catch_all) == ["$.routing.routes[0]"]
    assert messages(late, catch_all | {"enabled": False}) == []
    assert messages(late, catch_all | {"source": "other"}) == []
    assert messages(late | {"source": "other"}, catch_all | {"source": "other"}) == ["$.routing.routes[0]"]
    assert messages(late, catch_all | {"action": "continue", "continue_on_match": True}) == []


def test_a_route_after_a_wider_one_with_its_pattern_is_reported() -> None:
    """It is wider when its conditions are among those of the other."""
    plain, narrow = {"pattern": "^1"}, {"pattern": "^1", "conditions": [ALWAYS]}
    assert messages(plain, narrow) == ["$.routing.routes[1]"]
    assert messages(narrow, plain) == []


def test_a_route_for_emergencies_is_asked_first() -> None:
    """No route stands before it."""
    assert messages({"pattern": ""}, {"pattern": "^112$", "emergency": True}) == []


@pytest.mark.parametrize(
    "conditions",
    [
        [{"type": "DateRange", "start_date": "2027-01-02", "end_date": "2027-01-01"}],
        [{"type": "DayOfWeek", "days": []}],
        [{"type": "DayOfWeek", "days": [1]}, {"type": "DayOfWeek", "days": [2, 3]}],
        [{"type": "DayOfWeek", "days": [6, 7]}, {"type": "DayOfWeek", "days": [6, 7], "negate": True}],
        [
            {"type": "DateRange", "start_date": "2027-01-01", "end_date": "2027-01-02"},
            {"type": "DayOfWeek", "days": [1, 2, 3, 4]},
        ],
        [
            {"type": "Time", "start_time": "22:00", "end_time": "06:00"},
            {"type": "Time", "start_time": "07:00", "end_time": "09:00"},
        ],
        [{"type": "CallerId", "pattern": "^1"}, {"type": "CallerId", "pattern": "^1", "negate": True}],
        [{"type": "Holiday", "calendar": "none"}],
    ],
)
def test_conditions_that_never_hold_together_are_reported(conditions: list[dict[str, Any]]) -> None:
    """Times, dates, days of the week, opposites and empty calendars; 1 January 2027 is a Friday."""
    found = messages({"pattern": "^1", "conditions": conditions}, calendars=[{"id": "none"}])
    assert found == ["$.routing.routes[0].conditions"]


def test_conditions_that_may_hold_are_not_reported() -> None:
    """A night shift that overlaps the early one, and a week that has every day."""
    conditions = [
        {"type": "Time", "start_time": "22:00", "end_time": "06:00"},
        {"type": "Time", "start_time": "05:00", "end_time": "09:00"},
        {"type": "DateRange", "start_date": "2027-01-01", "end_date": "2027-01-07"},
        {"type": "DayOfWeek", "days": [3]},
    ]
    assert messages({"pattern": "^1", "conditions": conditions}) == []
