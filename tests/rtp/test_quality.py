"""The E-model (ITU-T G.107). Expected values are computed by hand from the formulas of the Recommendation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.rtp.quality import (
    FEWEST_PACKETS,
    IMPAIRMENTS,
    delay_impairment,
    effective_impairment,
    opinion_score,
    rate,
    rate_received,
    rate_sent,
)
from rustalk.rtp.reports import Reported
from rustalk.rtp.statistics import StreamStatistics

GOOD = StreamStatistics(packets=500, lost=0, bursts=0, jitter_ms=2.0, round_trip_ms=40.0)
REPORTED = Reported(packets=490, lost=10, loss_percent=2.0, jitter_ms=5.0)


def test_a_perfect_call_has_the_best_rating_there_is() -> None:
    """G.107 section 7.7: R = 93.2 at default values, which is 4.41."""
    best = rate("PCMU", loss_percent=0, jitter_ms=0, round_trip_ms=None)
    assert best is not None
    assert (round(best.r_factor, 1), round(best.mos, 2)) == (93.2, 4.41)


@pytest.mark.parametrize(
    ("r_factor", "mos"),
    [(-5, 1), (0, 1), (5, 1), (50, 2.575), (60, 3.1), (70, 3.597), (80, 4.024), (90, 4.339), (100, 4.5), (120, 4.5)],
)
def test_the_score_of_a_rating_is_that_of_annex_b(r_factor: float, mos: float) -> None:
    """At 80: 1 + 2.8 + 80 * 20 * 20 * 7e-6 = 4.024."""
    assert opinion_score(r_factor) == pytest.approx(mos)


@pytest.mark.parametrize(
    ("ie", "bpl", "loss", "burst", "expected"),
    [
        (0, 25.1, 0, 1, 0),
        (0, 25.1, 5, 1, 475 / 30.1),
        (11, 19, 0, 1, 11),
        (11, 19, 1, 1, 11 + 84 / 20),
        (0, 25.1, 10, 2, 950 / 30.1),
    ],
)
def test_loss_costs_what_the_codec_makes_of_it(
    ie: float, bpl: float, loss: float, burst: float, expected: float
) -> None:
    """Section 7.5, computed by hand: Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl)."""
    assert effective_impairment(ie, bpl, loss, burst) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("delay", "impairment"),
    [(0, 0.15), (100, 2.70), (150, 3.82), (200, 7.55), (400, 31.10)],
)
def test_delay_costs_little_up_to_150_ms_and_much_behind_that(delay: float, impairment: float) -> None:
    """Section 7.4 for TELR 65 dB and WEPL 110 dB.

    At 200 ms: Re = 80 + 2.5 * (65 - 40 lg(21 / 2.333) - 14) = 112.08, so Idte = 3.57; Rle = 10.5 * 117 / 401^0.25 =
    274.5, so Idle = 0.94; X = 1, so Idd = 25 * (1.1225 - 3.0007 + 2) = 3.04.
    """
    assert delay_impairment(delay) == pytest.approx(impairment, abs=0.02)


def test_the_delay_is_half_the_round_trip_a_jitter_buffer_and_a_packet() -> None:
    rating = rate_received(GOOD, "PCMA")
    assert rating is not None
    assert (rating.inputs.method, rating.inputs.delay_ms) == ("conversation", 20 + 2 * 2 + 20)
    assert rating.r_factor == pytest.approx(93.355 - delay_impairment(44), abs=0.001)


def test_without_a_round_trip_it_is_a_score_of_listening_that_says_so() -> None:
    """What was not measured is None, and no number is made up for it."""
    rating = rate_received(StreamStatistics(packets=500, lost=0, jitter_ms=30), "PCMU")
    assert rating is not None
    assert (rating.inputs.method, rating.inputs.delay_ms, round(rating.mos, 2)) == ("listening", None, 4.41)
    assert any("delay is left out" in words for words in rating.inputs.assumptions)


@pytest.mark.parametrize(
    ("statistics", "codec"),
    [
        (StreamStatistics(), "PCMU"),
        (StreamStatistics(packets=FEWEST_PACKETS - 1, lost=0, bursts=0, jitter_ms=0), "PCMU"),
        (GOOD, "telephone-event"),
        (GOOD, ""),
        (StreamStatistics(packets=500), "PCMU"),
    ],
    ids=["nothing", "too little", "no voice", "no codec", "only counted"],
)
def test_nothing_is_rated_that_was_not_measured(statistics: StreamStatistics, codec: str) -> None:
    assert rate_received(statistics, codec) is None


def test_bursts_count_as_they_came() -> None:
    """10 of 100 in one run: BurstR = 10 * 0.9, Ie_eff = 950 / (10 / 9 + 25.1)."""
    rating = rate_received(StreamStatistics(packets=90, lost=10, bursts=1, jitter_ms=0), "PCMU")
    assert rating is not None
    assert (rating.inputs.loss_percent, rating.inputs.burst_ratio) == (10, 9)
    assert rating.r_factor == pytest.approx(93.206 - 950 / (10 / 9 + 25.1), abs=0.001)


def test_the_other_direction_is_rated_by_what_the_side_reports() -> None:
    rating = rate_sent(StreamStatistics(round_trip_ms=40.0, reported=REPORTED), "G729")
    assert rating is not None
    assert (rating.inputs.loss_percent, rating.inputs.delay_ms, rating.inputs.ie) == (2, 50, 11)
    assert "losses are taken as random" in rating.inputs.assumptions
    assert rating.r_factor == pytest.approx(93.355 - delay_impairment(50) - 11 - 84 * 2 / 21, abs=0.001)


@pytest.mark.parametrize("reported", [None, Reported(10, 1, 9.1, 0)])
def test_a_side_that_reports_nothing_or_little_leaves_the_other_direction_unrated(reported: Reported | None) -> None:
    assert rate_sent(StreamStatistics(reported=reported), "PCMU") is None


def test_a_value_that_is_not_published_is_told_as_an_assumption() -> None:
    """The name is as the description has it, whatever its case."""
    rating = rate_received(GOOD, "opus")
    assert rating is not None
    assert rating.inputs.codec == "opus"
    assert any("opus" in words for words in rating.inputs.assumptions)


@given(
    st.sampled_from(sorted(IMPAIRMENTS)),
    st.floats(0, 100),
    st.floats(0, 1e9),
    st.none() | st.floats(0, 1e9),
    st.floats(1, 1e6),
)
def test_whatever_is_measured_the_score_stays_on_its_scale(
    codec: str, loss: float, jitter: float, round_trip: float | None, burst: float
) -> None:
    rating = rate(codec, loss_percent=loss, jitter_ms=jitter, round_trip_ms=round_trip, burst_ratio=burst)
    assert rating is not None
    assert 1 <= rating.mos <= 4.5
    assert 0 <= rating.r_factor <= 93.21
