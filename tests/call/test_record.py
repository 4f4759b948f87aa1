"""A call as a record."""

from __future__ import annotations

from rustalk.observe.snapshots import CallState
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


def test_a_call_that_fails() -> None:
    """It has a status and the reason, and who ended it."""
    site = Site()
    talk = site.ringing()
    talk.callee.refuse(486)
    site.run()
    record = site.record
    assert record.state is CallState.FAILED
    assert (record.reason, record.sip_status, record.hung_up_by) == ("far_end", 486, "callee")


def test_a_call_that_never_began() -> None:
    """Refused at the door: one leg, and who was meant."""
    site = Site(routing={"routes": []})
    site.carrier.call(called="+1999")
    site.run()
    record = site.record
    assert (record.state, record.reason, record.sip_status) == (CallState.FAILED, "no_route", 404)
    assert (record.caller, record.called, len(record.legs)) == ("+15551230001", "+1999", 1)
