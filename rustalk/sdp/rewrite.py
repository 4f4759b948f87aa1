"""A description that arrived from one side of a call, made into the one to send to the other side (MED-14).

Addresses, ports and the o= line become ours, what belongs to ICE, DTLS and bundling is taken out because the relay
ends it, and everything else stays byte for byte and in its order: above all the a=crypto lines (MED-04) and the payload
type numbers, which are authenticated by SRTP and cannot be changed by a relay that has no key. Where the relay has the
keys, or a side must not be told all, ``Terms`` say what is written instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rustalk.sdp.errors import SdpError
from rustalk.sdp.grammar import MEDIA
from rustalk.sdp.model import Connection, Direction, Media, Origin, Rtcp, Session
from rustalk.sdp.parse import DIRECTIONS
from rustalk.sdp.trim import common, without

__all__ = ["LocalMedia", "Terms", "rewrite"]

# How lines begin that name addresses or secrets of a transport that ends here; the c= lines are written anew.
_HOP = (
    *(b"c=", b"a=candidate:", b"a=x-candidate", b"a=remote-candidates:", b"a=end-of-candidates", b"a=ice-", b"a=ice2"),
    *(b"a=fingerprint:", b"a=setup:", b"a=connection:", b"a=tls-id:", b"a=dtls-id:", b"a=group:BUNDLE"),
    *(b"a=bundle-only", b"a=source-filter:", b"a=altc:"),
)
_HOP_AND_TRIMMED = (*_HOP, b"b=CT:", b"a=x-", b"a=label:", b"a=mid:", b"a=group:")

# The order of session lines by RFC 4566 section 9.
_ORDER = b"vosiuepcbtrzka"


_NUMBERED = (b"a=rtpmap:", b"a=fmtp:", b"a=rtcp-fb:")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is ours to say of one media line beside the place; None or nothing: as it came.

    ``proto`` is the profile, ``formats`` the payload types that stay, in this order, ``numbers`` their new names where
    they have one (those of ``formats`` are the old). ``cryptos`` replaces all a=crypto lines. ``muxed`` writes or
    takes out a=rtcp-mux. ``added`` are payload types with their attribute lines that did not come, ``attributes``
    further lines.
    """

    proto: bytes | None = None
    formats: tuple[str, ...] | None = None
    numbers: Mapping[str, str] = field(default_factory=dict)
    cryptos: tuple[bytes, ...] | None = None
    muxed: bool | None = None
    added: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    attributes: tuple[bytes, ...] = ()


_AS_IT_CAME = Terms()


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Where we receive one media line: an IP address and the ports for RTP and RTCP; and on what terms."""

    address: str
    rtp: int
    rtcp: int
    terms: Terms = _AS_IT_CAME


def rewrite(
    session: Session,
    media: Sequence[LocalMedia | None],
    origin: Origin,
    *,
    trim: bool = False,
    inactive_only: bool = False,
    attributes: Sequence[bytes] = (),
) -> Session:
    """The description to send on, with one entry of ``media`` for each section.

    A section whose entry is None goes out with port 0, which refuses it (RFC 3264 section 6); one that came with port
    0 keeps it whatever its entry. The form c=0.0.0.0 becomes our address with a=inactive, unless it said sendonly.

    ``trim`` drops attributes and codecs that only Microsoft understands, to keep a UDP message under the path's MTU
    (MED-13, HDR-21).
    ``inactive_only`` writes every form of hold as a=inactive, the only one that Teams knows (HLD-01, HLD-02).
    ``attributes`` are further lines for the session as a whole. Raises SdpError for a section that would have a payload
    type twice.
    """
    if len(media) != len(session.media):
        raise ValueError(f"{len(session.media)} media sections need as many places, not {len(media)}")
    dropped = _HOP_AND_TRIMMED if trim else _HOP
    ours = Connection(origin.address)
    has_connection = _says_connection(session.lines)
    lines = [line for line in session.lines if not line.startswith(dropped) and line[:2] != b"o="]
    _place(lines, origin.to_bytes())
    _complete(lines)
    if has_connection:
        _place(lines, ours.to_bytes())
    lines += attributes
    write = _Writer(dropped, ours, has_connection, trim, inactive_only)
    return Session(tuple(lines), tuple(map(write.section, session.media, media)))


def _complete(lines: list[bytes]) -> None:
    """Add the s= and t= lines that strict readers miss."""
    types = {line[:2] for line in lines}
    if b"s=" not in types:
        _place(lines, b"s=-")
    if b"t=" not in types:
        _place(lines, b"t=0 0")


def _place(lines: list[bytes], line: bytes) -> None:
    """Put a session line after the last one that must come before it; v= always must."""
    rank = _ORDER.index(line[:1])
    earlier = [at for at, other in enumerate(lines) if 0 <= _ORDER.find(other[:1]) <= rank]
    lines.insert(earlier[-1] + 1, line)


@dataclass(frozen=True, slots=True)
class _Writer:
    """What all sections of one description have in common."""

    dropped: tuple[bytes, ...]
    ours: Connection
    inherit: bool
    trim: bool
    inactive_only: bool

    def section(self, media: Media, local: LocalMedia | None) -> Media:
        """One section, at our address or refused."""
        if media.port == 0:
            local = None
        connection = Connection(local.address) if local else self.ours
        direction = self._direction(media) if local else media.direction
        terms = local.terms if local else _AS_IT_CAME
        formats = media.formats if terms.formats is None else terms.formats
        if self.trim and local:
            formats = common(media, formats)
        port = local.rtp if local else 0
        lines = self._lines(media, formats)
        proto = media.proto
        if terms is not _AS_IT_CAME:
            formats = _agree(lines, formats, terms)
            proto = terms.proto.decode("ascii") if terms.proto is not None else proto
        if local and len(set(formats)) != len(formats):
            raise SdpError("a payload type is listed twice", media.line)
        lines[0] = _media_line(lines[0], port, terms.proto, formats)
        if _says_connection(media.lines) or not (self.inherit and connection == self.ours):
            lines.insert(2 if lines[1:] and lines[1].startswith(b"i=") else 1, connection.to_bytes())
        _set_rtcp(lines, media, local)
        if direction is not media.direction:
            _set_direction(lines, direction)
        return Media(media.kind, port, 1, proto, formats, connection, direction, tuple(lines), media.line)

    def _lines(self, media: Media, formats: tuple[str, ...]) -> list[bytes]:
        lines = [line for line in media.lines if not line.startswith(self.dropped)]
        gone = set(media.formats).difference(formats)
        return without(lines, gone) if gone else lines

    def _direction(self, media: Media) -> Direction:
        if not media.is_hold:
            return media.direction
        if self.inactive_only or (media.direction is not Direction.SENDONLY and _unspecified(media)):
            return Direction.INACTIVE
        return media.direction


def _says_connection(lines: Sequence[bytes]) -> bool:
    return b"c=" in [line[:2] for line in lines]


def _unspecified(media: Media) -> bool:
    return media.connection is not None and media.connection.unspecified


def _agree(lines: list[bytes], formats: tuple[str, ...], terms: Terms) -> tuple[str, ...]:
    """Bring the attribute lines to these terms, and give the payload types as they are written then."""
    if terms.numbers:
        lines[:] = [_renumbered(line, terms.numbers) for line in lines]
        formats = tuple(terms.numbers.get(number, number) for number in formats)
    if terms.cryptos is not None:
        _replace(lines, b"a=crypto:", terms.cryptos)
    if terms.muxed is not None:
        lines[:] = [line for line in lines if not line.startswith((b"a=rtcp-mux", b"a=rtcp:"))]
        lines += [b"a=rtcp-mux"] * terms.muxed
    for added in terms.added.values():
        lines += added
    lines += terms.attributes
    return (*formats, *terms.added)


def _renumbered(line: bytes, numbers: Mapping[str, str]) -> bytes:
    if not line.startswith(_NUMBERED):
        return line
    name, _, value = line.partition(b":")
    number, space, rest = value.lstrip(b" ").partition(b" ")
    new = numbers.get(number.decode("ascii", "replace"))
    return line if new is None else b"%b:%b%b%b" % (name, new.encode("ascii"), space, rest)


def _replace(lines: list[bytes], prefix: bytes, new: Sequence[bytes]) -> None:
    """Put these lines where the first with this beginning was, in place of all of them, or at the end."""
    at = next((number for number, line in enumerate(lines) if line.startswith(prefix)), len(lines))
    rest = [line for line in lines[at:] if not line.startswith(prefix)]
    lines[at:] = [*new, *rest]


def _media_line(line: bytes, port: int, proto: bytes | None, formats: tuple[str, ...]) -> bytes:
    """The m= line with another port and profile; a port count goes, since each line has one pair of ports here."""
    match = MEDIA.fullmatch(line)
    if match is None:
        raise ValueError("a media section begins with a readable m= line")
    listed = b"".join(b" " + number.encode("ascii") for number in formats)
    if proto is not None:
        return b"%b%d %b%b" % (line[: match.start(2)], port, proto, listed)
    return b"%b%d%b%b" % (line[: match.start(2)], port, line[match.end(2) : match.start(6)], listed)


def _set_rtcp(lines: list[bytes], media: Media, local: LocalMedia | None) -> None:
    """Write a=rtcp in place of the one that came, with an address only if that had one.

    Where it named the RTP port, as an answer that accepts a=rtcp-mux does (RFC 8035), ours does the same. Without one,
    ours is needed only when RTCP is not on the next port.
    """
    at = [number for number, line in enumerate(lines) if line.startswith(b"a=rtcp:")]
    came = media.rtcp if at else None
    for number in reversed(at):
        del lines[number]
    if local is None or local.terms.muxed:
        return
    if came is not None:
        lines.insert(at[0], _rtcp_line(came, local, muxed=came.port == media.port))
    elif local.rtcp != local.rtp + 1:
        lines.append(_rtcp_line(Rtcp(local.rtcp), local, muxed=False))


def _rtcp_line(came: Rtcp, local: LocalMedia, *, muxed: bool) -> bytes:
    port = local.rtp if muxed else local.rtcp
    if came.connection is None:
        return b"a=rtcp:%d" % port
    return b"a=rtcp:%d %b" % (port, Connection(local.address).to_bytes()[2:])


def _set_direction(lines: list[bytes], direction: Direction) -> None:
    """Write the direction in place of the one that came, or at the end."""
    at = [number for number, line in enumerate(lines) if line.rstrip(b" ") in DIRECTIONS]
    for number in reversed(at):
        del lines[number]
    lines.insert(at[0] if at else len(lines), b"a=" + direction.encode("ascii"))
