"""Where one call goes."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import HeaderCondition, NumberRule, Rewrite, Teams, Tenant
from rustalk.config.pattern import Pattern
from rustalk.pbx.place import Place, goes_round, place
from rustalk.sip.multipart import Multipart
from rustalk.ua.subject import Diverted, Subject, Told
from tests.pbx.plans import MONDAY_NOON, phone, plan, to

A = Tenant(id="a", fqdn="a.sbc.example", routes=(to("carrier", "^1001$", id="a"), to("teams", r"^\+1555", id="a-in")))
B = Tenant(id="b", fqdn="b.sbc.example", routes=(to("other", "^1001$", id="b"),))
PLAN = plan(
    to("486", "^486$", type="Hangup"),
    to("", "^403$", type="Hangup", action="reject"),
    teams=Teams(enabled=True, sbc_fqdn="sbc.example", tenants=(A, B)),
)


def placed(called: str, source: str = "teams", host: str = "a.sbc.example", **told: Any) -> Place:
    """What is decided about a call."""
    return place(PLAN, Subject("+1", called, host=host, told=Told(**told)), source, MONDAY_NOON)


def first(made: Place) -> str:
    """The first place where a call goes."""
    assert made.decision is not None
    return made.decision.destinations[0].value


def test_the_routes_are_asked_with_the_method_of_the_location() -> None:
    """EMG-02: read from the part that came with the call."""
    body = b"--b\r\nContent-Type: application/pidf+xml\r\n\r\n<p><method>LIS</method></p>\r\n--b--"
    query = placed("1001", enclosed=Multipart.parse("multipart/mixed;boundary=b", body)).query
    assert query is not None
    assert query.location == "LIS"


@pytest.mark.parametrize(("host", "trunk"), [("a.sbc.example", "carrier"), ("b.sbc.example", "other")])
def test_two_tenants_with_the_same_short_number_never_meet(host: str, trunk: str) -> None:
    """MTN-05."""
    made = placed("1001", host=host)
    assert (first(made), made.subject.tenant) == (trunk, host[0])


def test_a_carrier_reaches_the_tenant_whose_number_it_calls() -> None:
    """MTN-03: the tenant of the route is that of the call."""
    made = placed("+15550001", "carrier", "")
    assert (first(made), made.subject.tenant) == ("teams", "a")


@pytest.mark.parametrize(
    ("called", "host", "code", "status", "answer"),
    [
        ("", "a.sbc.example", "no_number", 0, 484),
        ("1001", "c.sbc.example", "unknown_tenant", 0, 404),
        ("999", "a.sbc.example", "no_route", 0, 404),
        ("486", "a.sbc.example", "route_hangup", 486, 486),
        ("403", "a.sbc.example", "route_refused", 403, 403),
    ],
)
def test_why_a_call_goes_nowhere(called: str, host: str, code: str, status: int, answer: int) -> None:
    """By the code of the registry, and the status of a route that has one."""
    made = placed(called, host=host)
    assert (made.decision, made.code, made.status, made.answer) == (None, code, status, answer)


def left(*numbers: str) -> tuple[Diverted, ...]:
    """A history in which the call left these numbers."""
    return tuple(Diverted(number, 302) for number in numbers)


def test_a_call_that_goes_round() -> None:
    """HDR-13: a number that it has left twice, with a plus or without; where it only was does not count."""
    assert goes_round(left("+1", "+2", "1"))
    assert not goes_round(left("+1", "+2"))
    assert not goes_round((Diverted("+1"), Diverted("+1"), Diverted("+1", 302)))
    assert placed("1001", history=left("+1", "+2", "+1")).code == "loop_detected"


def test_the_call_goes_on_with_its_numbers_rewritten() -> None:
    """And is what it was where nothing changes it."""
    rewrite = Rewrite(destination=(NumberRule(match=Pattern("^0"), replace="+49"),))
    subject = Subject("+1", "030")
    made = place(plan(to("carrier", rewrite=rewrite)), subject, "carrier", MONDAY_NOON)
    assert made.subject == Subject("+1", "+4930")
    assert place(plan(to("carrier")), subject, "carrier", MONDAY_NOON).subject is subject


@pytest.mark.parametrize(
    ("called", "caller", "display"), [("1002", "1001", "Alice"), ("+4930", "+4930100", "Example Ltd")]
)
def test_an_extension_has_one_name_inside_and_one_outside(called: str, caller: str, display: str) -> None:
    """As its number."""
    alice = phone("1001", display_name="Alice", caller_id_name="Example Ltd", caller_id_number="+4930100")
    made = place(
        plan(to("carrier", r"^\+"), extensions=(alice, phone("1002"))),
        Subject("1001", called, "my own idea"),
        "extension:1001",
        MONDAY_NOON,
    )
    assert (made.subject.caller, made.subject.display) == (caller, display)


def test_a_forwarded_call_keeps_the_caller() -> None:
    """It is made with the permissions of the extension, and in the name of who called."""
    alice = phone("1001", display_name="Alice", caller_id_number="+4930100")
    house = plan(to("carrier", r"^\+"), extensions=(alice,))
    made = place(house, Subject("+4420", "+4930", "Bob"), "extension:1001", MONDAY_NOON)
    assert (made.subject.caller, made.subject.display) == ("+4420", "Bob")
    assert place(house, Subject("+4420", "+33123456789"), "extension:1001", MONDAY_NOON).code == "international_barred"


def test_help_is_told_to_whoever_carries_the_call() -> None:
    """EMG-01: the location crosses because the route says what the call is."""
    marked = plan(to("carrier", "^333$", emergency=True))
    assert place(marked, Subject("+1", "333"), "carrier", MONDAY_NOON).subject.is_emergency


def test_header_fields_are_asked_for_where_a_condition_wants_them() -> None:
    """By their name."""
    wants = HeaderCondition(name="User-to-User", pattern=Pattern("^vip$"))
    made = plan(to("carrier", conditions=(wants,)))
    subject = Subject("+1", "+2")
    assert place(made, subject, "carrier", MONDAY_NOON, {"User-to-User": "vip"}.get).decision is not None
    assert place(made, subject, "carrier", MONDAY_NOON).code == "no_route"
