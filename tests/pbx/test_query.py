"""A call that asks the dialplan where it goes, and what it is told."""

from __future__ import annotations

import pytest

from rustalk.config.model import Policy
from rustalk.pbx.query import Decision
from tests.pbx.plans import MONDAY_NOON, call, to


def test_a_moment_without_a_zone_is_refused() -> None:
    """It would mean different things on different machines."""
    with pytest.raises(ValueError, match="time zone"):
        call(now=MONDAY_NOON.replace(tzinfo=None))


def test_a_call_without_header_fields_has_none() -> None:
    """Conditions on them do not hold then."""
    assert call().header("User-to-User") is None


def test_the_policies_of_all_routes_on_the_way_hold() -> None:
    """Those that were noted first, and none of routes that have none."""
    noted, deciding = to("a", policy="office"), to("b", policy=Policy(id="own"))
    made = Decision("route", "to-b", (), "1", "2", deciding, noted=(noted, to("c")))
    assert made.policies == (("to-a", "office"), ("to-b", Policy(id="own")))
    assert Decision("did", "4930", (), "1", "2").policies == ()
