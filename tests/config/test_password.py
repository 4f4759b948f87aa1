"""Passwords that are easily guessed."""

from __future__ import annotations

import secrets

import pytest

from rustalk.config.password import weakness


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("1234", "fewer than 8"),
        ("\u00e9" * 7, "fewer than 8"),
        ("12025550123", "the extension's number"),
        ("ALICE-ARCHER", "the extension's number"),
        ("aaaaaaaa", "one character"),
        ("12345678", "a row"),
        ("78901234", "a row"),
        ("98765432", "a row"),
        ("abcdefgh", "a row"),
        ("hgfedcba", "a row"),
        ("Password", "everybody tries"),
        ("P@ssw0rd", "everybody tries"),
    ],
)
def test_what_is_easily_guessed_is_told_with_its_reason(password: str, why: str) -> None:
    number = "alice-archer" if password.isupper() else "12025550123"
    found = weakness(password, number)
    assert why in found
    assert password not in found


@pytest.mark.parametrize("password", ["correct horse", "x7Kd93mQ", "12345679", "1001-hunter2", "abcdefgg"])
def test_what_is_not_is_taken(password: str) -> None:
    assert weakness(password, "1001") == ""


def test_made_ones_are_strong() -> None:
    """As the API makes them."""
    assert not any(weakness(secrets.token_urlsafe(18), "1001") for _ in range(100))
