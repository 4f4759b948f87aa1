"""Whether the keys of one side pass to the other, or SRTP ends here, and with which keys (MED-01 to MED-06).

Keys pass untouched whenever both sides can use them. SRTP ends here where one side speaks plain RTP and the other does
not, or where they have no suite in common; each side then has keys of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rustalk.media.side import MediaSide
from rustalk.rtp.srtp import KEY_SIZES, KeyMaterial, UnusableKeyError, parse_key
from rustalk.sdp.crypto import PREFERRED, Crypto, answered
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media, Session

__all__ = ["InsecureError", "Own", "accept", "admit", "chosen", "create", "ends", "is_secure", "passed", "profile"]

_CRYPTO = b"a=crypto:"
_DTLS = b"a=fingerprint:"


class InsecureError(SdpError):
    """Plain RTP where only SRTP may be: the call is refused rather than heard by others."""


@dataclass(frozen=True, slots=True)
class Own:
    """Our a=crypto line towards one side: what we encrypt with."""

    tag: int
    key: KeyMaterial

    def line(self) -> bytes:
        """The line, without its end."""
        return f"a=crypto:{self.tag} {self.key.suite} {self.key.inline()}".encode("ascii")


def is_secure(media: Media) -> bool:
    """Whether the profile of a media line is one with encryption."""
    return "SAVP" in media.proto


def admit(session: Session, media: Media, side: MediaSide) -> None:
    """Check that what ``side`` offers is taken from it.

    Raises InsecureError for plain RTP from a side where SRTP is required, and SdpError for SRTP from one where it is
    off, and for SRTP whose keys are not in the description.
    """
    secure = is_secure(media)
    if secure and not any(line.startswith(_CRYPTO) for line in media.lines):
        if any(line.startswith(_DTLS) for line in (*media.lines, *session.lines)):
            raise SdpError("keys by DTLS (a=fingerprint) are not supported, an a=crypto line is needed", media.line)
        if side.srtp != "any":
            raise SdpError(f"{media.proto} without a usable a=crypto line", media.line)
    if secure and side.srtp == "off":
        raise SdpError("SRTP is switched off for this side, RTP/AVP is expected", media.line)
    if not secure and side.srtp == "required":
        raise InsecureError(f"{media.proto} from a side where SRTP is required, RTP/SAVP is expected", media.line)


def ends(media: Media, to: MediaSide) -> bool:
    """Whether an offered media line cannot pass to ``to`` with its encryption as it is."""
    if is_secure(media):
        return to.srtp == "off" or passed(media, to) == ()
    return to.srtp == "required"


def passed(media: Media, to: MediaSide) -> tuple[bytes, ...] | None:
    """The a=crypto lines of an offer that ``to`` may choose from, byte for byte; None: all of them (MED-04)."""
    if not to.suites:
        return None
    lines = [line for line in media.lines if line.startswith(_CRYPTO)]
    kept = [line for line in lines if _suite(line) in to.suites]
    return None if len(kept) == len(lines) and lines else tuple(kept)


def _suite(line: bytes) -> str:
    parts = line.split(b" ", 2)
    return parts[1].decode("ascii", "replace") if len(parts) == 3 else ""


def profile(media: Media, to: MediaSide, *, secure: bool) -> bytes | None:
    """The profile to offer to ``to`` for a media line; None: as it came.

    Teams knows RTP/SAVP alone (MED-01). The feedback that an F at the end allows is RTCP only, so the F may be left
    out; what names TLS without a fingerprint confuses others than Teams.
    """
    feedback = media.proto.endswith("F") and not to.inactive_only
    wanted = ("RTP/SAVP" if secure else "RTP/AVP") + ("F" if feedback else "")
    return None if wanted == media.proto else wanted.encode("ascii")


def chosen(media: Media, side: MediaSide) -> tuple[int, KeyMaterial]:
    """Tag and key of the line of an offer that we take where SRTP ends here.

    AES_CM_128_HMAC_SHA1_80 without MKI first (MED-03), then as ``side`` lists its suites, then in the offer's order.
    Raises SdpError if none is usable.
    """
    order = (PREFERRED, *side.suites)
    usable = [(line, key) for line in media.cryptos if (key := _key(line)) is not None]
    taken = [pair for pair in usable if not side.suites or pair[0].suite in side.suites]
    if not taken:
        raise SdpError("no a=crypto line with a suite that can be used here, or all have an MKI", media.line)
    line, key = min(taken, key=lambda pair: order.index(pair[0].suite) if pair[0].suite in order else len(order))
    return line.tag, key


def accept(media: Media, own: Own) -> KeyMaterial:
    """The key of an answer to our own a=crypto line. Raises SdpError if there is none that can be used."""
    line = answered(media.cryptos, (own.tag,))
    key = _key(line) if line is not None and line.suite == own.key.suite else None
    if key is None:
        raise SdpError(f"no usable a=crypto line that answers {own.key.suite} with tag {own.tag}", media.line)
    return key


def _key(line: Crypto) -> KeyMaterial | None:
    """The key of a line that we can use; a master key identifier or unencrypted packets are not for us."""
    usable = len(line.keys) == 1 and line.keys[0].mki is None
    if not usable or any(not parameter.startswith("WSH=") for parameter in line.parameters):
        return None
    try:
        return parse_key(line.suite, f"inline:{line.keys[0].material}")
    except UnusableKeyError:
        return None


def create(suite: str, tag: int, previous: Own | None, secret: Callable[[int], bytes]) -> Own:
    """Our line with this suite and tag: the key of the previous one where its suite is the same (MED-05)."""
    if previous is not None and previous.key.suite == suite:
        return previous if previous.tag == tag else Own(tag, previous.key)
    return Own(tag, KeyMaterial(suite, secret(KEY_SIZES[suite])))


def first_suite(suites: Sequence[str]) -> str:
    """The suite of our own offers."""
    return next((suite for suite in suites if suite in KEY_SIZES), PREFERRED)
