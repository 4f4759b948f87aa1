"""The catalogue of call scripts: each is a record that names its rows of the document, and one coroutine.

A script that answers gets a TakenCall, one that calls a PlacedCall whose INVITE has been sent. A new one needs nothing
but its decorator, ``@answers("name", "ROW-01")`` or ``@calls("name", "ROW-01")``, in a module that the peers import.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

from .call import Call
from .placed import PlacedCall
from .taken import TakenCall

__all__ = ["ANSWERS", "CALLS", "Answering", "Calling", "Script", "Story", "answers", "calls", "led"]

Kind = TypeVar("Kind", bound=Call)
Story = Coroutine[Deferred[Any], Any, None]


@dataclass(frozen=True, slots=True)
class Script(Generic[Kind]):
    """A way in which a call can go: its name, the rows it follows, what it does, and the coroutine that does it."""

    name: str
    rows: tuple[str, ...]
    about: str
    play: Callable[[Kind], Story]


def led(take: Callable[[Kind], None]) -> Script[Kind]:
    """The script of calls that another story leads: each is handed to ``take`` and lives until it is released."""

    async def play(call: Kind) -> None:
        take(call)
        await call.led()

    return Script("led", (), "Led by another story.", play)


Answering = Script[TakenCall]
Calling = Script[PlacedCall]

ANSWERS: dict[str, Answering] = {}
CALLS: dict[str, Calling] = {}


def answers(name: str, *rows: str) -> Callable[[Callable[[TakenCall], Story]], Callable[[TakenCall], Story]]:
    """Put a coroutine into the catalogue of scripts that answer."""

    def register(play: Callable[[TakenCall], Story]) -> Callable[[TakenCall], Story]:
        ANSWERS[name] = Script(name, rows, _about(play), play)
        return play

    return register


def calls(name: str, *rows: str) -> Callable[[Callable[[PlacedCall], Story]], Callable[[PlacedCall], Story]]:
    """Put a coroutine into the catalogue of scripts that call."""

    def register(play: Callable[[PlacedCall], Story]) -> Callable[[PlacedCall], Story]:
        CALLS[name] = Script(name, rows, _about(play), play)
        return play

    return register


def _about(play: Callable[..., Story]) -> str:
    return (play.__doc__ or "").strip().partition("\n")[0]
