"""What a payload type stands for: a codec, known by name, clock rate, channels and what its parameters make of it.

Numbers mean nothing across two descriptions (MED-07): 104 is SILK here and G.726 there. What identifies a codec is its
name in any case, clock rate, channels (RFC 8866 section 6.6), and those few parameters that change the packets
themselves (RFC 3264 section 6.1, RFC 4867 section 8.3.1); all others say what one side likes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media

__all__ = ["EVENT", "NOISE", "Codec", "codecs", "free", "select"]

EVENT, NOISE = "telephone-event", "cn"
"""Names, in lower case, of what carries no voice by itself."""

# name: what it is when a parameter is not said, for the parameters that must be the same on both sides. G.729 with and
# without annex B understand each other, as do the modes of iLBC and the rates of SILK and Opus.
_DECISIVE: dict[str, dict[str, str]] = {
    "amr": {"octet-align": "0"},
    "amr-wb": {"octet-align": "0"},
    "g7221": {"bitrate": ""},
    "siren": {"bitrate": ""},
}


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec. ``rate`` is the RTP clock rate in Hz, ``number`` the payload type to use in an offer of our own."""

    name: str
    rate: int = 8000
    channels: int = 1
    fmtp: str = ""
    number: int | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, int, int, tuple[str, ...]]:
        """What is equal where two codecs are the same."""
        name = self.name.lower()
        return name, self.rate, self.channels, _decisive(name, self.fmtp)

    @property
    def is_voice(self) -> bool:
        """Whether it carries audio by itself, not digits or comfort noise only."""
        return self.name.lower() not in (EVENT, NOISE, "red")

    def is_named(self, name: str) -> bool:
        """Whether it has this name, which is in lower case."""
        return self.name.lower() == name

    def fits(self, listed: Codec) -> bool:
        """Whether a list of codecs that has ``listed`` allows this one.

        Digits and comfort noise follow the clock of the voice, so one entry stands for all their rates.
        """
        return self.is_named(listed.name.lower()) if not listed.is_voice else self.key == listed.key

    def lines(self, number: str) -> list[bytes]:
        """The attribute lines that give this codec the payload type ``number``."""
        channels = f"/{self.channels}" if self.channels > 1 else ""
        lines = [f"a=rtpmap:{number} {self.name}/{self.rate}{channels}"]
        if self.fmtp:
            lines.append(f"a=fmtp:{number} {self.fmtp}")
        return [line.encode("utf-8") for line in lines]


# The payload types that need no rtpmap (RFC 3551 table 4), as far as calls use them.
_STATIC = {
    "0": Codec("PCMU"),
    "3": Codec("GSM"),
    "4": Codec("G723"),
    "8": Codec("PCMA"),
    "9": Codec("G722"),
    "13": Codec("CN"),
    "15": Codec("G728"),
    "18": Codec("G729"),
}


def codecs(media: Media) -> dict[str, Codec]:
    """The codecs of a media line by payload type, in its order; a number that means nothing is left out."""
    maps, parameters = media.rtpmaps, media.fmtps
    found = {}
    for number in filter(_is_number, media.formats):
        codec = _read(maps[number], parameters.get(number, "")) if number in maps else _STATIC.get(number)
        if codec is not None:
            found[number] = codec
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 128


def _read(encoding: str, fmtp: str) -> Codec | None:
    name, _, rest = encoding.partition("/")
    rate, _, channels = rest.partition("/")
    if not (rate.isascii() and rate.isdigit() and len(rate) < 8):
        return None
    count = int(channels) if channels.isascii() and channels.isdigit() and len(channels) < 4 else 1
    return Codec(name, int(rate), count, fmtp)


def _decisive(name: str, fmtp: str) -> tuple[str, ...]:
    wanted = _DECISIVE.get(name)
    if wanted is None:
        return ()
    pairs = (parameter.partition("=") for parameter in fmtp.lower().replace(" ", "").split(";"))
    said = {key: value for key, _, value in pairs}
    return tuple(said.get(key, default) for key, default in wanted.items())


def select(known: Mapping[str, Codec], lists: Iterable[Sequence[Codec]], line: int) -> tuple[str, ...]:
    """The payload types that every list allows, in the order of the last list that is not empty.

    An empty list allows all. Raises SdpError, for the media section that began at ``line``, if no voice is left.
    """
    kept = list(known)
    for allowed in lists:
        if allowed:
            ranked = {number: _rank(known[number], allowed) for number in kept}
            kept = sorted((number for number in kept if ranked[number] < len(allowed)), key=ranked.__getitem__)
    if not any(known[number].is_voice for number in kept):
        raise SdpError("no common codec: none of those described here is allowed on both sides", line)
    return tuple(kept)


def _rank(codec: Codec, allowed: Sequence[Codec]) -> int:
    fitting = (rank for rank, listed in enumerate(allowed) if codec.fits(listed))
    return next(fitting, len(allowed))


def free(wanted: int | None, used: Collection[int], line: int) -> int:
    """The payload type ``wanted`` if it is not used, else a dynamic one that is not (RFC 3551 section 3).

    Raises SdpError, for the media section that began at ``line``, when there is none.
    """
    if wanted is not None and wanted not in used:
        return wanted
    for number in chain((101,), range(96, 128), range(35, 64)):
        if number not in used:
            return number
    raise SdpError("all dynamic payload types are in use", line)
