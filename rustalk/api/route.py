"""What a resource of the API is made of: routes that turn a question into an answer and know nothing of a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from .errors import ApiError

__all__ = ["Answer", "Ask", "Route"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: the variable parts of the path and the query parameters."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A query parameter as a number between ``low`` and ``high``. Raises ApiError."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise ApiError("invalid-parameter", f"{name} must be a whole number from {low} to {high}.")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a value that JSON can hold, and a status."""

    body: Mapping[str, object]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. ``path`` is a Werkzeug rule, ``summary`` the sentence of the reference."""

    method: str
    path: str
    answer: Callable[[Ask], Awaitable[Answer]]
    summary: str
