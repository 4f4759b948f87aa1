"""The session descriptions by which rtpengine is told where a side receives, and tells us the ports it has opened.

They say nothing else: rtpengine sees neither the codecs nor the keys of the call, and changes no packet.
"""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.media.latch import Address, UnusableAddressError, usable
from rustalk.sdp.errors import SdpError
from rustalk.sdp.parse import parse

__all__ = ["Opened", "UnreadablePortsError", "describe", "read_ports"]

_NOWHERE = {4: ("0.0.0.0", 9), 6: ("::", 9)}
_DISCARD = {4: ("127.0.0.1", 9), 6: ("::1", 9)}
_ANY_PORT = 9


class UnreadablePortsError(ValueError):
    """A description of rtpengine does not say what has to be known; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The address and the ports that rtpengine has opened towards one side."""

    host: str
    rtp: int
    rtcp: int


def describe(family: int, rtp: Address | None, rtcp: Address | None, *, opaque: bool = False) -> bytes:
    """Say that a side of IP version ``family`` receives at ``rtp`` and ``rtcp``; None: nowhere.

    RTP to nowhere is written as the unspecified address, to which rtpengine sends nothing. It takes no such address for
    RTCP alone, so that goes to the discard port of the node's own loopback interface. ``rtcp`` equal to ``rtp`` is
    written as a=rtcp-mux. What is ``opaque`` is described as fax, which rtpengine passes unread and without RTCP.
    """
    host, port = rtp or _NOWHERE[family]
    control, control_port = rtcp or _DISCARD[family]
    lines = ["v=0", f"o=- 1 1 IN IP{family} {host}", "s=-", f"c=IN IP{family} {host}", "t=0 0"]
    if opaque:
        lines += [f"m=image {port} udptl t38", "a=sendrecv"]
    else:
        shared = rtp is not None and rtp == rtcp
        lines += [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv"]
        lines.append("a=rtcp-mux" if shared else f"a=rtcp:{control_port} IN IP{family} {control}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def read_ports(description: object, family: int) -> Opened:
    """The address and ports of IP version ``family`` that rtpengine describes. Raises UnreadablePortsError.

    The address is that of the o= line: as long as the other side receives nowhere, c= names the unspecified address.
    """
    try:
        session = parse(description if isinstance(description, bytes) else b"")
    except SdpError as error:
        raise UnreadablePortsError(f"its session description cannot be read: {error}") from None
    if session.origin is None or len(session.media) != 1 or not session.media[0].port:
        raise UnreadablePortsError("its session description names no address and port")
    host = _of_family(session.origin.address, family)
    port, rtcp = session.media[0].port, session.media[0].rtcp
    return Opened(host, port, rtcp.port if rtcp is not None else port + 1)


def _of_family(host: str, family: int) -> str:
    """The address, if it is one of that IP version that media can be sent to."""
    try:
        return usable((host, _ANY_PORT), family)[0]
    except UnusableAddressError:
        raise UnreadablePortsError(f"it has no IPv{family} address; add an --interface of that kind") from None
