"""What a call takes up of the limits that are no trunk's or extension's own: those of its route, and its policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from rustalk.call.switchboard import Grant
from rustalk.config.model import TEAMS, Destination, Policy, Route, Settings
from rustalk.rating.cost import Tariff

from .admission import RouteLimits, asked, policies_of
from .dialplan import Dialplan
from .place import Place
from .policies import Asked, Policies, Refused
from .query import Decision, Query, Step

__all__ = ["Grants", "Taken"]

_FIRST = Decimal("0.001")
"""The shortest call, in seconds."""


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
        self._rates = settings.rates
        self._tariff = Tariff(settings.rates)

    def use(self, settings: Settings) -> None:
        """Go by these settings from now on; what is counted stays."""
        self.policies.use(settings.policies)
        if settings.rates is not self._rates:
            self._rates, self._tariff = settings.rates, Tariff(settings.rates)

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
            slot = self.policies.admit(named, self._priced(asked(plan, query, made, destination), destination))
            if isinstance(slot, Refused):
                for grant in grants:
                    grant.release()
                return slot.code
            grants.append(slot)
        return Taken(tuple(grants), granted | {name} | {_key(*each) for each in named})

    def room(self, plan: Dialplan, placed: Place) -> tuple[Place, tuple[Step, ...]]:
        """What limits leave of the places of a call now, and what each of them says; nothing is counted.

        Where none is left the reason is that of the first, as for live calls.
        """
        query, made = placed.query, placed.decision
        if query is None or made is None:
            return placed, ()
        found = [self._asked(plan, query, made, each) for each in made.destinations]
        steps = tuple(dict.fromkeys(step for step in found if step is not None))
        left = tuple(
            each
            for each, step in zip(made.destinations, found, strict=True)
            if step is None or step.result != "refused"
        )
        if left and left[0].type != "Hangup":
            return replace(placed, decision=replace(made, destinations=left)), steps
        code = next(step.detail for step in steps if step.result == "refused")
        return replace(placed, decision=None, code=code), steps

    def _asked(self, plan: Dialplan, query: Query, made: Decision, destination: Destination) -> Step | None:
        """What limits say of one place, None where there are none."""
        if made.is_emergency:
            return None
        route = made.route
        code = self._routes.refusal(route) if route is not None else ""
        if code and route is not None:
            return Step("limits", "refused", detail=code, whose=f"route {route.id}")
        named = [*policies_of(plan, query, made, destination)]
        refused = self.policies.refusal(named, self._priced(asked(plan, query, made, destination), destination))
        if refused is not None:
            return Step("limits", "refused", detail=refused.code, whose=f"policy {refused.policy}")
        is_limited = bool(named) or (route is not None and bool(route.max_calls or route.max_cps))
        return Step("limits", "passed") if is_limited else None

    def _priced(self, asked: Asked, destination: Destination) -> Asked:
        """The call with what its first increment costs, where it goes to a provider and there is a rate for it."""
        if destination.type != "Trunk" or destination.value == TEAMS:
            return asked
        cost = self._tariff.cost(asked.callee, _FIRST, True, asked.now)
        return replace(asked, price=cost.total, currency=cost.currency) if cost.total else asked


def _key(place: str, policy: str | Policy) -> str:
    return f"policy:{policy if isinstance(policy, str) else place}"
