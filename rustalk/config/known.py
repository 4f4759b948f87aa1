"""What is defined under which name: where references of the settings are looked up."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from rustalk.config.model import TEAMS, Route, Settings

__all__ = ["Known", "all_routes"]


class Known:
    """The names of one settings, gathered once for all rules. Extensions and ring groups have two names each."""

    __slots__ = ("calendars", "codecs", "extensions", "groups", "policies", "tenants", "trunks")

    def __init__(self, settings: Settings) -> None:
        """Gather the names of ``settings``."""
        self.trunks = {trunk.id: trunk.enabled for trunk in settings.trunks} | {TEAMS: settings.teams.enabled}
        self.extensions = set(map(attrgetter("extension"), settings.extensions))
        self.extensions.update(map(attrgetter("id"), settings.extensions))
        groups = settings.ring_groups
        self.groups = {each.name: each for each in groups if each.name} | {each.id: each for each in groups}
        self.policies = frozenset(policy.id for policy in settings.policies if policy.id)
        self.calendars = {calendar.id: calendar for calendar in settings.calendars}
        self.tenants = frozenset(tenant.id for tenant in settings.teams.tenants)
        self.codecs = frozenset(codec.name.lower() for codec in settings.codecs.codecs)


def all_routes(settings: Settings) -> Iterator[Route]:
    """The common routes, then those of the tenants."""
    yield from settings.routing.routes
    for tenant in settings.teams.tenants:
        yield from tenant.routes
