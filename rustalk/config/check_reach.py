"""Whether a call can come to a route by itself: its conditions, its pattern, and whose calls it is for.

What is said here is certain; where it cannot be known, or would take too long to find out, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rustalk.config.check_conditions import TIME_RULES, contradiction, over
from rustalk.config.finding import Finding
from rustalk.config.known import Known, all_routes
from rustalk.config.language import may_match
from rustalk.config.model import TEAMS, DestinationCondition, Route, Settings
from rustalk.config.pattern import Pattern
from rustalk.config.problem import Notice

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES", "SOMETHING", "askers", "rewrites_called"]

SOMETHING = Pattern(".")
"""What a number has that was not rewritten."""

_HELP = Pattern(r"^\+?(112|911)$")


def askers(route: Route) -> frozenset[str]:
    """Return whose calls are asked of a tenant's route: those of Teams, and those of others where it leads there."""
    leads = route.action == "accept" and any(each.type == "Trunk" and each.value == TEAMS for each in route.targets)
    of_teams = route.source == TEAMS or (not route.source and not leads)
    return frozenset((TEAMS,) * of_teams + ("others",) * (leads and route.source != TEAMS))


def rewrites_called(settings: Settings) -> bool:
    """Say whether routes may see another called number than the one of the call, even an empty one."""
    return any(route.action == "continue" and route.rewrite.destination for route in all_routes(settings))


def _asked(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """A tenant's route is asked of some calls."""
    own = {id(route) for tenant in settings.teams.tenants for route in tenant.routes}
    for route in all_routes(settings):
        if (route.tenant or id(route) in own) and not askers(route):
            path = f"{reader.path(route)}.source"
            yield Notice(path, "never asked: routes of tenants are for calls from Teams, or to Teams")


def _possible(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Some call meets the conditions and the pattern of a route. Where one is marked the time does not count."""
    may_be_empty = rewrites_called(settings)
    for route in all_routes(settings):
        conditions = [each for each in route.conditions if not (route.emergency and isinstance(each, TIME_RULES))]
        reason = contradiction(conditions, known.calendars) if conditions else ""
        if reason:
            yield Notice(f"{reader.path(route)}.conditions", f"never hold together: {reason}")
        elif not _matches(route.pattern, (), may_be_empty):
            yield Notice(f"{reader.path(route)}.pattern", "matches no number that can be dialled")
        elif route.action != "accept" and not _matches(route.pattern, [(_HELP, False)], may_be_empty):
            yield Notice(f"{reader.path(route)}.pattern", "matches emergency numbers alone, which no rule holds up")
        elif conditions:
            called = [(each.pattern, not each.negate) for each in conditions if isinstance(each, DestinationCondition)]
            if called and not _matches(route.pattern, called, may_be_empty):
                reason = "no number is left of those that the pattern matches"
                yield Notice(f"{reader.path(route)}.conditions", f"never hold together: {reason}")
            elif reader.now is not None:
                today = reader.now.astimezone(ZoneInfo(route.timezone)).date()
                since = over(conditions, known.calendars, today)
                if since:
                    yield Notice(f"{reader.path(route)}.conditions", f"never hold together again: {since}")


def _matches(pattern: Pattern, others: Sequence[tuple[Pattern, bool]], may_be_empty: bool) -> bool:
    """Whether there may be a number that matches, and that matches the others or with False does not."""
    wanted = [(pattern, True), *others]
    return may_match(wanted if may_be_empty else [*wanted, (SOMETHING, True)])


RULES = (_asked, _possible)
"""The rules, each a function of the settings, of where they were read, and of what is defined."""
