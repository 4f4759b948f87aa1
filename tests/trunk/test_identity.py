"""Who calls, and how he may hide it."""

from __future__ import annotations

import pytest

from rustalk.trunk.identity import asserted_fields, is_hidden, party_value, read_asserted, read_privacy
from rustalk.ua.subject import Party, Subject, Told


def test_a_number_and_an_address() -> None:
    """HDR-12: Teams gives both in one field."""
    value = '"Bob" <tel:+15551230001>, <sip:bob@contoso.example>'
    assert read_asserted([value]) == (Party("+15551230001", "Bob"), Party("bob", "", "sip:bob@contoso.example"))


@pytest.mark.parametrize("value", ["", ",", "<", "<sip:a.example>", "<http://x>", '"Bob <tel:+1>'])
def test_what_is_no_identity(value: str) -> None:
    """It counts for nothing."""
    assert read_asserted([value]) == ()


def test_at_most_four() -> None:
    """RFC 3325 section 9.1 knows of two."""
    assert len(read_asserted([", ".join(["<tel:+1>"] * 50), "<tel:+2>"])) == 4


def test_the_tokens_of_privacy() -> None:
    """In any case, once each, with semicolons as in RFC 3323 or commas as some write it."""
    assert read_privacy(["ID; User", "id,critical", "x\ty"]) == ("id", "user", "critical")


HIDING = [("id",), ("user",), ("header",), ("id", "critical")]
OPEN = [(), ("none",), ("id", "none"), ("session",), ("history",)]


@pytest.mark.parametrize(("tokens", "hidden"), [*((each, True) for each in HIDING), *((each, False) for each in OPEN)])
def test_who_hides(tokens: tuple[str, ...], hidden: bool) -> None:
    """RFC 3323 section 4.2; "none" forbids it."""
    assert is_hidden(Subject("+1", "+2", told=Told(privacy=tokens))) is hidden


def test_an_identity_as_a_field() -> None:
    """A number at our own domain; another address as it came; Privacy behind them."""
    parties = (Party("+1", 'B "x"'), Party("bob", "", "sip:bob@contoso.example"))
    assert asserted_fields("P-Asserted-Identity", parties, "sbc.example", ("id", "critical")) == [
        ("P-Asserted-Identity", '"B \\"x\\"" <sip:+1@sbc.example;user=phone>'),
        ("P-Asserted-Identity", "<sip:bob@contoso.example>"),
        ("Privacy", "id;critical"),
    ]


def test_a_number_cannot_break_out() -> None:
    """A10."""
    assert party_value(Party("1>;x\r\nVia: y"), "a.example").startswith("<sip:1%3E%3Bx%0D%0AVia")
