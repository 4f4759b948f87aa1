"""SRTP with keys from the session description: SDES (RFC 4568) over libsrtp (RFC 3711).

The relay never needs this, it passes SRTP on unread; an end point that speaks and listens does.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Literal

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

__all__ = ["KeyMaterial", "ProtectionError", "Receiver", "Sender", "Suite", "UnusableKeyError", "parse_key"]

Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]

KEY_AND_SALT_SIZE = 30

_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class UnusableKeyError(ValueError):
    """The crypto attribute asks for something that cannot be done; the message never holds the key."""


class ProtectionError(ValueError):
    """A packet could not be protected or did not verify: wrong key, replayed, changed on the way, or no packet."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A crypto suite with its master key and salt, 16 and 14 bytes, as one string of 30."""

    suite: str
    secret: bytes = field(repr=False)

    def inline(self) -> str:
        """The key parameter of an a=crypto line: ``inline:`` and 40 base64 characters, without a lifetime."""
        return "inline:" + b64encode(self.secret).decode("ascii")


def parse_key(suite: str, parameter: str) -> KeyMaterial:
    """Read suite and key parameter of an a=crypto line, such as ``inline:<40 characters>|2^31``.

    The lifetime is passed over. A master key identifier longer than nothing would stand in each packet, which
    libsrtp's binding cannot do: UnusableKeyError is raised for it, as for an unknown suite or a key of another length.
    """
    if suite not in _PROFILES:
        raise UnusableKeyError(f"crypto suite {suite[:64]!r} is not one of {', '.join(_PROFILES)}")
    method, _, rest = parameter.partition(":")
    key, *options = rest.split("|")
    if method.lower() != "inline":
        raise UnusableKeyError("the key method of an a=crypto line must be inline (RFC 4568 section 6.1)")
    if any(":" in option for option in options):
        raise UnusableKeyError(
            "an a=crypto line with a master key identifier (MKI) is not supported; choose one without"
        )
    return KeyMaterial(suite, _decode(key))


def _decode(key: str) -> bytes:
    try:
        secret = b64decode(key, validate=True)
    except (Base64Error, ValueError):
        raise UnusableKeyError("the key of an a=crypto line is not base64") from None
    if len(secret) != KEY_AND_SALT_SIZE:
        raise UnusableKeyError(f"the key of an a=crypto line has {len(secret)} bytes, {KEY_AND_SALT_SIZE} are needed")
    return secret


class Sender:
    """Protects the packets of every SSRC that we send with one key."""

    __slots__ = ("_session",)

    def __init__(self, key: KeyMaterial) -> None:
        self._session = _session(key, Policy.SSRC_ANY_OUTBOUND)

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet for an RTP packet. Raises ProtectionError; a sequence number serves only once."""
        try:
            return self._session.protect(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"RTP packet not protected: {error}") from None

    def protect_control(self, packet: bytes) -> bytes:
        """The SRTCP packet for an RTCP compound packet. Raises ProtectionError."""
        try:
            return self._session.protect_rtcp(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"RTCP packet not protected: {error}") from None


class Receiver:
    """Verifies and decrypts the packets of every SSRC that a peer sends with one key."""

    __slots__ = ("_session",)

    def __init__(self, key: KeyMaterial) -> None:
        self._session = _session(key, Policy.SSRC_ANY_INBOUND)

    def verify(self, packet: bytes) -> bytes:
        """The RTP packet inside an SRTP packet. Raises ProtectionError, also for a packet that came before."""
        try:
            return self._session.unprotect(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"SRTP packet refused: {error}") from None

    def verify_control(self, packet: bytes) -> bytes:
        """The RTCP compound packet inside an SRTCP packet. Raises ProtectionError."""
        try:
            return self._session.unprotect_rtcp(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"SRTCP packet refused: {error}") from None


def _session(key: KeyMaterial, direction: int) -> Session:
    return Session(Policy(key=key.secret, ssrc_type=direction, srtp_profile=_PROFILES[key.suite]))
