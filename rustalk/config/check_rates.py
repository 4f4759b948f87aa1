"""The rules on rate cards and bill templates."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from rustalk.config.finding import Finding, each_once
from rustalk.config.known import Known
from rustalk.config.model import RateCard, Settings
from rustalk.config.problem import Notice, Problem

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]

_EVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)
_NEVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)


def _names_once(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Ids are unique among their kind."""
    yield from each_once(settings.rates, "id", "rate card", reader)
    yield from each_once(settings.bill_templates, "id", "bill template", reader)


def _dates(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """A card ends after its beginning, and of two for one prefix only one holds at a time.

    Looked at where a card was just read: no other change can break it, and there may be many.
    """
    if not reader.reads(RateCard):
        return
    by_prefix: dict[str, list[RateCard]] = {}
    for card in settings.rates:
        if card.effective_date and card.end_date and card.end_date < card.effective_date:
            yield Problem(
                f"{reader.path(card)}.end_date",
                card.end_date.isoformat(),
                f"a moment after {card.effective_date.isoformat()}",
            )
        elif card.active:
            by_prefix.setdefault(card.digits, []).append(card)
    for cards in by_prefix.values():
        yield from _overlaps(cards, reader)


def _overlaps(cards: list[RateCard], reader: Reader) -> Iterator[Finding]:
    """Cards of one prefix in the order of their beginnings: none begins before the one before has ended."""
    cards = sorted(cards, key=lambda card: card.effective_date or _EVER)
    for first, second in pairwise(cards):
        if (first.end_date or _NEVER) >= (second.effective_date or _EVER):
            yield Notice(
                f"{reader.path(second)}.prefix",
                f'"{second.prefix}" is that of card "{first.id}" too, which has not ended then; "{second.id}" counts',
            )


RULES = (_names_once, _dates)
"""The rules, each a function of the settings, of where they were read, and of what is defined."""
