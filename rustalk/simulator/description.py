"""Session descriptions as Teams' media processors and carriers write them, and what the simulator reads in one."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.rtp.srtp import KeyMaterial, UnusableKeyError, parse_key
from rustalk.sdp import crypto
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Direction, Media, Session
from rustalk.sdp.parse import parse

from .media import Audio, SrtpEnd

__all__ = ["Facts", "carrier_sdp", "facts", "mirrored", "teams_sdp"]

_TEAMS_FORMATS = (
    "m=audio {port} RTP/SAVP 104 9 103 111 112 117 18 0 8 114 115 116 97 106 101 13 118",
    "c=IN {kind} {address}",
    "a=rtcp:{rtcp}",
    "a=label:main-audio",
    "a=mid:1",
    "a={direction}",
    "a=crypto:{crypto}",
    "a=rtpmap:104 SILK/16000",
    "a=fmtp:104 useinbandfec=1; usedtx=0",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:103 SILK/8000",
    "a=rtpmap:111 SIREN/16000",
    "a=fmtp:111 bitrate=16000",
    "a=rtpmap:112 G7221/16000",
    "a=fmtp:112 bitrate=24000",
    "a=rtpmap:117 G722/8000/2",
    "a=rtpmap:18 G729/8000",
    "a=fmtp:18 annexb=no",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:114 x-msrta/16000",
    "a=fmtp:114 bitrate=29000",
    "a=rtpmap:115 x-msrta/8000",
    "a=fmtp:115 bitrate=11800",
    "a=rtpmap:116 AAL2-G726-32/8000",
    "a=rtpmap:97 RED/8000",
    "a=rtpmap:106 telephone-event/16000",
    "a=fmtp:106 0-16",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=rtpmap:13 CN/8000",
    "a=rtpmap:118 CN/16000",
    "a=ptime:20",
)
_CARRIER_FORMATS = (
    "m=audio {port} RTP/SAVP 0 8 101",
    "c=IN {kind} {address}",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=crypto:{crypto}",
    "a={direction}",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What counts of a session description in a call: the first audio section that is not refused."""

    session: Session
    audio: Media
    tag: int
    key: KeyMaterial | None

    @property
    def address(self) -> str:
        """Where the media shall go, '' when no address is given."""
        return self.audio.connection.address if self.audio.connection else ""

    @property
    def place(self) -> tuple[str, int]:
        """Address and port of the media."""
        return self.address, self.audio.port

    @property
    def flow(self) -> Audio | None:
        """Where to send and what to accept; None without a usable key."""
        if self.key is None:
            return None
        rtcp = self.audio.rtcp
        return Audio(self.address, self.audio.port, rtcp.port if rtcp else self.audio.port + 1, self.key)


def facts(body: bytes, *, answer: bool = False) -> Facts | None:
    """Read a session description; None when it cannot be read or has no audio in use.

    The key of an ``answer`` is the one of the line with our tag, which is always 1 (MED-03).
    """
    try:
        session = parse(body)
    except SdpError:
        return None
    audio = next((media for media in session.media if media.kind == "audio" and media.port), None)
    if audio is None:
        return None
    line = crypto.answered(audio.cryptos, [1]) if answer else crypto.offered(audio.cryptos)
    if line is None:
        return Facts(session, audio, 1, None)
    return Facts(session, audio, line.tag, _key(line))


def _key(line: crypto.Crypto) -> KeyMaterial | None:
    try:
        return parse_key(line.suite, f"inline:{line.keys[0].material}")
    except UnusableKeyError:
        return None


def mirrored(direction: Direction) -> Direction:
    """The direction that answers this one (RFC 3264 section 6.1)."""
    swapped = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
    return swapped.get(direction, direction)


def teams_sdp(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 0, tag: int = 1) -> bytes:
    """A media processor's offer: o= names 127.0.0.1, the real address is in c= (MED-13)."""
    head = (
        f"v=0\r\no=- {end.port} {version} IN IP4 127.0.0.1\r\ns=session\r\nc=IN {_kind(end)} {end.address}\r\n"
        "b=CT:10000000\r\nt=0 0\r\n"
    )
    return _fill(head, _TEAMS_FORMATS, end, direction, tag)


def carrier_sdp(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 1, tag: int = 1) -> bytes:
    """A carrier's offer or answer: G.711 over RTP/SAVP with one key."""
    head = f"v=0\r\no=carrier {end.port} {version} IN {_kind(end)} {end.address}\r\ns=-\r\nt=0 0\r\n"
    return _fill(head, _CARRIER_FORMATS, end, direction, tag)


def _fill(head: str, lines: tuple[str, ...], end: SrtpEnd, direction: Direction, tag: int) -> bytes:
    body = "\r\n".join(lines).format(
        port=end.port,
        rtcp=end.rtcp_port,
        kind=_kind(end),
        address=end.address,
        direction=direction.value,
        crypto=end.crypto(tag),
    )
    return (head + body + "\r\n").encode()


def _kind(end: SrtpEnd) -> str:
    return "IP6" if ":" in end.address else "IP4"
