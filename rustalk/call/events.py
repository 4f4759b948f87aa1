"""The whole vocabulary in which two legs of a call speak to what joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from rustalk.sip.message import Field, Request
from rustalk.ua.endpoint import ServerTransaction

__all__ = [
    "Answered",
    "Asked",
    "Described",
    "Early",
    "Ended",
    "Event",
    "Informed",
    "Notified",
    "Offered",
    "Progressed",
    "Proposal",
    "Referred",
    "Refused",
    "Updated",
]


class Proposal(Protocol):
    """Other media, wanted by a side: taken or refused once."""

    body: bytes
    withdrawn: bool

    def accept(self, body: bytes) -> None:
        """Answer with this description."""

    def refuse(self, code: str, status: int = 0) -> None:
        """Leave the media as they were, for a cause of the registry of reasons."""


class Early(Protocol):
    """A dialog before the answer: what we said last in it, and what the peer said last."""

    local: bytes
    remote: bytes

    @property
    def takes_offers(self) -> bool:
        """Whether the peer can be asked for other media."""

    def offer(self, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Offer new media; False when another offer is under way."""


class Asked(Protocol):
    """A request that waits for its answer."""

    @property
    def request(self) -> Request:
        """The request."""

    def respond(self, status: int) -> None:
        """Answer."""

    def refuse(self, code: str, *, status: int = 0, fields: Iterable[Field] = ()) -> None:
        """Refuse for a cause of the registry of reasons."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """The called side rings or sends early media. ``body`` is its session description, if any.

    ``branch`` is the early dialog that it says so in, where there is one that can be asked in.
    """

    status: int
    body: bytes
    branch: Early | None = None


@dataclass(frozen=True, slots=True)
class Updated:
    """A side wants other early media (RFC 3311); ``by`` is its early dialog."""

    offer: Proposal
    by: Early


@dataclass(frozen=True, slots=True)
class Answered:
    """The called side answered with this session description; ``branch`` was its early dialog, where it had one."""

    body: bytes
    branch: Early | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The called side did not take the call: its final status, or 0 and the cause when none came.

    ``contacts`` are the addresses that a 3xx names, the best one first.
    """

    status: int
    cause: str = ""
    phrase: str = ""
    reason: str = ""
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offered:
    """A side wants other media."""

    offer: Proposal


@dataclass(frozen=True, slots=True)
class Described:
    """A side described its media in an ACK, or in the PRACK of an 18x that offered."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Informed:
    """A side sent INFO, which must be answered."""

    transaction: Asked


@dataclass(frozen=True, slots=True)
class Referred:
    """A side sent REFER, which must be answered."""

    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class Notified:
    """A side sent NOTIFY about a REFER that it got, which must be answered."""

    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class Ended:
    """A side is gone. ``code`` is of the registry of reasons; ``reason`` the Reason header that it sent.

    ``by_switch``: it is us who ended what lay beyond it.
    """

    code: str
    reason: str = ""
    by_switch: bool = False


Event = Progressed | Updated | Answered | Refused | Offered | Described | Informed | Referred | Notified | Ended
