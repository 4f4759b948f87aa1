"""What calls ask of whoever knows the numbers; rustalk.pbx answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rustalk.config.model import MediaPath
from rustalk.ua.subject import Subject

from .events import Refused
from .target import Target, entered

__all__ = ["Asked", "Grant", "Placed", "Switchboard", "enter", "nothing"]

Asked = Callable[[str], str | None]
"""Gives the value of a header field of the INVITE by its name."""


class Grant(Protocol):
    """A place under a limit."""

    def release(self) -> None:
        """The call is over."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one call goes: ``targets`` are tried in their order. Without any, ``code`` is the reason.

    ``subject`` is the call as its new side sees it. ``status`` is that of a route that refuses, 0 where the code has
    its own. ``media`` is what the route, whose id is ``route``, says of them, None: what the peers say. ``goal`` is
    what the switchboard pursues, for its own use in `Switchboard.onward`. ``grants`` are what the call takes up, until
    it ends, of limits that are not those of a target.
    """

    subject: Subject
    targets: Sequence[Target] = ()
    code: str = ""
    status: int = 0
    media: MediaPath | None = None
    route: str = ""
    goal: object = None
    grants: tuple[Grant, ...] = ()


class Switchboard(Protocol):
    """Decides who is called."""

    def tenant(self, subject: Subject, source: str) -> str | None:
        """Whose call from the peer ``source`` it is; None where that leaves it open, or the name called is not ours."""

    def is_emergency(self, subject: Subject, source: str) -> bool:
        """Whether a call from the peer ``source`` is one for help, which no limit stops."""

    def place(self, subject: Subject, source: str, header: Asked = ...) -> Placed:
        """Where a call from the peer ``source`` goes now; ``header`` gives what else its INVITE says."""

    def onward(self, placed: Placed, source: str, refusal: Refused) -> Placed | None:
        """Where a call goes that nobody there has taken; None where it ends."""

    def asker(self, peer: str, source: str) -> str:
        """In whose name a call from ``source`` goes on that ``peer`` has sent elsewhere by a 3xx."""

    def picks_up(self, source: str, peer: str) -> bool:
        """Whether the peer ``source`` may answer a call that rings at ``peer``."""


def nothing(name: str) -> str | None:
    """A call without an INVITE of its own: the target of a transfer."""
    return None


def enter(switchboard: Switchboard, placed: Placed, source: str) -> tuple[Placed, str]:
    """Follow a call on until a target admits it, the first of those that come back; or the code of why none does.

    Where none does nothing is taken up any more.
    """
    while True:
        targets, code = entered(placed.targets, placed.subject)
        if targets:
            return replace(placed, targets=targets), ""
        code = placed.code or code
        following = switchboard.onward(placed, source, Refused(0, code))
        if following is None:
            for grant in placed.grants:
                grant.release()
            return placed, code
        placed = replace(following, grants=(*placed.grants, *following.grants))
