"""A number as the user part of a URI."""

from __future__ import annotations

import pytest

from rustalk.sip.uri import Uri
from rustalk.trunk.number import as_user, international

NAMES = ["+15551230001", "bob", "a b", "x@evil;lr", "50%", "*67#", "jürgen", "\r\nVia: x", "a:b"]


@pytest.mark.parametrize("number", NAMES)
def test_a_number_cannot_be_more_than_a_user_part(number: str) -> None:
    """A10: whatever a caller calls himself, it comes back as it was and nothing else."""
    uri = Uri.parse(f"sip:{as_user(number)}@host.example")
    assert (uri.number, uri.host, uri.params) == (number, "host.example", ())


@pytest.mark.parametrize(
    ("number", "shown"), [("15551230001", "+15551230001"), ("+1001", "+1001"), ("bob", "bob"), ("", ""), ("²", "²")]
)
def test_digits_get_a_plus(number: str, shown: str) -> None:
    """HDR-04, HDR-05, HDR-18; names stay as they are."""
    assert international(number) == shown
