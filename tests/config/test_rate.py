"""The sections of the rate cards and bill templates."""

from __future__ import annotations

import datetime
from decimal import Decimal

from rustalk.config.load import load
from rustalk.config.rate import BillTemplate, RateCard


def test_a_card_costs_its_rate_and_nothing_else() -> None:
    """No fee, no minimum, by the second, in dollars, since ever, for every number."""
    card = RateCard(id="a", rate_per_minute=Decimal("0.15"))
    assert (card.connection_fee, card.minimum_charge_seconds, card.billing_increment_seconds) == (0, 0, 1)
    assert (card.currency, card.prefix, card.effective_date, card.end_date) == ("USD", "", None, None)


def test_a_prefix_is_compared_without_its_plus() -> None:
    """Numbers come in both forms."""
    assert RateCard(id="a", rate_per_minute=Decimal(1), prefix="+4477").digits == "4477"


def test_the_card_of_the_worked_example_is_read_exactly() -> None:
    """The numbers of RusTalk's card; 0.15 and 0.05 are no binary fractions, and its date is in seconds since 1970."""
    text = """{"rates": [{"id": "uk", "name": "UK", "prefix": "4477", "rate_per_minute": 0.15, "connection_fee": 0.05,
      "minimum_charge_seconds": 30, "billing_increment_seconds": 6, "currency": "gbp", "effective_date": 1763164800,
      "active": true}]}"""
    (card,) = load(text).rates
    assert (card.rate_per_minute, card.connection_fee) == (Decimal("0.15"), Decimal("0.05"))
    assert card.currency == "GBP"
    assert card.effective_date == datetime.datetime(2025, 11, 15, tzinfo=datetime.UTC)


def test_a_template_bills_by_the_minute_and_month() -> None:
    """The second seed's defaults."""
    template = BillTemplate(id="a")
    assert (template.billing_interval, template.included_minutes) == ("monthly", 0)
    assert (template.initial_increment_secs, template.billing_increment_secs) == (60, 60)
    assert (template.overage_rate_per_minute, template.setup_fee, template.tax_percent) == (0, 0, 0)
