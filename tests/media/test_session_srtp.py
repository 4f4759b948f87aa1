"""SRTP of a call: what passes, what ends here, what is refused, for every policy and kind of offer."""

from __future__ import annotations

import pytest

from rustalk.media.session import InsecureError, MediaSide
from rustalk.media.side import SrtpPolicy
from rustalk.rtp.treatment import Treatment
from rustalk.sdp.errors import SdpError
from tests.fakes.descriptions import GCM, SHA1_32, SHA1_80, SUITES, TEAMS, Call, crypto, describe, key, secured

CARRIER = MediaSide(4, srtp="preferred")
PLAIN = MediaSide(4, srtp="off")


@pytest.mark.parametrize(
    ("near", "offer", "far", "told"),
    [
        ("any", "plain", "any", "plain"),
        ("any", "srtp", "any", "passed"),
        ("preferred", "plain", "preferred", "plain"),
        ("preferred", "plain", "required", "ended"),
        ("preferred", "plain", "off", "plain"),
        ("preferred", "srtp", "preferred", "passed"),
        ("preferred", "srtp", "required", "passed"),
        ("preferred", "srtp", "off", "plain"),
        ("off", "plain", "preferred", "plain"),
        ("off", "plain", "required", "ended"),
        ("off", "srtp", "required", "refused"),
        ("required", "srtp", "preferred", "passed"),
        ("required", "srtp", "off", "plain"),
        ("required", "plain", "preferred", "insecure"),
        ("required", "plain", "any", "insecure"),
    ],
)
def test_what_a_side_is_offered(near: SrtpPolicy, offer: str, far: SrtpPolicy, told: str) -> None:
    """MED-01, MED-04: keys pass untouched where both sides can, and never is plain RTP told to who requires SRTP."""
    call = Call(MediaSide(4, srtp=near), MediaSide(4, srtp=far))
    body = secured(crypto("A")) if offer == "srtp" else describe()
    if told in ("refused", "insecure"):
        with pytest.raises(InsecureError if told == "insecure" else SdpError):
            call.tell(body, 0)
        return
    text = call.tell(body, 0)
    assert (b"RTP/SAVP" in text) is (told in ("passed", "ended"))
    assert (crypto("A").encode() in text) is (told == "passed")
    assert (crypto("a").encode() in text) is (told == "ended")
    assert call.stream.treated is (told == "ended" or (offer == "srtp" and told == "plain"))


def test_keys_pass_byte_for_byte_both_ways() -> None:
    """MED-02, MED-04: tag, suite, lifetime; nothing is done to the packets."""
    call = Call(TEAMS, CARRIER)
    near, far = crypto("A", 2, SHA1_80, "|2^31"), crypto("B", 2, SHA1_80, "|2^20")
    to_carrier, to_teams = call.talk(secured(near), secured(far))
    assert (near.encode() in to_carrier, far.encode() in to_teams) == (True, True)
    assert (call.stream.treated, call.stream.treatments) == (False, None)


def test_srtp_of_teams_ends_here_for_a_plain_carrier() -> None:
    """MED-01: the answer takes _80 without MKI under its tag, with a key of ours; the carrier sees none."""
    call = Call(TEAMS, PLAIN)
    lines = crypto("A", 1, SHA1_32), crypto("B", 2, SHA1_80, "|2^31|1:1"), crypto("C", 3, SHA1_80, "|2^31")
    to_carrier, to_teams = call.talk(secured(*lines), describe())
    assert b"RTP/AVP" in to_carrier
    assert b"crypto" not in to_carrier
    assert b"RTP/SAVP" in to_teams
    assert [line for line in to_teams.split(b"\r\n") if b"crypto" in line] == [crypto("a", 3).encode()]
    assert call.stream.treatments == (Treatment(receive=key("C"), send=key("a")), Treatment())


def test_a_plain_carrier_calls_teams() -> None:
    """MED-01: one line of ours, tag 1 and _80; of two lines in the answer the one with our tag counts (MED-03)."""
    call = Call(PLAIN, TEAMS)
    to_teams, to_carrier = call.talk(describe(), secured(crypto("X", 2), crypto("B", 1)))
    assert [line for line in to_teams.split(b"\r\n") if b"crypto" in line] == [crypto("a").encode()]
    assert b"crypto" not in to_carrier
    assert b"RTP/AVP" in to_carrier
    assert call.stream.treatments == (Treatment(), Treatment(receive=key("B"), send=key("a")))


def test_srtp_ends_on_both_sides_where_no_suite_is_common() -> None:
    call = Call(MediaSide(4, srtp="required"), TEAMS)
    to_teams, to_near = call.talk(secured(crypto("A", 5, GCM)), secured(crypto("B")))
    assert crypto("b", 1).encode() in to_teams
    assert crypto("a", 5, GCM).encode() in to_near
    assert call.stream.treatments == (
        Treatment(receive=key("A", GCM), send=key("a", GCM)),
        Treatment(receive=key("B"), send=key("b")),
    )


def test_suites_that_a_side_does_not_take_are_not_told() -> None:
    call = Call(CARRIER, TEAMS)
    text = call.tell(secured(crypto("A", 1, GCM), crypto("B", 2)), 0)
    assert crypto("B", 2).encode() in text
    assert GCM.encode() not in text


def test_of_two_lines_in_an_answer_one_passes() -> None:
    """MED-03: that whose tag was offered."""
    call = Call(CARRIER, TEAMS)
    _, to_carrier = call.talk(secured(crypto("A", 4)), secured(crypto("X", 1), crypto("B", 4)))
    assert (crypto("B", 4).encode() in to_carrier, crypto("X", 1).encode() in to_carrier) == (True, False)


@pytest.mark.parametrize(
    ("offer", "answer", "cause"),
    [
        (secured(crypto("A")), describe(), "no a=crypto line"),
        (describe(), secured(crypto("B")), "no a=crypto line"),
        (secured(crypto("A")), secured(crypto("B", 7)), "tag and suite"),
        (describe(), describe() + b"m=audio 4002 RTP/AVP 0\r\n", "2 media sections"),
        (describe(), describe().replace(b"m=audio", b"m=video"), "m=video"),
    ],
)
def test_an_answer_to_something_else_is_refused(offer: bytes, answer: bytes, cause: str) -> None:
    """RFC 3264 section 6, RFC 4568 section 5.1.2."""
    call = Call(CARRIER, CARRIER)
    call.tell(offer, 0)
    with pytest.raises(SdpError, match=cause):
        call.tell(answer, 1)
    assert call.media.sent(0) is None


def test_a_plain_answer_to_our_own_key_is_refused() -> None:
    call = Call(PLAIN, TEAMS)
    call.tell(describe(), 0)
    with pytest.raises(SdpError, match="RTP/AVP is no answer to RTP/SAVP"):
        call.tell(describe(), 1)


def test_the_same_offer_again_is_answered_with_the_same_bytes() -> None:
    """MED-05, HDR-17: same key, same answer; nothing is rekeyed."""
    call = Call(TEAMS, PLAIN)
    texts = call.talk(secured(crypto("A")), describe())
    before = call.stream.treatments
    assert (call.tell(secured(crypto("A")), 0), call.tell(describe(), 1)) == texts
    assert call.stream.treatments == before


def test_a_new_key_of_one_side_is_not_the_others_matter() -> None:
    """MED-05, HLD-04: where SRTP ends here the plain side is told nothing new, and our key stays."""
    call = Call(TEAMS, PLAIN)
    texts = call.talk(secured(crypto("A")), describe())
    assert call.tell(secured(crypto("B")), 0) == texts[0]
    assert call.tell(describe(), 1) == texts[1]
    assert call.stream.treatments == (Treatment(receive=key("B"), send=key("a")), Treatment())


def test_a_refused_rekey_is_taken_back() -> None:
    call = Call(TEAMS, PLAIN)
    call.talk(secured(crypto("A")), describe())
    call.tell(secured(crypto("B")), 0)
    call.media.revert(0)
    assert call.stream.treatments == (Treatment(receive=key("A"), send=key("a")), Treatment())


def test_the_key_of_the_last_fork_counts() -> None:
    """MED-06."""
    call = Call(PLAIN, TEAMS)
    call.tell(describe(), 0)
    early, late = call.tell(secured(crypto("B")), 1), call.tell(secured(crypto("C")), 1)
    assert early == late
    assert call.stream.treatments == (Treatment(), Treatment(receive=key("C"), send=key("a")))


def test_hold_and_resume_of_a_plain_carrier_reach_teams_in_srtp() -> None:
    """HLD-01: with the key that Teams has."""
    call = Call(TEAMS, PLAIN)
    call.talk(secured(crypto("A", 2)), describe())
    held = call.tell(describe("192.0.2.1", "RTP/AVP", "8 0 101", "a=sendonly"), 1)
    assert b"a=inactive" in held
    assert crypto("a", 2).encode() in held
    assert b"crypto" not in call.tell(secured(crypto("A", 2)).replace(b"a=crypto", b"a=inactive\r\na=crypto"), 0)


def test_after_a_refusal_a_side_is_offered_plain_rtp() -> None:
    """Policy preferred: a stream that cannot decrypt is exchanged for one that can, before anybody was told."""
    call = Call(TEAMS, CARRIER, treatable=False)
    call.tell(secured(crypto("A")), 0)
    assert call.media.plain(1)
    text = call.tell(secured(crypto("A")), 0)
    assert b"RTP/AVP" in text
    assert [stream.closed for stream in call.relay.streams] == [True, False]
    assert call.stream.treated
    assert not call.media.plain(1)


@pytest.mark.parametrize("side", [TEAMS, PLAIN, MediaSide(4)])
def test_a_side_that_must_or_never_takes_srtp_is_not_offered_otherwise(side: MediaSide) -> None:
    call = Call(CARRIER, side)
    call.tell(secured(crypto("A")), 0)
    assert not call.media.plain(1)


def test_the_next_target_is_not_bound_by_the_last() -> None:
    """FO-01: what the first one described is forgotten, ports and keys stay."""
    call = Call(PLAIN, TEAMS)
    first = call.tell(describe(), 0)
    call.tell(secured(crypto("B")), 1)
    assert call.tell(describe(), 0).partition(b"m=")[2] == first.partition(b"m=")[2]
    assert call.stream.expected[1] == (None, None)


def test_plain_rtp_past_us_is_refused_where_a_side_requires_srtp() -> None:
    call = Call(MediaSide(4, direct=True), TEAMS)
    with pytest.raises(InsecureError, match="past us"):
        call.tell(describe(), 0)
    assert call.tell(secured(crypto("A")), 0) == secured(crypto("A"))


def test_a_stream_that_was_opened_to_pass_is_treated_later_where_the_engine_can() -> None:
    """MED-04: else the re-INVITE is refused and the call goes on."""
    for treatable in (False, True):
        call = Call(TEAMS, CARRIER, treatable=treatable)
        call.talk(secured(crypto("A")), secured(crypto("B")))
        if treatable:
            assert b"RTP/SAVP" in call.tell(describe(), 1)
        else:
            with pytest.raises(SdpError, match="cannot be changed any more"):
                call.tell(describe(), 1)


def test_dtls_alone_is_refused_by_name() -> None:
    body = describe("192.0.2.1", "UDP/TLS/RTP/SAVP", "0", "a=fingerprint:sha-256 AB:CD", maps=())
    with pytest.raises(SdpError, match="keys by DTLS"):
        Call(MediaSide(4), MediaSide(4)).tell(body, 0)


def test_teams_in_bypass_offers_sdes_under_another_profile() -> None:
    """MED-01: UDP/TLS/RTP/SAVP; the carrier reads RTP/SAVP, the answer names what Teams named."""
    call = Call(TEAMS, CARRIER)
    offer = secured(crypto("A")).replace(b"RTP/SAVP", b"UDP/TLS/RTP/SAVP")
    to_carrier, to_teams = call.talk(offer, secured(crypto("B")))
    assert b" RTP/SAVP" in to_carrier
    assert b"UDP/TLS/RTP/SAVP" in to_teams
    assert SUITES[0].encode() in to_teams
