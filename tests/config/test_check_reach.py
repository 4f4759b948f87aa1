"""Whether a call can come to a route by itself."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tests.config.findings import TEAMS, warnings_of

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
CONTINUE = {"action": "continue", "continue_on_match": True, "destination": None}


def dates(start: str, end: str) -> dict[str, Any]:
    """A range of days."""
    return {"type": "DateRange", "start_date": start, "end_date": end}


@pytest.mark.parametrize("pattern", ["^1$2", "^$", "^[^ -~\u00a1-\U0010ffff]", "^\\t\\d+$"])
def test_a_pattern_that_matches_no_number_is_reported(pattern: str) -> None:
    """The end in the middle, nothing at all, and what cannot be dialled."""
    where = "$.routing.routes[0].pattern: matches no number that can be dialled"
    assert warnings_of({"pattern": pattern}) == [where]


def test_a_rewritten_number_may_be_empty() -> None:
    """Where a rule takes everything away."""
    rewriting = CONTINUE | {"pattern": "^0", "rewrite": {"destination": [{"match": "^0", "replace": ""}]}}
    assert warnings_of(rewriting, {"pattern": "^$"}) == []


def test_conditions_that_never_hold_together_are_reported() -> None:
    """With what they leave nothing of; for emergencies the time does not count."""
    conditions = [{"type": "DayOfWeek", "days": []}]
    where = "$.routing.routes[0].conditions: never hold together: "
    assert warnings_of({"pattern": "^1", "conditions": conditions}) == [f"{where}no day is left"]
    assert warnings_of({"pattern": "^112$", "conditions": conditions, "emergency": True}) == []


@pytest.mark.parametrize(("pattern", "negate"), [("^2", False), ("^1", True), (r"^\d$", False)])
def test_a_condition_on_the_called_number_may_contradict_the_pattern(pattern: str, negate: bool) -> None:
    """Whichever way round."""
    condition = {"type": "Destination", "pattern": pattern, "negate": negate}
    (found,) = warnings_of({"pattern": "^12", "conditions": [condition]})
    assert found.startswith("$.routing.routes[0].conditions: never hold together: no number is left")


def test_what_is_over_is_reported_with_the_day() -> None:
    """By the clock of the route: in Samoa it is still the day before."""
    route = {"pattern": "^1", "conditions": [dates("2026-01-01", "2026-11-22")]}
    where = "$.routing.routes[0].conditions: never hold together again: 2026-11-22 was the last day"
    assert warnings_of(route, now=NOW) == [where]
    assert warnings_of(route, now=NOW - datetime.timedelta(days=1)) == []
    assert warnings_of(route | {"timezone": "Pacific/Pago_Pago"}, now=NOW.replace(hour=10)) == []
    assert warnings_of(route) == []


def test_a_route_that_refuses_emergency_numbers_alone_is_reported() -> None:
    """They pass whatever a rule says; with others beside them there is something to refuse."""
    refusing = {"action": "reject", "destination": None}
    where = "$.routing.routes[0].pattern: matches emergency numbers alone, which no rule holds up"
    assert warnings_of(refusing | {"pattern": "^(112|911)$"}) == [where]
    assert warnings_of(refusing | {"pattern": "^112"}) == []


def test_a_route_of_a_tenant_that_nobody_asks_is_reported() -> None:
    """Calls of a carrier ask only those that lead to Teams."""
    tenant = {"tenants": [{"id": "contoso", "fqdn": "contoso.sbc.example.com"}]}
    route = {"pattern": "^1", "source": "carrier", "tenant": "contoso"}
    (found,) = [each for each in warnings_of(route, teams=TEAMS | tenant) if "routes[0]" in each]
    assert found.startswith("$.routing.routes[0].source: never asked")
    to_teams = route | {"destination": {"type": "Trunk", "value": "teams"}}
    assert [each for each in warnings_of(to_teams, teams=TEAMS | tenant) if "routes[0]" in each] == []
