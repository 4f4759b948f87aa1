"""The media of one call: the ends it has had, the one that speaks, and what either side has described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rustalk.sdp.model import Direction

from .description import Facts, refused
from .media import MediaCounts, SrtpEnd

__all__ = ["Describe", "Sound"]

HEARING = (Direction.SENDRECV, Direction.RECVONLY)


class Describe(Protocol):
    """Writes a session description for one end (``description.teams_sdp`` and its like)."""

    def __call__(self, end: SrtpEnd, direction: Direction = ..., *, version: int = ..., tag: int = ...) -> bytes: ...


class Sound:
    """What a call says and hears. ``make`` opens a new end, with ports and a key of its own.

    ``remote`` is the other side's last description, ``first_place`` the address and port of its first one.
    """

    def __init__(self, make: Callable[[], SrtpEnd], describe: Describe) -> None:
        self.describe = describe
        self.direction = Direction.SENDRECV
        self.version = 0
        self.remote: Facts | None = None
        self.first_place: tuple[str, int] | None = None
        self._make = make
        self._end: SrtpEnd | None = None
        self._ends: list[SrtpEnd] = []
        self._closed = False

    @property
    def end(self) -> SrtpEnd:
        """The end that speaks; opened when first asked for."""
        if self._end is None:
            self._end = self.open()
        return self._end

    @property
    def counts(self) -> MediaCounts:
        """What the end that speaks has sent and received so far."""
        return self._end.counts if self._end else MediaCounts()

    def open(self) -> SrtpEnd:
        """Another end of this call; it lives until the call is closed."""
        end = self._make()
        self._ends.append(end)
        return end

    def use(self, end: SrtpEnd) -> None:
        """Let this end of ours speak from now on, and the others fall silent."""
        self.hush()
        self._end = end

    def text(self, end: SrtpEnd | None = None) -> bytes:
        """Our description as it stands, of the end that speaks or of the one given."""
        tag = self.remote.tag if self.remote else 1
        body = self.describe(end or self.end, self.direction, version=self.version, tag=tag)
        return body + refused(self.remote, body)

    def turn(self, direction: Direction) -> None:
        """Change what we offer or answer: a new version of the description, with this direction."""
        self.direction = direction
        self.version += 1

    def heard(self, found: Facts, *, speak: bool) -> None:
        """Take the other side's description: the media goes there, if it wants to hear us and we may ``speak``."""
        self.remote = found
        self.first_place = self.first_place or found.place
        flow = found.flow(mux=b"a=rtcp-mux" in self.text())
        if flow is None or self._closed:
            return
        self.end.connect(flow)
        if self.end.ice is not None and found.ice is not None and not self.end.ice.lite:
            self.end.ice.check(found.ice)
        if speak and found.audio.direction in HEARING and self.direction in (Direction.SENDRECV, Direction.SENDONLY):
            self.end.speak()
        else:
            self.end.hush()

    def hush(self) -> None:
        """Let every end fall silent; RTCP goes on."""
        for end in self._ends:
            end.hush()

    async def close(self) -> None:
        """Stop the media and give every port back."""
        self._closed = True
        for end in self._ends:
            await end.close()
