"""Session timers (RFC 4028), in both roles."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import LocalProtocolError, RemoteProtocolError
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.session_timer import SessionTimer, Terms
from tests.fakes.messages import make_request, make_response


def invite(*lines: str) -> Request:
    return make_request("INVITE", *lines)


def ok(*lines: str) -> Response:
    return make_response(make_request("INVITE"), 200, *lines)


def too_small(minimum: object) -> Response:
    return make_response(make_request("INVITE"), 422, f"Min-SE: {minimum}")


SUPPORTED: Field = ("Supported", "timer")
REQUIRED: Field = ("Require", "timer")


# What was agreed.


@pytest.mark.parametrize(("interval", "give_up"), [(3600, 3568), (300, 268), (96, 64), (90, 60)])
def test_the_refresher_refreshes_at_half_time_and_both_give_up_shortly_before_the_end(
    interval: int, give_up: int
) -> None:
    """RFC 4028 sections 7.4 and 10: the smaller of 32 s and a third."""
    terms = Terms(interval, True)
    assert (terms.refresh_after, terms.give_up_after) == (interval / 2, give_up)
    assert Terms(interval, False).refresh_after is None


@pytest.mark.parametrize(("interval", "minimum"), [(60, 90), (1800, 60), (300, 600)])
def test_an_interval_that_the_rfc_forbids_is_our_mistake(interval: int, minimum: int) -> None:
    with pytest.raises(LocalProtocolError):
        SessionTimer(interval, minimum)


# We ask.


def test_we_offer_an_interval_and_leave_the_refresher_to_the_peer() -> None:
    assert SessionTimer(1800, 300).offer() == [SUPPORTED, ("Session-Expires", "1800"), ("Min-SE", "300")]


def test_we_may_offer_to_refresh() -> None:
    assert ("Session-Expires", "1800;refresher=uac") in SessionTimer(1800, refreshing=True).offer()


def test_without_a_wish_of_our_own_we_only_say_that_we_know_timers() -> None:
    assert SessionTimer(0).offer() == [SUPPORTED]


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("Session-Expires: 1800;refresher=uac", Terms(1800, True)),
        ("Session-Expires: 1800;refresher=uas", Terms(1800, False)),
        ("x: 1200 ; Refresher = UAS", Terms(1200, False)),
        ("Session-Expires: 1800", Terms(1800, True)),
        ("Session-Expires: 1800;refresher=nobody", Terms(1800, True)),
        ("Session-Expires: 1;refresher=uac", Terms(90, True)),
    ],
)
def test_the_answer_says_who_refreshes_and_when(field: str, terms: Terms) -> None:
    """Without the word of the peer we refresh, and never faster than the smallest interval allows."""
    timer = SessionTimer(1800)
    assert timer.agreed(ok(field)) == timer.terms == terms


@pytest.mark.parametrize("lines", [(), ("Session-Expires: soon",), ("Session-Expires: -1;refresher=uac",)])
def test_a_peer_without_timers_has_none(lines: tuple[str, ...]) -> None:
    """HDR-16 (a): a 200 without Session-Expires works."""
    timer = SessionTimer(1800)
    assert timer.agreed(ok(*lines)) is None


@pytest.mark.parametrize(("who", "role"), [("uac", "uac"), ("uas", "uas")])
def test_a_later_request_of_ours_keeps_the_roles(who: str, role: str) -> None:
    timer = SessionTimer(1800)
    timer.agreed(ok(f"Session-Expires: 1200;refresher={who}"))
    assert ("Session-Expires", f"1200;refresher={role}") in timer.offer()


def test_a_refusal_is_met_with_the_interval_that_the_peer_asks_for() -> None:
    """HDR-16 (c): 422 with Min-SE, then again."""
    timer = SessionTimer(90)
    assert timer.refused(too_small(300))
    assert timer.offer() == [SUPPORTED, ("Session-Expires", "300"), ("Min-SE", "300")]
    assert timer.agreed(ok("Session-Expires: 300;refresher=uac")) == Terms(300, True)


@pytest.mark.parametrize("minimum", ["90", "1800", "x", ""])
def test_a_refusal_that_asks_for_nothing_more_is_final(minimum: str) -> None:
    assert not SessionTimer(1800).refused(too_small(minimum))


def test_a_peer_cannot_refuse_forever() -> None:
    """A3."""
    timer = SessionTimer(90)
    assert [timer.refused(too_small(minimum)) for minimum in range(100, 160, 10)] == [True] * 4 + [False] * 2


def test_an_agreement_makes_room_for_later_refusals() -> None:
    timer = SessionTimer(90)
    for minimum in (100, 110, 120, 130):
        timer.refused(too_small(minimum))
    timer.agreed(ok("Session-Expires: 130;refresher=uac"))
    assert timer.refused(too_small(140))


# The peer asks.


def test_teams_offers_a_timer_and_names_no_refresher() -> None:
    """HDR-16."""
    timer = SessionTimer(1800)
    request = invite("SUPPORTED: timer", "SESSION-EXPIRES: 3600", "MIN-SE: 300")
    assert timer.too_small(request) is None
    assert timer.answer(request) == [SUPPORTED, ("Session-Expires", "1800;refresher=uac"), REQUIRED]
    assert timer.terms == Terms(1800, False)


def test_we_take_the_refreshing_over_where_we_like_to() -> None:
    timer = SessionTimer(1800, refreshing=True)
    assert ("Session-Expires", "1800;refresher=uas") in timer.answer(
        invite("Supported: timer", "Session-Expires: 3600")
    )
    assert timer.terms == Terms(1800, True)


@pytest.mark.parametrize(("asked", "ours"), [("uac", False), ("uas", True)])
def test_the_peer_may_say_who_refreshes(asked: str, ours: bool) -> None:
    """RFC 4028 section 9, table 2; HDR-16 (b)."""
    for preference in (False, True):
        timer = SessionTimer(1800, refreshing=preference)
        timer.answer(invite("Supported: timer", f"Session-Expires: 600;refresher={asked}"))
        assert timer.terms == Terms(600, ours)


def test_a_proxy_may_ask_for_a_peer_that_knows_no_timers() -> None:
    """RFC 4028 section 9: then we refresh, and cannot require anything."""
    timer = SessionTimer(1800)
    assert timer.answer(invite("Session-Expires: 600")) == [SUPPORTED, ("Session-Expires", "600;refresher=uas")]
    assert timer.terms == Terms(600, True)


def test_neither_asks_for_a_timer() -> None:
    assert SessionTimer(0).answer(invite("Supported: timer")) == [SUPPORTED]
    timer = SessionTimer(1800)
    assert timer.answer(invite()) == [SUPPORTED]
    assert timer.terms is None


def test_we_may_ask_when_the_peer_could_and_did_not() -> None:
    timer = SessionTimer(1800)
    assert timer.answer(invite("Supported: timer")) == [SUPPORTED, ("Session-Expires", "1800;refresher=uac"), REQUIRED]


def test_our_answer_is_never_below_the_minimum_of_the_peer() -> None:
    timer = SessionTimer(300)
    timer.answer(invite("Supported: timer", "Session-Expires: 3600", "Min-SE: 1200"))
    assert timer.terms == Terms(1200, False)


def test_without_a_wish_of_our_own_the_peer_gets_what_it_asked_for() -> None:
    timer = SessionTimer(0)
    timer.answer(invite("Supported: timer", "Session-Expires: 7200"))
    assert timer.terms == Terms(7200, False)


def test_a_refresh_of_the_peer_keeps_the_roles() -> None:
    timer = SessionTimer(1800)
    timer.agreed(ok("Session-Expires: 1800;refresher=uac"))
    timer.answer(invite("Supported: timer", "Session-Expires: 1800"))
    assert timer.terms == Terms(1800, True)


def test_too_small_an_interval_gets_422() -> None:
    """RFC 4028 section 9."""
    timer = SessionTimer(1800, 300)
    assert timer.too_small(invite("Supported: timer", "Session-Expires: 299")) == [("Min-SE", "300")]
    assert timer.too_small(invite("Supported: timer", "Session-Expires: 300")) is None
    assert timer.too_small(invite("Supported: timer")) is None


def test_a_peer_without_timers_never_gets_422() -> None:
    """It could not understand it."""
    timer = SessionTimer(1800, 300)
    request = invite("Session-Expires: 100")
    assert timer.too_small(request) is None
    timer.answer(request)
    assert timer.terms == Terms(100, True)


@pytest.mark.parametrize("line", ["Session-Expires: soon", "Session-Expires: 99999999999", "Min-SE: +5"])
def test_an_interval_that_is_no_number_is_a_bad_request(line: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        SessionTimer().too_small(invite("Supported: timer", line))
    assert caught.value.status == 400


def test_a_session_may_lose_its_timer() -> None:
    timer = SessionTimer(1800)
    timer.agreed(ok("Session-Expires: 1800;refresher=uac"))
    timer.agreed(ok())
    assert timer.terms is None


@pytest.mark.parametrize(
    "field", ["Session-Expires: 1800;refresher", 'Session-Expires: 1800;a="', "Session-Expires: 1800;;"]
)
def test_a_broken_parameter_does_not_end_a_call(field: str) -> None:
    assert SessionTimer(1800).agreed(ok(field)) == Terms(1800, True)
