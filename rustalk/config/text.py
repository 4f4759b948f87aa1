"""JSON text to plain values, with what the standard parser swallows: keys given twice, digits, and endless nesting."""

from __future__ import annotations

import json
import re
from collections import Counter

from rustalk.config.problem import ConfigError, Problem

__all__ = ["Number", "Object", "parse", "wrapped"]


_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity')


class _NoNumberError(ValueError):
    """One of the words that Python's parser takes for a number, and JSON (RFC 8259 section 6) does not."""


class Object(dict[str, object]):
    """A JSON object that remembers which of its keys appeared more than once; the last value is the one kept."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        """Take the keys and values in the order of the text."""
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs) if len(pairs) > len(self) else Counter[str]()
        self.repeated = sorted(key for key, count in counts.items() if count > 1)


class Number(float):
    """A number with a fraction or an exponent that remembers how it was written, for amounts of money."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        """Read ``text`` as `float` does."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(text: str, source: str) -> object:
    """Return what ``text`` says; objects come as `Object`, numbers that are no integers as `Number`.

    Raises ConfigError with line and column of a syntax error, but not with the line itself, which may hold a secret.
    """
    try:
        value: object = json.loads(text, object_pairs_hook=Object, parse_float=Number, parse_constant=_refuse)
    except _NoNumberError as error:
        raise _error(source, f"{error} at {_place(text)}", "a number", "JSON has none of that name") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise _error(source, f"a fault at {place}", "JSON", error.msg) from None
    except RecursionError:
        raise _error(source, "brackets nested too deep", "a configuration, which needs about eight levels") from None
    except ValueError as error:
        raise _error(source, "a number with too many digits", "JSON", str(error)) from None
    return value


def _refuse(name: str) -> object:
    raise _NoNumberError(name)


def _place(text: str) -> str:
    """Where the first such word stands outside of a string."""
    found = next(match for match in _WORDS.finditer(text) if not match[0].startswith('"'))
    line, start = text.count("\n", 0, found.start()) + 1, text.rfind("\n", 0, found.start())
    return f"line {line} column {found.start() - start}"


def wrapped(value: object) -> object:
    """Return plain JSON values, such as those of a database, in the form that `parse` gives."""
    if isinstance(value, dict):
        return Object([(str(key), wrapped(item)) for key, item in value.items()])
    return [wrapped(item) for item in value] if isinstance(value, list) else value


def _error(source: str, found: str, expected: str, hint: str = "") -> ConfigError:
    return ConfigError(source, (Problem("$", found, expected, hint),))
