"""The media of one call, over any relay: each description that passes is rewritten to lead through us.

A session has two sides, 0 the caller's and 1 the callee's, and leases one stream of the relay for each audio line when
that is first described. Address and port towards a side stay the same until the call ends, whatever the other side
does, because Teams never follows to another one (HLD-04).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.latch import UnusableAddressError
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Connection, Media, Origin, Session
from rustalk.sdp.parse import parse
from rustalk.sdp.rewrite import LocalMedia, rewrite

if TYPE_CHECKING:
    from rustalk.rtp.statistics import StreamStatistics

__all__ = ["MediaSession", "MediaSide", "SessionClosedError"]

# Streams for one call; audio lines beyond go out refused, so that one message cannot empty the port range.
STREAMS = 4
_RELAYED = frozenset({"RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
_ANY = {4: "0.0.0.0", 6: "::"}


class SessionClosedError(RuntimeError):
    """A description came for a call whose media is already released."""


@dataclass(frozen=True, slots=True)
class MediaSide:
    """What is known of one side before it says anything.

    ``family`` is the IP version, 4 or 6. ``advertised`` is the address to write in descriptions instead of the local
    one, for an SBC behind NAT. ``direct`` on either side leaves media alone. ``trim`` is for UDP trunks and
    ``inactive_only`` for Teams, see ``rustalk.sdp.rewrite``. Where the source of the media has to be learned, it is
    learned from the networks ``within`` only, if any are given.
    """

    family: int
    advertised: str | None = None
    direct: bool = False
    trim: bool = False
    inactive_only: bool = False
    within: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Where a side wants to receive one media line, whether it takes RTCP on the RTP port, whether it holds."""

    rtp: tuple[str, int] | None = None
    rtcp: tuple[str, int] | None = None
    mux: bool = False
    hold: bool = True


_NOTHING = _Wanted()


@dataclass(frozen=True, slots=True)
class _Description:
    """One description that passed: what its sender wants, and the text and version that the other side got for it."""

    wanted: tuple[_Wanted, ...] = ()
    text: bytes | None = None
    version: int = 0

    def line(self, index: int) -> _Wanted:
        """What is wanted for the media line ``index``; nothing if there is no such line."""
        return self.wanted[index] if index < len(self.wanted) else _NOTHING


_UNSAID = _Description()


class MediaSession:
    """The media of one call from the first description to the release.

    ``random`` gives the session ids of our o= lines. Whoever creates a session closes it, whatever happens.
    ``on_one_way(side)`` is called when this side is not heard while the other one is, ``on_silence()`` when neither is
    heard on any stream for the relay's timeout; both may be set at any time, and act only after ``answered()``.
    """

    __slots__ = (
        "_answered",
        "_before",
        "_closed",
        "_ids",
        "_last",
        "_relay",
        "_sides",
        "_silent",
        "_streams",
        "_version",
        "on_one_way",
        "on_silence",
    )

    def __init__(self, relay: IMediaRelay, sides: tuple[MediaSide, MediaSide], *, random: Callable[[], int]) -> None:
        self.on_one_way: Callable[[int], None] = _ignore_side
        self.on_silence: Callable[[], None] = _ignore
        self._relay = relay
        self._sides = sides
        # 31 bits: some peers read the id as a signed 32-bit number.
        self._ids = (random() & 0x7FFFFFFF, random() & 0x7FFFFFFF)
        self._version = [0, 0]
        self._streams: dict[int, IMediaStream] = {}
        self._last = [_UNSAID, _UNSAID]
        self._before = [_UNSAID, _UNSAID]
        self._silent: dict[int, int] = {}
        self._answered = False
        self._closed = False

    @property
    def direct(self) -> bool:
        """Whether media flows past us and descriptions pass untouched."""
        return self._sides[0].direct or self._sides[1].direct

    def translate(self, body: bytes, side: int) -> bytes:
        """The description to send to the other side for one that arrived from ``side``, be it offer or answer.

        The last description of a side counts, whichever fork it came from. The same one again gives the same bytes
        again (HDR-17); a changed one gets the next version (RFC 3264 section 8). Raises SdpError for one that cannot
        be used, and rustalk.media.ports.NoPorts; what was in force before then stays in force.
        """
        if self._closed:
            raise SessionClosedError("the media of this call is already released")
        if self.direct:
            self._remember(side, _Description(text=body))
            return body
        session = parse(body)
        wanted = tuple(_read_wanted(media, self._sides[side].family) for media in session.media)
        self._lease(session)
        text, version = self._write(session, 1 - side)
        self._take(side, _Description(wanted, text, version), session)
        return text

    def sent(self, side: int) -> bytes | None:
        """The last description sent to this side, to answer a session refresh with (HLD-05); None before the first."""
        return self._last[1 - side].text

    def answered(self) -> None:
        """The call is answered: from now on both sides should be heard, except during hold."""
        self._answered = True
        self._expect()

    def revert(self, side: int) -> None:
        """The last offer of ``side`` was refused: what was in force before it is in force again."""
        self._last[side] = self._before[side]
        self._expect()

    def statistics(self) -> list[tuple[StreamStatistics, StreamStatistics]]:
        """For each stream what has arrived from side 0 and from side 1; still there after the close."""
        return [(stream.statistics(0), stream.statistics(1)) for stream in self._streams.values()]

    def close(self) -> None:
        """Return all ports. Closing twice is harmless."""
        self._closed = True
        self.on_one_way, self.on_silence = _ignore_side, _ignore
        with ExitStack() as leases:
            for stream in self._streams.values():
                stream.on_one_way, stream.on_silence = _ignore_side, _ignore
                leases.callback(stream.close)

    def _lease(self, session: Session) -> None:
        """Open a stream for each audio line that has none yet."""
        for index, media in enumerate(session.media):
            if _relayable(media) and index not in self._streams and len(self._streams) < STREAMS:
                stream = self._relay.open((self._sides[0].family, self._sides[1].family))
                stream.on_one_way = self._one_way
                stream.on_silence = partial(self._silence, index)
                self._streams[index] = stream

    def _write(self, session: Session, to: int) -> tuple[bytes, int]:
        """The text for side ``to`` and its version: the one sent last if nothing in it has changed, else the next."""
        places = [self._place(index, media, to) for index, media in enumerate(session.media)]
        last = self._last[1 - to]
        if last.text is not None and self._render(session, places, to, last.version) == last.text:
            return last.text, last.version
        self._version[to] += 1
        return self._render(session, places, to, self._version[to]), self._version[to]

    def _render(self, session: Session, places: list[LocalMedia | None], to: int, version: int) -> bytes:
        side = self._sides[to]
        origin = Origin("-", self._ids[to], version, self._address(to))
        return rewrite(session, places, origin, trim=side.trim, inactive_only=side.inactive_only).to_bytes()

    def _place(self, index: int, media: Media, to: int) -> LocalMedia | None:
        stream = self._streams.get(index)
        if stream is None or not _relayable(media):
            return None
        address, rtp, rtcp = stream.local(to)
        return LocalMedia(self._sides[to].advertised or address, rtp, rtcp)

    def _address(self, to: int) -> str:
        """Our address towards a side; without any stream there is none to be reached at."""
        side = self._sides[to]
        local = (stream.local(to)[0] for stream in self._streams.values())
        return side.advertised or next(local, _ANY[side.family])

    def _take(self, side: int, description: _Description, session: Session) -> None:
        """Put a description in force, or none of it."""
        previous = self._last[side]
        self._last[side] = description
        try:
            self._expect()
        except UnusableAddressError as error:
            self._last[side] = previous
            self._expect()
            raise SdpError(str(error), session.media[0].line) from None
        self._before[side] = previous
        for index, stream in self._streams.items():
            if index < len(session.media):
                # The payload types of a description are those that the other side sends.
                stream.set_clock_rates(1 - side, session.media[index].clock_rates)

    def _remember(self, side: int, description: _Description) -> None:
        self._before[side], self._last[side] = self._last[side], description

    def _expect(self) -> None:
        """Tell the streams what both sides want now."""
        if self._closed:
            return
        for index, stream in self._streams.items():
            wanted = (self._last[0].line(index), self._last[1].line(index))
            mux = wanted[0].mux and wanted[1].mux
            for side, want in enumerate(wanted):
                stream.expect(side, want.rtp, want.rtp if mux else want.rtcp, within=self._sides[side].within)
            stream.watch(self._answered and not (wanted[0].hold or wanted[1].hold))

    def _one_way(self, side: int) -> None:
        self.on_one_way(side)

    def _silence(self, index: int) -> None:
        """One stream is silent; the call is only when all others still are."""
        self._silent[index] = self._arrived(index)
        if all(self._silent.get(other) == self._arrived(other) for other in self._watched()):
            self.on_silence()

    def _watched(self) -> list[int]:
        held = [(self._last[0].line(index).hold or self._last[1].line(index).hold) for index in self._streams]
        return [index for index, hold in zip(self._streams, held, strict=True) if not hold]

    def _arrived(self, index: int) -> int:
        stream = self._streams[index]
        return stream.statistics(0).packets + stream.statistics(1).packets


def _relayable(media: Media) -> bool:
    return media.kind == "audio" and media.port != 0 and media.proto in _RELAYED


def _read_wanted(media: Media, family: int) -> _Wanted:
    """Where the sender of this line wants to receive. Direction does not matter: RTCP flows on hold too (MED-11)."""
    if not _relayable(media):
        return _NOTHING
    connection = media.connection
    if connection is None:
        raise SdpError("no c= line says where this medium is received", media.line)
    if connection.unspecified:
        return _Wanted(mux=media.rtcp_mux)
    if not _usable(connection, family):
        raise SdpError(f"{connection.address} cannot be reached here; a unicast IPv{family} address can", media.line)
    return _Wanted((connection.address, media.port), _rtcp(media, connection, family), media.rtcp_mux, media.is_hold)


def _rtcp(media: Media, connection: Connection, family: int) -> tuple[str, int] | None:
    """Where RTCP is wanted: as a=rtcp says, if that can be reached, else on the next port."""
    said = media.rtcp
    if said is None:
        return (connection.address, media.port + 1) if media.port < 65535 else None
    if said.connection is not None and _usable(said.connection, family):
        connection = said.connection
    return connection.address, said.port


def _usable(connection: Connection, family: int) -> bool:
    return connection.family == family and not connection.multicast and not connection.unspecified


def _ignore() -> None:
    """Nobody has asked to be told of silence."""


def _ignore_side(side: int) -> None:
    """Nobody has asked to be told of one-way audio."""
