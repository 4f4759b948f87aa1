"""Which logins failed lately: for the list that an administrator looks at when a phone does not come up.

Accounts and addresses are what strangers choose to send, so memory is bounded: the pair that failed the longest ago
makes room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from .house import LoginSnapshot
from .printable import printable

__all__ = ["FailedLogins", "Logins"]

_MOST = 5000
_LONGEST = 128


class Logins(Protocol):
    """Who counts logins for other ends, such as the guard."""

    def on_challenge(self, address: str, account: str) -> None:
        """A request showed nothing and was challenged."""

    def on_failure(self, address: str, account: str, why: str) -> None:
        """A login failed."""

    def on_success(self, address: str, account: str) -> None:
        """A login."""


class FailedLogins:
    """The failures by account and address; all that it is told it also tells ``beyond``.

    ``now`` gives seconds since 1970.
    """

    def __init__(self, now: Callable[[], float], beyond: Logins | None = None, most: int = _MOST) -> None:
        self._now = now
        self._beyond = beyond
        self._most = most
        self._found: OrderedDict[tuple[str, str], LoginSnapshot] = OrderedDict()

    def on_challenge(self, address: str, account: str) -> None:
        """A challenge is no failure yet."""
        if self._beyond is not None:
            self._beyond.on_challenge(address, account)

    def on_failure(self, address: str, account: str, why: str) -> None:
        """A login failed."""
        key = printable(account[:_LONGEST]), address
        now = datetime.fromtimestamp(self._now(), UTC)
        before = self._found.pop(key, None)
        first, count = (before.first, before.count + 1) if before is not None else (now, 1)
        self._found[key] = LoginSnapshot(*key, count, first, now, why)
        if len(self._found) > self._most:
            self._found.popitem(last=False)
        if self._beyond is not None:
            self._beyond.on_failure(address, account, why)

    def on_success(self, address: str, account: str) -> None:
        """The account logged in from there after all."""
        self._found.pop((printable(account[:_LONGEST]), address), None)
        if self._beyond is not None:
            self._beyond.on_success(address, account)

    def listed(self) -> list[LoginSnapshot]:
        """All of them, the latest failure first."""
        return list(reversed(self._found.values()))
