"""Line by line: what crosses on which terms; whole calls are in tests/media/test_session_*.py."""

from __future__ import annotations

from rustalk.media.crossing import AS_IT_CAME, Crossing, converts, ends, mirrored
from rustalk.media.line import UNSAID, Ending, Line
from rustalk.media.side import MediaSide
from rustalk.sdp.codec import Codec
from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse
from tests.fakes.descriptions import TEAMS, crypto, describe, secured

PLAIN = MediaSide(4, srtp="off")
NEW = (UNSAID, UNSAID)


def media(body: bytes) -> Media:
    return parse(body).media[0]


def crossing(near: MediaSide, far: MediaSide, side: int = 0) -> Crossing:
    return Crossing((near, far), side, {}, lambda size: b"a" * size)


def test_what_can_pass_passes_as_it_came() -> None:
    """MED-04."""
    for near, far, body in ((TEAMS, TEAMS, secured(crypto("A"))), (PLAIN, PLAIN, describe())):
        assert crossing(near, far).offer(0, media(body), NEW) == (AS_IT_CAME, None)


def test_what_ends_here_stays_so() -> None:
    """A later offer that could pass would give the other side another key for nothing."""
    lines = Line(ending=Ending(None, {}, {}), rtp=("192.0.2.1", 4000), secure=True), UNSAID
    terms, ending = crossing(TEAMS, MediaSide(4, srtp="preferred")).offer(0, media(secured(crypto("A"))), lines)
    assert ending is not None
    assert terms.cryptos == (crypto("a").encode(),)


def test_a_side_keeps_its_own_payload_types() -> None:
    """MED-08; where two codecs want one number, the later gets a free one."""
    said = {"96": Codec("telephone-event"), "101": Codec("PCMA")}
    lines = UNSAID, Line(ending=Ending(None, said, {}))
    body = describe(formats="0 8 101 96", maps=("101 telephone-event/8000", "96 iLBC/8000"))
    terms, ending = crossing(PLAIN, PLAIN).offer(0, media(body), lines)
    assert ending is not None
    assert terms.numbers == {"8": "101", "101": "96", "96": "97"}
    assert [codec.name for codec in ending.told.values()] == ["PCMU", "PCMA", "telephone-event", "iLBC"]


def test_digits_that_are_converted_end_srtp() -> None:
    sides = TEAMS, MediaSide(4, srtp="required", dtmf="info")
    assert converts(sides)
    assert ends(media(secured(crypto("A"))), sides, 1)


def test_our_keys_are_in_a_new_mapping() -> None:
    """What was in force is not touched until the description is taken."""
    before = crossing(TEAMS, PLAIN)
    own = before.own
    before.offer(0, media(secured(crypto("A"))), NEW)
    assert own == {}
    assert list(before.own) == [(0, 0)]


FAX = (b"m=audio 4000 RTP/AVP 8 0 101", b"m=image 4002 udptl t38")


def test_fax_crosses_as_it_came_and_the_audio_before_it_is_remembered() -> None:
    """Its profile and formats are not those of RTP, and no key is forgotten."""
    ending = Ending(None, {}, {})
    line, lines = media(describe(maps=()).replace(*FAX)), (Line(ending=ending), UNSAID)
    for near in (PLAIN, MediaSide(4, srtp="preferred", codecs=(Codec("PCMA"),), dtmf="info")):
        assert crossing(near, PLAIN).offer(0, line, lines) == (AS_IT_CAME, ending)
        assert crossing(near, PLAIN).answer(0, line, line, line, lines) == (AS_IT_CAME, ending)


def test_an_answer_of_fax_names_its_profile_as_the_offer_did() -> None:
    came = media(describe(maps=()).replace(*FAX))
    answer = media(describe(maps=()).replace(FAX[0], b"m=image 4004 UDPTL T38"))
    terms, _ = crossing(PLAIN, PLAIN).answer(0, came, came, answer, NEW)
    assert (terms.proto, terms.formats) == (b"udptl", None)


def test_a_codec_is_found_by_what_it_is() -> None:
    assert mirrored(Codec("pcma"), {"0": Codec("PCMU"), "97": Codec("PCMA")}) == "97"
    assert mirrored(Codec("G722"), {"0": Codec("PCMU")}) is None
