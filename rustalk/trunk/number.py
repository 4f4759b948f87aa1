"""A number as the user part of a URI."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["as_user", "international"]

_UNRESERVED = "-_.!~*'()&=+$,?/"


def as_user(number: str) -> str:
    """The number, escaped so that it cannot be more than a user part."""
    if number.isascii() and number.removeprefix("+").isalnum():
        return number
    return quote(number, safe=_UNRESERVED, errors="surrogateescape")


def international(number: str) -> str:
    """The number as Teams wants it: with a plus before digits (HDR-04, HDR-05); names stay as they are."""
    return f"+{number}" if number.isascii() and number.isdigit() else number
