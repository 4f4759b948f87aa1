"""Session descriptions as Teams' media processors and carriers write them, and what the simulator reads in one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rustalk.rtp.srtp import KeyMaterial, UnusableKeyError, parse_key
from rustalk.sdp import crypto
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Direction, Media, Session
from rustalk.sdp.parse import parse

from .ice import Candidate, IcePeer
from .media import Audio, SrtpEnd

__all__ = [
    "Change",
    "Facts",
    "carrier_sdp",
    "facts",
    "mirrored",
    "refused",
    "renumbered",
    "swapped",
    "teams_sdp",
    "written",
]

Change = Callable[[str], str]

if TYPE_CHECKING:
    from .sound import Describe

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
    "m=audio {port} {profile} 0 8 101",
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
    def plain(self) -> bool:
        """Whether this is plain RTP."""
        return self.audio.proto == "RTP/AVP"

    def flow(self, *, mux: bool = False) -> Audio | None:
        """Where to send and what to accept; None without a usable key where there must be one.

        RTCP shares the port where this description and our own (``mux``) say so (RFC 5761 section 5.1.1).
        """
        if self.key is None and not self.plain:
            return None
        rtcp, port = self.audio.rtcp, self.audio.port
        control = port if mux and self.audio.rtcp_mux else rtcp.port if rtcp else port + 1
        key = None if self.plain else self.key
        return Audio(self.address, port, control, key, self.payload_type("telephone-event/8000"))

    def payload_type(self, encoding: str) -> int | None:
        """The payload type of an encoding such as ``PCMU/8000``, by its rtpmap; None when it is not there."""
        maps = self.audio.rtpmaps
        found = (number for number in self.audio.formats if maps.get(number, "").lower() == encoding.lower())
        return next((int(number) for number in found), None)

    @property
    def encodings(self) -> list[str]:
        """What the m= line lists, by name and in lower case; a number without an rtpmap as it is."""
        maps = self.audio.rtpmaps
        return [maps.get(number, number).lower() for number in self.audio.formats]

    def lines(self, start: str) -> list[str]:
        """The lines that begin so, of the session and of the audio section, without this beginning."""
        wanted = start.encode()
        every = (*self.session.lines, *self.audio.lines)
        return [line[len(wanted) :].decode("utf-8", "replace") for line in every if line.startswith(wanted)]

    @property
    def ice(self) -> IcePeer | None:
        """What the description says of ICE (RFC 8839); None without user name fragment and password."""
        ufrag, password = self.lines("a=ice-ufrag:"), self.lines("a=ice-pwd:")
        if not ufrag or not password:
            return None
        candidates = tuple(filter(None, map(Candidate.read, self.lines("a=candidate:"))))
        return IcePeer(ufrag[-1], password[-1], candidates, b"a=ice-lite" in self.session.lines)


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


def refused(found: Facts | None, body: bytes) -> bytes:
    """What must follow ``body``: a line with port 0 for each of the other side's that it lacks (RFC 3264 section 6)."""
    others = found.session.media[body.count(b"\r\nm=") :] if found else ()
    return b"".join(f"m={one.kind} 0 {one.proto} {one.formats[0]}\r\n".encode() for one in others)


def teams_sdp(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 0, tag: int = 1) -> bytes:
    """A media processor's offer: o= names 127.0.0.1, the real address is in c= (MED-13).

    With media bypass it is a client's: ICE with all its candidates, RTCP on the port of RTP (MED-10, ICE-03).
    """
    lite = "a=ice-lite\r\n" if end.ice and end.ice.lite else ""
    head = (
        f"v=0\r\no=- {end.port} {version} IN IP4 127.0.0.1\r\ns=session\r\nc=IN {_kind(end)} {end.address}\r\n"
        f"b=CT:10000000\r\nt=0 0\r\n{lite}"
    )
    ice = (*end.ice.lines, "a=rtcp-mux") if end.ice else ()
    return _fill(head, (*_TEAMS_FORMATS, *ice), end, direction, tag)


def carrier_sdp(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 1, tag: int = 1) -> bytes:
    """A carrier's offer or answer: G.711 over RTP/SAVP with one key, or over RTP/AVP where its end is plain."""
    head = f"v=0\r\no=carrier {end.port} {version} IN {_kind(end)} {end.address}\r\ns=-\r\nt=0 0\r\n"
    return _fill(head, _CARRIER_FORMATS, end, direction, tag)


def written(describe: Describe, *changes: Change) -> Describe:
    """The same descriptions with changes in their text."""

    def changed(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 1, tag: int = 1) -> bytes:
        text = describe(end, direction, version=version, tag=tag).decode()
        for change in changes:
            text = change(text)
        return text.encode()

    return changed


def renumbered(old: int, new: int) -> Change:
    """A change of one payload type for another, in the m= line, in a=rtpmap and in a=fmtp."""

    def change(text: str) -> str:
        text = re.sub(rf"(\r\na=(?:rtpmap|fmtp):){old}(?= )", rf"\g<1>{new}", text)
        return re.sub(rf"(\r\nm=audio \d+ \S+(?: \d+)*?) {old}(?=[ \r])", rf"\g<1> {new}", text)

    return change


def swapped(old: str, new: str) -> Change:
    """A change of one piece of text for another."""
    return lambda text: text.replace(old, new)


def _fill(head: str, lines: tuple[str, ...], end: SrtpEnd, direction: Direction, tag: int) -> bytes:
    written = (line for line in lines if not (end.plain and line.startswith("a=crypto")))
    body = "\r\n".join(written).format(
        port=end.port,
        rtcp=end.rtcp_port,
        kind=_kind(end),
        address=end.address,
        profile="RTP/AVP" if end.plain else "RTP/SAVP",
        direction=direction.value,
        crypto=end.crypto(tag),
    )
    return (head + body + "\r\n").encode()


def _kind(end: SrtpEnd) -> str:
    return "IP6" if ":" in end.address else "IP4"
