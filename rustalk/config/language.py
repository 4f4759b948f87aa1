"""The numbers in which a pattern is found, as a set that can be compared with others: exact, by finite automata.

The alphabet is what a dialled number may hold: what is printable. A pattern that `expression` does not read has no
language here, and a comparison that would take too long ends undecided; nothing is guessed.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from rustalk.config.expression import Anchor, Chars, Choice, Expression, Ranges, Repeat, Row, beginning, parsed, sample
from rustalk.config.pattern import Pattern

__all__ = ["Language", "Term", "UndecidedError", "example", "glance", "is_in", "language", "may_match", "terms"]

_PRINTABLE = ((0x20, 0x7E), (0xA1, 0xD7FF), (0xE000, 0x10FFFF))
_MOST_PLACES = 2000
_MOST_STATES = 1000
_FOUND = 0
"""The place at which the pattern has been found."""


class UndecidedError(Exception):
    """The answer would take too long."""


State = frozenset[int]
"""The places of an automaton that a text leads to."""

_FOUND_ALREADY = frozenset((_FOUND,))
_BEGIN = frozenset((-1,))
"""What tells the beginning from later, when all other places may be the same."""

Term = tuple["Language", bool]
"""A language that a number is in, or with False is not in."""


class Language:
    """The automaton of one pattern, made deterministic as far as somebody goes.

    Raises UndecidedError for a pattern that is too large.
    """

    __slots__ = ("_accepts", "_again", "_chars", "_edges", "_ends", "_steps", "bounds", "start")

    def __init__(self, tree: Expression) -> None:
        self._chars: dict[int, tuple[Ranges, int]] = {}
        self._edges: dict[int, tuple[int, ...]] = {}
        self._ends: dict[int, tuple[str, int]] = {}
        first = self._placed(tree, _FOUND)
        bounds = {edge for ranges, _ in self._chars.values() for low, high in ranges for edge in (low, high + 1)}
        self.bounds = tuple(sorted(bounds))
        self.start = self._closed((first,), begin=True) | _BEGIN
        self._again = self._closed((first,))
        self._steps: dict[tuple[State, int], State] = {}
        self._accepts: dict[State, bool] = {}

    def after(self, state: State, char: int) -> State:
        """Where one more character leads."""
        if _FOUND in state:
            return state
        kind = bisect_right(self.bounds, char)
        key = state, kind
        found = self._steps.get(key)
        if found is None:
            left = (self._chars[place] for place in state if place in self._chars)
            reached = [to for ranges, to in left if any(low <= char <= high for low, high in ranges)]
            found = self._steps[key] = self._closed(reached) | self._again
            if _FOUND in found:
                found = self._steps[key] = _FOUND_ALREADY
        return found

    def accepts(self, state: State) -> bool:
        """Whether a number that ends here is one of the language."""
        found = self._accepts.get(state)
        if found is None:
            found = self._accepts[state] = _FOUND in self._closed(state, begin=state >= _BEGIN, end=True)
        return found

    def _place(self) -> int:
        place = len(self._chars) + len(self._edges) + len(self._ends) + 1
        if place > _MOST_PLACES:
            raise UndecidedError
        return place

    def _placed(self, tree: Expression, following: int) -> int:
        """The place from which the expression leads to the one ``following``."""
        match tree:
            case Chars(ranges):
                place = self._place()
                self._chars[place] = ranges, following
                return place
            case Anchor(at):
                place = self._place()
                self._ends[place] = at, following
                return place
            case Row(parts):
                for part in reversed(parts):
                    following = self._placed(part, following)
                return following
            case Choice(ways):
                return self._fork(tuple(self._placed(way, following) for way in ways))
            case Repeat(part, least, most):
                return self._repeated(part, least, most, following)

    def _repeated(self, part: Expression, least: int, most: int | None, following: int) -> int:
        if most is None:
            again = self._fork(())
            self._edges[again] = self._placed(part, again), following
            following = again
        else:
            for _ in range(most - least):
                following = self._fork((self._placed(part, following), following))
        for _ in range(least):
            following = self._placed(part, following)
        return following

    def _fork(self, ways: tuple[int, ...]) -> int:
        place = self._place()
        self._edges[place] = ways
        return place

    def _closed(self, places: Iterable[int], *, begin: bool = False, end: bool = False) -> State:
        """The places that can be reached without a character."""
        found: set[int] = set()
        left = list(places)
        while left:
            place = left.pop()
            if place in found:
                continue
            found.add(place)
            left += self._edges.get(place, ())
            if place in self._ends:
                at, to = self._ends[place]
                if (begin and at == "begin") or (end and at == "end"):
                    left.append(to)
        return _FOUND_ALREADY if _FOUND in found else frozenset(found - self._edges.keys())


@functools.lru_cache(maxsize=512)
def language(source: str) -> Language | None:
    """Return the language of a pattern, None where it is not read or too large."""
    tree = parsed(source)
    try:
        return Language(tree) if tree is not None else None
    except UndecidedError:
        return None


@functools.lru_cache(maxsize=32768)
def glance(pattern: Pattern) -> tuple[str, str]:
    """Return how every number begins that matches, and one that does; '' for what is not seen without a search."""
    tree = parsed(pattern.source)
    if tree is None:
        return "", ""
    text = sample(tree) or "0"
    return beginning(tree), text if pattern.matches(text) else ""


def terms(patterns: Iterable[tuple[Pattern, bool]]) -> tuple[Term, ...]:
    """Return what numbers are in that match, or with False do not match; patterns without a language are left out."""
    return tuple((found, holds) for each, holds in patterns if (found := language(each.source)) is not None)


def may_match(wanted: Sequence[tuple[Pattern, bool]]) -> bool:
    """Say whether there may be a number that matches all these, or with False does not; True where it is not known."""
    seen = (glance(pattern)[1] for pattern, holds in wanted if holds)
    if any(number and all(pattern.matches(number) is holds for pattern, holds in wanted) for number in seen):
        return True
    try:
        return example(terms(wanted)) is not None
    except UndecidedError:
        return True


def is_in(number: str, terms: Iterable[Term]) -> bool:
    """Say whether a number is as all the terms say."""
    for each, holds in terms:
        state = each.start
        for char in number:
            state = each.after(state, ord(char))
        if each.accepts(state) is not holds:
            return False
    return True


def example(wanted: Sequence[Term], unwanted: Sequence[Sequence[Term]] = ()) -> str | None:
    """Return a shortest number that is in all of ``wanted`` and for which no group of ``unwanted`` holds as a whole.

    None where there is none. Raises UndecidedError where the answer would take too long.
    """
    search = _Search(wanted, unwanted)
    return search.shortest()


class _Search:
    """The product of several automata, gone through breadth first."""

    def __init__(self, wanted: Sequence[Term], unwanted: Sequence[Sequence[Term]]) -> None:
        every = {id(each): each for each, _ in (*wanted, *(term for group in unwanted for term in group))}
        self._languages = tuple(every.values())
        places = {key: place for place, key in enumerate(every)}
        self._wanted = [(places[id(each)], holds) for each, holds in wanted]
        self._unwanted = [[(places[id(each)], holds) for each, holds in group] for group in unwanted]
        self._alphabet = tuple(_representatives(self._languages))

    def shortest(self) -> str | None:
        start = tuple(each.start for each in self._languages)
        before: dict[tuple[State, ...], tuple[tuple[State, ...], int] | None] = {start: None}
        left = deque((start,))
        while left:
            states = left.popleft()
            if self._is_goal(states):
                return _spelt(before, states)
            if len(before) > _MOST_STATES:
                raise UndecidedError
            for char in self._alphabet:
                after = tuple(each.after(state, char) for each, state in zip(self._languages, states, strict=True))
                if after not in before and not self._is_lost(after):
                    before[after] = states, char
                    left.append(after)
        return None

    def _is_goal(self, states: tuple[State, ...]) -> bool:
        accepted = [each.accepts(state) for each, state in zip(self._languages, states, strict=True)]
        return all(accepted[at] is holds for at, holds in self._wanted) and not any(
            all(accepted[at] is holds for at, holds in group) for group in self._unwanted
        )

    def _is_lost(self, states: tuple[State, ...]) -> bool:
        """Whether no longer number can be one that is looked for, as far as can be seen at a glance."""
        if any(_is_settled(states[at]) is (not holds) for at, holds in self._wanted):
            return True
        return any(all(_is_settled(states[at]) is holds for at, holds in group) for group in self._unwanted)


def _is_settled(state: State) -> bool | None:
    """Whether every number that goes on from here is in the language, or none; None where that depends."""
    if _FOUND in state:
        return True
    return None if state else False


def _representatives(languages: Iterable[Language]) -> Iterator[int]:
    """One printable character of each kind that makes a difference to one of the languages; digits first."""
    bounds = {bound for each in languages for bound in each.bounds}
    kinds = {low for low, _ in _PRINTABLE} | {bound for bound in bounds if any(a <= bound <= b for a, b in _PRINTABLE)}
    return iter(sorted(kinds | {ord("0")}, key=lambda char: (not 0x30 <= char <= 0x39, char)))


def _spelt(before: dict[tuple[State, ...], tuple[tuple[State, ...], int] | None], states: tuple[State, ...]) -> str:
    chars: list[str] = []
    while (step := before[states]) is not None:
        states, char = step
        chars.append(chr(char))
    return "".join(reversed(chars))
