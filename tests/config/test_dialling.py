"""The forms of numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.config import dialling


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (dialling.extension, ["1001", "alice", "a.b-c_d"], ["", "+1001", "10 01", "1" * 33, "a@b", "1\r\nX: y"]),
        (dialling.dialled, ["1001", "+12025550123", "*98#", "sip:a@b.example"], ["", "tel:1", "sip:", "1 2", "<1>"]),
        (dialling.calling, ["+12025550123", "1001"], ["", "sip:a@b", "1;x=y"]),
        (dialling.prefix, ["", "44", "+4477"], ["44x", "+44 77", "\u0664", "++44"]),
        (dialling.pin, ["0000", "1234567890123456"], ["", "123", "12a4", "\u0660\u0660\u0660\u0660"]),
        (dialling.number_rule, ["+44", "900", r"^\+1900\d+$"], ["(", "(?=1)"]),
    ],
)
def test_forms(form: Callable[[str], str], good: list[str], bad: list[str]) -> None:
    """What fits stays as it is, the rest says what was expected; none of them lets a line end through (A10)."""
    assert [form(text) for text in good] == good
    for text in bad:
        with pytest.raises(ValueError, match=r"\S"):
            form(text)


def test_digits_in_a_list_of_numbers_are_a_prefix() -> None:
    """The plus is one, not a repetition; what is no number is a pattern, searched for."""
    assert dialling.rule_pattern("+44").matches("+4420")
    assert not dialling.rule_pattern("+44").matches("44")
    assert not dialling.rule_pattern("900").matches("1900")
    assert dialling.rule_pattern("900$").matches("1900")
