"""One phone of an extension, as a call reaches it: a binding of the registrar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from rustalk.call.target import Limit
from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.ua.outgoing import Invitation
from rustalk.ua.route import Path
from rustalk.ua.subject import Subject

from .bindings import Binding

if TYPE_CHECKING:
    from .phone import Phone

__all__ = ["Device"]

_DECLINED = 600


class Device:
    """A target that is one binding of ``phone``. ``domain`` is ours, as phones know it."""

    __slots__ = ("_binding", "_phone", "media", "within")

    def __init__(self, phone: Phone, binding: Binding, media: MediaSide, within: float | None) -> None:
        self._phone = phone
        self._binding = binding
        self.media = media
        self.within = within

    @property
    def trunk(self) -> str:
        """The id of the extension as a peer."""
        return self._phone.id

    @property
    def limit(self) -> Limit:
        """That of the extension."""
        return self._phone.limit

    def reach(self) -> Deferred[IFlow]:
        """The flow of the registration."""
        return self._phone.locator.flow(self._binding)

    def path(self, flow: IFlow) -> Path:
        """Where later requests go."""
        return self._phone.path(flow)

    def invite(self, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """The INVITE, to the Contact that the phone registered, over the proxies it registered through (RFC 3327)."""
        return self._phone.invitation(self._binding, subject, body, flow)

    def worked(self) -> None:
        """The phone answered; the registrar learns of phones from themselves."""

    def failed(self, why: str) -> None:
        """The phone did not answer; its registration says when it is gone."""

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether other phones of the extension are tried: not when somebody has declined."""
        return status < _DECLINED
