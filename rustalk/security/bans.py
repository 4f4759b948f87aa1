"""Who is shut out for a time: asked for each datagram, so one look into a dictionary is all that it takes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rustalk.security.networks import source_of

__all__ = ["Ban", "Bans"]

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Ban:
    """One source that is shut out. ``source`` is as `source_of` writes it; ``since`` and ``until`` are in seconds."""

    source: str
    why: str
    since: float
    until: float


def _nobody(address: str) -> bool:
    return False


def _silent(source: str, ban: Ban | None) -> None:
    """Nobody wants to know."""


class Bans:
    """The bans in force. An IPv6 address stands for its /64, and memory is bounded: the oldest ban makes room.

    ``exempt(address)`` tells who is never banned. ``told(source, ban)`` is called with each ban that is made, and with
    None when one is lifted. ``now`` is any number of seconds that does not run backwards.
    """

    __slots__ = ("_bans", "_exempt", "_most", "_told")

    def __init__(
        self,
        exempt: Callable[[str], bool] = _nobody,
        most: int = _MOST,
        told: Callable[[str, Ban | None], object] = _silent,
    ) -> None:
        self._exempt = exempt
        self._most = most
        self._told = told
        self._bans: OrderedDict[str, Ban] = OrderedDict()

    def ban(self, address: str, seconds: float, why: str, now: float) -> Ban | None:
        """Shut out an address, and for longer where it is already; None for what is exempt or no address.

        A ban never ends earlier than the one that it replaces.
        """
        source = source_of(address)
        if not source or self._exempt(address):
            return None
        before = self._bans.pop(source, None)
        until = max(now + seconds, before.until if before is not None else now)
        ban = Ban(source, why, now, until)
        self._keep(ban)
        self._told(source, ban)
        return ban

    def learn(self, ban: Ban, now: float) -> None:
        """Take up a ban that was made elsewhere, unless it is over, shorter than ours or of who is exempt.

        One ``until`` 0 was lifted there.
        """
        ours = self._bans.get(ban.source)
        if not ban.until:
            self._bans.pop(ban.source, None)
        elif ban.until > max(now, ours.until if ours else now) and not self._exempt(ban.source.partition("/")[0]):
            self._bans.pop(ban.source, None)
            self._keep(ban)

    def lift(self, address: str) -> bool:
        """End the ban of an address, or of an IPv6 network as a ban shows it; say whether there was one."""
        source = source_of(address.partition("/")[0])
        if self._bans.pop(source, None) is None:
            return False
        self._told(source, None)
        return True

    def lift_exempt(self) -> None:
        """End the bans of those that have become exempt."""
        for source in [each for each in self._bans if self._exempt(each.partition("/")[0])]:
            del self._bans[source]
            self._told(source, None)

    def is_banned(self, address: str, now: float) -> bool:
        """Whether an address is shut out now."""
        return bool(self._bans) and self.holds(source_of(address), now)

    def holds(self, source: str, now: float) -> bool:
        """Answer the same for a source from `source_of`; a ban that is over is forgotten."""
        ban = self._bans.get(source)
        if ban is None:
            return False
        if ban.until > now:
            return True
        del self._bans[source]
        return False

    def snapshot(self, now: float) -> tuple[Ban, ...]:
        """Return the bans in force, the oldest first."""
        return tuple(ban for ban in self._bans.values() if ban.until > now)

    def __len__(self) -> int:
        """How many are remembered, some of which may be over."""
        return len(self._bans)

    def _keep(self, ban: Ban) -> None:
        self._bans[ban.source] = ban
        if len(self._bans) > self._most:
            self._bans.popitem(last=False)
