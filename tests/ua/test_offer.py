"""New media that a peer wants."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rustalk.ua.offer import Offer


class Talk:
    """Writes down what becomes of an offer."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def offer_accepted(self, offer: Offer, body: bytes) -> None:
        self.said.append(body)

    def offer_refused(self, transaction: Any, code: str, status: int) -> None:
        self.said.append((code, status))


@pytest.fixture
def talk() -> Talk:
    """Where the offer came in."""
    return Talk()


@pytest.fixture
def offer(talk: Talk) -> Offer:
    """An offer in it."""
    return Offer(talk, cast(Any, None), b"offer")


def test_the_first_decision_counts(talk: Talk, offer: Offer) -> None:
    """RFC 3264 section 5: one answer to one offer."""
    offer.accept(b"answer")
    offer.refuse("glare")
    offer.accept(b"again")
    assert talk.said == [b"answer"]


def test_a_refusal_has_a_code(talk: Talk, offer: Offer) -> None:
    """And a status where that of the code does not fit."""
    offer.refuse("bad_media", 415)
    offer.accept(b"answer")
    assert talk.said == [("bad_media", 415)]


def test_an_offer_that_is_taken_back(talk: Talk, offer: Offer) -> None:
    """CANCEL of a re-INVITE, or a lost connection: whoever decides later finds it withdrawn."""
    offer.transaction_failed("transport")
    offer.accept(b"answer")
    assert (offer.withdrawn, talk.said) == (True, [("caller_lost", 0)])
