"""One media line of a description: where its sender receives, and what was agreed where packets are treated here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.codec import Codec
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Connection, Media

__all__ = ["UNSAID", "Ending", "Line", "read_line", "relayable"]

_RELAYED = frozenset({"RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})


@dataclass(frozen=True, slots=True)
class Ending:
    """What a description left behind about a line whose packets are treated here.

    ``key`` is what its sender encrypts with, None for plain RTP. ``said`` are the sender's codecs by the payload types
    that it wants to receive, ``told`` those that the other side was told and so sends.
    """

    key: KeyMaterial | None
    said: Mapping[str, Codec]
    told: Mapping[str, Codec]


@dataclass(frozen=True, slots=True)
class Line:
    """Where a side wants to receive one media line, whether it takes RTCP on the RTP port, whether it holds.

    ``secure`` is whether it spoke of SRTP.
    """

    rtp: tuple[str, int] | None = None
    rtcp: tuple[str, int] | None = None
    mux: bool = False
    hold: bool = True
    secure: bool = False
    ending: Ending | None = None


UNSAID = Line()


def relayable(media: Media, *, video: bool) -> bool:
    """Whether a media line is in use and of a kind that can be relayed; ``video`` if neither side is Teams (MED-15)."""
    kind = media.kind == "audio" or (video and media.kind == "video")
    return kind and media.port != 0 and media.proto in _RELAYED


def read_line(media: Media, family: int, ending: Ending | None) -> Line:
    """Where the sender of a relayable line wants to receive, as ``family`` (4 or 6) allows.

    Direction does not matter: RTCP flows on hold too (MED-11). Raises SdpError for an address that cannot be reached.
    """
    connection = media.connection
    if connection is None:
        raise SdpError("no c= line says where this medium is received", media.line)
    if connection.unspecified:
        return Line(mux=media.rtcp_mux, secure="SAVP" in media.proto, ending=ending)
    if not _usable(connection, family):
        raise SdpError(f"{connection.address} cannot be reached here; a unicast IPv{family} address can", media.line)
    rtp = (connection.address, media.port)
    hold = media.is_hold or media.kind != "audio"  # nobody has to be seen
    return Line(rtp, _rtcp(media, connection, family), media.rtcp_mux, hold, "SAVP" in media.proto, ending)


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
