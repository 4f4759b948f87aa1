"""Whom a ring group rings, when and for how long.

Pure: the group as configured, who is there and who is talking give the stages, one after the other; what happens then,
the overflow, is the group's own. Members' own forwards and voicemail boxes are not asked: the box of one member must
not take the call of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rustalk.config.model import Extension, RingGroup

__all__ = ["Ring", "Stage", "Turns", "rings"]


@dataclass(frozen=True, slots=True)
class Ring:
    """One member, rung ``delay`` seconds after the stage begins."""

    extension: str
    delay: float


@dataclass(frozen=True, slots=True)
class Stage:
    """Members that ring together for so many ``seconds``, counted from the beginning of the stage."""

    members: tuple[Ring, ...]
    seconds: float


class Turns:
    """Who was rung first the last time, in each group that takes turns: one name for each group of the settings."""

    __slots__ = ("_served",)

    def __init__(self) -> None:
        self._served: dict[str, str] = {}

    def begin(self, group: str, members: Sequence[Ring]) -> list[Ring]:
        """All members of a group, beginning with the one after who was rung first the last time."""
        names = [member.extension for member in members]
        served = self._served.get(group)
        start = names.index(served) + 1 if served in names else 0
        return [*members[start:], *members[:start]]

    def served(self, group: str, extension: str) -> None:
        """Remember who was rung first this time."""
        self._served[group] = extension

    def keep(self, groups: Iterable[str]) -> None:
        """Forget the groups that are not among these any more."""
        left = set(groups)
        self._served = {group: extension for group, extension in self._served.items() if group in left}


def rings(
    group: RingGroup,
    *,
    find: Callable[[str], Extension | None],
    is_there: Callable[[str], bool],
    is_busy: Callable[[str], bool],
    turns: Turns,
) -> tuple[Stage, ...]:
    """The stages of a group, by the numbers of its members; none where it is off or nobody in it can be rung.

    ``find`` gives the extension of a number or an id. ``is_there`` says whether a phone of that number is registered,
    ``is_busy`` whether it is in a call, which counts where the group skips the busy. Who wants no calls is left out.
    """
    members = _members(group, find) if group.enabled else []
    if group.strategy == "roundrobin":
        members = turns.begin(group.id, members)
    members = [
        each for each in members if is_there(each.extension) and not (group.skip_busy and is_busy(each.extension))
    ]
    if group.strategy == "simultaneous":
        return _together(members, group.timeout_seconds)
    if group.strategy == "roundrobin" and members:
        turns.served(group.id, members[0].extension)
    return tuple(Stage((each,), each.delay + group.timeout_seconds) for each in members)


def _members(group: RingGroup, find: Callable[[str], Extension | None]) -> list[Ring]:
    """Each extension that takes calls once, where it stands first."""
    found: dict[str, Ring] = {}
    for member in group.ringing:
        extension = find(member.extension)
        if extension is not None and extension.enabled and not extension.do_not_disturb:
            found.setdefault(extension.extension, Ring(extension.extension, member.delay))
    return list(found.values())


def _together(members: Iterable[Ring], seconds: float) -> tuple[Stage, ...]:
    """All of them, but those whose delay lasts longer than the group rings."""
    ringing = tuple(member for member in members if member.delay < seconds)
    return (Stage(ringing, seconds),) if ringing else ()
