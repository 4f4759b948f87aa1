"""What rtpengine's answer to ``query`` or ``delete`` says about the two sides of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.media.ng import Answer

__all__ = ["TAGS", "Count", "read_counts"]

TAGS = (b"caller", b"callee")
"""The tags by which the sides 0 and 1 are known to rtpengine."""


@dataclass(frozen=True, slots=True)
class Count:
    """What has come from one side. ``bytes`` are those of UDP payloads; ``ssrc`` is the last one seen, if any was.

    With a=rtcp-mux, RTCP counts among ``packets``; otherwise it is in ``controls``.
    """

    packets: int = 0
    bytes: int = 0
    controls: int = 0
    ssrc: int | None = None


def read_counts(answer: Answer) -> tuple[Count, Count]:
    """The counts of side 0 and side 1; what is missing from the answer, or no number, counts as 0."""
    tags = answer.get(b"tags")
    caller, callee = (_read_side(tags.get(tag)) if isinstance(tags, dict) else Count() for tag in TAGS)
    return caller, callee


def _read_side(side: object) -> Count:
    packets = octets = controls = 0
    ssrc: int | None = None
    for stream in _streams(side):
        stats = stream.get(b"stats")
        if not isinstance(stats, dict):
            continue
        if b"RTP" not in _listed(stream.get(b"flags")):
            controls += _number(stats.get(b"packets"))
            continue
        packets += _number(stats.get(b"packets"))
        octets += _number(stats.get(b"bytes"))
        ssrc = _number(stream.get(b"SSRC")) or ssrc
    return Count(packets, octets, controls, ssrc)


def _streams(side: object) -> list[Answer]:
    medias = side.get(b"medias") if isinstance(side, dict) else None
    streams = [media.get(b"streams") for media in _listed(medias) if isinstance(media, dict)]
    return [stream for each in streams for stream in _listed(each) if isinstance(stream, dict)]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
