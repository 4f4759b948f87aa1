"""What has to be asked before a call is placed: the policies of everyone concerned, and the limits of its route.

The dialplan says where a call may go; whether there is still room for it depends on the calls before, and is asked here
for each destination that is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rustalk.config.model import TEAMS, Destination, Policy, Route
from rustalk.trunk.limit import Limit

from .dialplan import Dialplan
from .directory import EXTENSION, calling_extension
from .permissions import region_of
from .policies import Asked
from .query import Decision, Query

__all__ = ["RouteLimits", "asked", "policies_of"]


def asked(plan: Dialplan, query: Query, made: Decision, destination: Destination) -> Asked:
    """The call as policies see it: from who dials, to what leaves the house, over the trunk that carries it.

    An extension that forwards a call or hands one on dials for itself, whoever is calling.
    """
    leaves = destination.type == "Trunk" and destination.value != TEAMS
    country = region_of(made.destination, plan.country_of((destination,))) if leaves else None
    trunk = destination.value if destination.type == "Trunk" else query.source
    trunk = "" if calling_extension(trunk) else trunk
    caller = calling_extension(query.source) or query.caller
    return Asked(caller, made.destination, trunk, query.now, country, made.is_emergency)


def policies_of(
    plan: Dialplan, query: Query, made: Decision, destination: Destination
) -> Iterator[tuple[str, str | Policy]]:
    """The policies that hold for the call, each with the name of the place where it stands.

    Those of the routes that it passed, of the extension that calls, and of the trunks that it comes from and goes to.
    """
    for id, policy in made.policies:
        yield f"route:{id}", policy
    extension = plan.directory.extension(calling_extension(query.source))
    if extension is not None and extension.policy:
        yield f"{EXTENSION}{extension.extension}", extension.policy
    for id in {query.source: None, destination.value if destination.type == "Trunk" else "": None}:
        trunk = plan.directory.trunk(id)
        if trunk is not None and trunk.policy:
            yield f"trunk:{id}", trunk.policy


_CODES = {"trunk_full": "route_full", "trunk_too_fast": "route_too_fast"}


class RouteLimits:
    """How many calls each route has, and how fast they come.

    ``now`` gives seconds that never run backwards. What was admitted must be released once.
    """

    __slots__ = ("_limits", "_now")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._limits: dict[str, tuple[tuple[int, float], Limit]] = {}

    def admit(self, route: Route) -> str:
        """Ask for one more call: '' when it may begin, and counts, else the code of the reason why not."""
        code = self._limit(route).admit()
        return _CODES.get(code, code)

    def refusal(self, route: Route) -> str:
        """What `admit` would answer now; nothing is counted."""
        code = self._limit(route).refusal() if route.id in self._limits else ""
        return _CODES.get(code, code)

    def release(self, route: Route) -> None:
        """A call that was admitted is over."""
        limit = self._limit(route)
        limit.release()
        if not limit.calls and not (route.max_calls or route.max_cps):
            del self._limits[route.id]

    def _limit(self, route: Route) -> Limit:
        """The limit of the route as it is now; a change of the settings keeps the count of calls."""
        wanted = route.max_calls, route.max_cps
        found = self._limits.get(route.id)
        if found is not None and found[0] == wanted:
            return found[1]
        limit = Limit(*wanted, self._now)
        if found is not None:
            limit.calls = found[1].calls
        self._limits[route.id] = wanted, limit
        return limit
