"""Late offers, and legs that come in place of others."""

from __future__ import annotations

import pytest

from rustalk.media.session import InsecureError, MediaSide
from rustalk.rtp.treatment import Treatment
from rustalk.sdp.codec import Codec
from rustalk.sdp.errors import SdpError
from rustalk.sdp.parse import parse
from tests.fakes.descriptions import SHA1_80, TEAMS, Call, crypto, describe, key, secured

CARRIER = MediaSide(4, srtp="preferred")
PLAIN = MediaSide(4, srtp="off")


def test_a_late_offer_becomes_an_early_one() -> None:
    """HDR-11: Teams gets SRTP with a key of ours and the codecs listed for it."""
    call = Call(PLAIN, MediaSide(4, srtp="required", codecs=(Codec("PCMA", number=8), Codec("PCMU", number=0))))
    (media,) = parse(call.tell(b"", 0)).media
    assert (media.proto, media.formats, media.port) == ("RTP/SAVP", ("8", "0"), call.stream.local(1)[1])
    assert [line.suite for line in media.cryptos] == [SHA1_80]


def test_the_answer_to_our_offer_is_an_offer_to_who_said_nothing() -> None:
    """HDR-11: the carrier's answer comes in its ACK, and Teams need not hear of it: its key is ours."""
    call = Call(PLAIN, TEAMS)
    to_teams = call.tell(b"", 0)
    to_carrier = call.tell(secured(crypto("B"), formats="8 101"), 1)
    assert (b"RTP/AVP 8 101" in to_carrier, b"crypto" in to_carrier) == (True, False)
    call.media.answered()
    assert call.tell(describe(formats="8 96", maps=("96 telephone-event/8000",)), 0) == to_teams
    assert call.stream.treatments == (
        Treatment(),
        Treatment(receive=key("B"), send=key("a"), payloads={101: 96}),
    )
    assert call.stream.expected[0][0] == ("192.0.2.1", 4000)


def test_several_forks_may_answer_our_offer() -> None:
    """MED-06: the last one counts."""
    call = Call(PLAIN, TEAMS)
    call.tell(b"", 0)
    texts = {call.tell(secured(crypto(letter)), 1) for letter in "BC"}
    call.media.answered()
    call.tell(describe(), 0)
    assert len(texts) == 1
    assert call.stream.treatments == (Treatment(), Treatment(receive=key("C"), send=key("a")))


def test_a_held_answer_to_a_late_offer_is_told() -> None:
    call = Call(PLAIN, TEAMS)
    call.tell(b"", 0)
    call.tell(secured(crypto("B")), 1)
    call.media.answered()
    assert b"a=inactive" in call.tell(describe("192.0.2.1", "RTP/AVP", "8 0 101", "a=inactive"), 0)


def test_teams_calls_without_an_offer() -> None:
    """What it gets in our 2xx is SRTP, whatever the carrier speaks."""
    call = Call(TEAMS, PLAIN)
    assert b"RTP/AVP" in call.tell(b"", 0)
    to_teams = call.tell(describe(), 1)
    assert crypto("a").encode() in to_teams
    call.media.answered()
    call.tell(secured(crypto("B")), 0)
    assert call.stream.treatments == (Treatment(receive=key("B"), send=key("a")), Treatment())


def test_after_a_late_offer_the_call_is_like_any_other() -> None:
    call = Call(PLAIN, TEAMS)
    call.tell(b"", 0)
    call.tell(secured(crypto("B")), 1)
    call.media.answered()
    call.tell(describe(), 0)
    assert b"a=inactive" in call.tell(describe("192.0.2.1", "RTP/AVP", "8 0 101", "a=sendonly"), 0)
    assert b"a=inactive" in call.tell(secured(crypto("B"), "a=inactive"), 1)
    with pytest.raises(InsecureError):
        call.tell(describe(), 1)


def test_no_late_offer_for_media_past_us() -> None:
    call = Call(MediaSide(4, direct=True), TEAMS)
    with pytest.raises(SdpError, match="none of our own"):
        call.media.offer(1)


def test_a_refused_late_offer_in_srtp_is_repeated_in_plain_rtp() -> None:
    call = Call(PLAIN, CARRIER)
    assert b"RTP/SAVP" in call.tell(b"", 0)
    assert call.media.plain(1)
    assert b"RTP/AVP" in call.tell(b"", 0)


def test_a_new_leg_is_offered_what_stays_as_if_nobody_held() -> None:
    """XFR-04: sendrecv, another o= id, the same ports; the old leg hears and loses nothing."""
    call = Call(CARRIER, TEAMS)
    call.talk(secured(crypto("A")), secured(crypto("B")))
    call.tell(secured(crypto("A"), "a=inactive"), 0)
    call.tell(secured(crypto("B"), "a=inactive"), 1)
    old, expected = call.media.sent(1), list(call.stream.expected)
    text = call.media.again(1, TEAMS)
    offered, was = parse(text), parse(old or b"")
    assert crypto("A").encode() in text
    assert not offered.is_hold
    assert offered.media[0].port == was.media[0].port
    assert offered.origin is not None
    assert was.origin is not None
    assert offered.origin.id != was.origin.id
    assert (call.media.sent(1), call.stream.expected) == (old, expected)


def test_the_key_of_the_new_leg_is_told_to_who_stays() -> None:
    """HLD-04: with the port as it was; its answer says nothing new and is not passed on."""
    call = Call(CARRIER, TEAMS)
    _, before = call.talk(secured(crypto("A")), secured(crypto("B")))
    offered = call.media.again(1, TEAMS)
    call.media.replace(1, TEAMS)
    assert call.stream.expected[1] == (None, None)
    told = call.tell(secured(crypto("C"), host="192.0.2.7"), 1)
    assert crypto("C").encode() in told
    assert parse(told).media[0].port == parse(before).media[0].port
    assert call.tell(secured(crypto("A")), 0) == offered
    assert call.stream.expected[1][0] == ("192.0.2.7", 4000)


def test_who_stays_hears_nothing_of_a_new_leg_where_srtp_ends_here() -> None:
    """HLD-04: its key is ours; the new leg has one of its own."""
    call = Call(PLAIN, TEAMS)
    to_old, before = call.talk(describe(), secured(crypto("B")))
    offered = call.media.again(1, TEAMS)
    assert (crypto("a").encode() in to_old, crypto("b").encode() in offered) == (True, True)
    call.media.replace(1, TEAMS)
    assert call.tell(secured(crypto("C")), 1) == before
    assert call.stream.treatments == (Treatment(), Treatment(receive=key("C"), send=key("b")))


def test_a_new_leg_can_be_undone() -> None:
    """XFR: a failed transfer leaves the old call as it was."""
    call = Call(PLAIN, TEAMS)
    call.talk(describe(), secured(crypto("B")))
    before = call.media.sent(1), call.media.sent(0), list(call.stream.expected), call.stream.treatments
    call.media.again(1)
    undo = call.media.replace(1, TEAMS)
    call.tell(secured(crypto("C"), host="192.0.2.7"), 1)
    undo()
    assert (call.media.sent(1), call.media.sent(0), call.stream.expected, call.stream.treatments) == before


def test_a_leg_that_comes_with_an_offer() -> None:
    """INVITE with Replaces: who stays answers it."""
    call = Call(TEAMS, CARRIER)
    call.talk(secured(crypto("A")), secured(crypto("B")))
    call.media.replace(1, CARRIER)
    assert crypto("C").encode() in call.tell(secured(crypto("C"), host="192.0.2.7"), 1)
    assert crypto("D").encode() in call.tell(secured(crypto("D")), 0)


def test_a_new_leg_in_plain_rtp_needs_a_stream_that_can_be_treated() -> None:
    for treatable in (True, False):
        call = Call(TEAMS, CARRIER, treatable=treatable)
        call.talk(secured(crypto("A")), secured(crypto("B")))
        if treatable:
            assert b"RTP/AVP" in call.media.again(1, PLAIN)
            assert not call.stream.treated  # the call goes on as it is while the new leg rings
        else:
            with pytest.raises(SdpError, match="cannot be changed any more"):
                call.media.again(1, PLAIN)


def test_a_new_leg_of_another_ip_version_is_refused() -> None:
    call = Call(TEAMS, CARRIER)
    call.talk(secured(crypto("A")), secured(crypto("B")))
    for attempt in (call.media.again, call.media.replace):
        with pytest.raises(SdpError, match="IPv6"):
            attempt(1, MediaSide(6))


def test_the_internal_media_address() -> None:
    """LMO-01: before the first description only."""
    call = Call(CARRIER, TEAMS)
    call.media.internal(1, "10.1.1.1")
    assert b"c=IN IP4 10.1.1.1" in call.tell(secured(crypto("A")), 0)
    with pytest.raises(RuntimeError):
        call.media.internal(1, "10.1.1.2")
