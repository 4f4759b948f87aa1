"""The rules on routes: that each can be carried out, and says what it seems to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rustalk.config import check_order, check_reach
from rustalk.config.check_destination import check_destination, check_policy, check_source
from rustalk.config.check_manners import check_number_rules
from rustalk.config.finding import Finding, undefined
from rustalk.config.known import Known, all_routes
from rustalk.config.model import HolidayCondition, Route, Settings
from rustalk.config.problem import Notice, Problem

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]


def _routes(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Every enabled route can be carried out, and says what it seems to say."""
    for route in all_routes(settings):
        path = reader.path(route)
        yield from _destinations(route, path, known, reader)
        if route.source:
            yield from check_source(route.source, f"{path}.source", known, reader, route.enabled)
        if route.tenant and route.tenant not in known.tenants:
            yield from undefined(
                f"{path}.tenant", route.tenant, "the id of a tenant of $.teams.tenants", known.tenants, reader
            )
        yield from check_policy(route.policy, path, known, reader)
        yield from check_number_rules((*route.rewrite.caller, *route.rewrite.destination), reader)
        yield from _action(route, path)
        if not route.pattern.anchored:
            yield Notice(f"{path}.pattern", "matches anywhere in the number; start it with ^ if that is not meant")


def _destinations(route: Route, path: str, known: Known, reader: Reader) -> Iterator[Finding]:
    """A route that accepts leads somewhere, and says so in one way."""
    if route.destination is not None and route.destinations:
        yield Problem(
            f"{path}.destinations", "destination as well", "one of the two", "a single one can be in the list"
        )
    if not route.targets and route.action == "accept":
        yield Problem(f"{path}.destination", "nothing", "where the call goes", 'or action "reject"')
    if route.destination is not None:
        yield from check_destination(route.destination, f"{path}.destination", known, reader, route.enabled)
    for number, target in enumerate(route.destinations):
        yield from check_destination(target, f"{path}.destinations[{number}]", known, reader, route.enabled)
    if route.destinations and route.select != "order" and not any(each.weight for each in route.destinations):
        yield Problem(f"{path}.destinations", "no weight above 0", f'one at least, for select "{route.select}"')


def _action(route: Route, path: str) -> Iterator[Finding]:
    if route.action == "continue" and not route.continue_on_match:
        yield Problem(
            f"{path}.continue_on_match",
            "false",
            'true with action "continue"',
            "else the search would end without a destination",
        )
    if route.continue_on_match and route.action != "continue":
        yield Notice(f"{path}.continue_on_match", f'has no effect with action "{route.action}"')
    if route.emergency and route.action == "reject":
        yield Problem(f"{path}.emergency", "true", 'false with action "reject"', "an emergency call is never refused")


def _calendars(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The calendars that conditions name exist."""
    for route in all_routes(settings):
        for condition in route.conditions:
            if isinstance(condition, HolidayCondition) and condition.calendar not in known.calendars:
                path = f"{reader.path(condition)}.calendar"
                yield from undefined(path, condition.calendar, "the id of one of $.calendars", known.calendars, reader)


RULES = (_routes, _calendars, *check_reach.RULES, *check_order.RULES)
"""The rules, each a function of the settings, of where they were read, and of what is defined."""
