"""What protects the switch from strangers: the section security."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about

__all__ = ["Flood", "Security"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """How much one address may send before the rest is dropped. Teams and trunks are not counted."""

    per_second: float = field(
        default=100.0,
        metadata=about("Requests of one address a second. 0: no limit.", unit="requests/s", low=0, high=1000000),
    )
    burst: int = field(default=500, metadata=about("Requests of one address at once.", low=1, high=1000000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Failed logins, scanners and floods: counted by address and by account, then banned for a time."""

    ban_after: int = field(
        default=10,
        metadata=about("Failures within `ban_window` after which an address is banned. 0: never.", low=0, high=1000000),
    )
    ban_window: float = field(
        default=600.0, metadata=about("How long a failure counts.", unit="seconds", low=1, high=604800)
    )
    ban_seconds: float = field(
        default=600.0, metadata=about("How long an address is banned.", unit="seconds", low=1, high=31536000)
    )
    never_ban: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Networks that are never banned, such as that of the administrators. Teams and trunks never are.",
            example=["192.0.2.0/24"],
            check=formats.network,
        ),
    )
    flood: Flood = field(default=Flood(), metadata=about("How much one address may send."))
    unknown_sources: Literal["", "403", "drop"] = field(
        default="",
        metadata=about(
            "What a peer gets that is neither a trunk nor Teams nor an extension: `403`, or nothing with `drop`. "
            "Empty: as `sip.unknown_sources` says.",
            example="drop",
        ),
    )
