"""A call script of the catalogue: a record that names its rows of the document, and one coroutine that plays it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from .scene import Scene

__all__ = ["STORIES", "Story", "story"]

Play = Callable[[Scene], Coroutine[Deferred[Any], Any, None]]


@dataclass(frozen=True, slots=True)
class Story:
    """A way in which calls can go: its name, its rows, what it shows in a sentence, and the coroutine that plays it."""

    name: str
    rows: tuple[str, ...]
    about: str
    play: Play


STORIES: dict[str, Story] = {}


def story(*rows: str) -> Callable[[Play], Play]:
    """Put a coroutine into the catalogue under its own name. Raises ValueError when the name is taken."""

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        if name in STORIES:
            raise ValueError(f"two stories of the catalogue are called {name}")
        STORIES[name] = Story(name, rows, (play.__doc__ or "").strip().partition("\n\n")[0], play)
        return play

    return register
