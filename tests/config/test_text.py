"""JSON text to plain values."""

from __future__ import annotations

import pytest

from rustalk.config.problem import ConfigError
from rustalk.config.text import Number, Object, parse, wrapped


def test_keys_given_twice_are_remembered() -> None:
    """The standard parser would keep the last and say nothing."""
    value = parse('{"a": 1, "b": 2, "a": 3}', "test")
    assert isinstance(value, Object)
    assert value.repeated == ["a"]


def test_a_syntax_error_has_its_line_and_column_but_no_text_of_the_file() -> None:
    """The line itself may hold a password."""
    with pytest.raises(ConfigError, match="line 2 column 13") as caught:
        parse('{"password":\n  "hunter2" oops}', "rustalk.json")
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("rustalk.json: 1 problem")


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "", "\ufeff{}", "9" * 5000])
def test_hostile_text_is_a_plain_error(text: str) -> None:
    """A16: endless nesting and endless numbers are refused like any other fault."""
    with pytest.raises(ConfigError):
        parse(text, "test")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":\n  [1, NaN]}', "NaN at line 2 column 7"),
        ('["NaN \\" Infinity", -Infinity]', "-Infinity at line 1 column 21"),
        ("Infinity", "Infinity at line 1 column 1"),
    ],
)
def test_what_is_no_number_is_an_error_with_its_place(text: str, found: str) -> None:
    """JSON has no NaN; Python's parser would let it through every comparison."""
    with pytest.raises(ConfigError, match=f"found {found}, expected a number"):
        parse(text, "test")


def test_a_number_remembers_its_digits() -> None:
    """An amount of money is made of them, not of the binary fraction next to it."""
    value = parse("[0.10, 1e2, 7]", "test")
    assert value == [0.1, 100.0, 7]
    assert isinstance(value, list)
    assert [number.text for number in value if isinstance(number, Number)] == ["0.10", "1e2"]


def test_plain_values_get_the_form_of_a_file() -> None:
    """What comes from a database or a request is read as a file is."""
    value = wrapped({"a": [{"b": 1}]})
    assert isinstance(value, Object)
    assert value == {"a": [{"b": 1}]}
    assert value.repeated == []
