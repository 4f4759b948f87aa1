"""What one call costs by the rate cards.

The card is the active one with the longest prefix of the called number whose days hold the start of the call; a card
without a prefix takes what no other one does. Where two such cards have the same prefix, the one that took effect last
counts, and of those the one whose id comes first; the cost says so. The time that is charged is at least the minimum of
the card and rounded up to its increment: connection fee + time / 60 * rate. Only an answered call costs anything.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from rustalk.config.rate import RateCard

from .money import ZERO, minutes, price, rounded, rounded_up

__all__ = ["Cost", "Item", "Tariff", "cost", "digits"]

_EVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)
_SEPARATORS = str.maketrans("", "", "-.() /")
_NOTHING = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill: quantity times rate, in words; the amount is exact, the quantity rounded to be shown."""

    description: str
    rate: Decimal
    quantity: Decimal
    unit: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one call. ``total`` is the sum of ``items``, None where no card fits and the price is unknown.

    ``why`` says which card was taken and, where it was a tie, which rule decided. ``seconds`` is the time charged.
    """

    status: Literal["charged", "unanswered", "unrated"]
    total: Decimal | None
    currency: str = ""
    card: str = ""
    seconds: Decimal = _NOTHING
    items: tuple[Item, ...] = ()
    why: str = ""


class Tariff:
    """Rate cards, sorted so that the one for a number is found without looking at the others."""

    def __init__(self, cards: Iterable[RateCard]) -> None:
        self._cards: dict[str, list[RateCard]] = {}
        for card in cards:
            if card.active:
                self._cards.setdefault(card.digits, []).append(card)
        for same in self._cards.values():
            same.sort(key=lambda card: card.id)
            same.sort(key=lambda card: card.effective_date or _EVER, reverse=True)
        self._lengths = sorted({len(prefix) for prefix in self._cards}, reverse=True)

    def cards(self, number: str, at: datetime.datetime) -> tuple[RateCard, ...]:
        """The cards with the longest prefix for a call to this number at this time; the first one counts."""
        number = digits(number)
        for length in self._lengths:
            same = self._cards.get(number[:length], ()) if length <= len(number) else ()
            if fitting := tuple(card for card in same if _holds(card, at)):
                return fitting
        return ()

    def cost(self, number: str, seconds: Decimal, answered: bool, at: datetime.datetime) -> Cost:
        """What a call to ``number`` that began at ``at`` and lasted ``seconds`` from its answer costs."""
        if not answered:
            return Cost("unanswered", ZERO, why="the call was not answered")
        cards = self.cards(number, at)
        if not cards:
            return Cost("unrated", None, why="no active rate card fits the number and the day")
        card, charged = cards[0], _charged(cards[0], seconds)
        items = tuple(_items(card, charged))
        total = rounded(sum((item.amount for item in items), _NOTHING))
        return Cost("charged", total, card.currency, card.id, charged, items, _why(cards))


def cost(cards: Iterable[RateCard], number: str, seconds: Decimal, answered: bool, at: datetime.datetime) -> Cost:
    """What one call costs by these cards; for many calls make one `Tariff`."""
    return Tariff(cards).cost(number, seconds, answered, at)


def digits(number: str) -> str:
    """The number as prefixes are compared with it: without ``+`` and without what is only there for the eye."""
    return number.translate(_SEPARATORS).removeprefix("+")


def _holds(card: RateCard, at: datetime.datetime) -> bool:
    return (card.effective_date is None or card.effective_date <= at) and (card.end_date is None or at <= card.end_date)


def _charged(card: RateCard, seconds: Decimal) -> Decimal:
    least = max(seconds, Decimal(card.minimum_charge_seconds), _NOTHING)
    return rounded_up(least, card.billing_increment_seconds)


def _items(card: RateCard, charged: Decimal) -> Iterable[Item]:
    if card.connection_fee:
        fee = rounded(card.connection_fee)
        yield Item("Connection fee", fee, _ONE, "call", fee)
    name = card.name or card.id
    rate = card.rate_per_minute
    yield Item(f"Call time ({name})", rate, minutes(charged), "minute", price(charged, rate))


def _why(cards: tuple[RateCard, ...]) -> str:
    card = cards[0]
    prefix = f"the longest prefix that fits, {card.digits}" if card.digits else "the default card, as no prefix fits"
    if len(cards) == 1:
        return f"{card.id}: {prefix}"
    others = ", ".join(each.id for each in cards[1:])
    latest = card.effective_date != cards[1].effective_date
    rule = "it took effect last" if latest else "its id comes first"
    return f"{card.id}: {prefix}; of the same prefix are {others}, but {rule}"
