"""The streams of one call: one for each media line, leased when that is first described, kept until the call ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.conclusion import conclude
from rustalk.media.line import UNSAID, Line
from rustalk.media.side import MediaSide
from rustalk.media.standing import Standing
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Session

if TYPE_CHECKING:
    from rustalk.rtp.statistics import StreamStatistics

__all__ = ["STREAMS", "SessionClosedError", "Streams"]

STREAMS = 4
"""Streams for one call; media lines beyond go out refused, so that one message cannot empty the port range."""


class SessionClosedError(RuntimeError):
    """A description came for a call whose media is already released."""

    def __init__(self) -> None:
        super().__init__("the media of this call is already released")


class Streams:
    """Leases streams by the index of their media line, and tells them what both sides want.

    ``on_one_way``, ``on_silence`` and ``on_digit`` are those of MediaSession, except that each digit heard is told.
    """

    __slots__ = (
        "_relay",
        "_silent",
        "_streams",
        "closed",
        "on_digit",
        "on_one_way",
        "on_silence",
        "watched",
    )

    def __init__(self, relay: IMediaRelay) -> None:
        self._relay = relay
        self._streams: dict[int, IMediaStream] = {}
        self._silent: dict[int, int] = {}
        self.watched: tuple[int, ...] = ()
        self.closed = False
        self.on_one_way: Callable[[int], None] = _ignore_side
        self.on_silence: Callable[[], None] = _ignore
        self.on_digit: Callable[[int, str, int], None] = _ignore_digit

    def __contains__(self, index: int) -> bool:
        """Whether the media line of this index has a stream."""
        return index in self._streams

    def local(self, index: int, side: int) -> tuple[str, int, int]:
        """Our address, RTP and RTCP port towards a side, for a media line that has a stream."""
        return self._streams[index].local(side)

    def address(self, side: int) -> str | None:
        """Our address towards a side, None without any stream."""
        return next((stream.local(side)[0] for stream in self._streams.values()), None)

    def open(self, lines: list[int], needy: frozenset[int], families: tuple[int, int]) -> Deferred[None]:
        """Open what is missing for these media lines; those of ``needy`` can only be relayed with treatment.

        Fails as IMediaRelay.open does, and with SessionClosedError. To cancel it gives up the waiting only: a stream
        that opens after all is kept, or closed with the others.
        """
        missing = [index for index in lines if index not in self._streams][: STREAMS - len(self._streams)]
        return _all([self._open(index, families, index in needy) for index in missing])

    def _open(self, index: int, families: tuple[int, int], treated: bool) -> Deferred[None]:
        return self._relay.open(families, treated=treated).addCallback(self._opened, index)

    def _opened(self, stream: IMediaStream, index: int) -> None:
        if self.closed:
            stream.close()
            raise SessionClosedError
        if index in self._streams or len(self._streams) == STREAMS:  # a description that came meanwhile had it
            stream.close()
            return
        stream.on_one_way = self._one_way
        stream.on_silence = partial(self._silence, index)
        stream.on_digit = self._digit
        self._streams[index] = stream

    def release(self, needy: frozenset[int]) -> None:
        """Close those of these streams that cannot treat packets, so that others are opened; while they are unknown."""
        for index in needy & self._untreatable():
            self._streams.pop(index).close()

    def check(self, standing: Standing) -> None:
        """Raise SdpError if the packets of a stream would have to be treated that cannot be."""
        for index in self._untreatable():
            if any(line.ending is not None for line in standing.lines(index)) or standing.ice != (None, None):
                raise SdpError("the encryption of this call's media cannot be changed any more", 1)

    def _untreatable(self) -> set[int]:
        return {index for index, stream in self._streams.items() if not stream.treatable}

    def apply(
        self, standing: Standing, sides: tuple[MediaSide, MediaSide], answered: bool, previous: Standing | None = None
    ) -> None:
        """Tell the streams what both sides want now, and what is done to their packets.

        With the ``previous`` standing, which they know, only what has changed since. Both sides should be heard once
        the call is ``answered``. A line that is to carry another protocol goes on as before until both sides have said
        so: the other one sends nothing else until its answer (RFC 3264 section 8.3.3). Raises UnusableAddressError.
        """
        if self.closed:
            return
        bypass = sides[0].ice or sides[1].ice
        for index, stream in self._streams.items():
            lines = standing.lines(index)
            if _differ(lines):
                continue
            opaque = lines[0].opaque or lines[1].opaque
            stream.opaque(opaque)
            anew = previous is None or _differ(previous.lines(index))
            for side in (0, 1):
                wanted = _wanted(standing, lines, side, bypass)
                if anew or previous is None or wanted != _wanted(previous, previous.lines(index), side, bypass):
                    stream.expect(side, *wanted, within=sides[side].within)
                if sides[side].ice and stream.treatable:
                    stream.ice(side, standing.ice[side])
            if stream.treatable:
                own = standing.own.get((index, 0)), standing.own.get((index, 1))
                stream.treat(None if opaque else conclude(lines, own, sides))
            self._watch(index, answered and not (lines[0].hold or lines[1].hold))

    def _watch(self, index: int, active: bool) -> None:
        self._streams[index].watch(active)
        if active != (index in self.watched):
            rest = tuple(other for other in self.watched if other != index)
            self.watched = (*rest, index) if active else rest

    def set_clock_rates(self, side: int, session: Session, told: Session, standing: Standing) -> None:
        """Say the clock rates of what ``side`` sends: the payload types that it was told, in a line treated here."""
        for index, stream in self._streams.items():
            line = standing.said[1 - side].line(index)
            if index < len(session.media) and not line.opaque:
                source = session if line.ending is None else told
                stream.set_clock_rates(side, source.media[index].clock_rates)

    def digit(self, side: int, digit: str, milliseconds: int) -> None:
        """Dial towards a side on the first stream; nothing if that carries byte for byte."""
        index = next(iter(self._streams), None)
        if index is not None and self._streams[index].treatable and not self.closed:
            self._streams[index].digit(side, digit, milliseconds)

    def statistics(self) -> list[tuple[StreamStatistics, StreamStatistics]]:
        """For each stream what has arrived from side 0 and from side 1; still there after the close."""
        return [(stream.statistics(0), stream.statistics(1)) for stream in self._streams.values()]

    def close(self) -> None:
        """Return all ports. Closing twice is harmless."""
        self.closed = True
        self.on_one_way, self.on_silence, self.on_digit = _ignore_side, _ignore, _ignore_digit
        with ExitStack() as leases:
            for stream in self._streams.values():
                stream.on_one_way, stream.on_silence, stream.on_digit = _ignore_side, _ignore, _ignore_digit
                leases.callback(stream.close)

    def _one_way(self, side: int) -> None:
        self.on_one_way(side)

    def _digit(self, side: int, digit: str, milliseconds: int) -> None:
        self.on_digit(side, digit, milliseconds)

    def _silence(self, index: int) -> None:
        """One stream is silent; the call is only when all others still are."""
        self._silent[index] = self._arrived(index)
        if all(self._silent.get(other) == self._arrived(other) for other in self.watched):
            self.on_silence()

    def _arrived(self, index: int) -> int:
        stream = self._streams[index]
        return stream.statistics(0).packets + stream.statistics(1).packets


def _differ(lines: tuple[Line, Line]) -> bool:
    """Whether one side speaks RTP on a line and the other something else: an offer is not answered yet."""
    return lines[0].opaque != lines[1].opaque and UNSAID not in lines


def _wanted(
    standing: Standing, lines: tuple[Line, Line], side: int, bypass: bool
) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """Where a side receives RTP and RTCP: on one port if both said so, or, beside ICE, if it said so to us."""
    line = lines[side]
    shares = line.mux and (standing.ice[side] is not None if bypass else lines[1 - side].mux)
    return line.rtp, line.rtp if shares else line.rtcp


def _all(works: list[Deferred[None]]) -> Deferred[None]:
    """A Deferred for what comes of all ``works``, the first failure if any, that can be cancelled without them."""
    if len(works) == 1 and works[0].called:
        return works[0]
    waiting: Deferred[None] = Deferred()
    left = len(works)
    failures: list[Failure] = []

    def done(outcome: Failure | None) -> None:
        nonlocal left
        left -= 1
        if outcome is not None:
            failures.append(outcome)
        if left == 0 and failures:
            waiting.errback(failures[0])
        elif left == 0:
            waiting.callback(None)

    for work in works:
        work.addBoth(done)
    return waiting if works else succeed(None)


def _ignore() -> None:
    """Nobody has asked to be told of silence."""


def _ignore_side(side: int) -> None:
    """Nobody has asked to be told of one-way audio."""


def _ignore_digit(side: int, digit: str, milliseconds: int) -> None:
    """Nobody has asked to be told of digits."""
