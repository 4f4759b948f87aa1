"""The section of the routing."""

from __future__ import annotations

from rustalk.config.pattern import Pattern
from rustalk.config.routing import LocationCondition, Route, Routing, TimeCondition


def test_a_route_leads_nowhere_and_restricts_nobody_by_itself() -> None:
    """RusTalk's defaults: enabled, accept, no continue; the destination has to be said."""
    route = Route(id="r", pattern=Pattern(""))
    assert (route.enabled, route.action, route.continue_on_match) == (True, "accept", False)
    assert (route.destination, route.source, route.media) == (None, "", None)


def test_there_is_no_route_by_default() -> None:
    """No call is carried that nobody configured."""
    assert Routing().routes == ()


def test_a_condition_is_known_by_the_type_in_the_file() -> None:
    """The loader tells conditions apart by it."""
    assert TimeCondition.TYPE == "Time"
    assert LocationCondition.TYPE == "Location"
