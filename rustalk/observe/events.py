"""What happens in the switch, as it happens: parts publish, and whoever follows reads at his own pace.

The last events are kept in a ring, and each reader is no more than a place in it: a slow one costs no memory, and
finds out when what it has not read yet is gone. Event ids rise by one and begin with the start of the process, so that
a reader that comes back is told of what it missed, or that this cannot be said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from twisted.internet.defer import Deferred

__all__ = ["KINDS", "Event", "Events", "Reader"]

KINDS: Mapping[str, str] = {
    "call": "a call began, was answered or ended",
    "registration": "a phone is registered, or no longer",
    "trunk": "a trunk or one of its hosts is up or down",
    "alarm": "something that an administrator wants to know",
    "config": "the configuration was changed",
}
"""The kinds of events and what each tells."""

_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``number`` rises by one, ``time`` is in seconds since 1970, ``data`` is plain JSON."""

    number: int
    id: str
    kind: str
    time: float
    data: Mapping[str, object]


class Events:
    """The ring of the last ``kept`` events. ``now`` gives seconds since 1970."""

    def __init__(self, now: Callable[[], float], kept: int = _KEPT) -> None:
        self._now = now
        self._run = f"{round(now() * 1000):x}"
        self._ring: deque[Event] = deque(maxlen=kept)
        self._next = 1
        self._waiting: list[Deferred[None]] = []

    def publish(self, kind: str, data: Mapping[str, object]) -> None:
        """Tell everybody. Nothing waits for a reader."""
        self._ring.append(Event(self._next, f"{self._run}-{self._next}", kind, self._now(), data))
        self._next += 1
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def reader(self, after: str = "") -> Reader:
        """One who reads what comes from now on, or from the event on that follows the one with the id ``after``.

        Where that event is not known any more, the reader begins with the oldest one and has ``missed`` some.
        """
        if not after:
            return Reader(self, self._next, missed=False)
        run, _, number = after.partition("-")
        known = run == self._run and number.isdecimal() and len(number) < 16 and int(number) < self._next
        following = int(number) + 1 if known else self.oldest
        return Reader(self, max(following, self.oldest), missed=not known or following < self.oldest)

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is kept, or of the next one."""
        return self._ring[0].number if self._ring else self._next

    def since(self, number: int, most: int) -> list[Event]:
        """At most so many events, from this number on."""
        start = max(0, number - self.oldest)
        return list(islice(self._ring, start, start + most))

    def following(self, number: int) -> Deferred[None]:
        """Fires when there is an event of this number or a later one; may be cancelled."""
        if number < self._next:
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        waiter: Deferred[None] = Deferred(self._forget)
        self._waiting.append(waiter)
        return waiter

    def _forget(self, waiter: Deferred[None]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)


class Reader:
    """One place in the ring. ``missed``: there were events before it that nobody can tell any more."""

    def __init__(self, events: Events, number: int, *, missed: bool) -> None:
        self.missed = missed
        self._events = events
        self._number = number

    @property
    def behind(self) -> bool:
        """Whether events that this reader has not read are gone."""
        return self._number < self._events.oldest

    def take(self, most: int = 100) -> list[Event]:
        """The next events, none where all are read."""
        found = self._events.since(self._number, most)
        if found:
            self._number = found[-1].number + 1
        return found

    def wait(self) -> Deferred[None]:
        """Fires when there is something to take; may be cancelled."""
        return self._events.following(self._number)
