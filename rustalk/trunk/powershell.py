"""PowerShell as text: values that can be nothing but values."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Literal", "literal", "names", "table"]

Literal = str | int | bool

_QUOTES = "'\u2018\u2019\u201a\u201b"


def literal(value: Literal) -> str:
    """A value as PowerShell writes it. Inside single quotes neither ``$`` nor a backtick means anything.

    PowerShell takes typographic quotes for plain ones, so they are doubled as well. Raises ValueError for a control
    character or another one that cannot be seen.
    """
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        return str(value)
    if not value.isprintable():
        raise ValueError(f"{value!r} holds a character that cannot be shown")
    return "'" + "".join(sign * 2 if sign in _QUOTES else sign for sign in value) + "'"


def names(values: Iterable[str]) -> str:
    """An array of texts."""
    return f"@({', '.join(literal(value) for value in values)})"


def table(name: str, values: Iterable[tuple[str, Literal]]) -> list[str]:
    """The lines that put parameters into the variable ``$name``, to be splatted with ``@name``."""
    pairs = list(values)
    width = max(len(key) for key, _ in pairs)
    return [f"${name} = @{{", *(f"    {key.ljust(width)} = {literal(value)}" for key, value in pairs), "}"]
