"""RFC 6076: figures of a set small enough to be counted by hand, and None where nothing happened."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from rustalk.observe.figures import PHONES, Figures, Ratio, Spread
from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot
from tests.fakes.switch import START, make_call


def ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def attempt(status: int, trunk: str = "carrier", *, direction: str = "out", **changes: Any) -> LegSnapshot:
    """An INVITE that got this final status after 300 ms, and the 200 of an answered one after 2 s."""
    leg = LegSnapshot("b@sbc", direction, trunk, "192.0.2.7:5060", "UDP", started=START, sip_status=status)
    if status == 200:
        leg = replace(leg, progressed=START + ms(100), answered=START + ms(2000), ended=START + ms(12000))
    else:
        leg = replace(leg, ended=START + ms(300))
    return replace(leg, **changes)


def call(*legs: LegSnapshot, reason: str = "normal", **changes: Any) -> CallSnapshot:
    return make_call(state=CallState.ENDED, answered=None, legs=legs, reason=reason, **changes)


def counted(*calls: CallSnapshot) -> Figures:
    figures = Figures()
    for each in calls:
        figures.call(each)
    return figures


HAND_COUNTED = (
    call(attempt(200)),
    call(attempt(200, progressed=START + ms(200))),
    call(attempt(200, ended=START + ms(5000)), reason="no_media"),
    call(attempt(486)),
    call(attempt(480, progressed=START + ms(150), ended=START + ms(9000))),
    call(attempt(503, ended=START + ms(500))),
    call(attempt(408, ended=START + ms(32000)), reason="target_silent"),
    call(attempt(404, ended=START + ms(200))),
    call(attempt(302)),
    call(attempt(407)),
)
"""Ten requests: 3 answered (1 of them lost its media), 2 that a person refused, 2 ineffective, 404, 302, 407."""


def test_the_ratios_of_a_hand_counted_set_are_exact() -> None:
    """RFC 6076 sections 4.6 to 4.9: a redirection counts for ISA and SCR only, a lost call is no completed one."""
    figures = counted(*HAND_COUNTED).trunk("carrier").outbound
    assert (figures.ser, figures.seer) == (Ratio(3, 9), Ratio(5, 9))
    assert (figures.isa, figures.scr) == (Ratio(2, 10), Ratio(2, 10))
    assert (figures.isa.percent, figures.seer.percent) == (20.0, 500 / 9)


def test_the_times_of_a_hand_counted_set_are_exact() -> None:
    """RFC 6076 sections 4.3 to 4.5: what rang has a request delay, whatever became of it; a challenge has none."""
    counts = counted(*HAND_COUNTED)
    for delay in (40, 60):
        counts.parted("carrier", "out", ms(delay))
    figures = counts.trunk("carrier").outbound
    assert figures.srd == Spread(4, 137.5, 100.0, 200.0)
    assert figures.srd_failed == Spread(4, 8250.0, 200.0, 32000.0)
    assert figures.sdd == Spread(2, 50.0, 40.0, 60.0)
    assert figures.sdt == Spread(2, 10000.0, 10000.0, 10000.0)
    assert figures.sdt_failed == Spread(1, 3000.0, 3000.0, 3000.0)


def test_where_nothing_happened_every_figure_is_none_and_none_is_zero() -> None:
    figures = Figures().trunk("carrier")
    for name, value in asdict(figures.outbound).items():
        assert name == "requests" or value in ({"count": 0, "of": 0}, asdict(Spread())), name
    assert figures.outbound.ser.percent is None
    assert figures.registrations.rrd.mean_ms is None


def test_redirections_alone_leave_no_establishment_ratio() -> None:
    assert counted(call(attempt(302))).trunk("carrier").outbound.ser.percent is None


def test_each_trunk_of_a_failover_has_its_own_attempt() -> None:
    """FO-02: the call was answered by the second trunk, and the first one's 503 is on the first one's account."""
    figures = counted(call(attempt(503, "one"), attempt(200, "two")))
    assert figures.trunk("one").outbound.isa == Ratio(1, 1)
    assert figures.trunk("two").outbound.ser == Ratio(1, 1)


def test_the_calls_from_a_trunk_are_not_those_to_it() -> None:
    figures = counted(call(attempt(200, direction="in"))).trunk("carrier")
    assert (figures.inbound.requests, figures.outbound.requests) == (1, 0)


def test_who_goes_on_is_counted_when_he_ends() -> None:
    """A leg of a call that was transferred stands in two calls."""
    first, second = call(attempt(200, goes_on=True), reason="transferred"), call(attempt(200))
    assert counted(first).trunk("carrier").outbound.requests == 0
    assert counted(first, second).trunk("carrier").outbound.ser == Ratio(1, 1)


def test_all_phones_are_one_trunk_so_that_memory_does_not_grow_with_them() -> None:
    figures = counted(*(call(attempt(200, f"extension:{number}")) for number in range(50)))
    assert list(figures.trunks()) == [PHONES]
    assert figures.trunk(PHONES).outbound.requests == 50


def test_a_leg_without_figures_of_its_own_has_those_of_its_call() -> None:
    lost = make_call(answered=None, ended=START + ms(700), sip_status=503)
    figures = counted(make_call(ended=START + ms(3000), sip_status=200, reason="normal"), lost).trunk("teams").outbound
    assert (figures.ser, figures.isa) == (Ratio(1, 2), Ratio(1, 2))
    assert (figures.srd.mean_ms, figures.srd_failed.mean_ms, figures.sdt.mean_ms) == (2000.0, 700.0, 1000.0)


@pytest.mark.parametrize("status", [401, 402, 407])
def test_a_challenge_is_no_registration_attempt(status: int) -> None:
    """RFC 6076 section 4.2."""
    figures = Figures()
    figures.registration(ms(10), status)
    assert figures.trunk(PHONES).registrations.ira.percent is None


def test_registrations_have_their_delay_and_their_failures() -> None:
    """RFC 6076 sections 4.1 and 4.2: the delay is that of the successful ones."""
    figures = Figures()
    for delay, status in ((20, 200), (30, 200), (5, 403), (32000, 408)):
        figures.registration(ms(delay), status, "carrier")
    assert figures.trunk("carrier").registrations.rrd == Spread(2, 25.0, 20.0, 30.0)
    assert figures.trunk("carrier").registrations.ira == Ratio(2, 4)


def test_a_clock_that_went_back_gives_no_negative_time() -> None:
    """F-06: negative durations = 0."""
    figures = Figures()
    figures.registration(ms(-5), 200)
    assert figures.trunk(PHONES).registrations.rrd.least_ms == 0.0
