"""Pages of numbers that rise."""

from __future__ import annotations

import pytest

from rustalk.api.errors import ApiError
from rustalk.api.pages import before, following
from rustalk.api.route import Ask


def test_the_cursor_is_the_last_number_of_a_page_that_is_not_the_last() -> None:
    assert following([9, 8, 7], 2) == (2, "8")
    assert following([9, 8], 2) == (2, None)
    assert following([], 2) == (0, None)


@pytest.mark.parametrize(("cursor", "number"), [("", None), ("7", 7), ("999999999999999999", 999999999999999999)])
def test_a_cursor_is_read_again(cursor: str, number: int | None) -> None:
    assert before(Ask(query={"cursor": cursor})) == number


@pytest.mark.parametrize("cursor", ["x", "0", "-1", "\u0663", "1" * 19, "1.0", " 1"])
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(ApiError):
        before(Ask(query={"cursor": cursor}))
