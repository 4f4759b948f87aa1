"""Everybody that calls come from and go to, by id: the trunks, the extensions as phones, and the nodes beside us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rustalk.call.target import Trunk
from rustalk.config.model import Extension, Manners
from rustalk.trunk.build import WORLD
from rustalk.trunk.dialect import Dialect
from rustalk.ua.profile import Profile

from .directory import calling_extension
from .locate import Locator
from .phone import Further, MediaOn, Phone, nobody_else

__all__ = ["Busy", "Peers"]

_PHONES = Manners(identity="pai")
"""How phones speak: they are shown who calls, unless that is not to be known."""


class Busy:
    """The limit of an extension: where it has as many calls as it may, it is busy."""

    __slots__ = ("_most", "calls")

    def __init__(self) -> None:
        self._most = 0
        self.calls = 0

    def allow(self, most: int) -> None:
        """So many calls at the same time from now on; 0: any number."""
        self._most = most

    def admit(self) -> str:
        """Ask for a call: '' when it may begin, and counts, else the code of the reason why not."""
        if 0 < self._most <= self.calls:
            return "extension_busy"
        self.calls += 1
        return ""

    def barred(self) -> str:
        """Why no call may come from the extension now: what a stolen password may cost is bounded too (A8)."""
        return "extension_busy" if 0 < self._most <= self.calls else ""

    def take(self) -> None:
        """Count a call, which is not asked for."""
        self.calls += 1

    def release(self) -> None:
        """A call that was admitted or taken is over."""
        self.calls -= 1


class Peers(Mapping[str, Trunk]):
    """The peers. Phones are made when they are asked for; ``find`` gives an extension by number as it is now.

    ``trunks`` and ``nodes`` may change: they are looked into each time. ``world`` is who else has a SIP address;
    ``further`` leads to the phones that the nodes hold. Iteration gives the trunks alone.
    """

    def __init__(
        self,
        trunks: Mapping[str, Trunk],
        find: Callable[[str], Extension | None],
        locator: Locator,
        *,
        world: Trunk | None,
        profiles: Mapping[str, Profile],
        media_on: MediaOn,
        domain: Callable[[], str],
    ) -> None:
        self.world = world
        self.nodes: Mapping[str, Trunk] = {}
        self.further: Further = nobody_else
        self._trunks = trunks
        self._find = find
        self._locator = locator
        self._profiles = profiles
        self._media_on = media_on
        self._domain = domain
        self._dialect = Dialect(_PHONES)
        self._phones: dict[str, Phone] = {}
        self._limits: dict[str, Busy] = {}

    def __getitem__(self, id: str) -> Trunk:
        number = calling_extension(id)
        if not number:
            if id == WORLD and self.world is not None:
                return self.world
            return self._trunks.get(id) or self.nodes[id]
        phone = self.phone(number)
        if phone is None:
            raise KeyError(id)
        return phone

    def __iter__(self) -> Iterator[str]:
        return iter(self._trunks)

    def __len__(self) -> int:
        return len(self._trunks)

    def phone(self, number: str) -> Phone | None:
        """The extension of this number, enabled or not: a call of it goes on when it is switched off."""
        extension = self._find(number)
        known = self._phones.get(number)
        if extension is None:  # its last calls may still end
            return known
        if known is None or known.extension is not extension:
            limit = self._limits.setdefault(number, Busy())
            limit.allow(extension.max_concurrent_calls)
            known = self._phones[number] = Phone(
                extension,
                limit=limit,
                locator=self._locator,
                dialect=self._dialect,
                profiles=self._profiles,
                media_on=self._media_on,
                domain=self._domain(),
                further=self.further,
            )
        return known

    def is_busy(self, number: str) -> bool:
        """Whether an extension is in a call."""
        limit = self._limits.get(number)
        return limit is not None and limit.calls > 0

    def is_full(self, number: str) -> bool:
        """Whether an extension has as many calls as it may."""
        phone = self.phone(number)
        return phone is not None and 0 < phone.extension.max_concurrent_calls <= self._limits[number].calls
