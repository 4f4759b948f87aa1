"""Descriptions that are ours alone: the offer for a side when the other one has said nothing yet (HDR-11)."""

from __future__ import annotations

from collections.abc import Sequence

from rustalk.sdp.codec import Codec, free
from rustalk.sdp.model import Direction, Media, Session
from rustalk.sdp.parse import parse

__all__ = ["USUAL", "compose", "resumed", "unheld"]

USUAL = (Codec("PCMA", number=8), Codec("PCMU", number=0), Codec("telephone-event", fmtp="0-16", number=101))
"""What is offered to a side whose codecs nobody has listed."""


def compose(codecs: Sequence[Codec]) -> Session:
    """One audio line in plain RTP with these codecs, in this order, at no address yet."""
    numbered: dict[str, Codec] = {}
    for codec in codecs or USUAL:
        numbered[str(free(codec.number, {int(number) for number in numbered}, 1))] = codec
    lines = [f"m=audio 9 RTP/AVP {' '.join(numbered)}".encode("ascii")]
    for number, codec in numbered.items():
        lines += codec.lines(number)
    return parse(b"\r\n".join((b"v=0", b"s=-", b"t=0 0", *lines, b"a=ptime:20", b"a=sendrecv", b"")))


def unheld(session: Session) -> Session:
    """The same description as if its sender held nobody: what a newcomer is offered of it."""
    directions = tuple(b"a=" + each.encode("ascii") for each in Direction)
    lines = session.lines
    if any(media.is_hold for media in session.media):
        lines = tuple(line for line in lines if line.rstrip(b" ") not in directions)
    return Session(lines, tuple(_unheld(media, directions) for media in session.media))


def resumed(body: bytes) -> bytes:
    """The same text as if its sender held no longer; b'' where it does not hold, or its address is part of the hold.

    A phone that held and now asks for an offer wants to talk again (RFC 6337 section 5.3). Raises SdpError.
    """
    session = parse(body)
    again = parse(unheld(session).to_bytes()) if session.is_hold else session
    return again.to_bytes() if session.is_hold and not again.is_hold else b""


def _unheld(media: Media, directions: Sequence[bytes]) -> Media:
    if not media.is_hold:
        return media
    lines = (*(line for line in media.lines if line.rstrip(b" ") not in directions), b"a=sendrecv")
    address = media.connection
    if address is not None and address.unspecified:
        address = None  # ours is written in its place
    return Media(
        media.kind,
        media.port,
        media.count,
        media.proto,
        media.formats,
        address,
        Direction.SENDRECV,
        lines,
        media.line,
    )
