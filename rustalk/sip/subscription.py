"""A subscription as its notifier sees it: RFC 6665 section 4.2, and the header fields that speak of it.

The table knows neither a clock nor a dialog. What it wants done it gives back as effects, in the order to do it:
``StartTimer`` and ``StopTimer`` of the one timer ``expiry``, ``Notify``, ``Ended``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from .errors import LocalProtocolError, RemoteProtocolError
from .grammar import TOKEN
from .headers import parse_number, parse_params
from .message import Request
from .transaction.effects import Ended, StartTimer, StopTimer
from .uri import find

__all__ = ["DEFAULT_SPAN", "EXPIRY", "Event", "Input", "Notify", "Span", "State", "Subscription"]

EXPIRY = "expiry"
"""The name of the timer of a subscription."""

_LONGEST_ID = 64
_LARGEST = 0xFFFFFFFF


class State(StrEnum):
    """The states of RFC 6665 figure 1, and the time between the end of a subscription and the answer to its NOTIFY."""

    INITIAL = "initial"
    PENDING = "pending"
    ACTIVE = "active"
    ENDING = "ending"
    TERMINATED = "terminated"


class Input(StrEnum):
    """The arrows."""

    ACCEPT = "SUBSCRIBE, granted"
    ASK = "SUBSCRIBE, undecided"
    FETCH = "SUBSCRIBE, Expires 0"
    REFRESH = "SUBSCRIBE again"
    UNSUBSCRIBE = "SUBSCRIBE again, Expires 0"
    APPROVE = "approved"
    CHANGE = "state changed"
    EXPIRE = "expired"
    END = "ended by us"
    TOLD = "last NOTIFY answered"
    FAIL = "NOTIFY failed"
    LOST = "subscriber lost"


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the subscriber what is so when the NOTIFY goes out; ``anyway`` even where it has been told just that."""

    anyway: bool


Effect = Notify | StartTimer | StopTimer | Ended
Action = Callable[["Subscription"], list[Effect]]
Table = Mapping[State, Mapping[Input, tuple[State, Action]]]


class Subscription:
    """One subscription. ``reason`` says why it ended, in the words of section 4.1.3."""

    __slots__ = ("_seconds", "reason", "state")

    def __init__(self) -> None:
        self.state = State.INITIAL
        self.reason = ""
        self._seconds = 0

    @property
    def is_live(self) -> bool:
        """Whether it can be refreshed."""
        return self.state in (State.PENDING, State.ACTIVE)

    def value(self, seconds: int) -> str:
        """The Subscription-State of a NOTIFY, with so many seconds left."""
        if self.is_live:
            return f"{self.state};expires={max(1, seconds)}"
        return f"terminated;reason={self.reason}"

    # What happens to it.

    def subscribe(self, seconds: int, *, decided: bool = True) -> list[Effect]:
        """A SUBSCRIBE that is answered with 2xx, for so many seconds; one that is not ``decided`` waits for approval.

        Raises LocalProtocolError for one that has ended: that must be refused with 481.
        """
        if self.state is State.INITIAL:
            arrow = Input.FETCH if not seconds else Input.ACCEPT if decided else Input.ASK
        elif self.is_live:
            arrow = Input.REFRESH if seconds else Input.UNSUBSCRIBE
        else:
            raise LocalProtocolError("the subscription has ended")
        self._seconds = seconds
        return self._pass(arrow, "timeout")

    def approve(self) -> list[Effect]:
        """Who decides has said yes."""
        return self._pass(Input.APPROVE)

    def change(self) -> list[Effect]:
        """What is watched has changed."""
        return self._pass(Input.CHANGE)

    def expire(self) -> list[Effect]:
        """The timer has run out."""
        return self._pass(Input.EXPIRE, "timeout")

    def end(self, reason: str) -> list[Effect]:
        """We end it: ``rejected``, ``deactivated``, ``noresource`` and what else section 4.1.3 names."""
        return self._pass(Input.END, reason)

    def told(self) -> list[Effect]:
        """The last NOTIFY has its 2xx."""
        return self._pass(Input.TOLD)

    def fail(self) -> list[Effect]:
        """A NOTIFY was refused, or nobody answered it (section 4.2.2)."""
        return self._pass(Input.FAIL)

    def lost(self) -> list[Effect]:
        """There is no way to the subscriber any more."""
        return self._pass(Input.LOST)

    def _pass(self, arrow: Input, reason: str = "") -> list[Effect]:
        """What no cell takes means nothing now."""
        cell = self.table[self.state].get(arrow)
        if cell is None:
            return []
        self.state = cell[0]
        if self.state is State.ENDING:
            self.reason = reason
        return cell[1](self)

    # Actions.

    def _begin(self) -> list[Effect]:
        """Section 4.2.1.2: a NOTIFY follows at once."""
        return [StartTimer(EXPIRY, self._seconds), Notify(anyway=True)]

    def _tell(self) -> list[Effect]:
        return [Notify(anyway=True)]

    def _tell_change(self) -> list[Effect]:
        return [Notify(anyway=False)]

    def _finish(self) -> list[Effect]:
        return [StopTimer(EXPIRY), Notify(anyway=True)]

    def _forget(self) -> list[Effect]:
        return [StopTimer(EXPIRY), Ended()]

    table: ClassVar[Table] = {
        State.INITIAL: {
            Input.ACCEPT: (State.ACTIVE, _begin),
            Input.ASK: (State.PENDING, _begin),
            Input.FETCH: (State.ENDING, _tell),
        },
        State.PENDING: {
            Input.REFRESH: (State.PENDING, _begin),
            Input.APPROVE: (State.ACTIVE, _tell),
            Input.UNSUBSCRIBE: (State.ENDING, _finish),
            Input.EXPIRE: (State.ENDING, _finish),
            Input.END: (State.ENDING, _finish),
            Input.FAIL: (State.TERMINATED, _forget),
            Input.LOST: (State.TERMINATED, _forget),
        },
        State.ACTIVE: {
            Input.REFRESH: (State.ACTIVE, _begin),
            Input.CHANGE: (State.ACTIVE, _tell_change),
            Input.UNSUBSCRIBE: (State.ENDING, _finish),
            Input.EXPIRE: (State.ENDING, _finish),
            Input.END: (State.ENDING, _finish),
            Input.FAIL: (State.TERMINATED, _forget),
            Input.LOST: (State.TERMINATED, _forget),
        },
        State.ENDING: {
            Input.TOLD: (State.TERMINATED, _forget),
            Input.FAIL: (State.TERMINATED, _forget),
            Input.LOST: (State.TERMINATED, _forget),
        },
        State.TERMINATED: {},
    }


# What the header fields say.


@dataclass(frozen=True, slots=True)
class Event:
    """An event package, and the id that tells subscriptions of one dialog apart (section 8.2.1)."""

    package: str
    id: str = ""

    @classmethod
    def parse(cls, text: str) -> Event:
        """Understand an Event value. Parameters of a package are left out. Raises RemoteProtocolError."""
        package, semicolon, rest = text.partition(";")
        package = package.strip(" \t")
        if TOKEN.fullmatch(package) is None:
            raise RemoteProtocolError(f"bad Event {text[:60]!r}", 489)
        id = (find(parse_params(semicolon + rest), "id") or "") if semicolon else ""
        if id and (len(id) > _LONGEST_ID or TOKEN.fullmatch(id) is None):
            raise RemoteProtocolError(f"bad id in Event {text[:60]!r}")
        return cls(package, id)

    def __str__(self) -> str:
        return f"{self.package};id={self.id}" if self.id else self.package


@dataclass(frozen=True, slots=True)
class Span:
    """How long something may be held that a peer asks for, in seconds."""

    shortest: int = 60
    longest: int = 3600
    usual: int = 3600

    def grant(self, request: Request) -> int | None:
        """The seconds for a SUBSCRIBE or PUBLISH, 0 to end it; None where it asks for too few (423).

        An Expires that is no number counts as none.
        """
        text = request.get("Expires")
        if text is None:
            return self.usual
        try:
            seconds = parse_number("Expires", text.strip(" \t"), _LARGEST)
        except RemoteProtocolError:
            return self.usual
        if 0 < seconds < self.shortest:
            return None
        return min(seconds, self.longest)


DEFAULT_SPAN = Span()
"""An hour at most, a minute at least."""
