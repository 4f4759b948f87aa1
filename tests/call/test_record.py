"""A call as a record."""

from __future__ import annotations

import pytest

from rustalk.observe.snapshots import CallState
from rustalk.rtp.reports import Reported
from rustalk.rtp.statistics import StreamStatistics
from tests.scenarios.site import Site


def test_a_call_that_rings_talks_and_ends() -> None:
    """State, legs and media at each moment."""
    site = Site()
    talk = site.ringing()
    assert site.record.state is CallState.RINGING
    talk.callee.answer()
    site.run()
    site.relay.streams[0].packets[0] = 7
    record = site.record
    assert record.state is CallState.ACTIVE
    assert (record.source_trunk, record.destination_trunk) == ("carrier", "teams")
    assert [(leg.direction, leg.transport) for leg in record.legs] == [("in", "UDP"), ("out", "TLS")]
    assert record.legs[0].media is not None
    assert record.legs[0].media.packets == 7
    assert record.legs[0].codecs == record.legs[1].codecs != ()
    assert site.switch.statistics().media_packets == 7
    talk.end()
    record = site.record
    assert record.state is CallState.ENDED
    assert record.answered is not None
    assert record.ended is not None
    assert record.legs[0].media is not None
    assert record.legs[0].codecs != ()
    assert site.switch.statistics().media_packets == 7


def test_the_answer_to_a_late_offer_names_the_codecs() -> None:
    """HDR-11: our 200 offered more to the caller than the ACK took; quality is rated by what is spoken."""
    site = Site()
    site.carrier.acks = False
    talk = site.ringing(body=b"")
    talk.callee.answer()
    site.run()
    assert len(site.record.legs[0].codecs) > 1
    talk.caller.ack(body=site.carrier.describe().replace(b" 0 8 101", b" 8"))
    site.run()
    assert site.record.legs[0].codecs == ("PCMA",)
    talk.end()


def test_a_call_that_fails() -> None:
    """It has a status and the reason, and who ended it."""
    site = Site()
    talk = site.ringing()
    talk.callee.refuse(486)
    site.run()
    record = site.record
    assert record.state is CallState.FAILED
    assert (record.reason, record.sip_status, record.hung_up_by) == ("far_end", 486, "callee")


@pytest.mark.parametrize(("status", "cause"), [(480, "560480"), (403, "560403"), (404, "511404")])
def test_what_teams_says_stands_in_the_record(status: int, cause: str) -> None:
    """OPS-02: the sub-code is in the text of its Reason, which is kept as it came."""
    site = Site()
    talk = site.ringing()
    said = f'Q.850;cause=127;text="{cause};7f3c;second part, with comma"'
    talk.callee.refuse(status, [("Reason", said)])
    site.run()
    assert site.record.said == said


def test_a_reason_is_kept_in_bounds() -> None:
    """OPS-02: also that of a BYE, and no more than 512 characters of it."""
    site = Site()
    talk = site.talking()
    talk.callee.bye([("Reason", f'SIP;cause=200;text="{"x" * 2000}"')])
    site.run()
    assert site.record.said.startswith("SIP;cause=200;")
    assert len(site.record.said) == 512


def test_a_call_that_never_began() -> None:
    """Refused at the door: one leg, and who was meant."""
    site = Site(routing={"routes": []})
    site.carrier.call(called="+1999")
    site.run()
    record = site.record
    assert (record.state, record.reason, record.sip_status) == (CallState.FAILED, "no_route", 404)
    assert (record.caller, record.called, len(record.legs)) == ("+15551230001", "+1999", 1)


def test_what_was_measured_stands_beside_the_score() -> None:
    """Each leg has both directions: what arrived, and what its own reports say of our audio."""
    site = Site()
    talk = site.ringing()
    talk.callee.answer()
    site.run()
    measured = StreamStatistics(
        packets=990,
        lost=10,
        bursts=10,
        jitter_ms=0.0,
        round_trip_ms=40.0,
        reported=Reported(500, 0, 0.0, jitter_ms=1.5),
    )
    site.relay.streams[0].statistics = lambda side: measured if side == 0 else StreamStatistics()
    caller, callee = (leg.media for leg in site.record.legs)
    assert caller is not None
    assert caller.sent is not None
    assert callee is not None
    assert (caller.loss_percent, caller.round_trip_ms) == (1, 40)
    assert (caller.mos, caller.sent.mos) == (4.3, 4.38)
    assert caller.mos_inputs is not None
    assert (caller.mos_inputs["codec"], caller.mos_inputs["method"]) == ("PCMU", "conversation")
    assert (callee.mos, callee.r_factor, callee.mos_inputs, callee.jitter_ms, callee.sent) == (None,) * 5


def test_what_an_engine_does_not_count_is_not_known() -> None:
    """Losses of an engine that counts only packets are None, not 0, and there is no score."""
    site = Site()
    talk = site.ringing()
    talk.callee.answer()
    site.run()
    site.relay.streams[0].packets[0] = 990
    media = site.record.legs[0].media
    assert media is not None
    assert (media.packets, media.lost, media.reordered, media.jitter_ms, media.mos) == (990, None, None, None, None)
