"""Where a call goes."""

from __future__ import annotations

import datetime
from random import Random
from typing import Any

import pytest

from rustalk.config.calendar import Day
from rustalk.config.model import (
    Calendar,
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    Destination,
    DestinationCondition,
    Did,
    HeaderCondition,
    HolidayCondition,
    LocationCondition,
    NumberRule,
    Permissions,
    Rewrite,
    RingGroup,
    Route,
    RouteTarget,
    Sip,
    Teams,
    Tenant,
    TimeCondition,
)
from rustalk.config.pattern import Pattern
from rustalk.config.policy import TimeWindow
from rustalk.pbx.dialplan import Decision, Dialplan, NoRoute, Query, Rejection
from tests.pbx.plans import MONDAY_NOON, at, call, goal, house, phone, plan, said, to, trunk

NIGHT = TimeCondition(start_time=datetime.time(20), end_time=datetime.time(6))
OFFICE = TimeCondition(start_time=datetime.time(9), end_time=datetime.time(17))


def rule(match: str, replace: str) -> NumberRule:
    """One rule on numbers."""
    return NumberRule(match=Pattern(match), replace=replace)


def decided(*routes: Route, settings: dict[str, Any] | None = None, **keys: Any) -> Decision:
    """A decision that must be one."""
    made = plan(*routes, **(settings or {})).decide(call(**keys))
    assert isinstance(made, Decision)
    return made


def held(*conditions: Condition, zone: str = "UTC", **keys: Any) -> bool:
    """Whether a call passes a route with these conditions."""
    return goal(to("other", conditions=conditions, timezone=zone), **keys) == "Trunk other"


# Routes, as RusTalk has them.


def test_priority_decides_whatever_the_order_in_the_file() -> None:
    """RusTalk did not sort the routes of a file, so its file order won."""
    assert goal(to("late", priority=20), to("early", priority=10)) == "Trunk early"
    assert goal(to("first", priority=10), to("second", priority=10)) == "Trunk first"


def test_the_first_route_that_fits_decides() -> None:
    """Routes whose pattern does not fit are passed over."""
    assert goal(to("uk", r"^\+44"), to("us", r"^\+1")) == "Trunk us"
    assert plan(to("uk", r"^\+44")).decide(call()) == NoRoute("no-match")
    assert plan().decide(call()) == NoRoute("no-match")


def test_a_source_tells_calls_from_teams_and_to_teams_apart() -> None:
    """The same number in both directions."""
    routes = to("carrier", source="teams"), to("teams", source="carrier")
    assert goal(*routes, source="teams") == "Trunk carrier"
    assert goal(*routes, source="carrier") == "Trunk teams"
    assert goal(*routes, source="other") == "no_route"


def test_a_route_for_the_extensions_takes_no_call_of_a_trunk() -> None:
    """Else what the carrier sends for a number of ours would go back to it."""
    out = to("carrier", r"^\+", source="extensions")
    assert goal(out, source="extension:1001", destination="+4930123456") == "Trunk carrier"
    assert goal(out, source="carrier", destination="+4930123456") == "no_route"


def test_a_route_that_is_not_enabled_is_passed_over() -> None:
    """It stays in the file for later."""
    assert goal(to("off", enabled=False), to("on")) == "Trunk on"


def test_a_refusing_route_answers_with_its_status() -> None:
    """A rejection is never taken for a missing route."""
    refusing = to("x", action="reject", destination=None)
    assert plan(refusing).decide(call()) == Rejection("route_refused", refusing, 403)
    for action, code in (("accept", "route_hangup"), ("reject", "route_refused")):
        busy = to("486", type="Hangup", action=action)
        assert plan(busy).decide(call()) == Rejection(code, busy, 486)


def test_a_route_with_continue_is_noted_and_the_search_goes_on() -> None:
    """It decides nothing by itself; its policy holds for the call."""
    noted = to("noted", action="continue", continue_on_match=True, priority=1, policy="office")
    made = decided(to("next"), noted)
    assert (said(made), made.noted, made.policies) == ("Trunk next", (noted,), (("to-noted", "office"),))


def test_the_explanation_names_why_each_route_was_passed_over() -> None:
    """It ends with the route that decides."""
    late = DateRangeCondition(start_date=datetime.date(2030, 1, 1), end_date=datetime.date(2030, 1, 2))
    routes = (
        to("a", enabled=False),
        to("b", source="teams"),
        to("c", "^9"),
        to("d", conditions=(late,)),
        to("e"),
        to("never"),
    )
    steps = plan(*routes).explain(call()).steps
    assert [step.result for step in steps] == ["disabled", "source", "pattern", "condition", "matched"]
    assert steps[3].condition is late


@pytest.mark.parametrize("number", ["+1555\n", "+1555\x00", "+1555\r\nX: y", "\ud800", "1" * 257])
def test_a_number_with_control_characters_reaches_no_route(number: str) -> None:
    """A19: not even one that takes every number, and not by a negated condition either."""
    routes = (to("x", conditions=(CallerIdCondition(pattern=Pattern("^0"), negate=True),)),)
    assert plan(*routes).decide(call(number)) == NoRoute("number")
    assert plan(*routes).decide(call(caller=number)) == NoRoute("number")
    assert plan(*routes).explain(call(number)).steps == ()


@pytest.mark.parametrize("pattern", [r"^(\d+)+$", r"^(\d|\d\d)+$", r"(.*.*.*)*x", r"^(([0-9])+.)+([0-9]|\+)+$"])
def test_evil_patterns_do_not_hold_a_call_up(pattern: str) -> None:
    """A18: on 64 characters these freeze a backtracking engine for ages."""
    assert goal(to("x", pattern), to("else"), destination="1" * 63 + "~") == "Trunk else"


# Conditions.


def test_conditions_look_at_their_own_part_of_the_call() -> None:
    """Each has a pattern of its own."""
    assert held(CallerIdCondition(pattern=Pattern(r"^\+44")), DestinationCondition(pattern=Pattern("567$")))
    assert not held(CallerIdCondition(pattern=Pattern(r"^\+1")))
    assert held(LocationCondition(methods=("lis",)), location="LIS")
    assert held(HeaderCondition(name="User-to-User", pattern=Pattern("^vip$")), header=lambda name: "vip")
    assert not held(HeaderCondition(name="User-to-User", pattern=Pattern("")))


def test_a_holiday_is_asked_in_the_zone_of_the_route() -> None:
    """Half past midnight in Berlin is still the day before in UTC."""
    calendar = Calendar(id="de", dates=(Day(date="12-25"),))
    closed = to("box", type="RingGroup", conditions=(HolidayCondition(calendar="de"),), timezone="Europe/Berlin")
    groups: dict[str, Any] = {"calendars": (calendar,), "ring_groups": (RingGroup(id="box"),)}
    assert goal(closed, settings=groups, now=at("2026-12-24T23:30+00:00")) == "RingGroup box"
    assert goal(closed, settings=groups, now=at("2026-12-25T23:30+00:00")) == "no_route"


@pytest.mark.parametrize(
    ("moment", "inside"),
    [("2026-07-01T07:00+00:00", True), ("2026-07-01T15:30+00:00", False), ("2026-12-01T07:30+00:00", False)],
)
def test_office_hours_follow_the_clocks_of_the_office(moment: str, inside: bool) -> None:
    """Nine in Berlin is seven in UTC in summer and eight in winter."""
    assert held(OFFICE, zone="Europe/Berlin", now=at(moment)) is inside


# Numbers.


def test_the_deciding_route_rewrites_what_goes_out() -> None:
    """With captures; the first rule of each list that matches decides."""
    rewrite = Rewrite(caller=(rule(r"^(\d{4})$", r"+4930\1"),), destination=(rule("^0", "+49"), rule("^", "x")))
    made = decided(to("out", "^0", rewrite=rewrite), destination="0891234", caller="1001")
    assert (made.caller, made.destination) == ("+49301001", "+49891234")


def test_what_a_noted_route_rewrites_is_what_later_routes_see() -> None:
    """Their patterns and their conditions."""
    prefix = Rewrite(destination=(rule("^9(.*)", r"\1"),), caller=(rule("^", "8"),))
    noted = to("strip", "^9", action="continue", continue_on_match=True, rewrite=prefix, priority=1)
    condition = CallerIdCondition(pattern=Pattern("^8"))
    made = decided(noted, to("uk", r"^\+44", conditions=(condition,)), to("nine", "^9"), destination="9+4420")
    assert (said(made), made.destination) == ("Trunk uk", "+4420")


def test_a_rule_that_makes_a_number_nobody_can_write_is_not_followed() -> None:
    """A19: however long the digits that a caller gives."""
    rewrite = Rewrite(destination=(rule("^(.*)$", r"\1\1\1"),))
    assert decided(to("out", rewrite=rewrite), destination="1" * 100).destination == "1" * 100


def test_the_called_number_can_stand_for_the_extension() -> None:
    """RusTalk never filled ${destination} in; an id of an extension becomes its number."""
    sample = to("${destination}", "^1", type="Extension")
    assert goal(sample, destination="1002") == "Extension 1002"
    extensions = (phone("1001", id="alice"),)
    assert goal(to("alice", type="Voicemail"), settings={"extensions": extensions}) == "Voicemail 1001"


# Sets of destinations.


def targets(**keys: Any) -> tuple[RouteTarget, ...]:
    """Three trunks; ``keys`` are lists of what each has."""
    values = [dict(zip(keys, each, strict=True)) for each in zip(*keys.values(), strict=True)] or [{}, {}, {}]
    return tuple(RouteTarget(type="Trunk", value=id, **more) for id, more in zip(("a", "b", "c"), values, strict=True))


def test_a_set_is_tried_in_its_order() -> None:
    """The lowest first."""
    made = decided(to("x", destination=None, destinations=targets(order=(2, 1, 1))))
    assert said(made) == "Trunk b, Trunk c, Trunk a"


def test_a_set_by_weight_asks_the_dice() -> None:
    """Here the dice always show the last one."""
    route = to("x", destination=None, destinations=targets(weight=(1, 1, 8)), select="weight")
    made = Dialplan(house(route), below=lambda count: count - 1).decide(call())
    assert said(made) == "Trunk c, Trunk b, Trunk a"


def test_a_set_by_hash_stays_with_the_caller() -> None:
    """Whatever is called; and callers differ."""
    route = to("x", destination=None, destinations=targets(), select="hash")
    firsts = {said(decided(route, destination=number)) for number in ("1", "2", "3")}
    assert len(firsts) == 1
    assert len({said(decided(route, caller=str(number))) for number in range(50)}) > 2


def test_a_set_that_begins_with_a_hangup_refuses() -> None:
    """Elsewhere it is where the tries end."""
    hangup, other = RouteTarget(type="Hangup", value="480"), RouteTarget(type="Trunk", value="a")
    refused = plan(to("x", destination=None, destinations=(hangup, other))).decide(call())
    assert isinstance(refused, Rejection)
    assert refused.status == 480
    assert goal(to("x", destination=None, destinations=(other, hangup))) == "Trunk a, Hangup 480"


# What is asked after the routes.

DIDS = (
    Did(number="+4930100", destination=Destination(type="Extension", value="1001"), priority=20),
    Did(id="busy", number="4930100", destination=Destination(type="RingGroup", value="Sales"), priority=10),
    Did(number="+4930200", destination=Destination(type="Hangup", value="410")),
    Did(number="+4930300", destination=Destination(type="Extension", value="1001"), enabled=False),
)
NUMBERS: dict[str, Any] = {"dids": DIDS, "ring_groups": (RingGroup(id="sales", name="Sales"),)}


@pytest.mark.parametrize(
    ("number", "where"),
    [("+4930100", "RingGroup sales"), ("+4930200", "route_hangup"), ("+4930300", "no_route"), ("1001", "no_route")],
)
def test_a_number_that_is_dialled_from_outside(number: str, where: str) -> None:
    """By priority; the numbers inside are nobody's business there."""
    assert goal(settings=NUMBERS, destination=number) == where


@pytest.mark.parametrize(
    ("number", "where"),
    [("1002", "Extension 1002"), ("sales", "RingGroup sales"), ("+4930100", "RingGroup sales"), ("9", "no_route")],
)
def test_a_phone_reaches_its_house_without_any_route(number: str, where: str) -> None:
    """Extensions, groups, and our own numbers without a way through the provider."""
    assert goal(settings=NUMBERS, source="extension:1001", destination=number) == where


def test_an_explicit_route_wins_over_everything_else() -> None:
    """Over a number from outside and over an extension."""
    routes = to("other", "^100"), to("other", r"^\+49")
    assert goal(*routes, settings=NUMBERS, destination="+4930100") == "Trunk other"
    assert goal(*routes, settings=NUMBERS, source="extension:1001", destination="1002") == "Trunk other"


def test_an_extension_that_is_off_neither_calls_nor_is_called() -> None:
    """Whoever still has a call under way there."""
    off: dict[str, Any] = {"extensions": (phone("1001"), phone("1002", enabled=False))}
    assert goal(settings=off, source="extension:1001", destination="1002") == "extension_disabled"
    assert goal(to("other"), settings=off, source="extension:1002", destination="+49") == "extension_disabled"
    assert goal(to("other"), settings=off, source="extension:gone", destination="+49") == "extension_disabled"


# What may stand in the way.


@pytest.mark.parametrize(
    ("number", "where"),
    [
        ("+4930123456", "Trunk carrier"),
        ("+442079460000", "international_barred"),
        ("+4990012345678", "premium_barred"),
        ("+49301234", "number_barred"),
        ("+331", "Trunk carrier"),
    ],
)
def test_an_extension_calls_what_it_may(number: str, where: str) -> None:
    """By the country of the trunk."""
    permissions = Permissions(allow=("+33",), deny=(r"^\+49301234$",))
    settings: dict[str, Any] = {"extensions": (phone("1001", permissions=permissions),)}
    assert goal(to("carrier", r"^\+"), settings=settings, source="extension:1001", destination=number) == where


@pytest.mark.parametrize(
    ("teams", "where"), [("DE", "Trunk other"), ("US", "international_barred"), ("", "international_barred")]
)
def test_the_own_country_where_the_trunk_has_none(teams: str, where: str) -> None:
    """That of all who have one; where they differ or nobody has, it is not known."""
    settings: dict[str, Any] = {
        "trunks": (trunk("other"), trunk("third", country="DE" if teams else "")),
        "teams": Teams(enabled=True, sbc_fqdn="sbc.example.com", country=teams),
    }
    assert goal(to("other"), settings=settings, source="extension:1001", destination="+4930123456") == where


@pytest.mark.parametrize(("house", "where"), [("DE", "Trunk other"), ("US", "international_barred")])
def test_the_country_of_the_house_goes_before_that_of_other_trunks(house: str, where: str) -> None:
    """One that the trunk itself has counts more."""
    settings: dict[str, Any] = {"sip": Sip(country=house), "trunks": (trunk("other"), trunk("third", country="FR"))}
    assert goal(to("other"), settings=settings, source="extension:1001", destination="+4930123456") == where
    assert goal(to("third"), settings=settings, source="extension:1001", destination="+33123456789") == "Trunk third"


@pytest.mark.parametrize("source", ["other", "extension:1001"])
def test_the_emergency_numbers_of_the_house(source: str) -> None:
    """EMG-03: 110 of a house in Germany, where no trunk says so."""
    settings: dict[str, Any] = {"sip": Sip(country="DE"), "trunks": (trunk("other"),)}
    made = plan(to("other"), **settings).decide(call("110", source=source))
    assert isinstance(made, Decision)
    assert made.is_emergency


def test_calls_inside_need_a_permission_too() -> None:
    """Teams is inside; a call from a trunk needs none."""
    settings: dict[str, Any] = {"extensions": (phone("1001", permissions=Permissions(internal=False)), phone("1002"))}
    assert goal(settings=settings, source="extension:1001", destination="1002") == "internal_barred"
    assert goal(to("teams"), settings=settings, source="extension:1001", destination="+33") == "internal_barred"
    assert goal(to("teams"), settings=settings, source="carrier", destination="+33") == "Trunk teams"


def test_a_refused_extension_learns_it_as_the_last_step() -> None:
    """After the route that would have taken the call."""
    steps = plan(to("carrier")).explain(call("+33123456789", source="extension:1001")).steps
    assert [(step.name, step.result) for step in steps] == [("to-carrier", "matched"), ("permissions", "barred")]


def test_an_extension_shows_its_number_outside_only() -> None:
    """Unless a rule of the route has made another one."""
    settings: dict[str, Any] = {"extensions": (phone("1001", caller_id_number="+4930100"), phone("1002"))}
    keys: dict[str, Any] = {"settings": settings, "source": "extension:1001", "caller": "1001"}
    assert decided(to("carrier"), destination="+4930", **keys).caller == "+4930100"
    assert decided(destination="1002", **keys).caller == "1001"
    rewrite = Rewrite(caller=(rule("^1001$", "+49301"),))
    assert decided(to("carrier", rewrite=rewrite), destination="+4930", **keys).caller == "+49301"


def test_a_trunk_outside_its_hours_is_passed_over() -> None:
    """The next of the set takes the call; where there is none it is refused."""
    hours = TimeWindow(start=datetime.time(13), end=datetime.time(14))
    settings: dict[str, Any] = {"trunks": (trunk("a", hours=hours), trunk("b"), trunk("c"))}
    assert goal(to("x", destination=None, destinations=targets()), settings=settings) == "Trunk b, Trunk c"
    assert goal(to("a"), settings=settings) == "trunk_closed"
    assert goal(to("a"), settings=settings, now=at("2026-11-23T13:30+00:00")) == "Trunk a"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "Extension", "value": "${destination}"}, "extension_disabled"),
        ({"type": "RingGroup", "value": "off"}, "group_empty"),
        ({"type": "Trunk", "value": "off"}, "no_target"),
    ],
)
def test_a_place_that_is_not_there_or_is_off_is_passed_over(first: dict[str, Any], code: str) -> None:
    """Alone, or before a Hangup, its own reason is that of the refusal."""
    settings: dict[str, Any] = {
        "trunks": (trunk("off", enabled=False),),
        "ring_groups": (RingGroup(id="off", enabled=False),),
    }
    off, there = RouteTarget(**first), RouteTarget(type="Extension", value="1002")
    hangup = RouteTarget(type="Hangup", value="410")
    sets = (off, there), (off,), (off, hangup)
    wheres = [goal(to("x", destination=None, destinations=each), settings=settings) for each in sets]
    assert wheres == ["Extension 1002", code, code]


# Help.


@pytest.mark.parametrize("number", ["112", "911", "+911", "110"])
@pytest.mark.parametrize(
    "refusing",
    [
        to("x", action="reject", destination=None, priority=1),
        to("486", type="Hangup", priority=1),
        to("1001", type="Voicemail", priority=1),
        to("other", conditions=(NIGHT,), priority=1),
    ],
)
def test_nothing_keeps_an_emergency_call_from_its_route(number: str, refusing: Route) -> None:
    """EMG-03: no refusing route and no box; 110 is a number of the country of the trunk."""
    hours = TimeWindow(start=datetime.time(13), end=datetime.time(14))
    settings: dict[str, Any] = {
        "trunks": (trunk("carrier", country="DE", hours=hours), trunk("other")),
        "extensions": (phone("1001", permissions=Permissions(domestic=False, deny=("^",))),),
    }
    for source in ("carrier", "extension:1001"):
        made = plan(refusing, to("carrier"), **settings).decide(call(number, source=source))
        assert isinstance(made, Decision)
        assert (said(made), made.is_emergency) == ("Trunk carrier", True)


def test_where_only_the_time_is_against_it_help_is_called_all_the_same() -> None:
    """The condition on the caller still counts."""
    caller = CallerIdCondition(pattern=Pattern(r"^\+33"))
    assert goal(to("carrier", conditions=(NIGHT,)), destination="112") == "Trunk carrier"
    assert goal(to("carrier", conditions=(NIGHT, caller)), destination="112") == "no_route"
    assert goal(to("carrier", conditions=(NIGHT,)), destination="113") == "no_route"


def test_a_place_that_is_off_helps_nobody() -> None:
    """The next route is asked."""
    off: dict[str, Any] = {"trunks": (trunk("off", enabled=False), trunk("carrier"))}
    assert goal(to("off", priority=1), to("carrier"), settings=off, destination="112") == "Trunk carrier"


def test_a_time_that_is_kept_still_chooses_between_two_routes_to_help() -> None:
    """At night to the gate, by day to the provider."""
    routes = to("1001", type="Extension", conditions=(NIGHT,), priority=1), to("carrier")
    assert goal(*routes, destination="112") == "Trunk carrier"
    assert goal(*routes, destination="112", now=at("2026-11-23T23:00+00:00")) == "Extension 1001"


def test_a_route_marked_for_emergencies_makes_its_short_numbers_such() -> None:
    """It is asked first, and may rewrite; a long number is never made one."""
    rewrite = Rewrite(destination=(rule("^333$", "112"),))
    marked = to("carrier", "^(333|112|3331234567)$", emergency=True, rewrite=rewrite, conditions=(NIGHT,))
    routes = to("other", priority=1), marked
    made = decided(*routes, destination="333")
    assert (said(made), made.destination, made.is_emergency) == ("Trunk carrier", "112", True)
    assert goal(*routes, destination="112") == "Trunk carrier"
    assert goal(*routes, destination="3331234567") == "Trunk other"


def test_no_other_rule_changes_an_emergency_number() -> None:
    """Neither the deciding route nor one before it."""
    rewrite = Rewrite(destination=(rule("^", "0"),))
    noted = to("noted", action="continue", continue_on_match=True, priority=1, rewrite=rewrite)
    made = decided(noted, to("carrier", rewrite=rewrite), destination="112")
    assert (made.destination, made.noted) == ("112", ())


# Tenants.


def test_the_route_tells_whose_call_it_is() -> None:
    """MTN-03: also a common route that names the tenant."""
    tenants = tuple(Tenant(id=id, fqdn=f"{id}.sbc.example") for id in ("a", "b"))
    teams: dict[str, Any] = {"teams": Teams(enabled=True, sbc_fqdn="sbc.example", tenants=tenants)}
    routes = to("teams", r"^\+49", tenant="b", id="b-in"), to("carrier", "^0", tenant="b", id="b-out")
    assert decided(*routes, settings=teams, destination="+4930").tenant == "b"
    out: dict[str, Any] = {"settings": teams, "source": "teams", "destination": "030"}
    assert goal(*routes, tenant="b", **out) == "Trunk carrier"
    assert goal(*routes, tenant="a", **out) == "no_route"


# The plan as a whole.


def test_a_change_of_something_else_leaves_the_routes_as_they_are() -> None:
    """Ten thousand routes are not sorted anew because a phone gets another name."""
    settings = house(to("carrier"))
    before = Dialplan(settings, below=lambda _: 0)
    after = Dialplan(house(extensions=(phone("2001"),), routing=settings.routing), below=lambda _: 0, before=before)
    assert after.directory.extension("2001") is not None
    assert after.directory.extension("1001") is None


PATTERNS = ("", "^", r"^\+49", r"^\+4930", r"^\+49(30|40)", "^1", "^10", r"^1\d*", "^0*1", r"^1|2", "1$", "^(911|112)$")
DIGITS = ("+4930123", "+4940", "1001", "2", "21", "01", "112", "911", "", "1", "bob")
CONDITIONS: tuple[Condition, ...] = (NIGHT, OFFICE, CallerIdCondition(pattern=Pattern("^1"), negate=True))


def some_route(random: Random, number: int) -> Route:
    """Any route."""
    rules = random.choice(((), (), (rule("^1", "+49"),), (rule(r"^\+", ""),)))
    action = random.choice(("accept", "accept", "accept", "reject", "continue"))
    return to(
        random.choice(("carrier", "other", "teams")),
        random.choice(PATTERNS),
        id=f"r{number}",
        source=random.choice(("", "", "carrier", "extensions", "teams")),
        priority=random.randrange(5),
        enabled=random.random() < 0.9,
        action=action,
        continue_on_match=action == "continue",
        emergency=action == "accept" and random.random() < 0.1,
        conditions=tuple(random.sample(CONDITIONS, random.choice((0, 0, 0, 1, 2)))),
        rewrite=Rewrite(destination=rules),
    )


def test_the_quick_way_and_the_explained_way_end_at_the_same_place() -> None:
    """On random plans: what the index leaves out never matters."""
    random = Random(4)
    for _ in range(300):
        made = plan(*(some_route(random, number) for number in range(random.randrange(12))))
        for _ in range(20):
            now = MONDAY_NOON.replace(hour=random.randrange(24))
            source = random.choice(("carrier", "teams", "extension:1001"))
            query = Query(source, random.choice(DIGITS), random.choice(DIGITS), now)
            assert made.decide(query) == made.explain(query).outcome
