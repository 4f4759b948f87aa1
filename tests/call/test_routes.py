"""Where a call goes."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from rustalk.call.routes import CallQuery, Decision, NoRoute, Rejection, decide, explain, ordered
from rustalk.config.model import (
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    DayOfWeekCondition,
    Destination,
    DestinationCondition,
    LocationCondition,
    Route,
    TimeCondition,
)
from rustalk.config.pattern import Pattern

MONDAY_NOON = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.UTC)


def to(trunk: str, pattern: str = "", **keys: Any) -> Route:
    """Return a route to a trunk."""
    destination = Destination(type="Trunk", value=trunk)
    return Route(**({"id": f"to-{trunk}", "pattern": Pattern(pattern), "destination": destination} | keys))


def call(destination: str = "+15551234567", **keys: Any) -> CallQuery:
    """Return a call from the carrier at noon on a Monday."""
    return CallQuery(
        **({"source": "carrier", "caller": "+4420", "destination": destination, "now": MONDAY_NOON} | keys)
    )


def trunk(*routes: Route, **keys: Any) -> str | None:
    """Return the trunk to which the call goes, None when it goes nowhere."""
    answer = decide(ordered(routes), call(**keys))
    return answer.trunk if isinstance(answer, Decision) else None


def held(*conditions: Condition, **keys: Any) -> bool:
    """Say whether a call passes a route with these conditions."""
    return trunk(to("x", conditions=conditions), **keys) == "x"


def test_priority_decides_whatever_the_order_in_the_file() -> None:
    """RusTalk did not sort the routes of a file, so its file order won."""
    assert trunk(to("late", priority=20), to("early", priority=10)) == "early"
    assert trunk(to("first", priority=10), to("second", priority=10)) == "first"


def test_the_first_route_that_fits_decides() -> None:
    """Routes whose pattern does not fit are passed over."""
    assert trunk(to("uk", r"^\+44"), to("us", r"^\+1")) == "us"
    assert decide((to("uk", r"^\+44"),), call()) == NoRoute("no-match")
    assert decide((), call()) == NoRoute("no-match")


def test_a_source_tells_calls_from_teams_and_to_teams_apart() -> None:
    """The same number in both directions."""
    routes = to("carrier", source="teams"), to("teams", source="carrier")
    assert trunk(*routes, source="teams") == "carrier"
    assert trunk(*routes, source="carrier") == "teams"
    assert trunk(*routes, source="other") is None


def test_a_route_that_is_not_enabled_is_passed_over() -> None:
    """It stays in the file for later."""
    assert trunk(to("off", enabled=False), to("on")) == "on"


def test_a_refusing_route_answers_with_its_status() -> None:
    """A rejection is never taken for a missing route."""
    hangup = Destination(type="Hangup", value="486")
    assert decide((to("x", action="reject", destination=None),), call()) == Rejection(
        to("x", action="reject", destination=None), 403
    )
    for action in ("accept", "reject"):
        answer = decide((to("x", action=action, destination=hangup),), call())
        assert isinstance(answer, Rejection)
        assert answer.status == 486


def test_a_route_with_continue_is_noted_and_the_search_goes_on() -> None:
    """It decides nothing by itself."""
    noted = to("noted", action="continue", continue_on_match=True, priority=1)
    assert trunk(noted, to("next")) == "next"
    assert [step.outcome for step in explain(ordered((to("next"), noted)), call())] == ["noted", "matched"]


@pytest.mark.parametrize(
    ("clock", "inside"),
    [("08:59:59", False), ("09:00:00", True), ("17:00:00", True), ("17:00:01", False)],
)
def test_a_time_span_includes_both_ends_to_the_second(clock: str, inside: bool) -> None:
    """As RusTalk counts: 17:00:01 is outside 17:00."""
    span = TimeCondition(start_time=datetime.time(9), end_time=datetime.time(17))
    moment = datetime.datetime.fromisoformat(f"2026-11-23T{clock}.900000+00:00")
    assert held(span, now=moment) is inside


@pytest.mark.parametrize(("hour", "inside"), [(21, False), (22, True), (0, True), (6, True), (7, False)])
def test_a_time_span_may_cross_midnight(hour: int, inside: bool) -> None:
    """Night starts in one day and ends in the next."""
    night = TimeCondition(start_time=datetime.time(22), end_time=datetime.time(6))
    assert held(night, now=MONDAY_NOON.replace(hour=hour)) is inside


def test_time_is_utc_whatever_the_zone_of_the_moment() -> None:
    """17:30 in Berlin is 16:30."""
    span = TimeCondition(start_time=datetime.time(9), end_time=datetime.time(17))
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    assert held(span, now=datetime.datetime(2026, 11, 23, 17, 30, tzinfo=berlin))
    assert not held(DayOfWeekCondition(days=(1,)), now=datetime.datetime(2026, 11, 23, 0, 30, tzinfo=berlin))


def test_days_count_from_monday_and_dates_include_both_ends() -> None:
    """1 is Monday, 7 Sunday."""
    assert held(DayOfWeekCondition(days=(1, 2)))
    assert not held(DayOfWeekCondition(days=(7,)))
    day = datetime.date(2026, 11, 23)
    assert held(DateRangeCondition(start_date=day, end_date=day))
    assert not held(DateRangeCondition(start_date=datetime.date(2026, 11, 24), end_date=datetime.date(2026, 12, 1)))


def test_caller_and_destination_conditions_look_at_their_numbers() -> None:
    """Each has a pattern of its own."""
    assert held(CallerIdCondition(pattern=Pattern(r"^\+44")), DestinationCondition(pattern=Pattern("567$")))
    assert not held(CallerIdCondition(pattern=Pattern(r"^\+1")))
    assert not held(DestinationCondition(pattern=Pattern(r"^\+44")))


@pytest.mark.parametrize(
    "condition",
    [
        TimeCondition(start_time=datetime.time(9), end_time=datetime.time(17), negate=True),
        DayOfWeekCondition(days=(1,), negate=True),
        DateRangeCondition(start_date=MONDAY_NOON.date(), end_date=MONDAY_NOON.date(), negate=True),
        CallerIdCondition(pattern=Pattern(r"^\+44"), negate=True),
        DestinationCondition(pattern=Pattern(r"^\+1"), negate=True),
    ],
)
def test_a_negated_condition_is_turned_round(condition: Condition) -> None:
    """Each of these would hold otherwise."""
    assert not held(condition)


@pytest.mark.parametrize(("method", "direct"), [("LIS", True), ("assist", True), ("CLS", False), ("", False)])
def test_a_location_is_asked_how_it_was_found(method: str, direct: bool) -> None:
    """EMG-02: in any case; a call without one is none of them, and all that is left when turned round."""
    methods = ("lis", "ASSIST")
    assert held(LocationCondition(methods=methods), location=method) is direct
    assert held(LocationCondition(methods=methods, negate=True), location=method) is not direct


@pytest.mark.parametrize("number", ["+1555\n", "+1555\x00", "+1555\r\nX: y", "\ud800", "1" * 257])
def test_a_number_with_control_characters_reaches_no_route(number: str) -> None:
    """A19: not even one that takes every number, and not by a negated condition either."""
    routes = (to("x", conditions=(CallerIdCondition(pattern=Pattern("^0"), negate=True),)),)
    assert decide(routes, call(number)) == NoRoute("number")
    assert decide(routes, call(caller=number)) == NoRoute("number")
    assert list(explain(routes, call(number))) == []


@pytest.mark.parametrize("pattern", [r"^(\d+)+$", r"^(\d|\d\d)+$", r"(.*.*.*)*x", r"^(([0-9])+.)+([0-9]|\+)+$"])
def test_evil_patterns_do_not_hold_a_call_up(pattern: str) -> None:
    """A18: on 64 characters these freeze a backtracking engine for ages."""
    assert trunk(to("x", pattern), to("else"), destination="1" * 63 + "~") == "else"


def test_the_explanation_names_why_each_route_was_passed_over() -> None:
    """It ends with the route that decides and is worked out only as far as it is read."""
    late = TimeCondition(start_time=datetime.time(20), end_time=datetime.time(21))
    routes = (
        to("a", enabled=False),
        to("b", source="teams"),
        to("c", "^9"),
        to("d", conditions=(late,)),
        to("e"),
        to("never"),
    )
    steps = list(explain(routes, call()))
    assert [step.outcome for step in steps] == ["disabled", "source", "pattern", "condition", "matched"]
    assert steps[3].condition is late


def test_a_route_hands_on_what_it_says_of_the_media() -> None:
    """None leaves it to the trunks."""
    answers = [decide((to("x", media=media),), call()) for media in ("direct", None)]
    assert [answer.media for answer in answers if isinstance(answer, Decision)] == ["direct", None]


def test_a_moment_without_a_zone_is_refused() -> None:
    """It would mean different things on different machines."""
    with pytest.raises(ValueError, match="time zone"):
        call(now=MONDAY_NOON.replace(tzinfo=None))
