"""Questions to a route."""

from __future__ import annotations

import pytest

from rustalk.api.errors import ApiError
from rustalk.api.route import Ask


def test_a_number_that_is_not_given_has_its_default() -> None:
    assert Ask().number("limit", 100, 1, 1000) == 100


@pytest.mark.parametrize("text", ["1", "1000"])
def test_the_limits_of_a_number_belong_to_it(text: str) -> None:
    assert Ask(query={"limit": text}).number("limit", 100, 1, 1000) == int(text)


@pytest.mark.parametrize("text", ["", "0", "1001", "-1", "+5", "1_0", " 5", "٥", "²", "9" * 5000, "x"])
def test_what_is_no_number_in_range_is_refused(text: str) -> None:
    """The traps of int() in reliability-and-security 6.4."""
    with pytest.raises(ApiError, match="limit must be a whole number from 1 to 1000"):
        Ask(query={"limit": text}).number("limit", 100, 1, 1000)
