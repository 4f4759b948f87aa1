"""Fax of a call (T.38): a line of its own, or the one that was audio and becomes audio again."""

from __future__ import annotations

import pytest

from rustalk.media.security import InsecureError
from rustalk.media.session import MediaSide
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse
from tests.fakes.descriptions import TEAMS, Call, crypto, describe, secured

NEAR, FAR = 0, 1
ANY = MediaSide(4)
PLAIN, PREFERRED, REQUIRED = (MediaSide(4, srtp=policy) for policy in ("off", "preferred", "required"))
T38 = "a=T38FaxVersion:0\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"


def image(port: int, proto: str = "udptl") -> bytes:
    """A line of fax with its attributes."""
    return f"m=image {port} {proto} t38\r\n{T38}".encode()


def fax(host: str = "192.0.2.1", port: int = 4400, proto: str = "udptl") -> bytes:
    """A description of fax alone."""
    return describe(host).partition(b"m=")[0] + image(port, proto)


def lines(text: bytes) -> tuple[Media, ...]:
    return parse(text).media


def talk(near: MediaSide = PLAIN, far: MediaSide = PLAIN, offer: bytes = b"", answer: bytes = b"") -> Call:
    """An answered call of audio."""
    call = Call(near, far)
    call.talk(offer or describe(), answer or describe("192.0.2.2"))
    return call


@pytest.mark.parametrize("side", [ANY, PLAIN, PREFERRED])
def test_audio_becomes_fax_on_the_same_line_and_port(side: MediaSide) -> None:
    """Our address and port on either side stay; the attributes of T.38 cross, RTCP is not spoken of."""
    call = talk(side, side)
    ports = [call.stream.local(side)[1] for side in (NEAR, FAR)]
    to_near, to_far = call.tell(fax("192.0.2.2"), FAR), call.tell(fax("192.0.2.1", 4402), NEAR)
    for text, port in ((to_near, ports[NEAR]), (to_far, ports[FAR])):
        assert b"m=image %d udptl t38\r\n%b" % (port, T38.encode()) in text
        assert lines(text)[0].connection == lines(call.media.sent(NEAR) or b"")[0].connection
        assert len(lines(text)) == 1
        assert b"rtcp" not in text
    assert call.stream.expected == [(("192.0.2.1", 4402), None), (("192.0.2.2", 4400), None)]
    assert (call.stream.is_opaque, len(call.relay.streams)) == (True, 1)


def test_until_the_answer_audio_goes_on_as_it_was() -> None:
    """RFC 3264 section 8.3.3: nothing that is not fax goes to where fax is awaited."""
    call = talk()
    before = list(call.stream.expected)
    call.tell(fax("192.0.2.2"), FAR)
    assert (call.stream.expected, call.stream.is_opaque, call.stream.watched) == (before, False, True)


def test_fax_that_is_refused_leaves_the_audio_untouched() -> None:
    """488 to the re-INVITE: address, clock rates and what each side was told are those of the audio."""
    wide = describe(formats="9 0 101", maps=("9 G722/8000", "101 telephone-event/16000"))
    call = talk(offer=wide)
    in_force, expected, rates = call.media.sent(FAR), list(call.stream.expected), dict(call.stream.clock_rates[FAR])
    call.tell(fax(), NEAR)
    call.media.revert(NEAR)
    assert (call.media.sent(FAR), call.stream.expected, call.stream.is_opaque) == (in_force, expected, False)
    assert call.stream.clock_rates[FAR] == rates == {9: 8000, 0: 8000, 101: 16000}


def test_fax_becomes_audio_again() -> None:
    call = talk()
    expected = list(call.stream.expected)
    for near, far in ((fax(), fax("192.0.2.2")), (describe(), describe("192.0.2.2"))):
        call.tell(near, NEAR)
        call.tell(far, FAR)
    assert (call.stream.expected, call.stream.is_opaque) == (expected, False)
    assert lines(call.media.sent(FAR) or b"")[0].kind == "audio"


def test_an_address_that_moves_within_the_fax_is_followed() -> None:
    call = talk()
    call.tell(fax(), NEAR)
    call.tell(fax("192.0.2.2"), FAR)
    call.tell(fax(port=4600), NEAR)
    assert call.stream.expected[NEAR] == (("192.0.2.1", 4600), None)


def test_a_call_may_begin_as_fax() -> None:
    call = Call(PLAIN, PLAIN)
    call.tell(fax(), NEAR)
    assert (call.stream.is_opaque, call.stream.expected[NEAR][0]) == (True, ("192.0.2.1", 4400))
    call.tell(fax("192.0.2.2"), FAR)
    call.media.answered()
    assert call.stream.expected[FAR][0] == ("192.0.2.2", 4400)
    assert call.stream.watched


def test_fax_beside_audio_has_a_stream_of_its_own() -> None:
    """The usual other form of the change: m=audio 0 and a further m=image; and both of them in use."""
    call = talk()
    silent = describe("192.0.2.2").replace(b"m=audio 4000", b"m=audio 0")
    for body, audible in ((describe("192.0.2.2"), True), (silent, False)):
        to_near = lines(call.tell(body + image(4400), FAR))
        call.tell(body.replace(b"192.0.2.2", b"192.0.2.1") + image(4402), NEAR)
        audio, other = call.relay.streams
        assert [media.port for media in to_near] == [audio.local(NEAR)[1] * audible, other.local(NEAR)[1]]
        assert other.expected == [(("192.0.2.1", 4402), None), (("192.0.2.2", 4400), None)]
        assert (audio.is_opaque, other.is_opaque, audio.watched, other.watched) == (False, True, audible, True)
        assert (audio.expected[NEAR][0] is not None) is audible


def test_a_fax_is_not_silent_while_either_line_is_heard() -> None:
    """Audio says nothing for as long as the fax lasts; when both are silent, the call is."""
    told: list[str] = []
    call = Call(PLAIN, PLAIN)
    call.talk(describe() + image(4400), describe("192.0.2.2") + image(4402))
    call.media.on_silence = lambda: told.append("silence")
    audio, other = call.relay.streams
    audio.on_silence()
    other.packets[NEAR] += 1
    audio.on_silence()
    assert told == []
    other.on_silence()
    assert told == ["silence"]


def test_an_answer_without_fax_keeps_the_audio() -> None:
    call = talk()
    to_far = lines(call.tell(describe() + image(4400), NEAR))
    to_near = lines(call.tell(describe("192.0.2.2") + image(0), FAR))
    assert (to_far[1].port > 0, to_near[1].port) == (True, 0)
    assert [stream.watched for stream in call.relay.streams] == [True, False]


def test_who_writes_udptl_in_capitals_is_understood() -> None:
    """And each side reads the letters of its own offer."""
    call = talk()
    assert b" UDPTL t38" in call.tell(fax(proto="UDPTL"), NEAR)
    assert b" UDPTL t38" in call.tell(fax("192.0.2.2"), FAR)
    assert call.stream.is_opaque


@pytest.mark.parametrize(("near", "far"), [(TEAMS, PLAIN), (PLAIN, TEAMS), (REQUIRED, PREFERRED), (PLAIN, REQUIRED)])
def test_fax_that_cannot_cross_is_refused_beside_audio(near: MediaSide, far: MediaSide) -> None:
    """MED-15: port 0 towards Teams; and where SRTP is required, for nothing encrypts UDPTL."""
    offer = (secured(crypto("A")) if near.srtp == "required" else describe()) + image(4400)
    call = Call(near, far)
    assert [media.port != 0 for media in lines(call.tell(offer, NEAR))] == [True, False]
    assert len(call.relay.streams) == 1


def test_fax_alone_that_cannot_cross_is_refused_at_once() -> None:
    """MED-15: an offer without any line that is left would end the audio of a side that hears nothing of fax."""
    call = talk(PLAIN, TEAMS, answer=secured(crypto("B")))
    before, expected = call.media.sent(FAR), list(call.stream.expected)
    with pytest.raises(SdpError, match=r"fax \(m=image\) is not for Teams") as refusal:
        call.tell(fax(), NEAR)
    assert not isinstance(refusal.value, InsecureError)
    assert (call.media.sent(FAR), call.stream.expected) == (before, expected)


def test_srtp_that_ends_here_ends_here_again_after_the_fax() -> None:
    """MED-05: with the keys, and so the rollover counters, of before; no packet is treated meanwhile."""
    call = talk(PREFERRED, PLAIN, offer=secured(crypto("A")))
    before = call.stream.treatments
    assert before is not None
    call.tell(fax("192.0.2.2"), FAR)
    call.tell(fax(), NEAR)
    assert (call.stream.treatments, call.stream.is_opaque) == (None, True)
    to_near = call.tell(describe("192.0.2.2"), FAR)
    assert b"RTP/SAVP" in to_near
    assert crypto("a").encode() in to_near
    call.tell(secured(crypto("A")), NEAR)
    assert (call.stream.treatments, call.stream.is_opaque) == (before, False)


def test_fax_of_a_new_leg() -> None:
    """XFR-04: a leg that takes the place of another is offered the fax, unless it is of Teams."""
    call = talk()
    call.tell(fax(), NEAR)
    call.tell(fax("192.0.2.2"), FAR)
    assert lines(call.media.again(FAR, TEAMS))[0].port == 0
    assert lines(call.media.again(FAR, PREFERRED))[0].port == call.stream.local(FAR)[1]
    call.media.replace(FAR, PREFERRED)
    assert call.stream.expected == [(("192.0.2.1", 4400), None), (None, None)]
    call.tell(fax("192.0.2.3"), FAR)
    assert call.stream.expected[FAR] == (("192.0.2.3", 4400), None)
    assert call.stream.is_opaque
