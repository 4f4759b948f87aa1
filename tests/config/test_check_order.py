"""Whether the routes before one leave it any call."""

from __future__ import annotations

import datetime
import json
import random
from itertools import product
from typing import Any

import pytest

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.pbx.dialplan import Dialplan, Query
from tests.config.findings import TEAMS, TRUNK, warnings_of

NIGHT = {"type": "Time", "start_time": "20:00", "end_time": "06:00"}
REFUSING = {"action": "reject", "destination": None}
CONTINUE = {"action": "continue", "continue_on_match": True, "destination": None}


def never(*routes: dict[str, Any], **sections: Any) -> list[str]:
    """Which routes never match, and why; all patterns here are meant as they are."""
    found = [each.split(": ", 1)[1] for each in warnings_of(*routes, **sections)]
    return [each.removeprefix("route ") for each in found if "never matches" in each]


def test_a_route_after_one_that_takes_everything_is_reported() -> None:
    """Whatever their order in the file, and however "everything" is written."""
    late, catch_all = {"pattern": "^1", "priority": 50}, {"pattern": "^.*$", "priority": 10}
    assert never(late, catch_all) == ['"r0" never matches: "r1" takes all its calls before']
    assert never(late, catch_all | {"enabled": False}) == []
    assert never(late, catch_all | {"source": "other"}) == []
    assert len(never(late | {"source": "other"}, catch_all | {"source": "other"})) == 1
    assert never(late, catch_all | CONTINUE) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (r"^\+49", r"^\+4930\d+$"),
        (r"^\+?\d+$", r"^\+49(30|40)\d*$"),
        ("^[1-5]", "^3"),
        ("^0?1", "^01|^11"),
        (r"(?i)^a", r"(?i)^a"),
        ("", r"(?i)^a"),
    ],
)
def test_a_narrower_pattern_after_a_wider_one_is_reported(first: str, second: str) -> None:
    """But not the other way round, unless they are the same."""
    assert len(never({"pattern": first}, {"pattern": second})) == 1
    assert len(never({"pattern": second}, {"pattern": first})) == (first == second)


def test_several_routes_together_may_leave_nothing() -> None:
    """Each of them is named."""
    routes = {"pattern": "^1"}, {"pattern": "^3"}, {"pattern": "^2"}, {"pattern": "^[1-3]"}
    assert never(*routes) == ['"r3" never matches: "r0", "r1" and "r2" take all its calls before']
    assert never(*routes[1:]) == []


def test_conditions_count_where_they_hold_less_often() -> None:
    """A route with a condition takes the calls of one whose conditions imply it."""
    plain, narrow = {"pattern": "^1"}, {"pattern": "^1", "conditions": [NIGHT]}
    midnight = {"pattern": "^1", "conditions": [NIGHT | {"start_time": "23:00", "end_time": "01:00"}]}
    assert len(never(plain, narrow)) == 1
    assert never(narrow, plain) == []
    assert len(never(narrow, midnight)) == 1
    assert never(narrow, midnight | {"timezone": "Europe/Berlin"}) == []


WORKDAYS = {"type": "DayOfWeek", "days": [1, 2, 3, 4, 5]}
WEEKEND = {"type": "DayOfWeek", "days": [6, 7]}


def test_conditions_of_which_one_always_holds_leave_nothing() -> None:
    """Each case is gone through, of conditions of any kind; the routes of all cases are named."""
    week = {"pattern": "^1", "conditions": [WORKDAYS]}, {"pattern": "^[1-3]", "conditions": [WEEKEND]}
    assert never(*week, {"pattern": "^12"}) == ['"r2" never matches: "r0" and "r1" take all its calls before']
    assert never(*week, {"pattern": "^[12]"}) == []
    assert never(week[0], week[1] | {"timezone": "Europe/Berlin"}, {"pattern": "^12"}) == []
    short_week = week[0] | {"conditions": [WORKDAYS | {"days": [1, 2, 3, 4]}]}
    assert never(short_week, week[1], {"pattern": "^12"}) == []
    assert len(never(short_week, week[1], {"pattern": "^12", "conditions": [WEEKEND | {"days": [4, 6]}]})) == 1
    header = {"type": "Header", "name": "X-Line", "pattern": "^7"}
    for condition in (NIGHT, header, {"type": "CallerId", "pattern": "^4"}):
        others = [{"pattern": "^1", "conditions": [condition | {"negate": negate}]} for negate in (True, False)]
        assert len(never(*others, {"pattern": "^12"})) == 1
        assert never(others[0], {"pattern": "^12"}) == []


def test_each_day_and_each_pair_of_conditions_may_have_a_route_of_its_own() -> None:
    """Seven routes for seven days; four for two conditions that hold or do not."""
    days = [{"pattern": "^1", "conditions": [WEEKEND | {"days": [day]}]} for day in range(1, 8)]
    assert len(never(*days, {"pattern": "^1"})) == 1
    assert never(*days[:3], *days[4:], {"pattern": "^1"}) == []
    caller = {"type": "CallerId", "pattern": "^4"}
    pairs = [
        {"pattern": "^1", "conditions": [NIGHT | {"negate": day}, caller | {"negate": other}]}
        for day, other in product((False, True), repeat=2)
    ]
    assert len(never(*pairs, {"pattern": "^1"})) == 1
    for left in range(4):
        assert never(*pairs[:left], *pairs[left + 1 :], {"pattern": "^1"}) == []


def test_conditions_on_the_called_number_are_part_of_the_pattern() -> None:
    """What a negated one leaves is left."""
    but_13 = {"pattern": "^1", "conditions": [{"type": "Destination", "pattern": "^13", "negate": True}]}
    assert len(never(but_13, {"pattern": "^12"})) == 1
    assert never(but_13, {"pattern": "^1[23]"}) == []


def test_a_route_for_emergencies_is_asked_first() -> None:
    """Whatever its priority: it takes the short numbers that it matches, and leaves the others."""
    marked = {"pattern": "^11[02]", "emergency": True, "priority": 900}
    assert never({"pattern": ""}, marked | {"pattern": "^112$"}) == []
    assert never({"pattern": "^112$"}, marked) == ['"r0" never matches: "r1" takes all its calls before']
    assert never({"pattern": "^112"}, marked) == []
    assert len(never({"pattern": "^112$"}, marked | {"conditions": [NIGHT]})) == 1
    caller = {"type": "CallerId", "pattern": "^1"}
    assert never({"pattern": "^112$"}, marked | {"conditions": [caller]}) == []
    assert never({"pattern": "^112$"}, marked | {"destination": {"type": "Trunk", "value": "off"}}) == []


def test_what_passes_a_refusal_as_a_call_for_help_is_said() -> None:
    """A route for 112 after one that refuses everything is there for just that."""
    refused = never(REFUSING | {"pattern": "^1"}, {"pattern": "^1234"})
    assert refused == ['"r1" never matches: "r0" takes all its calls before, calls for help aside']
    assert never(REFUSING | {"pattern": "^1"}, {"pattern": "^112$"}) == []


def test_a_rewritten_number_was_not_asked_about_before() -> None:
    """What was taken before it was rewritten does not tell; a route that took everything does."""
    rewriting = CONTINUE | {"pattern": "^0", "rewrite": {"destination": [{"match": "^0", "replace": "1"}]}}
    assert never({"pattern": "^1"}, rewriting, {"pattern": "^1"}) == []
    assert never({"pattern": "^1"}, CONTINUE | {"pattern": "^0"}, {"pattern": "^1"}) != []
    of_other = {"pattern": "", "source": "other"}
    assert len(never(of_other, rewriting, of_other | {"pattern": "^1"})) == 1
    by_caller = {"pattern": "^1", "conditions": [{"type": "CallerId", "pattern": "^1"}]}
    rewriting = CONTINUE | {"pattern": "", "rewrite": {"caller": [{"match": "^0", "replace": "1"}]}}
    assert never(by_caller, rewriting, by_caller) == []


def test_a_tenants_routes_come_before_the_common_ones() -> None:
    """Whatever their priority; those that lead to Teams are asked by others than those that do not."""
    teams = TEAMS | {"tenants": [{"id": "contoso", "fqdn": "contoso.sbc.example.com"}]}
    own = {"pattern": "^1", "tenant": "contoso", "priority": 900}
    to_teams = {"destination": {"type": "Trunk", "value": "teams"}}
    assert never({"pattern": ""}, own, teams=teams) == []
    assert never(own, {"pattern": "^1"}, teams=teams) == []
    assert len(never(own, own, teams=teams)) == 1
    assert never(own, own | to_teams, teams=teams) == []


def test_thousands_of_overlapping_routes_are_not_all_compared() -> None:
    """Nobody waits: what is left then is not said."""
    routes = [{"pattern": f"^[{n % 9}-9]{n:04d}\\d+$"} for n in range(400)]
    assert never({"pattern": r"^\d[0-9]"}, *routes) != []


PATTERNS = (
    *("", "^1", "^1.$", "^12$", "^[12]", "^[12]+$", "^.*$", "^(1|2)1?$", "^2", "^11", "1", "^112$", "^911$"),
    *(r"^\d+$", "^.{9,}$", "^$", "1$2", "^21|^22", r"^1\d{8}$"),
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    NIGHT,
    {"type": "Time", "start_time": "00:00", "end_time": "23:59:59"},
    {"type": "DayOfWeek", "days": [1, 2]},
    {"type": "DayOfWeek", "days": [3, 4, 5, 6, 7]},
    {"type": "DayOfWeek", "days": [1]},
    {"type": "DateRange", "start_date": "2026-11-23", "end_date": "2026-11-24"},
    {"type": "CallerId", "pattern": "^4"},
    {"type": "CallerId", "pattern": "^44"},
    {"type": "Destination", "pattern": "^1"},
    {"type": "Destination", "pattern": "2"},
)
REWRITE = {"destination": [{"match": "^1", "replace": "2"}], "caller": [{"match": "^4", "replace": "5"}]}
NUMBERS = [*("".join(each) for n in (1, 2, 3) for each in product("12", repeat=n)), "911", "+112", "1" * 9, "212121212"]
SOURCES = ("carrier", ""), ("other", ""), ("extension:1001", ""), ("teams", ""), ("teams", "contoso")


def drawn(dice: random.Random, id: str) -> dict[str, Any]:
    """A route of any kind."""
    kind: dict[str, Any] = dice.choice(
        [
            {},
            {},
            {},
            {},
            REFUSING,
            CONTINUE,
            CONTINUE | {"rewrite": REWRITE},
            {"emergency": True},
            {"tenant": "contoso"},
        ]
    )
    place = {"type": "Trunk", "value": dice.choice(["carrier", "carrier", "off", "teams"])}
    conditions = [dice.choice(CONDITIONS) | {"negate": dice.random() < 0.3} for _ in range(dice.choice([0, 0, 1, 2]))]
    source = dice.choice(["", "", "", "carrier", "teams", "extensions"])
    keys = {"pattern": dice.choice(PATTERNS), "priority": dice.choice([1, 2]), "conditions": conditions}
    return {"id": id, "destination": place, "source": source} | keys | kind


def decided(settings: Settings, dice: random.Random) -> set[tuple[str, bool]]:
    """The routes that decided about some call or were noted, each with whether the call was one for help."""
    plan, found = Dialplan(settings, below=lambda _count: 0), set()
    for number, (source, tenant), caller in product(NUMBERS, SOURCES, ("44", "5")):
        now = datetime.datetime(2026, 11, dice.randint(22, 25), dice.randint(0, 23), 30, tzinfo=datetime.UTC)
        made = plan.decide(Query(source, caller, number, now, tenant))
        found |= {(route.id, False) for route in getattr(made, "noted", ())}
        route = getattr(made, "route", None)
        if route is not None:
            found.add((route.id, getattr(made, "is_emergency", False)))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_no_call_ever_comes_to_a_route_that_is_reported(seed: int) -> None:
    """The live dialplan never takes one that is said to match nothing, but for a call for help where that is said."""
    dice = random.Random(seed)  # the same routes in every run
    trunks = [TRUNK, TRUNK | {"id": "other"}, TRUNK | {"id": "off", "enabled": False}]
    teams = TEAMS | {"tenants": [{"id": "contoso", "fqdn": "contoso.sbc.example.com"}]}
    reported = 0
    for _ in range(10):
        routes = [drawn(dice, f"r{n}") for n in range(dice.randint(2, 6))]
        settings = load(json.dumps({"trunks": trunks, "teams": teams, "routing": {"routes": routes}}))
        live = decided(settings, dice)
        for notice in settings.warnings:
            if "never" in notice.message or "matches no" in notice.message:
                reported += 1
                id = routes[int(notice.path.split("[")[1].split("]")[0])]["id"]
                aside = "aside" in notice.message or "never hold" in notice.message
                assert not {(name, urgent) for name, urgent in live if name == id and not (urgent and aside)}
    assert reported
