"""SRTP with keys from the session description: SDES (RFC 4568) over libsrtp (RFC 3711, RFC 7714).

A relay that passes SRTP on unread needs none of this; where SRTP ends, one Sender or Receiver serves one key.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from struct import Struct
from typing import Literal

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

__all__ = [
    "KEY_SIZES",
    "KeyMaterial",
    "ProtectionError",
    "Receiver",
    "Sender",
    "Suite",
    "UnusableKeyError",
    "parse_key",
]

Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]

KEY_SIZES: dict[str, int] = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
"""Bytes of master key and salt together, by suite: these are the suites we have (RFC 4568 6.2, RFC 7714 14.2).

Those of RFC 6188 (AES_256_CM) are missing: libsrtp knows them, its binding cannot ask for them.
"""

SOURCES = 256
"""Sources (SSRC) that one key serves. Each costs memory until the key changes, and to forget one would let its packets
be replayed or, worse, its key stream be used twice."""

ROLLOVERS = 256
"""How often the sequence numbers of a stream may have begun anew, unseen, for it to be taken up: days of audio."""

_STEP = 0x7F00  # of sequence numbers; half of all is more than can be told from a step back (RFC 3711 section 3.3.1)
_header = Struct("!BBHI4s").pack

_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


class UnusableKeyError(ValueError):
    """The crypto attribute asks for something that cannot be done; the message never holds the key."""


class ProtectionError(ValueError):
    """A packet could not be protected or did not verify: wrong key, replayed, changed on the way, or no packet."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A crypto suite with its master key and salt as one string, as long as KEY_SIZES says."""

    suite: str
    secret: bytes = field(repr=False)

    def inline(self) -> str:
        """The key parameter of an a=crypto line: ``inline:`` and base64 (40 characters for AES_CM), no lifetime."""
        return "inline:" + b64encode(self.secret).decode("ascii")


def parse_key(suite: str, parameter: str) -> KeyMaterial:
    """Read suite and key parameter of an a=crypto line, such as ``inline:<base64>|2^31``.

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
    return KeyMaterial(suite, _decode(key, KEY_SIZES[suite]))


def _decode(key: str, size: int) -> bytes:
    try:
        secret = b64decode(key, validate=True)
    except (Base64Error, ValueError):
        raise UnusableKeyError("the key of an a=crypto line is not base64") from None
    if len(secret) != size:
        raise UnusableKeyError(f"the key of an a=crypto line has {len(secret)} bytes, {size} are needed")
    return secret


class Sender:
    """Protects the packets of every SSRC that we send with one key, up to SOURCES of them."""

    __slots__ = ("_known", "_session")

    def __init__(self, key: KeyMaterial) -> None:
        """Begin at rollover counter 0. Raises UnusableKeyError for a key that does not fit its suite."""
        self._session = _session(key, Policy.SSRC_ANY_OUTBOUND)
        self._known: set[bytes] = set()

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet for an RTP packet. Raises ProtectionError; a sequence number serves only once."""
        source = packet[8:12]
        if source not in self._known:
            _admit(self._known, source)
        try:
            return self._session.protect(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"RTP packet not protected: {error}") from None

    def protect_control(self, packet: bytes) -> bytes:
        """The SRTCP packet for an RTCP compound packet. Raises ProtectionError."""
        _admit(self._known, packet[4:8])
        try:
            return self._session.protect_rtcp(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"RTCP packet not protected: {error}") from None


class Receiver:
    """Verifies and decrypts the packets of every SSRC that a peer sends with one key, up to SOURCES of them."""

    __slots__ = ("_key", "_known", "_missed", "_session", "_trials")

    def __init__(self, key: KeyMaterial) -> None:
        """Begin at rollover counter 0. Raises UnusableKeyError for a key that does not fit its suite."""
        self._session = _session(key, Policy.SSRC_ANY_INBOUND)
        self._key = key
        self._known: set[bytes] = set()
        self._missed: tuple[bytes, int] | None = None
        self._trials: tuple[tuple[int, Session], ...] = ()

    def miss(self, ssrc: int, rollovers: int) -> None:
        """Say that this source has been sending, and that its sequence numbers began anew about so many times.

        If it is this key that it used, the counter is found by trial with its next packet: no packet tells it (RFC 3711
        section 3.3.1). It is 0 all the same where that verifies.
        """
        self._missed = (ssrc.to_bytes(4, "big"), rollovers) if rollovers <= ROLLOVERS else None

    def verify(self, packet: bytes) -> bytes:
        """The RTP packet inside an SRTP packet. Raises ProtectionError, also for a packet that came before."""
        try:
            plain = self._session.unprotect(packet)
        except (SrtpError, ValueError) as error:
            if self._missed is None or packet[8:12] != self._missed[0] or packet[8:12] in self._known:
                raise ProtectionError(f"SRTP packet refused: {error}") from None
            plain = self._take_up(packet, self._missed[1])
        if packet[8:12] not in self._known:
            self._admit(packet[8:12])
            self._trials = ()
        return plain

    def _take_up(self, packet: bytes, rollovers: int) -> bytes:
        """The first packet that is seen of a source which has been sending. Raises ProtectionError."""
        index = int.from_bytes(packet[2:4], "big") - 1
        if not self._trials:
            counters = range(max(1, rollovers - 1), rollovers + 3)
            places = [(counter << 16) + index for counter in counters]
            self._trials = tuple((place, _session(self._key, Policy.SSRC_ANY_INBOUND)) for place in places)
            for place, trial in self._trials:
                self._advance(trial, packet[8:12], place)
        for place, trial in self._trials:
            try:
                trial.unprotect(packet)
            except (SrtpError, ValueError):
                continue
            self._advance(self._session, packet[8:12], place)
            return self._session.unprotect(packet)
        raise ProtectionError("SRTP packet refused: wrong key or rollover counter")

    def _advance(self, session: Session, source: bytes, place: int) -> None:
        """Bring a source's rollover counter and highest sequence number, together ``place``, to where they should be.

        The binding of libsrtp cannot set them, so it gets packets of our own making.
        """
        sender = _session(self._key, Policy.SSRC_ANY_OUTBOUND)
        for each in (*range(0, place, _STEP), place):
            session.unprotect(sender.protect(_header(0x80, 0, each & 0xFFFF, 0, source)))

    def verify_control(self, packet: bytes) -> bytes:
        """The RTCP compound packet inside an SRTCP packet. Raises ProtectionError."""
        try:
            plain = self._session.unprotect_rtcp(packet)
        except (SrtpError, ValueError) as error:
            raise ProtectionError(f"SRTCP packet refused: {error}") from None
        self._admit(packet[4:8])
        return plain

    def _admit(self, source: bytes) -> None:
        """Remember a source once a packet of it is verified; libsrtp keeps nothing for others."""
        try:
            _admit(self._known, source)
        except ProtectionError:
            self._session.remove_stream(int.from_bytes(source, "big"))
            raise


def _admit(known: set[bytes], source: bytes) -> None:
    if len(known) >= SOURCES and source not in known:
        raise ProtectionError(f"more than {SOURCES} sources (SSRC) with one SRTP key")
    known.add(source)


def _session(key: KeyMaterial, direction: int) -> Session:
    size = KEY_SIZES.get(key.suite)
    if size is None or len(key.secret) != size:
        raise UnusableKeyError(f"{len(key.secret)} bytes of key for crypto suite {key.suite[:64]!r}")
    return Session(Policy(key=key.secret, ssrc_type=direction, srtp_profile=_PROFILES[key.suite]))
