"""The whole vocabulary in which two legs of a call speak to what joins them."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.session import Offer

__all__ = ["Answered", "Described", "Ended", "Event", "Informed", "Offered", "Progressed", "Refused"]


@dataclass(frozen=True, slots=True)
class Progressed:
    """The called side rings or sends early media. ``body`` is its session description, if any."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The called side answered with this session description."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The called side did not take the call: its final status, or 0 and the cause when none came."""

    status: int
    cause: str = ""
    phrase: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A side wants other media."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Described:
    """A side described its media anew in an ACK."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Informed:
    """A side sent INFO, which must be answered."""

    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class Ended:
    """A side is gone. ``code`` is of the registry of reasons; ``reason`` the Reason header that it sent."""

    code: str
    reason: str = ""


Event = Progressed | Answered | Refused | Offered | Described | Informed | Ended
