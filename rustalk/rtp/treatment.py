"""What is done to the packets of one side of a stream beside carrying them: the values that say so.

A stream whose sides have no treatment is carried byte for byte, encrypted or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rustalk.rtp.srtp import KeyMaterial

__all__ = ["IceCredentials", "Treatment"]

Digits = Literal["keep", "events", "tones"]


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """User name fragments and passwords of one side (RFC 8445 section 5.3). We are ICE-lite: we only answer checks."""

    ufrag: str
    password: str = field(repr=False)
    remote_ufrag: str = ""
    remote_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Treatment:
    """How one side of a stream is spoken to, and how what it sends is changed before the other side gets it.

    ``receive`` is the key that this side encrypts with and ``send`` the one that we encrypt with towards it; None:
    plain RTP. ``payloads`` gives for each payload type that this side sends the one that the other side knows it by;
    what is in ``strip`` (comfort noise) goes no further. ``digits`` says where digits are taken from what this side
    sends: "keep": nowhere, telephone-events cross; "events": from telephone-event packets of payload type ``event``,
    "tones": from its G.711 audio; both are told and do not cross. ``event`` and ``voice`` are the payload types of
    telephone-event and of G.711 (0 or 8) on this side, for digits that we send to it; without ``event`` a digit is sent
    as a tone in ``voice``, without either not at all.
    """

    receive: KeyMaterial | None = None
    send: KeyMaterial | None = None
    payloads: Mapping[int, int] = field(default_factory=dict)
    strip: frozenset[int] = frozenset()
    digits: Digits = "keep"
    event: int | None = None
    voice: int | None = None
