"""One media line of a description: where its sender receives, and what was agreed where packets are treated here.

A line is audio or video in RTP, or opaque: fax, whose datagrams (UDPTL, ITU-T T.38) cross unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rustalk.media.side import MediaSide
from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.codec import Codec
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Connection, Media

__all__ = ["UNSAID", "Ending", "Line", "is_opaque", "read_line", "relayable"]

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

    ``secure`` is whether it spoke of SRTP. An ``opaque`` line has neither; what it says of them is about the audio that
    it took the place of, and that may come back.
    """

    rtp: tuple[str, int] | None = None
    rtcp: tuple[str, int] | None = None
    mux: bool = False
    hold: bool = True
    secure: bool = False
    ending: Ending | None = None
    opaque: bool = False


UNSAID = Line()


def is_opaque(media: Media) -> bool:
    """Whether a media line is fax over UDPTL, in use or refused."""
    return media.kind == "image" and media.proto.lower() == "udptl"


def relayable(media: Media, sides: tuple[MediaSide, MediaSide]) -> bool:
    """Whether a media line is in use and of a kind that can be relayed between these sides.

    Video and fax are not where one of them is Teams (MED-15); nor is fax, which nothing encrypts, where one requires
    SRTP.
    """
    if media.port == 0:
        return False
    audio_only = any(side.inactive_only for side in sides)
    if is_opaque(media):
        return not audio_only and all(side.srtp != "required" for side in sides)
    return media.proto in _RELAYED and (media.kind == "audio" or (media.kind == "video" and not audio_only))


def read_line(media: Media, family: int, ending: Ending | None) -> Line:
    """Where the sender of a relayable line wants to receive, as ``family`` (4 or 6) allows.

    Direction does not matter: RTCP flows on hold too (MED-11). Raises SdpError for an address that cannot be reached.
    """
    connection, opaque = media.connection, is_opaque(media)
    if connection is None:
        raise SdpError("no c= line says where this medium is received", media.line)
    secure = ending is not None and ending.key is not None if opaque else "SAVP" in media.proto
    if connection.unspecified:
        return Line(mux=media.rtcp_mux, secure=secure, ending=ending, opaque=opaque)
    if not _usable(connection, family):
        raise SdpError(f"{connection.address} cannot be reached here; a unicast IPv{family} address can", media.line)
    rtp = (connection.address, media.port)
    hold = media.is_hold or media.kind == "video"  # nobody has to be seen
    rtcp = None if opaque else _rtcp(media, connection, family)
    return Line(rtp, rtcp, media.rtcp_mux, hold, secure, ending, opaque)


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
