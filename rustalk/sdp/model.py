"""What a session description is: lines in the order in which they came, and what they mean to a call.

The lines are the truth and survive byte for byte; the other fields say what they mean. ``rustalk.sdp.parse`` and
``rustalk.sdp.rewrite`` make the two agree. Lines can hold keys, so no repr shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from rustalk.sdp import crypto
from rustalk.sdp.grammar import ORIGIN, RTCP, RTPMAP, address

__all__ = ["Connection", "Direction", "Media", "Origin", "Rtcp", "Session"]


class Direction(StrEnum):
    """Which way the media flows, as the sender of the description sees it (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Connection:
    """The address of a c= line, an IP address in its usual spelling."""

    address: str

    @property
    def family(self) -> int:
        """The version of IP, 4 or 6."""
        return 6 if ":" in self.address else 4

    @property
    def unspecified(self) -> bool:
        """Whether this is the hold form of RFC 2543: nothing may be sent here."""
        return self.address in ("0.0.0.0", "::")

    @property
    def multicast(self) -> bool:
        """Whether this is a multicast, reserved or broadcast address, at which no call is answered."""
        if self.family == 6:
            return self.address[:2] == "ff" and self.address[4:5] == ":"
        return int(self.address.partition(".")[0]) >= 224

    def to_bytes(self) -> bytes:
        """The line, without its end."""
        return b"c=IN IP%d %b" % (self.family, self.address.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line: who describes which session, in which version (RFC 4566 section 5.2).

    The address is a name only; media never goes there, since Teams writes 127.0.0.1 (MED-13).
    """

    username: str
    id: int
    version: int
    address: str

    def to_bytes(self) -> bytes:
        """The line, without its end."""
        family = 6 if ":" in self.address else 4
        return f"o={self.username} {self.id} {self.version} IN IP{family} {self.address}".encode("ascii")


@dataclass(frozen=True, slots=True)
class Rtcp:
    """The a=rtcp line (RFC 3605): a port, and an address if it is not that of the media."""

    port: int
    connection: Connection | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """One media section: its lines, m= first, and what they say.

    ``connection`` and ``direction`` are those in force: the section's own, else the session's, else none and sendrecv.
    ``line`` is where the section began in the text that was parsed, for error messages only.
    """

    kind: str
    port: int
    count: int
    proto: str
    formats: tuple[str, ...]
    connection: Connection | None
    direction: Direction
    lines: tuple[bytes, ...] = field(repr=False)
    line: int = field(default=1, compare=False)

    @property
    def is_hold(self) -> bool:
        """Whether this puts the other side on hold, in any of the forms that phones use."""
        unspecified = self.connection is not None and self.connection.unspecified
        return unspecified or self.direction is not Direction.SENDRECV

    @property
    def rtcp_mux(self) -> bool:
        """Whether RTCP may share the RTP port (RFC 5761)."""
        return b"a=rtcp-mux" in self.lines

    @property
    def rtcp(self) -> Rtcp | None:
        """Where RTCP is wanted; None without a readable a=rtcp line, which means the port after the RTP port."""
        for line in self.lines:
            if line.startswith(b"a=rtcp:"):
                return _read_rtcp(line)
        return None

    @property
    def rtpmaps(self) -> dict[str, str]:
        """Encoding by payload type, such as ``{"0": "PCMU/8000"}``, as far as rtpmap lines say."""
        return dict(self._by_format(b"a=rtpmap:"))

    @property
    def fmtps(self) -> dict[str, str]:
        """Format parameters by payload type, such as ``{"18": "annexb=no"}``."""
        return dict(self._by_format(b"a=fmtp:"))

    @property
    def clock_rates(self) -> dict[int, int]:
        """RTP clock rate in Hz by payload type, as far as rtpmap lines say."""
        return {int(number): int(rate) for number, rate in RTPMAP.findall(b"\n".join(self.lines))}

    @property
    def cryptos(self) -> tuple[crypto.Crypto, ...]:
        """The a=crypto lines in their order; those that break RFC 4568 are left out."""
        lines = (crypto.read(line) for line in self.lines if line.startswith(b"a=crypto:"))
        return tuple(line for line in lines if line is not None)

    def attributes(self, name: str) -> tuple[str, ...]:
        """The values of every ``a=name`` line of this section; a flag has the value ''."""
        wanted = b"a=" + name.encode("ascii")
        values = (line[len(wanted) :] for line in self.lines if line.startswith(wanted))
        return tuple(_text(value[1:]) for value in values if value[:1] in (b"", b":"))

    def _by_format(self, prefix: bytes) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            if line.startswith(prefix):
                payload_type, _, value = _text(line[len(prefix) :]).strip(" ").partition(" ")
                yield payload_type, value.strip(" ")


@dataclass(frozen=True, slots=True)
class Session:
    """A whole session description: the lines of the session, then the media sections in their order."""

    lines: tuple[bytes, ...] = field(repr=False)
    media: tuple[Media, ...]

    @property
    def origin(self) -> Origin | None:
        """The o= line; None if it is missing or unreadable, which harms nobody."""
        for line in self.lines:
            if match := ORIGIN.fullmatch(line):
                username, id_, version, host = match.groups()
                return Origin(_text(username), int(id_), int(version), _text(host))
        return None

    @property
    def is_hold(self) -> bool:
        """Whether every medium in use is on hold; False when none is in use."""
        used = [media for media in self.media if media.port]
        return bool(used) and all(media.is_hold for media in used)

    def to_bytes(self) -> bytes:
        """The text on the wire, each line ended by CRLF whatever ended it on arrival."""
        sections = (media.lines for media in self.media)
        return b"\r\n".join((*self.lines, *chain.from_iterable(sections), b""))


def _read_rtcp(line: bytes) -> Rtcp | None:
    match = RTCP.fullmatch(line)
    if match is None or not 0 < int(match[1]) <= 65535:
        return None
    if match[2] is None:
        return Rtcp(int(match[1]))
    host = address(match[2], match[3])
    return None if host is None else Rtcp(int(match[1]), Connection(host))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
