"""Rules over rate cards."""

from __future__ import annotations

from typing import Any

from tests.config.findings import paths, warned


def card(id: str, **keys: Any) -> dict[str, Any]:
    """Return a rate card for one prefix."""
    return {"id": id, "prefix": "4477", "rate_per_minute": "0.15"} | keys


def test_cards_and_templates_have_names_of_their_own() -> None:
    """A record names the card that it was charged by."""
    assert paths(rates=[card("a"), card("a")]) == ["$.rates[1].id"]
    assert paths(bill_templates=[{"id": "a"}, {"id": "a"}]) == ["$.bill_templates[1].id"]


def test_a_card_ends_after_its_beginning() -> None:
    """A date as the end is its last second, so one day is long enough."""
    day = {"effective_date": "2026-01-01", "end_date": "2026-01-01"}
    assert paths(rates=[card("a", **day)]) == []
    assert paths(rates=[card("a", **day | {"effective_date": "2026-01-02"})]) == ["$.rates[0].end_date"]


def test_two_cards_for_one_prefix_at_one_time_are_warned_of() -> None:
    """With and without plus; one after the other they are fine."""
    first, second = {"end_date": "2025-12-31"}, {"effective_date": "2026-01-01", "prefix": "+4477"}
    assert warned(rates=[card("a", **first), card("b", **second)]) == []
    assert warned(rates=[card("a"), card("b", **second)]) == ["$.rates[1].prefix"]
    assert warned(rates=[card("a", active=False), card("b", **second)]) == []
    assert warned(rates=[card("a", prefix=""), card("b")]) == []
