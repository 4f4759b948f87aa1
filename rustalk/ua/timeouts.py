"""Many timers, few durations.

A switch starts hundreds of timers a second and cancels nearly all of them, and they last one of a dozen durations
(RFC 3261 Table 4). Timers of one duration expire in the order they were started, so each duration is a queue with one
reactor timer for its head: starting appends, cancelling forgets what it would have called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["Timeout", "Timeouts"]

log = Logger()


class Timeout:
    """One started timer."""

    __slots__ = ("_args", "_call", "due")

    def __init__(self, due: float, call: Callable[..., None], args: tuple[object, ...]) -> None:
        self.due = due
        self._call: Callable[..., None] | None = call
        self._args = args

    def cancel(self) -> None:
        """Never fire. Cancelling twice, or after it fired, changes nothing."""
        self._call = None
        self._args = ()

    @property
    def active(self) -> bool:
        """Whether it will still fire."""
        return self._call is not None

    def fire(self) -> None:
        """Call what was to be called; an error there is logged and stops no other timer."""
        call, args = self._call, self._args
        self.cancel()
        if call is not None:
            try:
                call(*args)
            except Exception:
                log.failure("A timer's action failed")


class Timeouts:
    """The timers of one reactor. Durations are in seconds, to the millisecond."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._queues: dict[int, deque[Timeout]] = {}

    def now(self) -> datetime:
        """The moment by the same clock."""
        return datetime.fromtimestamp(self._clock.seconds(), UTC)

    def start(self, seconds: float, call: Callable[..., None], *args: object) -> Timeout:
        """Call ``call(*args)`` in that many seconds."""
        duration = max(1, round(seconds * 1000))
        timeout = Timeout(self._clock.seconds() + duration / 1000, call, args)
        queue = self._queues.get(duration)
        if queue is None:
            queue = self._queues[duration] = deque()
            self._clock.callLater(duration / 1000, self._expire, duration)
        queue.append(timeout)
        return timeout

    def _expire(self, duration: int) -> None:
        """Fire what is due, skip what was cancelled, and wait for the next that is neither."""
        queue = self._queues[duration]
        now = self._clock.seconds() + 0.0005
        while queue and (queue[0].due <= now or not queue[0].active):
            queue.popleft().fire()
        if queue:
            self._clock.callLater(max(0.0, queue[0].due - self._clock.seconds()), self._expire, duration)
        else:
            del self._queues[duration]

    def __len__(self) -> int:
        """How many timers would still fire."""
        return sum(timeout.active for queue in self._queues.values() for timeout in queue)
