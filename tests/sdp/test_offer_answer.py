"""Which description is an offer and which an answer, and whose fault a broken order is."""

from __future__ import annotations

from pathlib import Path

import pytest

from rustalk.sdp.errors import SdpError
from rustalk.sdp.offer_answer import (
    Carrier,
    LocalOfferError,
    Meaning,
    OfferAnswer,
    RemoteOfferError,
    State,
    check_answer,
)
from rustalk.sdp.parse import parse

DATA = Path(__file__).parent.parent / "data" / "sdp"
INVITE, ANSWERED, ACK, UPDATE, UPDATED = (
    Carrier.INVITE,
    Carrier.ANSWERED,
    Carrier.ACK,
    Carrier.UPDATE,
    Carrier.UPDATED,
)


@pytest.mark.parametrize(
    "story",
    [
        [(INVITE, Meaning.OFFER), (ANSWERED, Meaning.ANSWER), (ACK, None)],
        [(INVITE, None), (ANSWERED, Meaning.OFFER), (ACK, Meaning.ANSWER)],
        [(INVITE, Meaning.OFFER), (Carrier.RELIABLE, Meaning.ANSWER), (Carrier.PRACK, None), (ANSWERED, None)],
        [(INVITE, None), (Carrier.RELIABLE, Meaning.OFFER), (Carrier.PRACK, Meaning.ANSWER), (ANSWERED, None)],
        [(UPDATE, Meaning.OFFER), (UPDATED, Meaning.ANSWER)],
        [(INVITE, Meaning.OFFER), (Carrier.PROVISIONAL, Meaning.PREVIEW), (ANSWERED, Meaning.ANSWER)],
    ],
)
@pytest.mark.parametrize("we_begin", [True, False])
def test_the_pairs_of_rfc_6337_table_1(story: list[tuple[Carrier, Meaning | None]], we_begin: bool) -> None:
    """RFC 6337 section 2, seen from either end; requests by one side, responses by the other."""
    dialog = OfferAnswer()
    for carrier, meaning in story:
        by_beginner = carrier in (INVITE, ACK, Carrier.PRACK, UPDATE)
        step = dialog.sent if by_beginner is we_begin else dialog.received
        assert step(carrier, body=meaning is not None) is meaning
    assert dialog.state is State.STABLE


def test_prack_may_offer_once_the_first_exchange_is_done() -> None:
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=True)
    dialog.received(Carrier.RELIABLE, body=True)
    assert dialog.sent(Carrier.PRACK, body=True) is Meaning.OFFER
    assert dialog.received(Carrier.PRACKED, body=True) is Meaning.ANSWER


def test_a_preview_stands_when_the_2xx_has_no_body() -> None:
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=True)
    assert dialog.received(Carrier.PROVISIONAL, body=True) is Meaning.PREVIEW
    assert dialog.received(ANSWERED, body=False) is None
    assert dialog.state is State.STABLE


def test_a_body_after_the_answer_is_a_repeat() -> None:
    """RFC 3261 section 13.2.1: descriptions after the answer are ignored."""
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=True)
    dialog.received(Carrier.RELIABLE, body=True)
    assert dialog.received(ANSWERED, body=True) is Meaning.REPEAT
    assert dialog.sent(ACK, body=True) is Meaning.REPEAT


@pytest.mark.parametrize("carrier", [INVITE, UPDATE])
def test_crossed_offers_are_glare(carrier: Carrier) -> None:
    """HLD-06: an offer that meets ours is refused with 491; ours stays open."""
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=True)
    with pytest.raises(RemoteOfferError) as caught:
        dialog.received(carrier, body=True)
    assert (caught.value.status, dialog.state) == (491, State.OFFERED_LOCAL)


@pytest.mark.parametrize("first", [True, False])
def test_crossed_invites_without_offer_are_glare_too(first: bool) -> None:
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=False)
    with pytest.raises(RemoteOfferError) as caught:
        dialog.received(INVITE, body=first)
    assert caught.value.status == 491


def test_an_offer_on_top_of_an_unanswered_one_gets_500() -> None:
    """RFC 3311 section 5.2."""
    dialog = OfferAnswer()
    dialog.received(INVITE, body=True)
    with pytest.raises(RemoteOfferError) as caught:
        dialog.received(UPDATE, body=True)
    assert caught.value.status == 500


def test_we_may_not_offer_while_something_is_open() -> None:
    dialog = OfferAnswer()
    dialog.received(INVITE, body=True)
    with pytest.raises(LocalOfferError, match="UPDATE while OFFERED_REMOTE"):
        dialog.sent(UPDATE, body=True)


def test_an_update_without_body_passes_at_any_time() -> None:
    """A session refresh makes no offer (RFC 4028)."""
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=True)
    assert dialog.received(UPDATE, body=False) is None


@pytest.mark.parametrize("offered", [True, False])
def test_a_2xx_that_owes_a_description_must_bring_one(offered: bool) -> None:
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=offered)
    with pytest.raises(RemoteOfferError):
        dialog.received(ANSWERED, body=False)


def test_an_ack_that_owes_an_answer_must_bring_one() -> None:
    dialog = OfferAnswer()
    dialog.received(INVITE, body=False)
    dialog.sent(ANSWERED, body=True)
    with pytest.raises(RemoteOfferError):
        dialog.received(ACK, body=False)


@pytest.mark.parametrize("body", [True, False])
def test_a_refused_offer_leaves_room_for_the_next(body: bool) -> None:
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=body)
    dialog.refused(INVITE)
    assert dialog.received(INVITE, body=True) is Meaning.OFFER


def test_a_refused_update_does_not_touch_the_offer_of_the_invite() -> None:
    dialog = OfferAnswer()
    dialog.sent(INVITE, body=True)
    dialog.refused(UPDATE)
    assert dialog.state is State.OFFERED_LOCAL


def test_forks_go_their_own_ways() -> None:
    """MED-06: each early dialog has its own answer."""
    first = OfferAnswer()
    first.sent(INVITE, body=True)
    second = first.fork()
    assert first.received(Carrier.PROVISIONAL, body=True) is Meaning.PREVIEW
    assert second.received(ANSWERED, body=True) is Meaning.ANSWER
    assert (first.state, second.state) == (State.OFFERED_LOCAL, State.STABLE)


def test_an_answer_with_an_offered_tag_and_its_suite_fits() -> None:
    """MED-04: the tag in the answer is one of the offered ones."""
    offer = (DATA / "teams_offer.sdp").read_bytes()
    check_answer(parse(offer), parse(offer.replace(b"a=crypto:2", b"a=crypto:7")))


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (b"a=crypto:1", b"a=crypto:2", "tag and suite"),
        (b"SHA1_80", b"SHA1_32", "tag and suite"),
        (b"a=crypto", b"a=nothing", "answer has no a=crypto"),
        (b"m=audio", b"m=video", "m=video where"),
        (b"a=ptime:20\r\n", b"m=audio 1 RTP/SAVP 0\r\n", "2 media sections, the offer 1"),
    ],
)
def test_an_answer_that_cannot_be_one_is_told(old: bytes, new: bytes, cause: str) -> None:
    """MED-04: same suite on both legs, tag as offered, as many m-lines."""
    offer = (DATA / "carrier_offer.sdp").read_bytes()
    with pytest.raises(SdpError, match=cause):
        check_answer(parse(offer), parse(offer.replace(old, new)))


def test_a_key_that_nobody_offered_is_told() -> None:
    """MED-04: both sides have keys, or neither."""
    answer = (DATA / "carrier_offer.sdp").read_bytes()
    with pytest.raises(SdpError, match="offer has no a=crypto"):
        check_answer(parse(answer.replace(b"a=crypto", b"a=nothing")), parse(answer))


def test_a_refused_line_needs_no_key() -> None:
    offer = (DATA / "carrier_offer.sdp").read_bytes()
    check_answer(parse(offer), parse(offer.replace(b"audio 24680", b"audio 0").replace(b"a=crypto", b"a=nothing")))


def test_keys_of_our_own_are_judged_by_who_made_them() -> None:
    """MED-03: the tag of an answer to them may be wrong."""
    offer = (DATA / "carrier_offer.sdp").read_bytes()
    check_answer(parse(offer), parse(offer.replace(b"a=crypto:1", b"a=crypto:2")), keyed=(0,))
