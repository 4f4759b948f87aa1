"""What calls cost, and how they are billed: the sections rates and bill_templates."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from rustalk.config import dialling, formats
from rustalk.config.about import UNUSED, about

__all__ = ["BillTemplate", "RateCard"]

_MOST = 1_000_000
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """The price of calls to the numbers that begin with a prefix. The longest prefix counts, then the latest start."""

    id: str = field(metadata=about("Name of the card in call records.", example="uk-mobile", check=formats.identifier))
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="UK mobile"))
    description: str = field(default="", metadata=about("Free text."))
    prefix: str = field(
        default="",
        metadata=about(
            "First digits of the called number, with or without `+`. Empty: every number that no other card fits.",
            example="4477",
            check=dialling.prefix,
        ),
    )
    rate_per_minute: Decimal = field(metadata=about("Price of a minute.", example="0.15", low=0, high=_MOST))
    connection_fee: Decimal = field(
        default=_ZERO, metadata=about("Price of being answered.", example="0.05", low=0, high=_MOST)
    )
    minimum_charge_seconds: int = field(
        default=0, metadata=about("Time that is charged at least.", unit="seconds", example=30, low=0, high=86400)
    )
    billing_increment_seconds: int = field(
        default=1,
        metadata=about("The time is rounded up to a multiple of this. 0: not.", unit="seconds", low=0, high=86400),
    )
    currency: str = field(default="USD", metadata=about("Currency (ISO 4217).", example="EUR", check=formats.currency))
    effective_date: datetime.datetime | None = field(
        default=None,
        metadata=about("First moment; a date is its first second, UTC. null: since ever.", example="2026-01-01"),
    )
    end_date: datetime.datetime | None = field(
        default=None,
        metadata=about(
            "Last moment; a date is its last second, UTC. null: no end.", example="2026-12-31", end_of_day=True
        ),
    )
    active: bool = field(default=True, metadata=about("Whether the card is looked at."))

    @property
    def digits(self) -> str:
        """The prefix without ``+``, as numbers are compared with it."""
        return self.prefix.removeprefix("+")


@dataclass(frozen=True, slots=True, kw_only=True)
class BillTemplate:
    """How the calls of a billing period become a bill."""

    id: str = field(metadata=about("Name of the template.", example="standard", check=formats.identifier))
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="Standard"))
    description: str = field(default="", metadata=about("Free text."))
    currency: str = field(default="USD", metadata=about("Currency (ISO 4217).", example="EUR", check=formats.currency))
    billing_interval: Literal["daily", "weekly", "monthly", "yearly"] = field(
        default="monthly", metadata=about("Length of a billing period.")
    )
    included_minutes: int = field(
        default=0, metadata=about("Minutes of each period that cost nothing more.", low=0, high=100_000_000)
    )
    included_messages: int = field(
        default=0,
        metadata=about("Messages of each period that cost nothing more.", low=0, high=100_000_000, unused=UNUSED),
    )
    initial_increment_secs: int = field(
        default=60, metadata=about("Time that each call counts at least.", unit="seconds", low=0, high=86400)
    )
    billing_increment_secs: int = field(
        default=60,
        metadata=about("The rest is rounded up to a multiple of this. 0: not.", unit="seconds", low=0, high=86400),
    )
    overage_rate_per_minute: Decimal = field(
        default=_ZERO, metadata=about("Price of a minute beyond those included.", example="0.02", low=0, high=_MOST)
    )
    setup_fee: Decimal = field(
        default=_ZERO, metadata=about("Price of a period whatever was called.", example="9.90", low=0, high=_MOST)
    )
    tax_percent: Decimal = field(
        default=_ZERO, metadata=about("Tax on the whole.", unit="percent", example="19", low=0, high=1000)
    )
