"""What a story claims of the SBC, and the error that says which claim did not hold."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["UnmetError", "has", "need", "same"]


class UnmetError(Exception):
    """The SBC did not do what the document asks for; the text says what was found instead."""


def need(true: object, otherwise: str) -> None:
    """Claim that something is so. Raises UnmetError with the text ``otherwise``."""
    if not true:
        raise UnmetError(otherwise)


def same(found: object, wanted: object, what: str) -> None:
    """Claim that ``what`` is as it should be. Raises UnmetError."""
    if found != wanted:
        raise UnmetError(f"{what} is {found!r}, it should be {wanted!r}")


def has(found: Collection[str], wanted: str, what: str) -> None:
    """Claim that ``what`` contains something. Raises UnmetError."""
    if wanted not in found:
        raise UnmetError(f"{what} lacks {wanted!r}: {found!r}")
