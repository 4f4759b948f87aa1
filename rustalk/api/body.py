"""The JSON body of a request as plain values: whole, in bounds, and without what another reader may read otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rustalk.config.problem import ConfigError, member
from rustalk.config.text import Object, parse

from .errors import ApiError, Fault

__all__ = ["DEEPEST", "read_object"]

DEEPEST = 16
"""Levels of brackets within each other; no item has more than eight."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises ApiError for anything else, keys that stand twice among it."""
    try:
        value = parse(body.decode("utf-8"), "body")
    except UnicodeDecodeError as error:
        raise ApiError("invalid-body", f"The body is not UTF-8 at byte {error.start}.") from None
    except ConfigError as error:
        raise ApiError("invalid-body", f"The body is not JSON: {error.problems[0].message}.") from None
    if not isinstance(value, Object):
        raise ApiError("invalid-body", "Send a JSON object.")
    faults = tuple(_faults(value))
    if faults:
        raise ApiError("invalid-body", "Mend what is listed in errors.", faults=faults)
    return dict(value)


def _faults(value: Object) -> Iterator[Fault]:
    """What no key could be without being ambiguous; walked without recursion, since depth is what may be wrong."""
    waiting: list[tuple[object, str, int]] = [(value, "$", 1)]
    while waiting:
        item, path, depth = waiting.pop()
        if depth > DEEPEST:
            yield Fault(path, f"found more than {DEEPEST} levels of brackets, expected fewer")
        elif isinstance(item, Object):
            for key in item.repeated:
                yield Fault(member(path, key), "found the key twice, expected it once")
            waiting += [(inner, member(path, key), depth + 1) for key, inner in item.items()]
            waiting += [(key, path, depth + 1) for key in item]
        elif isinstance(item, list):
            waiting += [(inner, f"{path}[{number}]", depth + 1) for number, inner in enumerate(item)]
        elif isinstance(item, str) and not _is_text(item):
            yield Fault(path, "found half of a surrogate pair or NUL, expected text")


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
