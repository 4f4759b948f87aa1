"""Media bypass: ICE-lite towards one side."""

from __future__ import annotations

from dataclasses import replace

from rustalk.media.session import MediaSide
from tests.fakes.descriptions import TEAMS, Call, crypto, secured

BYPASS = replace(TEAMS, ice=True)
CARRIER = MediaSide(4, srtp="preferred")


def checked(letter: str, ufrag: str = "AAAA", *lines: str) -> bytes:
    """A description of a side that does ICE."""
    ice = (f"a=ice-ufrag:{ufrag}", "a=ice-pwd:0123456789012345678901", "a=rtcp-mux")
    return secured(crypto(letter), *ice, "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host", *lines)


def ours(text: bytes) -> list[bytes]:
    """What we say of ICE."""
    return [line for line in text.split(b"\r\n") if b"ice" in line or b"candidate" in line or b"mux" in line]


def test_our_offer_is_ice_lite_with_one_candidate() -> None:
    """ICE-01, MED-10: and RTCP on the same port."""
    call = Call(CARRIER, BYPASS)
    text = call.tell(secured(crypto("A")), 0)
    address, port, _ = call.stream.local(1)
    assert ours(text) == [
        b"a=ice-lite",
        b"a=rtcp-mux",
        b"a=ice-ufrag:YWFhYWFh",
        b"a=ice-pwd:YmJiYmJiYmJiYmJiYmJiYmJi",
        f"a=candidate:1 1 UDP 2130706431 {address} {port} typ host".encode(),
    ]
    assert text.index(b"a=ice-lite") < text.index(b"m=")


def test_the_other_side_never_sees_ice() -> None:
    """ICE-07, MED-14."""
    call = Call(CARRIER, BYPASS)
    _, to_carrier = call.talk(secured(crypto("A")), checked("B"))
    assert ours(to_carrier) == []
    assert call.stream.expected[0] == (("192.0.2.1", 4000), ("192.0.2.1", 4001))
    assert call.stream.expected[1] == (("192.0.2.1", 4000), ("192.0.2.1", 4000))


def test_forks_and_answers_get_the_same_credentials() -> None:
    """RNG-06, ICE-03: ours stay whichever fork answers; the keys still pass (ICE-07)."""
    call = Call(CARRIER, BYPASS)
    call.tell(secured(crypto("A")), 0)
    seen = []
    for letter, ufrag in (("B", "AAAA"), ("C", "BBBB")):
        call.tell(checked(letter, ufrag), 1)
        seen.append(call.stream.credentials[1])
    first, second = seen
    assert first is not None
    assert second is not None
    assert (first.ufrag, first.password) == (second.ufrag, second.password)
    assert (first.remote_ufrag, second.remote_ufrag) == ("AAAA", "BBBB")
    assert call.stream.treatments is None


def test_final_candidates_are_answered_with_the_same_candidate() -> None:
    """ICE-04: a re-INVITE with remote-candidates is nothing to the carrier."""
    call = Call(BYPASS, CARRIER)
    to_carrier, to_teams = call.talk(checked("A"), secured(crypto("B")))
    assert call.tell(checked("A", "AAAA", "a=remote-candidates:1 203.0.113.10 20000"), 0) == to_carrier
    assert call.tell(secured(crypto("B")), 1) == to_teams


def test_a_restart_gets_new_credentials() -> None:
    """ICE-05: at the same port."""
    call = Call(BYPASS, CARRIER)
    to_carrier, before = call.talk(checked("A"), secured(crypto("B")))
    assert call.tell(checked("A", "ZZZZ"), 0) == to_carrier
    after = call.tell(secured(crypto("B")), 1)
    assert ours(after)[2:4] != ours(before)[2:4]
    assert ours(after)[4] == ours(before)[4]
    assert call.stream.credentials[0] is not None
    assert call.stream.credentials[0].remote_ufrag == "ZZZZ"


def test_a_refused_restart_is_taken_back() -> None:
    call = Call(BYPASS, CARRIER)
    call.talk(checked("A"), secured(crypto("B")))
    before = call.stream.credentials[0]
    call.tell(checked("A", "ZZZZ"), 0)
    call.media.revert(0)
    assert call.stream.credentials[0] == before


def test_a_bypass_side_without_ice_is_answered_without() -> None:
    """Bypass and non-bypass side by side."""
    call = Call(BYPASS, CARRIER)
    _, to_teams = call.talk(secured(crypto("A")), secured(crypto("B")))
    assert ours(to_teams) == []
    assert call.stream.credentials[0] is None


def test_the_far_end_may_be_lite_too() -> None:
    """ICE-06: both are lite, no checks come, media flow to the described address."""
    call = Call(CARRIER, BYPASS)
    call.talk(secured(crypto("A")), checked("B").replace(b"s=-\r\n", b"s=-\r\na=ice-lite\r\n"))
    assert call.stream.expected[1][0] == ("192.0.2.1", 4000)


def test_ice_asks_for_a_stream_that_answers_checks() -> None:
    call = Call(CARRIER, BYPASS)
    call.tell(secured(crypto("A")), 0)
    assert call.stream.treated
