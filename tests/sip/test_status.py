"""Reason phrases."""

from __future__ import annotations

import pytest

from rustalk.sip.status import REASON_PHRASES, reason_phrase


@pytest.mark.parametrize(("status", "phrase"), [(200, "OK"), (487, "Request Terminated"), (603, "Decline")])
def test_a_registered_status_has_its_phrase(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase


@pytest.mark.parametrize(("status", "phrase"), [(170, "Progress"), (299, "Success"), (499, "Request Failure")])
def test_an_unknown_status_has_the_name_of_its_class(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase


def test_a_number_without_a_class_still_has_a_phrase() -> None:
    assert reason_phrase(777) == "Unknown"


def test_each_phrase_fits_a_status_line() -> None:
    assert all(phrase.isprintable() and phrase.isascii() for phrase in REASON_PHRASES.values())
