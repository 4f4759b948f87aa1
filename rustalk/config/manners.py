"""What trunks and Teams have alike: how calls, their audio, headers and numbers cross to and from this side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.audio import EARLY_MEDIA, MEDIA_PATH, EarlyMedia, MediaPath
from rustalk.config.header_rule import HeaderRule
from rustalk.config.numbers import Numbers

__all__ = ["HISTORY", "SRTP", "TRUSTED", "Dtmf", "History", "Identity", "Manners", "Redirects", "Refer", "Srtp"]

Srtp = Literal["required", "preferred", "off"]
Dtmf = Literal["rfc4733", "info", "inband"]
Refer = Literal["handle", "pass"]
Redirects = Literal["follow", "pass"]
History = Literal["history-info", "diversion", "both", "none"]
Identity = Literal["pai", "ppi", "from", "none"]

SRTP = (
    "`required`: only SRTP is offered to and taken from this side; `preferred`: SRTP is offered where the other side "
    "brings it, after a refusal (488) plain RTP, and both are taken; `off`: plain RTP only, the SRTP of the other side "
    "ends here."
)
"""The meaning of the key srtp."""

HISTORY = (
    "Header fields that tell this side by whom the call was forwarded: `history-info` (RFC 7044), `diversion` "
    "(RFC 5806), `both` or `none`. Whatever came is converted."
)
"""The meaning of the key history."""

TRUSTED = "Whether this side may see the asserted identity of a caller who asks for privacy (RFC 3325 section 7)."
"""The meaning of the key trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How calls cross to and from one side: a trunk or Teams. The defaults are those of a trunk."""

    media: MediaPath = field(
        default="relay", metadata=about(f"{MEDIA_PATH} A route can say otherwise.", example="direct")
    )
    early_media: EarlyMedia = field(default="first", metadata=about(EARLY_MEDIA))
    srtp: Srtp = field(default="preferred", metadata=about(SRTP))
    codecs: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Codecs that are offered to and taken from this side, in order of preference, by their names in `codecs`. "
            "Empty: as the other side offers.",
            example=["PCMA", "PCMU", "telephone-event"],
            check=formats.encoding_name,
        ),
    )
    dtmf: Dtmf = field(
        default="rfc4733",
        metadata=about(
            "How digits are sent to and expected from this side: `rfc4733` (telephone-event), `info` (SIP INFO, RFC "
            "6086) or `inband` (tones, which needs PCMU or PCMA). Where the two sides differ, digits are converted."
        ),
    )
    strip_comfort_noise: bool = field(
        default=False, metadata=about("Leave comfort noise (CN, RFC 3389) out of what is sent to this side.")
    )
    max_calls: int = field(
        default=0,
        metadata=about(
            "Calls at the same time, in both directions together; beyond it 503, so that the caller goes elsewhere "
            "(FO-09). 0: no limit.",
            example=30,
            low=0,
            high=1000000,
        ),
    )
    max_cps: float = field(
        default=0.0,
        metadata=about(
            "New calls a second towards this side, over a second's burst; beyond it 503. 0: no limit.",
            unit="calls/s",
            example=10,
            low=0,
            high=100000,
        ),
    )
    refer: Refer = field(
        default="handle",
        metadata=about(
            "REFER from this side: `handle` carries the transfer out here; `pass` hands it to the other side of the "
            "call."
        ),
    )
    redirects: Redirects = field(
        default="follow",
        metadata=about("A 3xx from this side: `follow` calls its contacts; `pass` hands it to the caller."),
    )
    headers: tuple[HeaderRule, ...] = field(default=(), metadata=about("Rules on header fields."))
    history: History = field(default="none", metadata=about(HISTORY))
    identity: Identity = field(
        default="from",
        metadata=about(
            "Where the caller's number stands in calls to this side: `pai` (P-Asserted-Identity), `ppi` "
            "(P-Preferred-Identity), `from` (From alone) or `none` (an anonymous From and neither of them)."
        ),
    )
    trusted: bool = field(default=False, metadata=about(TRUSTED))
    numbers: Numbers = field(default=Numbers(), metadata=about("Rules on the numbers of callers and called."))
    country: str = field(
        default="",
        metadata=about(
            "Country that national numbers of this side belong to (ISO 3166, two letters); they are turned into E.164. "
            "Empty: numbers are left as they are.",
            example="DE",
            check=formats.country,
        ),
    )
