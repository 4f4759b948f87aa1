"""An answer that takes a call and leaves it on hold, for a caller whose media are not settled yet."""

from __future__ import annotations

from base64 import b64encode

from rustalk.sdp.crypto import offered
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse

__all__ = ["parked"]


def parked(offer: bytes, told: bytes, secret: bytes) -> bytes:
    """Answer ``offer`` with a=inactive at the place that ``told``, a description of ours, will name in earnest.

    The o= line is that of ``told`` one version earlier. ``secret`` are the 30 bytes of a key that nothing will ever be
    encrypted with. Raises SdpError for an offer or a description that cannot be read, or without audio.
    """
    ours, theirs = parse(told), parse(offer)
    place = next((media for media in ours.media if media.kind == "audio" and media.port), None)
    origin = ours.origin
    if place is None or place.connection is None or origin is None:
        raise SdpError("there is no audio to hold a place for", 1)
    lines = [
        b"v=0",
        b"o=%b %d %d IN IP%d %b"
        % (
            origin.username.encode(),
            origin.id,
            max(0, origin.version - 1),
            6 if ":" in origin.address else 4,
            origin.address.encode(),
        ),
        b"s=-",
        place.connection.to_bytes(),
        b"t=0 0",
    ]
    taken = False
    for media in theirs.media:
        takes = media.kind == "audio" and media.port != 0 and not taken
        taken = taken or takes
        lines += _held(media, place.port if takes else 0, secret)
    return b"\r\n".join((*lines, b""))


def _held(media: Media, port: int, secret: bytes) -> list[bytes]:
    head = f"m={media.kind} {port} {media.proto} {' '.join(media.formats)}".encode()
    if not port:
        return [head]
    kept = [line for line in media.lines if line.startswith((b"a=rtpmap:", b"a=fmtp:"))]
    keyed = []
    if "SAVP" in media.proto:
        line = offered(media.cryptos)
        if line is None:
            raise SdpError("no a=crypto line with AES_CM_128_HMAC_SHA1_80", media.line)
        keyed = [f"a=crypto:{line.tag} {line.suite} inline:".encode() + b64encode(secret)]
    return [head, *kept, *keyed, b"a=inactive"]
