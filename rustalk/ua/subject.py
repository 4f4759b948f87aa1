"""What a call is about."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Who calls whom, as it crosses from leg to leg: numbers and a name, never an address of the other network."""

    caller: str
    called: str
    display: str = ""
    max_forwards: int = 70
