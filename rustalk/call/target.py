"""A trunk and the places it leads to, as a call sees them; rustalk.trunk makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.message import Request
from rustalk.sip.uri import Uri
from rustalk.ua.outgoing import Invitation
from rustalk.ua.route import Path
from rustalk.ua.subject import Subject

__all__ = ["Limit", "Target", "Trunk", "admitted", "entered"]


class Limit(Protocol):
    """How many calls a trunk takes. What was taken or admitted is released once."""

    def admit(self) -> str:
        """Ask for a call to the trunk: '' when it may begin, else the code of the reason why not."""

    def barred(self) -> str:
        """The code of the reason why no call may come from there now, '' where one may; nothing is counted."""

    def take(self) -> None:
        """Count a call from the trunk."""

    def release(self) -> None:
        """A call is over."""


class Target(Protocol):
    """One place to call: a host of a trunk, a phone, or several that ring together."""

    @property
    def trunk(self) -> str:
        """The id of its peer."""

    @property
    def media(self) -> MediaSide:
        """How its media are treated."""

    @property
    def limit(self) -> Limit:
        """How many calls it takes, together with the others of its peer."""

    @property
    def within(self) -> float | None:
        """For how many seconds it may ring before the next one is tried; None: as long as the call may."""

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

    ``early_media`` is what its callers' calls hear before the answer,
    ``ring_within`` how many seconds a call from it may go without an 18x before it is refused, None for ever.
    ``internal_address`` is that of our media for who is inside of our own network (LMO-01), '' for none.
    ``allow`` are the methods that it may send us. ``refer`` and ``redirects`` say whether a REFER or a 3xx of it is
    carried out here or passed on; ``takes_info``, ``takes_refer`` and ``takes_redirects`` what may be passed on to it.
    """

    id: str
    early_media: str
    ring_within: float | None
    internal_address: str
    allow: str
    refer: str
    redirects: str
    takes_info: bool
    takes_refer: bool
    takes_redirects: bool

    @property
    def media(self) -> MediaSide:
        """How its media are treated."""

    @property
    def limit(self) -> Limit:
        """How many calls it takes."""

    def media_over(self, flow: IFlow) -> MediaSide:
        """How the media of a call are treated that comes over this flow."""

    def subject(self, request: Request) -> Subject:
        """Who calls whom in an INVITE of this trunk."""

    def contact(self, flow: IFlow, user: str, tenant: str = "") -> str:
        """Our Contact towards it."""

    def inward(self, number: str) -> str:
        """A number that came from it, in the form that routes know."""

    def answers_at(self, uri: Uri) -> bool:
        """Whether who is named by this URI of its own is to be called there, rather than by our routes (XFR-05)."""

    def host_of(self, tenant: str) -> str:
        """The name by which it calls us for a tenant; '' where it has none."""

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""

    def targets(self) -> Sequence[Target]:
        """Its hosts in the order to try them now."""


def admitted(target: Target, subject: Subject) -> str:
    """Ask for a call to a target: '' where it may begin, which counts, else the code of the reason why not.

    Who calls for help is never turned away.
    """
    if subject.is_emergency:
        target.limit.take()
        return ""
    return target.limit.admit()


def entered(targets: Sequence[Target], subject: Subject) -> tuple[Sequence[Target], str]:
    """What is left of the targets from the first that takes the call, which counts there; none, and the reason."""
    code = "no_target"
    while targets:
        code = admitted(targets[0], subject)
        if not code:
            return targets, ""
        full = targets[0].limit
        targets = [target for target in targets if target.limit is not full]
    return (), code
