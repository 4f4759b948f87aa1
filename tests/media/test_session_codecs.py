"""Codecs, comfort noise, digits, hold, video and fax of a call."""

from __future__ import annotations

import pytest

from rustalk.media.session import MediaSide
from rustalk.media.side import DtmfKind
from rustalk.sdp.codec import Codec
from rustalk.sdp.errors import SdpError
from rustalk.sdp.parse import parse
from tests.fakes.descriptions import TEAMS, Call, crypto, describe, secured

PCMA, PCMU, EVENTS = Codec("pcma"), Codec("PCMU"), Codec("telephone-event", number=101)
ANY, PLAIN = MediaSide(4), MediaSide(4, srtp="off")


def formats(text: bytes) -> tuple[str, ...]:
    return parse(text).media[0].formats


def test_the_lists_of_both_sides_filter_and_the_told_one_sorts() -> None:
    """MED-07; the numbers stay, in the answer as well."""
    call = Call(MediaSide(4, codecs=(PCMU, PCMA, EVENTS)), MediaSide(4, codecs=(EVENTS, PCMA, Codec("G722"), PCMU)))
    assert formats(call.tell(describe(formats="9 0 8 101"), 0)) == ("101", "8", "0")
    assert formats(call.tell(describe(formats="0 8 101"), 1)) == ("0", "8", "101")


def test_no_common_codec_is_refused() -> None:
    call = Call(ANY, MediaSide(4, codecs=(Codec("G729"),)))
    with pytest.raises(SdpError, match="no common codec"):
        call.tell(describe(), 0)


def test_an_answer_holds_only_what_was_offered() -> None:
    """RFC 3264 section 6.1: by name, not by number."""
    call = Call(ANY, ANY)
    call.tell(describe(formats="8 101"), 0)
    answer = describe(formats="0 97 96", maps=("97 telephone-event/8000", "96 PCMA/8000"))
    assert formats(call.tell(answer, 1)) == ("97", "96")
    with pytest.raises(SdpError, match="none that was offered"):
        call.tell(describe(formats="0", maps=()), 1)


def test_a_payload_type_listed_twice_is_not_sent() -> None:
    with pytest.raises(SdpError, match="listed twice"):
        Call(ANY, ANY).tell(describe(formats="8 0 8"), 0)


def test_comfort_noise_is_taken_out_where_asked() -> None:
    """MED-09: from what both sides are told, and from the packets where they are read."""
    call = Call(TEAMS, MediaSide(4, srtp="off", strip_comfort_noise=True))
    to_carrier, to_teams = call.talk(secured(crypto("A"), formats="8 13 101"), describe(formats="8 13 101"))
    assert formats(to_carrier) == formats(to_teams) == ("8", "101")
    assert call.stream.treatments is not None
    assert call.stream.treatments[0].strip == {13}


def test_numbers_are_mapped_where_srtp_ends_here() -> None:
    """MED-08: each side keeps its own; what comes as offered leaves as answered."""
    call = Call(TEAMS, PLAIN)
    to_carrier, to_teams = call.talk(secured(crypto("A")), describe(formats="8 96", maps=("96 telephone-event/8000",)))
    assert (formats(to_carrier), formats(to_teams)) == (("8", "0", "101"), ("8", "101"))
    assert call.stream.treatments is not None
    assert [each.payloads for each in call.stream.treatments] == [{101: 96}, {}]
    assert call.stream.clock_rates[1] == {8: 8000, 0: 8000, 101: 8000}


def test_a_side_that_offers_other_numbers_changes_nothing_for_the_other() -> None:
    call = Call(TEAMS, PLAIN)
    _, to_teams = call.talk(secured(crypto("A")), describe(formats="8 101"))
    assert call.tell(describe(formats="8 96", maps=("96 telephone-event/8000",)), 1) == to_teams


def test_numbers_are_never_mapped_where_keys_pass() -> None:
    """They are authenticated."""
    call = Call(TEAMS, MediaSide(4, srtp="preferred"))
    answer = secured(crypto("B"), formats="8 96").replace(b"a=rtpmap:101", b"a=rtpmap:96")
    assert formats(call.talk(secured(crypto("A")), answer)[1]) == ("8", "96")
    assert call.stream.treatments is None


@pytest.mark.parametrize(
    ("near", "far", "digits", "events", "voices"),
    [
        ("rfc4733", "info", ("events", "keep"), (101, None), (None, None)),
        ("rfc4733", "inband", ("events", "tones"), (101, None), (None, 8)),
        ("inband", "info", ("tones", "keep"), (None, None), (8, None)),
        ("info", "rfc4733", ("keep", "events"), (None, 101), (None, None)),
        ("inband", "rfc4733", ("tones", "events"), (None, 101), (8, None)),
    ],
)
def test_digits_are_converted_as_the_sides_say(
    near: DtmfKind,
    far: DtmfKind,
    digits: tuple[str, str],
    events: tuple[int | None, int | None],
    voices: tuple[int | None, int | None],
) -> None:
    """MED-08, HDR-09: telephone-event is told to whom it suits."""
    call = Call(MediaSide(4, dtmf=near), MediaSide(4, dtmf=far))
    offer = describe() if near == "rfc4733" else describe(formats="8 0", maps=())
    answer = describe() if far == "rfc4733" else describe(formats="8 0", maps=())
    to_far, to_near = call.talk(offer, answer)
    assert (b"telephone-event" in to_near, b"telephone-event" in to_far) == (near == "rfc4733", far == "rfc4733")
    treatments = call.stream.treatments
    assert treatments is not None
    assert tuple(each.digits for each in treatments) == digits
    assert tuple(each.event for each in treatments) == events
    assert tuple(each.voice for each in treatments) == voices


@pytest.mark.parametrize("kind", ["rfc4733", "info", "inband"])
def test_digits_cross_untouched_where_both_sides_dial_alike(kind: DtmfKind) -> None:
    call = Call(MediaSide(4, dtmf=kind), MediaSide(4, dtmf=kind))
    call.talk(describe(), describe())
    assert (call.stream.treated, call.stream.treatments) == (False, None)


def test_srtp_ends_here_where_digits_are_converted() -> None:
    """Nobody reads them inside of what passes."""
    call = Call(TEAMS, MediaSide(4, srtp="required", dtmf="info"))
    to_far, to_near = call.talk(secured(crypto("A")), secured(crypto("B"), formats="8"))
    assert crypto("b").encode() in to_far
    assert crypto("a").encode() in to_near


def test_a_heard_digit_goes_where_the_other_side_takes_it() -> None:
    told: list[tuple[int, str, int]] = []
    for far in ("info", "inband"):
        call = Call(ANY, MediaSide(4, dtmf=far))
        call.talk(describe(), describe(formats="8", maps=()))
        call.media.on_digit = lambda *digit: told.append(digit)
        call.stream.on_digit(0, "5", 100)
        call.media.digit(0, "7", 90)
        dialled = [(0, "7", 90)] if far == "info" else [(1, "5", 100), (0, "7", 90)]
        assert (call.media.takes_digits(1), call.stream.dialled) == (far, dialled)
    assert told == [(0, "5", 100)]


@pytest.mark.parametrize("hold", ["a=sendonly", "a=recvonly", "a=inactive", "c=IN IP4 0.0.0.0"])
@pytest.mark.parametrize("near", [TEAMS, PLAIN], ids=["teams", "carrier"])
def test_hold_and_resume_in_every_form(near: MediaSide, hold: str) -> None:
    """HLD-01, HLD-02, HLD-03: inactive at our address for Teams; music on hold passes between others."""
    call = Call(near, PLAIN)
    offer = secured(crypto("A")) if near is TEAMS else describe()
    _, before = call.talk(offer, describe())
    held = call.tell(describe("192.0.2.1", "RTP/AVP", "8 0 101", hold), 1)
    wanted = b"a=inactive" if near is TEAMS or hold.startswith("c=") else hold.encode()
    assert wanted in held
    assert b"0.0.0.0" not in held
    assert not call.stream.watched
    call.tell(offer, 0)
    resumed = call.tell(describe(), 1)
    assert resumed.partition(b"m=")[2] == before.partition(b"m=")[2]
    call.tell(offer, 0)
    assert call.stream.watched


def test_video_and_fax() -> None:
    """MED-15: refused towards Teams; between others they cross."""
    more = b"m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=image 4004 udptl t38\r\n"
    for near, ports in ((TEAMS, [True, False, False]), (PLAIN, [True, True, True])):
        call = Call(near, PLAIN)
        text = call.tell((secured(crypto("A")) if near is TEAMS else describe()) + more, 0)
        assert [media.port != 0 for media in parse(text).media] == ports
