"""What has to be asked before a call is placed."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import Destination
from rustalk.pbx.admission import RouteLimits, asked, policies_of
from rustalk.pbx.dialplan import Decision
from tests.pbx.plans import call, phone, plan, to, trunk


def made(*, settings: dict[str, Any] | None = None, **keys: Any) -> tuple[Any, ...]:
    """A plan, a call and where it goes, for the functions that ask about it."""
    dialplan = plan(to("carrier", policy="by-route"), **(settings or {}))
    query = call(**keys)
    decision = dialplan.decide(query)
    assert isinstance(decision, Decision)
    return dialplan, query, decision, decision.destinations[0]


def test_a_call_that_leaves_the_house() -> None:
    """Its country by the trunk that carries it."""
    seen = asked(*made(destination="030123456", source="extension:1001", caller="1001"))
    assert (seen.caller, seen.callee, seen.trunk, seen.country) == ("1001", "030123456", "carrier", "DE")


def test_who_forwards_dials() -> None:
    """Its limits count its own calls, not those of whoever was forwarded."""
    seen = asked(*made(destination="030123456", source="extension:1001", caller="+4930765"))
    assert seen.caller == "1001"


@pytest.mark.parametrize(("source", "trunk_id"), [("carrier", "carrier"), ("extension:1001", "")])
def test_a_call_that_stays_inside(source: str, trunk_id: str) -> None:
    """It has no country, and the trunk that it came from."""
    dialplan, query, decision, _ = made(source=source, destination="1")
    seen = asked(dialplan, query, decision, Destination(type="Extension", value="1002"))
    assert (seen.trunk, seen.country) == (trunk_id, None)


def test_help_is_known_as_such() -> None:
    """So that no policy refuses it."""
    assert asked(*made(destination="112")).is_emergency


def test_the_policies_of_everyone_concerned() -> None:
    """Of the route, of who calls, of the trunks on both sides; one trunk once."""
    settings: dict[str, Any] = {
        "trunks": (trunk("carrier", policy="by-carrier"), trunk("other", policy="by-other")),
        "extensions": (phone("1001", policy="by-phone"),),
    }
    routed = ("route:to-carrier", "by-route")
    carrier = ("trunk:carrier", "by-carrier")
    found = [list(policies_of(*made(settings=settings, source=source))) for source in ("carrier", "other")]
    assert found == [[routed, carrier], [routed, ("trunk:other", "by-other"), carrier]]
    from_phone = list(policies_of(*made(settings=settings, source="extension:1001", destination="1")))
    assert from_phone == [routed, ("extension:1001", "by-phone"), carrier]


def test_the_calls_of_a_route() -> None:
    """Counted until they are over, also through a change of the limit."""
    limits = RouteLimits(lambda: 0.0)
    narrow, wide = to("a", max_calls=1), to("a", max_calls=2)
    assert [limits.admit(narrow), limits.admit(narrow), limits.admit(wide)] == ["", "route_full", ""]
    limits.release(wide)
    limits.release(wide)
    assert limits.admit(narrow) == ""


def test_the_pace_of_a_route() -> None:
    """Over a burst of one second."""
    now = [0.0]
    limits = RouteLimits(lambda: now[0])
    slow = to("a", max_cps=1)
    assert [limits.admit(slow), limits.admit(slow)] == ["", "route_too_fast"]
    now[0] = 1.0
    assert limits.admit(slow) == ""


def test_a_route_without_limits_leaves_nothing_behind() -> None:
    """Once its calls are over."""
    limits, free = RouteLimits(lambda: 0.0), to("a")
    assert limits.admit(free) == ""
    limits.release(free)
    assert not limits._limits
