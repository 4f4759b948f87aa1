"""Who and what has a number or a name in this house: extensions, groups, numbers dialled from outside, trunks.

Twenty thousand extensions are not looked through for each call, nor sorted anew for each change of something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from rustalk.config.model import Did, Extension, RingGroup, Settings, Trunk

__all__ = ["EXTENSION", "Directory", "calling_extension"]

EXTENSION = "extension:"
"""What stands before the number of an extension where a call comes from it or goes to it, as an id of a peer."""


def calling_extension(source: str) -> str:
    """The number of the extension that a call came from, '' where it came from a trunk."""
    return source.removeprefix(EXTENSION) if source.startswith(EXTENSION) else ""


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=_Named)


class Directory:
    """What the settings define, by number and by id.

    ``before`` is the directory of the settings before a change, from which is taken over what has not changed.
    """

    __slots__ = ("_dids", "_extensions", "_groups", "_numbers", "_settings", "_trunks")

    def __init__(self, settings: Settings, before: Directory | None = None) -> None:
        self._settings = settings
        old = before._settings if before is not None else None
        self._numbers: dict[str, Extension]
        self._extensions: dict[str, Extension]
        if before is not None and old is not None and old.extensions is settings.extensions:
            self._numbers, self._extensions = before._numbers, before._extensions
        else:
            self._numbers = {each.extension: each for each in settings.extensions}
            self._extensions = _by_id(settings.extensions)
        self._dids: dict[str, Did]
        if before is not None and old is not None and old.dids is settings.dids:
            self._dids = before._dids
        else:
            self._dids = _by_number(settings.dids)
        self._groups = {each.name: each for each in settings.ring_groups if each.name} | _by_id(settings.ring_groups)
        self._trunks = _by_id(settings.trunks)

    def extension(self, name: str) -> Extension | None:
        """The extension of that number, or else of that id."""
        return self._numbers.get(name) or self._extensions.get(name)

    def group(self, name: str) -> RingGroup | None:
        """The ring group of that id, or else of that name."""
        return self._groups.get(name)

    def are_mates(self, one: str, other: str) -> bool:
        """Whether two extensions, by their numbers, are in one ring group that is on."""
        return any({one, other} <= self._members(group) for group in self._settings.ring_groups if group.enabled)

    def _members(self, group: RingGroup) -> set[str]:
        found = (self.extension(member.extension) for member in group.ringing)
        return {extension.extension for extension in found if extension is not None}

    def did(self, number: str) -> Did | None:
        """What is dialled from outside by this number, with or without a plus: the enabled one of lowest priority."""
        return self._dids.get(number.removeprefix("+"))

    def trunk(self, id: str) -> Trunk | None:
        """The trunk of that id, enabled or not; Teams is none of these."""
        return self._trunks.get(id)


def _by_id(items: Iterable[Item]) -> dict[str, Item]:
    return {item.id: item for item in items}


def _by_number(dids: Iterable[Did]) -> dict[str, Did]:
    found: dict[str, Did] = {}
    for did in sorted(dids, key=lambda did: did.priority):
        if did.enabled:
            found.setdefault(did.number.removeprefix("+"), did)
    return found
