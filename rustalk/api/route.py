"""What a resource of the API is made of: routes that turn a question into an answer and know nothing of a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rustalk.store.tokens import Role

from .body import read_object
from .errors import unfit

__all__ = ["NOBODY", "Answer", "Ask", "Parameter", "Route", "Stream", "Who"]

Schema = Mapping[str, Any]
"""A JSON schema (OpenAPI 3.1)."""


async def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks. ``still`` tells later, in a long answer, whether they still may."""

    name: str
    role: Role | None
    address: str = ""
    scopes: tuple[str, ...] = ()
    still: Callable[[], Awaitable[bool]] = _always


NOBODY = Who("", None)
"""One who has shown no token."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter of a route. ``schema`` is that of its text."""

    name: str
    meaning: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: the variable parts of the path, the query parameters, the body, and who asks."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    who: Who = NOBODY
    if_match: str = ""
    last_event_id: str = ""

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A query parameter as a number between ``low`` and ``high``. Raises ApiError."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise unfit(name, f"a whole number from {low} to {high}")
        return int(text)

    def flag(self, name: str) -> bool:
        """A query parameter as a switch, off where it is missing. Raises ApiError."""
        text = self.query.get(name, "false")
        if text not in ("true", "false"):
            raise unfit(name, "true or false")
        return text == "true"

    def moment(self, name: str) -> datetime | None:
        """A query parameter as a point in time: RFC 3339, or a date, which is its first moment, UTC. Raises ApiError.

        A blank stands for the ``+`` that a careless URL has lost.
        """
        text = self.query.get(name)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise unfit(name, "a moment such as 2026-11-22T08:15:30Z, or a date") from None

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ApiError."""
        return read_object(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a value that JSON can hold, a status, and further headers.

    ``note`` goes into the audit log with it.
    """

    body: Mapping[str, object]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    note: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is made while it is sent; ``filename`` is what a browser saves it as."""

    chunks: AsyncGenerator[bytes, None]
    content_type: str
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. ``path`` is a Werkzeug rule, ``summary`` the sentence of the reference.

    ``least`` is the role from which on it may be used, in the order viewer, operator, admin; None: by everybody,
    without a token. An auditor may use it only with ``auditor``. ``area`` is what scopes of tokens name. ``changes``
    tells whether it does something; that is written to the audit log. ``query``, ``takes`` and ``gives`` describe what
    it takes and gives; ``problems`` are the codes it may answer with beside those of every route.
    """

    method: str
    path: str
    answer: Callable[[Ask], Awaitable[Answer | Stream]]
    summary: str
    least: Role | None = "viewer"
    auditor: bool = False
    area: str = "status"
    changes: bool = False
    query: tuple[Parameter, ...] = ()
    takes: Schema | None = None
    takes_type: str = "application/json"
    gives: Schema = field(default_factory=lambda: {"type": "object"})
    gives_type: str = "application/json"
    status: int = 200
    problems: tuple[str, ...] = ()
