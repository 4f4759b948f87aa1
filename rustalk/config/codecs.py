"""The codecs that trunks can name: the section codecs."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config import formats
from rustalk.config.about import about

__all__ = ["STANDARD", "Codec", "Codecs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One codec. A standard one is changed by an entry with its name, clock rate and channels."""

    name: str = field(metadata=about("Name as in a session description.", example="PCMU", check=formats.encoding_name))
    payload_type: int = field(
        metadata=about(
            "RTP payload type in our own offers; in an answer the offer's counts.", example=0, low=0, high=127
        )
    )
    clock_rate: int = field(
        default=8000, metadata=about("RTP clock rate as in a session description.", unit="Hz", low=1, high=192000)
    )
    channels: int = field(default=1, metadata=about("Channels.", low=1, high=8))
    fmtp: str = field(
        default="",
        metadata=about("Parameters (a=fmtp) in our own offers.", example="0-16", check=formats.one_line),
    )
    description: str = field(default="", metadata=about("Free text.", example="G.711 mu-law (64 kbps)"))
    enabled: bool = field(default=True, metadata=about("Whether the codec may be used where a trunk names codecs."))
    is_standard: bool = field(default=False, metadata=about("Whether the codec came with the product."))
    priority: int = field(
        default=0, metadata=about("Place in lists that people see, lower first.", low=0, high=1000000)
    )

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes it the same codec: name in lower case, clock rate and channels (RFC 4855 section 3)."""
        return self.name.lower(), self.clock_rate, self.channels

    @property
    def encoding(self) -> str:
        """The codec as in a=rtpmap: name, clock rate, and channels where there are several (RFC 8866 section 6.6)."""
        return f"{self.name}/{self.clock_rate}" + (f"/{self.channels}" if self.channels > 1 else "")


def _standard(
    name: str, payload_type: int, description: str, *, clock_rate: int = 8000, channels: int = 1, fmtp: str = ""
) -> Codec:
    return Codec(
        name=name,
        payload_type=payload_type,
        clock_rate=clock_rate,
        channels=channels,
        fmtp=fmtp,
        description=description,
        is_standard=True,
    )


STANDARD = (
    _standard("PCMU", 0, "G.711 mu-law (64 kbps)"),
    _standard("PCMA", 8, "G.711 A-law (64 kbps)"),
    _standard("G722", 9, "G.722 wideband (64 kbps); its clock rate is 8000 by RFC 3551"),
    _standard("GSM", 3, "GSM full rate (13 kbps)"),
    _standard("G729", 18, "G.729 (8 kbps)"),
    _standard("iLBC", 97, "iLBC (13.3 or 15.2 kbps)"),
    _standard("opus", 111, "Opus (6 to 510 kbps)", clock_rate=48000, channels=2),
    _standard("AMR", 96, "AMR narrowband (4.75 to 12.2 kbps)"),
    _standard("AMR-WB", 98, "AMR wideband (6.6 to 23.85 kbps)", clock_rate=16000),
    _standard("SILK", 99, "SILK wideband, as Teams offers it", clock_rate=16000),
    _standard("telephone-event", 101, "Digits (RFC 4733)", fmtp="0-16"),
    _standard("CN", 13, "Comfort noise (RFC 3389)"),
)
"""The codecs that are always known, in order of preference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codecs:
    """The codecs that trunks can name. Calls between sides that name none agree on any codec, known here or not."""

    codecs: tuple[Codec, ...] = field(
        default=STANDARD,
        metadata=about(
            "Changes to the standard codecs, and further ones, in order of preference; standard codecs that are not "
            "named here follow.",
            shown=", ".join(f"`{codec.encoding}`" for codec in STANDARD),
        ),
    )

    def completed(self) -> Codecs:
        """The codecs of a file, followed by the standard ones that it does not name."""
        named = {codec.key for codec in self.codecs}
        return Codecs(codecs=(*self.codecs, *(codec for codec in STANDARD if codec.key not in named)))

    def named(self, name: str) -> tuple[Codec, ...]:
        """The codecs of that name in any case, one for each clock rate, enabled or not."""
        return tuple(codec for codec in self.codecs if codec.name.lower() == name.lower())
