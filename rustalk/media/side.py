"""What is known of one side of a call before it says anything."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from rustalk.sdp.codec import Codec

__all__ = ["DtmfKind", "MediaSide", "SrtpPolicy"]

SrtpPolicy = Literal["required", "preferred", "off", "any"]
DtmfKind = Literal["rfc4733", "info", "inband"]


@dataclass(frozen=True, slots=True)
class MediaSide:
    """How the media of one side are treated.

    ``family`` is the IP version, 4 or 6. ``advertised`` is the address to write in descriptions instead of the local
    one, for an SBC behind NAT. ``direct`` on either side leaves media alone. ``trim`` is for UDP trunks and
    ``inactive_only`` for Teams, see ``rustalk.sdp.rewrite``; Teams also gets neither video nor fax (MED-15). Where the
    source of the media has to be learned, it is learned from the networks ``within`` only, if any are given.

    ``srtp`` says what is offered to and taken from this side: "required" SRTP only, "off" plain RTP only, "preferred"
    both, "any" both and of any suite, unlooked at. ``suites`` are the acceptable ones, the first for our own offers;
    empty: all that come, and AES_CM_128_HMAC_SHA1_80 for our own. ``codecs`` are those that may be used, in order;
    empty: as the other side says. ``dtmf`` is how this side dials and is dialled to. ``strip_comfort_noise`` keeps
    comfort noise away from it. ``ice`` answers its connectivity checks as ICE-lite (media bypass).
    """

    family: int
    advertised: str | None = None
    direct: bool = False
    trim: bool = False
    inactive_only: bool = False
    within: tuple[IPv4Network | IPv6Network, ...] = ()
    srtp: SrtpPolicy = "any"
    suites: tuple[str, ...] = ()
    codecs: tuple[Codec, ...] = ()
    dtmf: DtmfKind = "rfc4733"
    strip_comfort_noise: bool = False
    ice: bool = False
