"""A trunk and the places it leads to, as a call sees them; rustalk.trunk makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.message import Request
from rustalk.ua.outgoing import Invitation
from rustalk.ua.route import Path
from rustalk.ua.subject import Subject

__all__ = ["Target", "Trunk"]


class Target(Protocol):
    """One host of a trunk; ``trunk`` is the id of its trunk."""

    @property
    def trunk(self) -> str:
        """The id of its trunk."""

    def reach(self) -> Deferred[IFlow]:
        """A flow to it; fails with TransportError within the connect timeout."""

    def path(self, flow: IFlow) -> Path:
        """Where later requests of a dialog made there go."""

    def invite(self, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """The INVITE in this trunk's own manner."""

    def worked(self) -> None:
        """It answered with something that proves it usable."""

    def failed(self, why: str) -> None:
        """It did not answer, or said that it cannot take calls."""

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether the next host should be tried after this final status (0: none came)."""


class Trunk(Protocol):
    """A peer network.

    ``media`` is how its media are treated, ``early_media`` what its callers' calls hear before the answer,
    ``ring_within`` how many seconds a call from it may go without an 18x before it is refused, None for ever.
    """

    id: str
    media: MediaSide
    early_media: str
    ring_within: float | None
    takes_info: bool

    def subject(self, request: Request) -> Subject:
        """Who calls whom in an INVITE of this trunk."""

    def contact(self, flow: IFlow, user: str) -> str:
        """Our Contact towards it."""

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""

    def targets(self) -> Sequence[Target]:
        """Its hosts in the order to try them now."""
