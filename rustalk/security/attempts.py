"""What strangers try, counted: failures in a window of time, and challenges that nobody answers.

Both count for keys that the peer chooses (addresses that may be forged, names of accounts), so their memory is bounded
and they know nothing of the keys: an account that exists is counted as one that does not, and nobody can tell from a
ban which of the two it was (A5).
"""

from __future__ import annotations

from collections import OrderedDict, deque

__all__ = ["Attempts", "Unanswered"]

_MOST_KEYS = 20_000
_MOST_TIMES = 1_000_000


class Attempts:
    """Counts what happened to each key within a window that slides with the clock.

    ``limit`` is the count that matters to the caller: no more is remembered of a key. ``now`` does not run backwards.
    """

    __slots__ = ("_times", "limit", "window")

    def __init__(self, limit: int, window: float) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self.use(limit, window)

    def use(self, limit: int, window: float) -> None:
        """Count up to another limit, in another window; what was counted stays."""
        self.limit = max(1, limit)
        self.window = window
        self._times = OrderedDict((key, deque(times, self.limit)) for key, times in self._times.items())
        self._make_room()

    def add(self, key: str, now: float, times: int = 1) -> int:
        """Count something that happened, for so many ``times``; return the count within the window, `limit` at most."""
        found = self._times.get(key)
        if found is None:
            found = self._times[key] = deque(maxlen=self.limit)
            self._make_room()
        self._times.move_to_end(key)
        found.extend([now] * min(times, self.limit))
        return self._within(found, now)

    def count(self, key: str, now: float) -> int:
        """Return how often it happened within the window, `limit` at most."""
        found = self._times.get(key)
        return self._within(found, now) if found is not None else 0

    def forget(self, key: str) -> None:
        """Begin again with this key."""
        self._times.pop(key, None)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._times)

    def _within(self, times: deque[float], now: float) -> int:
        while times and times[0] <= now - self.window:
            times.popleft()
        return len(times)

    def _make_room(self) -> None:
        """Forget the keys that were touched least recently: as many as fit stay, whatever the limit."""
        while len(self._times) > max(100, min(_MOST_KEYS, _MOST_TIMES // self.limit)):
            self._times.popitem(last=False)


class Unanswered:
    """Challenges that a source has left unanswered: what a scan for accounts looks like (svwar), and no phone.

    A phone answers within seconds. So a challenge counts once it is ``patience`` seconds old, and before that only when
    the source has more of them open than ``crowd``: a hundred phones behind one address may be switched on together.
    An account that is tried again while its challenge is open counts once.
    """

    __slots__ = ("_crowd", "_most", "_open", "_patience")

    def __init__(self, patience: float = 5.0, crowd: int = 100, most: int = _MOST_KEYS) -> None:
        self._patience = patience
        self._crowd = crowd
        self._most = most
        self._open: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()

    def add(self, source: str, account: str, now: float) -> int:
        """An account was challenged; return how many challenges of the source have come to count by that."""
        accounts = self._open.setdefault(source, OrderedDict())
        self._open.move_to_end(source)
        if len(self._open) > self._most:
            self._open.popitem(last=False)
        counted = self._take_old(accounts, now)
        accounts.setdefault(account, now)
        if len(accounts) > self._crowd:
            accounts.popitem(last=False)
            counted += 1
        return counted

    def answered(self, source: str, account: str) -> None:
        """The source answered for this account."""
        accounts = self._open.get(source)
        if accounts is None:
            return
        accounts.pop(account, None)
        if not accounts:
            del self._open[source]

    def forget(self, source: str) -> None:
        """Begin again with this source."""
        self._open.pop(source, None)

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._open)

    def _take_old(self, accounts: OrderedDict[str, float], now: float) -> int:
        counted = 0
        while accounts:
            account, since = next(iter(accounts.items()))
            if since > now - self._patience:
                break
            del accounts[account]
            counted += 1
        return counted
