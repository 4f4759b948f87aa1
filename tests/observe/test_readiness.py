"""What everybody may know of a reason."""

from __future__ import annotations

from rustalk.observe.readiness import REASONS, Reason


def test_everybody_is_told_less_than_is_known() -> None:
    """The sentence of the code, without the address."""
    reason = Reason("database_down", "PostgreSQL at 192.0.2.1 cannot be reached")
    assert reason.plain == REASONS["database_down"]
    assert "192.0.2.1" not in reason.plain


def test_every_code_has_a_sentence() -> None:
    """One that begins and ends as a sentence does."""
    assert all(text[0].isupper() and text.endswith(".") for text in REASONS.values())
