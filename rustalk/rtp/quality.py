"""Call quality by the E-model: the transmission rating R, and the mean opinion score it stands for (ITU-T G.107).

What the model asks for and a relay cannot know (loudness, room noise, sidetone, echo) has the default values of G.107
section 7.7. What is left:

    R = 93.35 - Id(delay) - Ie_eff(codec, loss)        93.2 without delay and loss
    Ie_eff = Ie + (95 - Ie) * loss / (loss / BurstR + Bpl)

The delay is one way, mouth to ear, as far as this leg makes it: half the round trip, a jitter buffer of twice the
jitter, and one packet. Each leg is rated as if it were the whole way. Where the round trip was not measured, Id is that
of no delay and the score is one of listening (MOS-LQ), not of conversation (MOS-CQ); ``method`` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log2, log10, pow, sqrt
from typing import Literal

from rustalk.rtp.statistics import StreamStatistics

__all__ = [
    "FEWEST_PACKETS",
    "IMPAIRMENTS",
    "Impairment",
    "Inputs",
    "Rating",
    "delay_impairment",
    "effective_impairment",
    "opinion_score",
    "rate",
    "rate_received",
    "rate_sent",
]

FEWEST_PACKETS = 50
"""A second of audio; less is no sample of a call."""

PACKET_MS = 20.0
"""What is spoken into one packet, and waits for its end."""

JITTER_BUFFER = 2.0
"""How many times the jitter a receiver is taken to hold packets back."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What a codec takes from R: ``ie`` without loss, ``bpl`` how robust it is against loss.

    ``published`` where both are from G.113 appendix I; the other values are our choice.
    """

    ie: float
    bpl: float
    published: bool = False


_G711 = Impairment(0, 25.1, published=True)  # with packet loss concealment, which every receiver has
_G729 = Impairment(11, 19, published=True)  # G.729A with VAD; names do not tell the annexes apart
_GSM_EFR = Impairment(5, 10, published=True)
_WIDEBAND = Impairment(0, 25.1)

IMPAIRMENTS: Mapping[str, Impairment] = {
    "PCMU": _G711,
    "PCMA": _G711,
    "G729": _G729,
    "G729A": _G729,
    "G723": Impairment(15, 16.1, published=True),
    "GSM-EFR": _GSM_EFR,
    "AMR": Impairment(5, 10),
    "GSM": Impairment(20, 10),
    "ILBC": Impairment(11, 32),
    "G726-40": Impairment(2, 19),
    "G726-32": Impairment(7, 19),
    "G726-24": Impairment(25, 19),
    "G726-16": Impairment(50, 19),
    **dict.fromkeys(("G722", "G7221", "OPUS", "SILK", "AMR-WB", "SPEEX", "X-MSRTA", "SIREN"), _WIDEBAND),
}
"""By the name in a=rtpmap, in capitals.

AMR is taken at its highest rate, which is GSM-EFR; GSM-FR and G.726 have their published Ie, and the Bpl of a codec of
their kind. The scale ends at G.711: a wideband codec sounds better than that, and is rated like it.
"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a rating rests on. ``delay_ms`` is one way, None for a rating of listening.

    ``assumptions`` says in words what was taken for granted because it was not measured.
    """

    method: Literal["conversation", "listening"]
    codec: str
    ie: float
    bpl: float
    loss_percent: float
    burst_ratio: float
    jitter_ms: float
    delay_ms: float | None
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rating:
    """R from 0 to 93.2 and the score from 1 to 4.5, with what they were computed from."""

    r_factor: float
    mos: float
    inputs: Inputs


def rate_received(statistics: StreamStatistics, codec: str) -> Rating | None:
    """Rate what arrived from a side.

    None before FEWEST_PACKETS, for a codec that IMPAIRMENTS does not know, and where losses were not counted.
    """
    loss, jitter = statistics.loss_percent, statistics.jitter_ms
    if statistics.packets < FEWEST_PACKETS or loss is None or jitter is None:
        return None
    return rate(
        codec,
        loss_percent=loss,
        jitter_ms=jitter,
        round_trip_ms=statistics.round_trip_ms,
        burst_ratio=statistics.burst_ratio,
    )


def rate_sent(statistics: StreamStatistics, codec: str) -> Rating | None:
    """Rate what is sent to a side, by its reports. None as for rate_received, and where it reports nothing."""
    reported = statistics.reported
    if reported is None or reported.packets + reported.lost < FEWEST_PACKETS:
        return None
    return rate(
        codec,
        loss_percent=reported.loss_percent,
        jitter_ms=reported.jitter_ms,
        round_trip_ms=statistics.round_trip_ms,
        burst_ratio=None,
    )


def rate(
    codec: str, *, loss_percent: float, jitter_ms: float, round_trip_ms: float | None, burst_ratio: float | None = None
) -> Rating | None:
    """Rate one direction; None for a codec that IMPAIRMENTS does not know."""
    impairment = IMPAIRMENTS.get(codec.upper())
    if impairment is None:
        return None
    inputs = Inputs(
        method="listening" if round_trip_ms is None else "conversation",
        codec=codec,
        ie=impairment.ie,
        bpl=impairment.bpl,
        loss_percent=loss_percent,
        burst_ratio=1.0 if burst_ratio is None else burst_ratio,
        jitter_ms=jitter_ms,
        delay_ms=None if round_trip_ms is None else round_trip_ms / 2 + JITTER_BUFFER * jitter_ms + PACKET_MS,
        assumptions=_assumptions(codec, impairment, round_trip_ms, burst_ratio),
    )
    loss = effective_impairment(inputs.ie, inputs.bpl, loss_percent, inputs.burst_ratio)
    r_factor = max(0.0, _BASE - delay_impairment(inputs.delay_ms or 0.0) - loss)
    return Rating(r_factor, opinion_score(r_factor), inputs)


def effective_impairment(ie: float, bpl: float, loss_percent: float, burst_ratio: float = 1.0) -> float:
    """Ie_eff of G.107 section 7.5; ``burst_ratio`` 1 is random loss."""
    return ie + (95 - ie) * loss_percent / (loss_percent / burst_ratio + bpl)


def opinion_score(r_factor: float) -> float:
    """The score that R stands for, G.107 annex B. The polynomial dips below 1 under R = 6.5; no score does."""
    if r_factor <= 0:
        return 1.0
    if r_factor >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r_factor + r_factor * (r_factor - 60) * (100 - r_factor) * 7e-6)


# Defaults of G.107 section 7.7, and what sections 7.2 and 7.3 make of them; neither delay nor codec has a part in it.
_ECHO_LOSS = 65.0  # TELR, dB
_ECHO_PATH_LOSS = 110.0  # WEPL, dB
_NOISE = 94.7688  # Ro, and also Roe, for SLR = 8, RLR = 2 and No = -61.1792
_BASE = _NOISE - 1.4136  # Ro - Is


def delay_impairment(delay_ms: float) -> float:
    """Id of G.107 section 7.4 for a delay in milliseconds one way: talker echo, listener echo and pure delay.

    The absolute delay Ta, the echo path's T and half of the round trip Tr are the same here.
    """
    return _talker_echo(delay_ms) + _listener_echo(2 * delay_ms) + _pure_delay(delay_ms)


def _talker_echo(delay: float) -> float:
    """Idte: how loud the talker hears himself, and how late."""
    loss = _ECHO_LOSS - 40 * log10((1 + delay / 10) / (1 + delay / 150)) + 6 * exp(-0.3 * delay * delay)
    difference = _NOISE - (80 + 2.5 * (loss - 14))
    return (difference / 2 + sqrt(difference * difference / 4 + 100) - 1) * (1 - exp(-delay))


def _listener_echo(round_trip: float) -> float:
    """Idle: the same for what the listener hears twice."""
    difference = _NOISE - 10.5 * (_ECHO_PATH_LOSS + 7) * pow(round_trip + 1, -0.25)
    return difference / 2 + sqrt(difference * difference / 4 + 169)


def _pure_delay(delay: float) -> float:
    """Idd: two people begin to speak at once; nobody minds up to 100 ms."""
    if delay <= 100:
        return 0.0
    x = log2(delay / 100)
    return 25 * (pow(1 + pow(x, 6), 1 / 6) - 3 * pow(1 + pow(x / 3, 6), 1 / 6) + 2)


def _assumptions(
    codec: str, impairment: Impairment, round_trip_ms: float | None, burst_ratio: float | None
) -> tuple[str, ...]:
    said = (
        (round_trip_ms is None, "no round trip was measured: delay is left out"),
        (round_trip_ms is not None, f"delay is half the round trip, {JITTER_BUFFER:g} times the jitter, one packet"),
        (burst_ratio is None, "losses are taken as random"),
        (not impairment.published, f"Ie and Bpl of {codec} are our choice, not from G.113"),
    )
    return tuple(words for applies, words in said if applies)
