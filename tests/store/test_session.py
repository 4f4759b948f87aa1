"""How a database says that it is gone."""

from __future__ import annotations

from rustalk.store.session import DatabaseDownError


def test_an_error_says_whether_to_wait_or_to_try_again() -> None:
    """By default neither: the text is for a person."""
    plain, gone = DatabaseDownError("full"), DatabaseDownError("lost", gone=True, again=True)
    assert (str(plain), plain.gone, plain.again) == ("full", False, False)
    assert (gone.gone, gone.again) == (True, True)
