"""What a call takes up of the limits that are no trunk's or extension's own: those of its route, and its policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rustalk.call.switchboard import Grant
from rustalk.config.model import Destination, Policy, Route, Settings

from .admission import RouteLimits, asked, policies_of
from .dialplan import Dialplan
from .policies import Policies, Refused
from .query import Decision, Query

__all__ = ["Grants", "Taken"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one more destination has taken up; ``names`` are the limits that count the call, those before included."""

    grants: tuple[Grant, ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _OfRoute:
    limits: RouteLimits
    route: Route

    def release(self) -> None:
        """The call is over."""
        self.limits.release(self.route)


class Grants:
    """Admits calls under the limits of routes and under policies; ``now`` is in seconds that never run backwards."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self.policies = Policies(settings.policies)
        self._routes = RouteLimits(now)

    def use(self, settings: Settings) -> None:
        """Go by these settings from now on; what is counted stays."""
        self.policies.use(settings.policies)

    def admit(
        self, plan: Dialplan, query: Query, made: Decision, destination: Destination, granted: frozenset[str]
    ) -> Taken | str:
        """Count the call under every limit that does not count it yet, or give the code of the one that refuses."""
        route = made.route
        name = f"limit:{route.id}" if route is not None else ""
        grants: list[Grant] = []
        if route is not None and name not in granted and not made.is_emergency:
            code = self._routes.admit(route)
            if code:
                return code
            grants.append(_OfRoute(self._routes, route))
        named = [each for each in policies_of(plan, query, made, destination) if _key(*each) not in granted]
        if named:  # what policies are asked takes longer to find out than all the rest of the dialplan
            slot = self.policies.admit(named, asked(plan, query, made, destination))
            if isinstance(slot, Refused):
                for grant in grants:
                    grant.release()
                return slot.code
            grants.append(slot)
        return Taken(tuple(grants), granted | {name} | {_key(*each) for each in named})


def _key(place: str, policy: str | Policy) -> str:
    return f"policy:{policy if isinstance(policy, str) else place}"
