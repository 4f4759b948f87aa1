"""Whether the routes before one leave it any call.

Routes that were asked before take numbers away, each where its conditions hold whenever those of the later route do.
From these sets of numbers it is found out whether one is left: a number that none of them takes is looked for, the
first that takes it joins in, and so on. Where it depends on a condition whether one takes it, as on the day of the
week, both cases are gone through. A route that rewrites numbers ends what is known of those before it.
"""

from __future__ import annotations

import functools
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from rustalk.config.check_conditions import TIME_RULES, contradiction, implied
from rustalk.config.check_reach import SOMETHING, askers, rewrites_called
from rustalk.config.finding import Finding
from rustalk.config.known import Known
from rustalk.config.language import Term, UndecidedError, example, glance, is_in, language, terms
from rustalk.config.model import CallerIdCondition, Condition, DestinationCondition, Route, Settings
from rustalk.config.pattern import Pattern
from rustalk.config.problem import Notice

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]

_HELP = ("112", "911", "+112", "+911")
_SHORT = Pattern("^.{0,8}$")
"""What a number for emergencies is at most."""

_MOST_TOGETHER = 32
_MOST_CANDIDATES = 256
_PATIENCE, _OF_A_SEARCH = 200_000, 500
"""So many patterns are tried before nothing more is said, which takes about a second; a search counts as many."""

_CASES, _MOST_AT_ONCE = 256, 8
"""So many pairs of cases are gone through for one set of routes, and so many conditions are assumed at once."""


def _shadowed(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The routes before one leave it some calls. A tenant's come before the common ones."""
    routes = settings.routing.routes
    common = _in_order(route for route in routes if not route.tenant)
    own = [
        _in_order((*tenant.routes, *(route for route in routes if route.tenant == tenant.id)))
        for tenant in settings.teams.tenants
    ]
    patience, may_be_empty = _Patience(), rewrites_called(settings)
    for of_one, after in ((common, []), *((each, common) for each in own)):
        marked = [route for route in (*of_one, *after) if route.emergency]
        of_tenant = of_one if after is common else ()
        before = _Before(marked, of_tenant, known, patience, may_be_empty=may_be_empty)
        for route in of_one:
            takers = before.takers(route)
            if takers:
                yield Notice(reader.path(route), f'route "{route.id}" never matches: {_told(takers)}')
            else:
                before.add(route)


def _in_order(routes: Iterable[Route]) -> list[Route]:
    return sorted((route for route in routes if route.enabled), key=lambda route: route.priority)


@dataclass(frozen=True, slots=True)
class _Taker:
    """A route that decides about calls before another is asked.

    "urgent": that comes first for the short numbers that it matches, as they are ones for emergencies then. ``place``
    is its place in the order of asking. ``helps``: it surely takes a call for help, which passes it otherwise.
    """

    route: Route
    kind: Literal["urgent", "normal"]
    helps: bool
    place: int = 0


def _told(takers: Sequence[_Taker]) -> str:
    in_order = sorted(takers, key=lambda each: each.place)
    *names, last = dict.fromkeys(f'"{each.route.id}"' for each in in_order)
    named = f"{', '.join(names)} and {last} take" if names else f"{last} takes"
    return f"{named} all its calls before{'' if all(each.helps for each in takers) else ', calls for help aside'}"


class _Patience:
    """What is left of it for one set of routes."""

    __slots__ = ("_cases", "_left")

    def __init__(self) -> None:
        self._left = _PATIENCE
        self._cases = _CASES

    def spend(self, count: int) -> bool:
        """Whether there was as much left."""
        self._left -= count
        return self._left >= 0

    def distinguish(self) -> bool:
        """Whether another pair of cases may be gone through."""
        self._cases -= 1
        return self._cases >= 0


class _Before:
    """The routes of one list that were asked already, each with the numbers that it takes away.

    ``marked`` are those for emergencies in the order in which they are asked, ``own`` those that are some tenant's.
    """

    def __init__(
        self,
        marked: Sequence[Route],
        own: Iterable[Route],
        known: Known,
        patience: _Patience,
        *,
        may_be_empty: bool,
    ) -> None:
        self._known = known
        self._patience = patience
        self._may_be_empty = may_be_empty
        self._own = {id(route) for route in own}
        self._marked = {id(route): place for place, route in enumerate(marked)}
        self._next = len(marked)
        self._by_prefix: dict[str, list[_Taker]] = {}
        self._lengths: list[int] = []
        for place, route in enumerate(marked):
            if self._helps(route):
                self._keep(_Taker(route, "urgent", True, place))

    def add(self, route: Route) -> None:
        """The route was asked: it took its calls, or has rewritten their numbers."""
        if route.action != "continue":
            self._next += 1
            self._keep(_Taker(route, "normal", self._helps(route), self._next))
        elif route.rewrite.caller or route.rewrite.destination:
            for takers in self._by_prefix.values():
                takers[:] = [each for each in takers if _outlasts(each, route)]

    def takers(self, route: Route) -> list[_Taker]:
        """Those that together take all calls of the route; none where some are left, or that is not known."""
        text = glance(route.pattern)[1]
        near = list(islice(self._near(text), _MOST_CANDIDATES))
        whole = next((each for each in near if self._is_whole(each, route)), None)
        if whole is not None:
            return [whole]
        is_left = bool(text) and not near
        if is_left or language(route.pattern.source) is None:
            return []
        return self._together(route, route.conditions, text)

    def _helps(self, route: Route) -> bool:
        """Whether the route is sure to take calls for help somewhere."""
        trunks = self._known.trunks
        return route.action == "accept" and any(
            each.type == "Trunk" and trunks.get(each.value, False) for each in route.targets
        )

    def _keep(self, taker: _Taker) -> None:
        prefix = glance(taker.route.pattern)[0]
        self._by_prefix.setdefault(prefix, []).append(taker)
        if len(prefix) not in self._lengths:
            insort(self._lengths, len(prefix))

    def _near(self, number: str) -> Iterator[_Taker]:
        """Those whose pattern matches a number; all of which no beginning is known where there is none."""
        for length in self._lengths:
            for taker in self._by_prefix.get(number[:length], ()) if length <= len(number) else ():
                if not self._patience.spend(1):
                    return
                if not number or taker.route.pattern.matches(number):
                    yield taker

    def _is_whole(self, taker: _Taker, route: Route) -> bool:
        """Whether it can be seen at a glance that one takes all calls of the other."""
        pattern = taker.route.pattern
        if pattern != route.pattern and not _is_everything(pattern, self._may_be_empty):
            return False
        return self._taken(taker, route, route.conditions) == ((pattern, True),)

    def _together(self, route: Route, held: tuple[Condition, ...], number: str | None) -> list[_Taker]:
        """Those that take all its calls of which these conditions hold; ``number`` is one that may be left."""
        found: list[_Taker] = []
        groups: list[tuple[Term, ...]] = []
        wanted = terms(_numbers(route, self._may_be_empty))
        if not number or not is_in(number, wanted):
            number = self._left(wanted, groups)
        while number is not None and len(found) < _MOST_TOGETHER:
            taker, group = self._taker(number, route, held)
            if taker is None:
                return self._in_each_case(route, held, number)
            found.append(taker)
            groups.append(group)
            number = self._left(wanted, groups)
        return found if number is None else []

    def _in_each_case(self, route: Route, held: tuple[Condition, ...], number: str) -> list[_Taker]:
        """The same, where someone may take this number on a condition: with that condition, and without it."""
        condition = self._question(number, route, held)
        if condition is None or not self._patience.distinguish():
            return []
        found: list[_Taker] = []
        for each in (replace(condition, negate=not condition.negate), condition):
            takers = self._together(route, (*held, each), number)
            if not takers:
                return []
            found += takers
        return found

    def _question(self, number: str, route: Route, held: tuple[Condition, ...]) -> Condition | None:
        """A condition on which it depends whether this number is taken; None where there is none."""
        if len(held) - len(route.conditions) >= _MOST_AT_ONCE:
            return None
        for taker in islice(self._near(number), _MOST_CANDIDATES):
            conditions = (*held, *taker.route.conditions)
            if self._group(number, taker, route, conditions) and not contradiction(conditions, self._known.calendars):
                for each in taker.route.conditions:
                    if self._is_open(each, taker, route, held) and not isinstance(each, DestinationCondition):
                        return each
        return None

    def _left(self, wanted: Sequence[Term], groups: Sequence[Sequence[Term]]) -> str | None:
        """A number that is left; an empty one, which nobody takes, where it would take too long to find one."""
        try:
            return example(wanted, groups) if self._patience.spend(_OF_A_SEARCH) else ""
        except UndecidedError:
            return ""

    def _taker(self, number: str, route: Route, held: tuple[Condition, ...]) -> tuple[_Taker | None, tuple[Term, ...]]:
        """Who takes this number away, and which others with it."""
        for taker in islice(self._near(number), _MOST_CANDIDATES):
            group = self._group(number, taker, route, held)
            if group:
                return taker, group
        return None, ()

    def _group(self, number: str, taker: _Taker, route: Route, held: tuple[Condition, ...]) -> tuple[Term, ...]:
        """What one takes away, this number with it; () where it does not."""
        taken = self._taken(taker, route, held)
        group = terms(taken)
        return group if len(group) == len(taken) and is_in(number, group) else ()

    def _taken(self, taker: _Taker, route: Route, held: tuple[Condition, ...]) -> tuple[tuple[Pattern, bool], ...]:
        """The patterns that the numbers match, or do not match, which one takes from the other; () for none.

        ``held``: the conditions that hold of the other's calls.
        """
        first = taker.route
        is_urgent = taker.kind == "urgent"
        if first.source not in {"", route.source}:
            return ()
        if id(first) in self._own and not askers(route) <= askers(first):
            return ()
        if is_urgent and taker.place >= self._marked.get(id(route), self._next):
            return ()
        taken = [(first.pattern, True)]
        for condition in first.conditions:
            if not self._is_open(condition, taker, route, held):
                continue
            if not isinstance(condition, DestinationCondition):
                return ()
            taken.append((condition.pattern, not condition.negate))
        if is_urgent:
            taken.append((_SHORT, True))
        elif first.emergency or route.emergency or (_is_for_help(route.pattern) and not taker.helps):
            taken.append((_SHORT, False))
        return tuple(taken)

    def _is_open(self, condition: Condition, taker: _Taker, route: Route, held: tuple[Condition, ...]) -> bool:
        """Whether calls of the other may come to a taker of which its condition does not hold."""
        if taker.kind == "urgent" and isinstance(condition, TIME_RULES):
            return False
        same_zone = taker.route.timezone == route.timezone
        return not implied(condition, held, self._known.calendars, same_zone=same_zone)


def _outlasts(taker: _Taker, rewriting: Route) -> bool:
    """Whether a route takes the calls whose numbers were rewritten after it as surely as others."""
    route, rewrite = taker.route, rewriting.rewrite
    if rewrite.caller and any(isinstance(each, CallerIdCondition) for each in route.conditions):
        return False
    if not rewrite.destination:
        return True
    if any(isinstance(each, DestinationCondition) for each in route.conditions):
        return False
    return taker.kind == "normal" and _is_everything(route.pattern, True)


def _numbers(route: Route, may_be_empty: bool) -> Iterator[tuple[Pattern, bool]]:
    """The patterns that the numbers of a route match, or do not match."""
    if not may_be_empty:
        yield SOMETHING, True
    yield route.pattern, True
    for condition in route.conditions:
        if isinstance(condition, DestinationCondition):
            yield condition.pattern, not condition.negate


@functools.lru_cache(maxsize=1024)
def _is_everything(pattern: Pattern, may_be_empty: bool) -> bool:
    """Whether every number matches."""
    found = language(pattern.source) if not glance(pattern)[0] else None
    try:
        return (
            found is not None and example(terms([] if may_be_empty else [(SOMETHING, True)]), [[(found, True)]]) is None
        )
    except UndecidedError:
        return False


@functools.lru_cache(maxsize=1024)
def _is_for_help(pattern: Pattern) -> bool:
    """Whether a pattern is for emergency numbers that are known everywhere, and for short numbers only."""
    if language(pattern.source) is None or not any(pattern.matches(number) for number in _HELP):
        return False
    try:
        return example(terms([(pattern, True), (_SHORT, False)])) is None
    except UndecidedError:
        return False


RULES = (_shadowed,)
"""The rules, each a function of the settings, of where they were read, and of what is defined."""
