"""The rule on calls for help: where a house can call outside, somebody has thought of 112."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rustalk.config.finding import Finding
from rustalk.config.known import Known, all_routes
from rustalk.config.model import Settings
from rustalk.config.problem import Notice

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]

_NUMBERS = ("112", "911")
"""Emergency numbers wherever the house is."""


def _emergency(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Who has people who call and a trunk to the outside has a route that is marked for emergencies."""
    trunk = next((each for each in settings.trunks if each.enabled), None)
    callers = settings.teams.enabled or any(each.enabled for each in settings.extensions)
    routes = [route for route in all_routes(settings) if route.enabled]
    if trunk is None or not callers or any(route.emergency for route in routes):
        return
    taken = [route.pattern for route in routes if route.action == "accept"]
    lost = [number for number in _NUMBERS if not any(pattern.matches(number) for pattern in taken)]
    what = f"no route takes calls to {' and '.join(lost)}" if lost else "calls for help go by the rules for all calls"
    yield Notice(
        "$.routing.routes",
        f'{what}, though trunk "{trunk.id}" leads outside: add a route for the emergency numbers with '
        '"emergency": true, as `rustalk generate-config` shows one',
    )


RULES = (_emergency,)
"""The rule, a function of the settings, of where they were read, and of what is defined."""
