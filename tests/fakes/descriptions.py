"""Descriptions of sides that negotiate, and sessions over the relay without sockets."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from itertools import count

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from rustalk.media.session import MediaSession, MediaSide
from rustalk.rtp.srtp import KEY_SIZES, KeyMaterial
from tests.fakes.relay import MemoryRelay, MemoryStream

SHA1_80, SHA1_32, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM"
SUITES = (SHA1_80, SHA1_32)

TEAMS = MediaSide(4, inactive_only=True, srtp="required", suites=SUITES)

_NAMES = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "13": "CN/8000", "18": "G729/8000"}


def key(letter: str, suite: str = SHA1_80) -> KeyMaterial:
    """The key that consists of this letter."""
    return KeyMaterial(suite, letter.encode() * KEY_SIZES[suite])


def crypto(letter: str, tag: int = 1, suite: str = SHA1_80, more: str = "") -> str:
    """The line with that key."""
    return f"a=crypto:{tag} {suite} inline:{b64encode(key(letter, suite).secret).decode()}{more}"


def describe(
    host: str = "192.0.2.1",
    proto: str = "RTP/AVP",
    formats: str = "8 0 101",
    *lines: str,
    port: int = 4000,
    maps: Sequence[str] = ("101 telephone-event/8000",),
) -> bytes:
    """A description with one audio line."""
    known = [f"a=rtpmap:{number} {_NAMES[number]}" for number in formats.split() if number in _NAMES]
    text = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} {proto} {formats}")
    return "\r\n".join((*text, *known, *(f"a=rtpmap:{each}" for each in maps), *lines, "")).encode()


def secured(*cryptos: str, host: str = "192.0.2.1", formats: str = "8 0 101", port: int = 4000) -> bytes:
    """The same in SRTP."""
    return describe(host, "RTP/SAVP", formats, *cryptos, port=port)


class Call:
    """A media session and its relay; our own keys are those of the letters from "a" on."""

    def __init__(self, near: MediaSide, far: MediaSide, *, treatable: bool = True) -> None:
        self.relay = MemoryRelay()
        self.relay.treatable = treatable
        letters = count(ord("a"))
        self.media = MediaSession(
            self.relay,
            (near, far),
            random=count(1000).__next__,
            secret=lambda size: bytes([next(letters)]) * size,
        )

    @property
    def stream(self) -> MemoryStream:
        """The stream that is open."""
        return self.relay.streams[-1]

    def tell(self, body: bytes, side: int) -> bytes:
        """What the other side is told."""
        outcome: list[Failure | None] = []
        waiting: Deferred[None] = self.media.lease(body, side)
        waiting.addBoth(outcome.append)
        if outcome[0] is not None:
            outcome[0].raiseException()
        return self.media.translate(body, side) if body else self.media.offer(1 - side)

    def talk(self, offer: bytes, answer: bytes) -> tuple[bytes, bytes]:
        """Both are told, and the call is answered."""
        texts = self.tell(offer, 0), self.tell(answer, 1)
        self.media.answered()
        return texts
