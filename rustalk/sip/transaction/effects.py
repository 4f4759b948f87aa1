"""What a transaction wants done. It never does anything itself.

A list of effects is carried out in its order: timers first, then what is sent, then what the user of the transaction
is told, ``Ended`` last. So a send that fails at once, or a user that answers at once, may re-enter the transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..message import Request, Response

__all__ = ["Deliver", "Effect", "Ended", "Failed", "Send", "StartTimer", "StopTimer"]


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Call ``fire(name)`` after this many seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Do not call ``fire(name)`` any more. A transaction stops every timer it started before it ends."""

    name: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Give this message to the transaction's user."""

    message: Request | Response


@dataclass(frozen=True, slots=True)
class Failed:
    """Tell the transaction's user that no answer will come (a client) or that one may not have arrived (a server).

    ``cause`` is "timeout" or "transport".
    """

    cause: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Forget the transaction."""


Effect = Send | StartTimer | StopTimer | Deliver | Failed | Ended
