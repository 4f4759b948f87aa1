"""Where a call's offers and answers stand (RFC 3264): a value, so that the last one can be taken again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rustalk.media.line import UNSAID, Line
from rustalk.media.security import Own
from rustalk.rtp.treatment import IceCredentials
from rustalk.sdp.model import Session

__all__ = ["NOTHING_SAID", "Credentials", "Description", "Standing"]

Credentials: TypeAlias = tuple[IceCredentials | None, IceCredentials | None]
"""Our ICE credentials towards both sides, where they do ICE."""


@dataclass(frozen=True, slots=True)
class Description:
    """One description that passed: its lines, and the text and version that the other side got for it."""

    body: bytes = field(default=b"", repr=False)
    lines: tuple[Line, ...] = ()
    text: bytes | None = field(default=None, repr=False)
    version: int = 0

    def line(self, index: int) -> Line:
        """What is wanted for the media line ``index``; nothing if there is no such line."""
        return self.lines[index] if index < len(self.lines) else UNSAID


_UNSAID = Description()


@dataclass(frozen=True, slots=True)
class Standing:
    """What both sides said last, our a=crypto lines by line and side, our ICE credentials by side; and who is asked.

    ``asked`` is the side that has an offer to answer: as it ``came`` from the other side, None where it was our own,
    and as it was ``told``. Its answer becomes an offer to the other side where it ``turns``; where it is ``spare``, the
    other side has its answer already and need not hear of this one. ``turned`` is what stood before an answer turned,
    for another fork may answer as well.
    """

    said: tuple[Description, Description] = (_UNSAID, _UNSAID)
    own: Mapping[tuple[int, int], Own] = field(default_factory=dict)
    ice: Credentials = (None, None)
    asked: int | None = None
    came: Session | None = field(default=None, repr=False)
    told: Session | None = field(default=None, repr=False)
    turns: bool = False
    spare: bool = False
    turned: Standing | None = field(default=None, repr=False)

    def lines(self, index: int) -> tuple[Line, Line]:
        """What both sides said of a media line."""
        return self.said[0].line(index), self.said[1].line(index)

    def with_said(self, side: int, description: Description) -> tuple[Description, Description]:
        """Both descriptions, that of ``side`` a new one."""
        return (description, self.said[1]) if side == 0 else (self.said[0], description)


NOTHING_SAID = Standing()
