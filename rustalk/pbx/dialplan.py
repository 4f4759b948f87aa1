"""Where a call goes: routes, then numbers dialled from outside, then the extensions and groups of the house.

Pure: the same settings, call and moment, and the same dice, give the same answer. `Dialplan.decide` answers for live
calls and `Dialplan.explain` tells what became of every route on the way; both walk the same way.

Routes are asked by priority, lower first, whatever their order in the file. The first one that fits decides. One with
action "continue" is noted, and what it rewrites is what later routes see; what the deciding route rewrites is what goes
out. Where no route fits, a number of `dids` leads where it says, and an extension reaches the numbers of its own house.

An emergency number always passes: routes marked for it are asked first, then the others, but none refuses it, and where
only the time stands in the way the time does not count. No rule changes it, save one of a route marked for it (EMG-03).

Patterns are searched for and anchored by their author; they are RE2, whose ``$`` is the very end, and a number with a
control character fits nothing (A19).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from rustalk.config.destination import CALLED
from rustalk.config.model import TEAMS, Destination, NumberRule, Route, Settings
from rustalk.config.numbers import rewritten
from rustalk.config.routing import PHONES
from rustalk.trunk.e164 import is_emergency

from . import permissions
from .choice import by_hash, by_order, by_weight
from .conditions import Calendars, Facts, is_open, is_time_rule, local
from .directory import Directory, calling_extension
from .query import By, Decision, Explanation, NoRoute, Outcome, Query, Rejection, Step
from .route_index import RouteIndex
from .tenants import Tenants

__all__ = ["Decision", "Dialplan", "Explanation", "NoRoute", "Outcome", "Query", "Rejection", "Step"]

_MAX_NUMBER = 256
_FORBIDDEN = 403
_LONGEST_URGENT = 8
"""Of all emergency numbers, with a plus: a route marked as one for emergencies makes no longer number pass."""

_USELESS_FOR_HELP = frozenset(("Hangup", "Voicemail"))
_OUTSIDE = frozenset(("Trunk", "Custom"))


class Dialplan:
    """The routing of one state of the settings.

    ``below(n)`` gives a random number from 0 up to n - 1, for sets of destinations by weight. ``before`` is the
    dialplan of the settings before a change, from which is taken over what has not changed.
    """

    def __init__(self, settings: Settings, *, below: Callable[[int], int], before: Dialplan | None = None) -> None:
        teams = settings.teams
        self._basis = (settings.routing.routes, teams.tenants, teams.sbc_fqdn)
        same = before is not None and all(old is new for old, new in zip(before._basis, self._basis, strict=True))
        self.tenants: Tenants = before.tenants if before is not None and same else Tenants(*self._basis)
        self.directory: Directory = Directory(settings, before.directory if before is not None else None)
        self.calendars = Calendars(settings.calendars)
        self.below = below
        self._with_teams = teams.enabled
        self._countries = {trunk.id: trunk.country for trunk in settings.trunks} | {TEAMS: teams.country}
        known = {country for country in self._countries.values() if country}
        self._house = settings.sip.country
        self._home = self._house or (known.pop() if len(known) == 1 else "")

    def decide(self, query: Query) -> Outcome:
        """Say where the call goes."""
        return _Walk(self, query, None).outcome()

    def explain(self, query: Query) -> Explanation:
        """Say where the call goes and what became of every route before that; dear with thousands of routes."""
        steps: list[Step] = []
        outcome = _Walk(self, query, steps).outcome()
        return Explanation(outcome, tuple(steps))

    def is_emergency(self, query: Query) -> bool:
        """Whether the number is one for emergencies: of the country of the trunk, or else of the house.

        A phone calls those of every country that a trunk is in, too.
        """
        here = self._countries.get(query.source) or self._house
        if query.is_emergency or is_emergency(query.destination, here):
            return True
        if not calling_extension(query.source):
            return False
        return any(is_emergency(query.destination, each) for each in {here, *self._countries.values()})

    def closed(self, destination: Destination, now: datetime.datetime | None) -> str:
        """Why a destination takes no call, as the settings say; '' where it may. Without ``now`` hours do not count."""
        value = destination.value
        if destination.type == "Extension":
            extension = self.directory.extension(value)
            return "" if extension is not None and extension.enabled else "extension_disabled"
        if destination.type == "RingGroup":
            group = self.directory.group(value)
            return "" if group is not None and group.enabled else "group_empty"
        if destination.type != "Trunk" or (value == TEAMS and self._with_teams):
            return ""
        trunk = self.directory.trunk(value)
        if trunk is None or not trunk.enabled:
            return "no_target"
        return "trunk_closed" if now is not None and trunk.hours is not None and not is_open(trunk.hours, now) else ""

    def country_of(self, destinations: Iterable[Destination]) -> str:
        """The country that a call leaves the house in: that of its first trunk which has one, or else of the house."""
        trunks = (each.value for each in destinations if each.type == "Trunk")
        return next((country for trunk in trunks if (country := self._countries.get(trunk, ""))), self._home)


class _Walk:
    """One way through the dialplan. ``steps`` takes every step where somebody wants to know."""

    __slots__ = ("_called", "_caller", "_noted", "_plan", "_query", "_steps", "_zones")

    def __init__(self, plan: Dialplan, query: Query, steps: list[Step] | None) -> None:
        self._plan = plan
        self._query = query
        self._steps = steps
        self._caller = query.caller
        self._called = query.destination
        self._noted: list[Route] = []
        self._zones: dict[str, Facts] = {}

    def outcome(self) -> Outcome:
        if not (_presentable(self._caller) and _presentable(self._called)):
            return NoRoute("number")
        index = self._plan.tenants.routes_for(self._query.tenant, self._query.source)
        urgent = self._plan.is_emergency(self._query) or self._is_marked(index)
        route = self._urgent(index) if urgent else self._first(index)
        made = self._by_route(route, urgent) if route is not None else self._in_house(urgent)
        return self._permitted(made) if isinstance(made, Decision) else made

    # Routes.

    def _first(self, index: RouteIndex) -> Route | None:
        """The route that decides, after what the noted ones before it have rewritten."""
        start = 0
        while True:
            called = self._called
            for position in self._positions(index, start):
                route = index.routes[position]
                step = self._tried(route, waived=False)
                self._record(step)
                if step.result == "matched":
                    return route
                if step.result == "noted":
                    self._note(route)
                    if self._called != called:
                        start = position + 1
                        break
            else:
                return None

    def _urgent(self, index: RouteIndex) -> Route | None:
        """The route that takes a call for help: marked ones first, and then regardless of the time."""
        positions = list(self._positions(index, 0))
        routes = [index.routes[position] for position in positions]
        routes.sort(key=lambda route: not route.emergency)
        for waived in (False, True):
            for route in routes:
                step = self._tried(route, waived=waived or route.emergency)
                if step.result == "matched" and not self._helps(route):
                    step = Step(route.id, "urgent", route)
                if not waived or step.result == "matched":
                    self._record(step)
                if step.result == "matched":
                    return route
        return None

    def _helps(self, route: Route) -> bool:
        """Whether a route takes a call for help to somebody."""
        targets = (self._filled(target) for target in route.targets if target.type not in _USELESS_FOR_HELP)
        return route.action == "accept" and not all(self._plan.closed(target, None) for target in targets)

    def _is_marked(self, index: RouteIndex) -> bool:
        """Whether a route that is marked as one for emergencies is for this number."""
        if len(self._called) > _LONGEST_URGENT:
            return False
        return any(
            route.emergency and route.enabled and self._is_for(route) and route.pattern.matches(self._called)
            for route in index.marked
        )

    def _positions(self, index: RouteIndex, start: int) -> Iterable[int]:
        """Every route from ``start`` on where each step is wanted, else those that the number can match."""
        return range(start, len(index)) if self._steps is not None else index.candidates(self._called, start)

    def _tried(self, route: Route, *, waived: bool) -> Step:
        """What becomes of one route; ``waived``: the time does not count."""
        if not route.enabled:
            return Step(route.id, "disabled", route)
        if not self._is_for(route):
            return Step(route.id, "source", route)
        if not route.pattern.matches(self._called):
            return Step(route.id, "pattern", route)
        for condition in route.conditions:
            if waived and is_time_rule(condition):
                continue
            if not self._plan.calendars.holds(condition, self._facts(route.timezone)):
                return Step(route.id, "condition", route, condition)
        return Step(route.id, "noted" if route.action == "continue" else "matched", route)

    def _is_for(self, route: Route) -> bool:
        source = self._query.source
        return not route.source or route.source == (PHONES if calling_extension(source) else source)

    def _facts(self, zone: str) -> Facts:
        facts = self._zones.get(zone)
        if facts is None:
            query = self._query
            facts = Facts(local(query.now, zone), self._caller, self._called, query.location, query.header)
            self._zones[zone] = facts
        return facts

    def _note(self, route: Route) -> None:
        self._noted.append(route)
        self._rewrite(route)
        self._zones.clear()

    def _rewrite(self, route: Route) -> None:
        self._caller = _rewritten(route.rewrite.caller, self._caller)
        self._called = _rewritten(route.rewrite.destination, self._called)

    def _by_route(self, route: Route, urgent: bool) -> Outcome:
        """What a route that matched does with the call."""
        targets = self._ordered(route)
        if urgent:
            targets = [target for target in targets if target.type not in _USELESS_FOR_HELP]
        if route.action != "accept" or not targets or targets[0].type == "Hangup":
            status = next((target.value for target in targets if target.type == "Hangup"), "")
            code = "route_hangup" if route.action == "accept" else "route_refused"
            return Rejection(code, route, int(status) if status else _FORBIDDEN)
        if not urgent or route.emergency:
            self._rewrite(route)
        return Decision(
            "route",
            route.id,
            tuple(self._filled(target) for target in targets),
            self._caller,
            self._called,
            route,
            route.media,
            tuple(self._noted),
            self._plan.tenants.owner(route),
            urgent,
        )

    def _ordered(self, route: Route) -> list[Destination]:
        """The destinations of a route in the order in which this call tries them."""
        if not route.destinations:
            return [] if route.destination is None else [route.destination]
        if route.select == "weight":
            return [*by_weight(route.destinations, self._plan.below)]
        if route.select == "hash":
            return [*by_hash(route.destinations, self._caller if route.hash_key == "caller" else self._called)]
        return [*by_order(route.destinations)]

    def _filled(self, target: Destination) -> Destination:
        """The destination by its usual name: an extension by its number, a group by its id."""
        value = self._called if target.value == CALLED else target.value
        if target.type in ("Extension", "Voicemail"):
            extension = self._plan.directory.extension(value)
            value = extension.extension if extension is not None else value
        elif target.type == "RingGroup":
            group = self._plan.directory.group(value)
            value = group.id if group is not None else value
        return Destination(type=target.type, value=value)

    # What is asked after the routes.

    def _in_house(self, urgent: bool) -> Outcome:
        """A number dialled from outside; for a phone also an extension or a group."""
        for step, made in self._looked_up(urgent):
            self._record(step)
            if made is not None:
                return made
        return NoRoute("no-match")

    def _looked_up(self, urgent: bool) -> Iterator[tuple[Step, Outcome | None]]:
        directory, called = self._plan.directory, self._called
        did = directory.did(called)
        if did is not None:
            yield Step("dids", "matched", detail=did.number), self._found("did", did.id, did.destination, urgent)
        yield Step("dids", "absent"), None
        if not calling_extension(self._query.source):
            return
        extension = directory.extension(called)
        if extension is not None and extension.enabled:
            target = Destination(type="Extension", value=extension.extension)
            found = self._found("extension", extension.extension, target, urgent)
            yield Step("extensions", "matched", detail=extension.extension), found
        if extension is not None:
            yield Step("extensions", "disabled", detail=extension.extension), Rejection("extension_disabled")
        yield Step("extensions", "absent"), None
        group = directory.group(called)
        if group is not None:
            target = Destination(type="RingGroup", value=group.id)
            yield Step("ring_groups", "matched", detail=group.id), self._found("ring_group", group.id, target, urgent)
        yield Step("ring_groups", "absent"), None

    def _found(self, by: By, name: str, target: Destination, urgent: bool) -> Outcome:
        if target.type == "Hangup":
            return Rejection("route_hangup", status=int(target.value) if target.value else _FORBIDDEN)
        noted = tuple(self._noted)
        return Decision(by, name, (self._filled(target),), self._caller, self._called, noted=noted, is_emergency=urgent)

    # What may stand in the way at the end.

    def _permitted(self, made: Decision) -> Outcome:
        """The decision without trunks that are closed; a refusal where the extension may not call that number."""
        number = calling_extension(self._query.source)
        if number:
            made = self._shown(made)
        code = self._barred(made, number) if number and not made.is_emergency else ""
        if code:
            self._record(Step("permissions", "barred", detail=code))
            return Rejection(code, made.route)
        if number and not made.is_emergency:
            self._record(Step("permissions", "passed"))
        return self._opened(made)

    def _barred(self, made: Decision, caller: str) -> str:
        extension = self._plan.directory.extension(caller)
        if extension is None or not extension.enabled:
            return "extension_disabled"
        kinds: tuple[str, ...] = permissions.INTERNAL
        if any(_costs(each) for each in made.destinations):
            kinds = permissions.kinds(made.destination, self._plan.country_of(made.destinations))
        return permissions.refusal(extension.permissions, made.destination, kinds)

    def _shown(self, made: Decision) -> Decision:
        """The number that the calling extension shows outside for its own, where no rule has made another one."""
        extension = self._plan.directory.extension(made.caller)
        if extension is None or not extension.caller_id_number or made.caller != extension.extension:
            return made
        if not any(each.type in _OUTSIDE for each in made.destinations):
            return made
        return replace(made, caller=extension.caller_id_number)

    def _opened(self, made: Decision) -> Outcome:
        """The destinations but for those that take no calls, now or at all."""
        now = None if made.is_emergency else self._query.now
        codes = {each: self._plan.closed(each, now) for each in made.destinations}
        left = tuple(each for each, code in codes.items() if not code)
        if len(left) == len(made.destinations):
            return made
        code = next(code for code in codes.values() if code)
        self._record(Step("destinations", "closed", detail=code))
        if not left or left[0].type == "Hangup":
            return Rejection(code, made.route)
        return replace(made, destinations=left)

    def _record(self, step: Step) -> None:
        if self._steps is not None:
            self._steps.append(step)


def _costs(destination: Destination) -> bool:
    """Whether a call goes to a provider: Teams is the house, and an address was chosen by who wrote the route."""
    return destination.type == "Trunk" and destination.value != TEAMS


def _rewritten(rules: Sequence[NumberRule], number: str) -> str:
    """The number after the rules; one that they have made unpresentable stays as it was."""
    made = rewritten(rules, number) if rules else number
    return made if _presentable(made) else number


def _presentable(number: str) -> bool:
    """Whether a number can be asked about: of bounded length and without control characters or lone surrogates."""
    return len(number) <= _MAX_NUMBER and number.isprintable()
