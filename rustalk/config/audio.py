"""What happens to the audio of a call: the section media, and the choices that trunks and routes have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about

__all__ = ["EARLY_MEDIA", "MEDIA_PATH", "EarlyMedia", "Media", "MediaPath", "RtpengineNode"]

MediaPath = Literal["relay", "direct"]
EarlyMedia = Literal["first", "pass", "ring"]

EARLY_MEDIA = (
    "What a call towards us hears before the answer when the called side sends several 18x. `first`: the first 18x "
    "crosses, and a 183 with a session description crosses as 180 without one until audio has really arrived; `pass`: "
    "all cross as they are; `ring`: always 180 without a session description."
)
"""The meaning of the key early_media."""

MEDIA_PATH = (
    "`relay`: audio flows through this SBC; `direct`: the session descriptions cross unchanged and the two sides send "
    "to each other."
)
"""The meaning of the key media."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpengineNode:
    """One rtpengine that carries audio for us."""

    host: str = field(
        metadata=about("Host name or address of its NG control port.", example="127.0.0.1", check=formats.host)
    )
    port: int = field(default=22222, metadata=about("UDP port of its NG control protocol.", low=1, high=65535))
    weight: int = field(default=1, metadata=about("Share of the calls among the nodes that answer.", low=1, high=65535))


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Audio through this SBC."""

    relay: Literal["userspace", "rtpengine", "kernel"] = field(
        default="userspace",
        metadata=about(
            "What carries the audio. `userspace`: this process; `rtpengine`: the nodes of `rtpengine`; `kernel`: the "
            "Linux kernel (nftables, needs CAP_NET_ADMIN), this process for what the kernel cannot do.",
            restart=True,
        ),
    )
    rtpengine: tuple[RtpengineNode, ...] = field(
        default=(), metadata=about("The nodes to share calls among, where `relay` is `rtpengine`.", restart=True)
    )
    bind_address: str = field(
        default="127.0.0.1",
        metadata=about(
            "Address on which audio is received. 0.0.0.0 or :: needs `advertised_address`.",
            example="192.0.2.10",
            check=formats.address,
            restart=True,
        ),
    )
    advertised_address: str = field(
        default="",
        metadata=about(
            "Address written into session descriptions (NAT). Empty: `bind_address`.",
            example="203.0.113.10",
            check=formats.address,
            restart=True,
        ),
    )
    bind_address_v6: str = field(
        default="",
        metadata=about(
            "IPv6 address on which audio is received as well, where `bind_address` is IPv4. A trunk gets audio of the "
            "IP version of its SIP profile. Empty: audio of one IP version only.",
            example="2001:db8::10",
            check=formats.address_v6,
            restart=True,
        ),
    )
    advertised_address_v6: str = field(
        default="",
        metadata=about(
            "IPv6 address written into session descriptions. Empty: `bind_address_v6`.",
            example="2001:db8::20",
            check=formats.address_v6,
            restart=True,
        ),
    )
    ports: tuple[int, int] = field(
        default=(10000, 32767),
        metadata=about(
            "Lowest and highest UDP port for audio. A relayed call takes four.",
            example=[20000, 29999],
            low=1024,
            high=65535,
            restart=True,
        ),
    )
    latching: Literal["auto", "strict", "learn"] = field(
        default="auto",
        metadata=about(
            "From where audio is taken. `strict`: only from the address and port that the session description named; "
            "`learn`: the first source that sends RTP in sequence decides once, which peers behind NAT need; `auto`: "
            "`learn` where the description names a private address, else `strict`.",
            restart=True,
        ),
    )
    timeout: float = field(
        default=120.0,
        metadata=about(
            "A call without any audio or RTCP in both directions for this long is ended. Hold does not count. "
            "0: never.",
            unit="seconds",
            low=0,
            high=86400,
            restart=True,
        ),
    )
    one_way_after: float = field(
        default=5.0,
        metadata=about(
            "Audio in one direction only is reported after this. 0: never.",
            unit="seconds",
            low=0,
            high=3600,
            restart=True,
        ),
    )

    @property
    def address(self) -> str:
        """The address for session descriptions."""
        return self.advertised_address or self.bind_address

    @property
    def bound(self) -> dict[int, str]:
        """Where audio is received, by IP version; that of `bind_address` comes first."""
        return {formats.version(one): one for one in (self.bind_address, self.bind_address_v6) if one}

    @property
    def advertised(self) -> dict[int, str]:
        """What session descriptions name instead of that, by IP version, where it is something else."""
        instead = (self.advertised_address, self.advertised_address_v6)
        return {family: address for family, address in zip(self.bound, instead, strict=False) if address}

    def family(self, wanted: int) -> int:
        """The IP version of the audio of a trunk that speaks SIP over version ``wanted``."""
        return wanted if wanted in self.bound else next(iter(self.bound))
