"""PUBLISH of presence: what phones say of their users, until it expires (RFC 3903)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from rustalk.config.extension import Extension
from rustalk.sip.message import Request
from rustalk.sip.subscription import DEFAULT_SPAN, Event, Span
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.inspect import Unfit, inspect

from . import pidf
from .deadlines import Deadlines
from .pidf import Condition

__all__ = ["Bounds", "Publications"]

_EVENT = "presence"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What phones may make us hold. ``body`` in octets; of an extension's publications the oldest give way."""

    span: Span = DEFAULT_SPAN
    body: int = 16384
    per_extension: int = 4


@dataclass(eq=False, slots=True)
class _Publication:
    """What one phone has published."""

    number: str
    tag: str
    condition: Condition


class Publications:
    """Answers PUBLISH. ``token`` makes entity-tags, ``changed`` is told the number whose publications differ."""

    def __init__(
        self,
        *,
        clock: IReactorTime,
        token: Callable[[], str],
        changed: Callable[[str], None],
        bounds: Bounds | None = None,
    ) -> None:
        self._bounds = bounds or Bounds()
        self._token = token
        self._changed = changed
        self._publications: dict[str, list[_Publication]] = {}
        self._expiries: Deadlines[_Publication] = Deadlines(clock, self._forget)

    def published(self, number: str) -> Condition | None:
        """What was published last of an extension, None for nothing."""
        publications = self._publications.get(number)
        return publications[-1].condition if publications else None

    def __len__(self) -> int:
        return len(self._expiries)

    def publish_received(self, transaction: ServerTransaction, extension: Extension) -> None:
        """A PUBLISH that showed the password of ``extension``; one for anybody else is refused.

        Raises RemoteProtocolError for what is broken.
        """
        request, number = transaction.request, extension.extension
        unfit = self._unfit(request, extension)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        seconds = self._bounds.span.grant(request) or 0
        known = self._known(number, request.get("SIP-If-Match"))
        condition = pidf.read(request.body) if request.body else known.condition if known is not None else None
        if condition is None:
            transaction.refuse("bad_content", status=400)
            return
        tag = self._keep(number, known, condition, seconds)
        transaction.respond(200, fields=[("SIP-ETag", tag), ("Expires", str(seconds))])

    def _unfit(self, request: Request, extension: Extension) -> Unfit | None:
        """Why a PUBLISH is refused, in the order of section 6; None when it is not."""
        unfit = inspect(request, "PUBLISH")
        if unfit is not None:
            return unfit
        if request.target.number not in (extension.extension, extension.id):
            return Unfit("other_account")
        if Event.parse(request.get("Event") or "-").package != _EVENT:
            return Unfit("bad_event", (("Allow-Events", _EVENT),))
        tag = request.get("SIP-If-Match")
        if tag is not None and self._known(extension.extension, tag) is None:
            return Unfit("publication_unknown")
        if self._bounds.span.grant(request) is None:
            return Unfit("event_too_brief", (("Min-Expires", str(self._bounds.span.shortest)),))
        if len(request.body) > self._bounds.body:
            return Unfit("too_large")
        if request.body and request.content_type != pidf.CONTENT_TYPE:
            return Unfit("bad_content", (("Accept", pidf.CONTENT_TYPE),))
        return None

    def _known(self, number: str, tag: str | None) -> _Publication | None:
        if tag is None:
            return None
        return next((each for each in self._publications.get(number, ()) if each.tag == tag.strip(" \t")), None)

    def _keep(self, number: str, known: _Publication | None, condition: Condition, seconds: int) -> str:
        """Make, refresh, modify or remove a publication; its new entity-tag. The one modified last stands last."""
        before = self.published(number)
        tag = self._token()
        publications = self._publications.get(number, [])
        if known is not None and seconds and known.condition == condition:
            known.tag = tag
            self._expiries.set(known, seconds)
            return tag
        if known is not None:
            self._drop(known)
        if seconds:
            if len(publications) >= self._bounds.per_extension:
                self._drop(publications[0])
            made = _Publication(number, tag, condition)
            self._publications.setdefault(number, []).append(made)
            self._expiries.set(made, seconds)
        if self.published(number) != before:
            self._changed(number)
        return tag

    def _drop(self, publication: _Publication) -> None:
        self._expiries.drop(publication)
        publications = self._publications[publication.number]
        publications.remove(publication)
        if not publications:
            del self._publications[publication.number]

    def _forget(self, publication: _Publication) -> None:
        """It has expired, and nobody refreshed it."""
        self._drop(publication)
        self._changed(publication.number)
