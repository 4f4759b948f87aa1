"""An extension as a peer of calls: what it sends is read, and what rings at its phones is written, here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from rustalk.call.fork import Fork, Ring
from rustalk.call.target import Limit, Target
from rustalk.config.model import Extension, Manners
from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.message import Request
from rustalk.sip.uri import Uri, format_host
from rustalk.trunk.dialect import Dialect
from rustalk.trunk.number import as_user
from rustalk.ua.inspect import ALLOW
from rustalk.ua.outgoing import Invitation
from rustalk.ua.profile import Profile
from rustalk.ua.route import Path
from rustalk.ua.subject import Subject

from .bindings import Binding
from .device import Device
from .directory import EXTENSION
from .locate import Locator
from .tether import Tether

__all__ = ["Further", "MediaOn", "Phone", "nobody_else"]

MediaOn = Callable[[str, Manners], MediaSide]
"""How media are treated on a profile, given by its id, for who has these manners."""

Further = Callable[["Phone", Sequence[Binding], float | None], Sequence[Target]]
"""Gives the targets for bindings of an extension that other nodes hold, and for how many seconds they ring."""

_PATIENCE = 10.0


def nobody_else(phone: Phone, bindings: Sequence[Binding], within: float | None) -> Sequence[Target]:
    """There are no other nodes."""
    return ()


class Phone:
    """One extension. ``limit`` counts its calls, ``profiles`` are our names, ``domain`` is that of its address."""

    allow = ALLOW
    early_media = "first"
    ring_within: float | None = None
    internal_address = ""
    refer = "handle"
    redirects = "follow"
    takes_info = takes_refer = takes_redirects = True

    def __init__(
        self,
        extension: Extension,
        *,
        limit: Limit,
        locator: Locator,
        dialect: Dialect,
        profiles: Mapping[str, Profile],
        media_on: MediaOn,
        domain: str,
        further: Further = nobody_else,
    ) -> None:
        self.id = EXTENSION + extension.extension
        self.extension = extension
        self.limit = limit
        self.locator = locator
        self._dialect = dialect
        self._profiles = profiles
        self._media_on = media_on
        self._domain = domain
        self._further = further
        self._manners = Manners(codecs=extension.codecs, dtmf=extension.dtmf_mode, srtp=extension.srtp or "preferred")

    @property
    def media(self) -> MediaSide:
        """How its media are treated where nothing is known of the phone: on the first profile."""
        return self._media_on(next(iter(self._profiles)), self._manners)

    def media_over(self, flow: IFlow) -> MediaSide:
        """How the media of a call from this flow are treated."""
        return self._media_on(flow.profile, self._manners)

    def subject(self, request: Request) -> Subject:
        """Who calls whom. Who calls is known, whatever From says; a phone that hides its number is hidden."""
        subject = self._dialect.reader.subject(request)
        told = subject.told
        if subject.caller.lower() == "anonymous" and "id" not in told.privacy:
            told = replace(told, privacy=(*told.privacy, "id"))
        return replace(
            subject,
            caller=self.extension.extension,
            display=self.extension.display_name or subject.display,
            is_trusted=True,
            told=replace(told, asserted=()) if told.asserted else told,
        )

    def contact(self, flow: IFlow, user: str, tenant: str = "") -> str:
        """Our Contact towards it."""
        return self._profiles[flow.profile].contact(flow, as_user(user))

    def inward(self, number: str) -> str:
        """A number that it dials is one of ours already."""
        return number

    def answers_at(self, uri: Uri) -> bool:
        """Never: whom it transfers a call to is for our routes to find."""
        return False

    def host_of(self, tenant: str) -> str:
        """Its calls are not told apart by a name of ours."""
        return ""

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""
        return Tether(flow, self._again)

    def _again(self) -> IFlow | None:
        """The flow of the preferred registration, where it needs no waiting."""
        found: list[IFlow] = []
        for binding in self.locator.bindings(self.extension.extension):
            if binding.node != self.locator.node:
                continue
            self.locator.flow(binding).addCallbacks(found.append, lambda reason: None)
            if found:
                return found[0]
        return None

    def targets(self, within: float | None = None) -> Sequence[Target]:
        """Its phones: those of equal preference ring together, for ``within`` seconds."""
        bindings = self.locator.bindings(self.extension.extension)
        waves = [list(wave) for _, wave in groupby(bindings, key=lambda binding: binding.q)]
        return [target for wave in waves if (target := self._wave(wave, within)) is not None]

    def chosen(self, names: Collection[str]) -> Target | None:
        """Those phones of this node whose bindings are named, by the ends of their ids; None without any phone.

        Where they are no more, the preferred of those that are: who names them has not heard of it yet.
        """
        found = self.locator.bindings(self.extension.extension)
        here = [each for each in found if each.node == self.locator.node]
        named = [each for each in here if each.id.rpartition("-")[2] in names]
        return self._wave(named or [each for each in here if each.q == here[0].q], None)

    def _wave(self, bindings: Sequence[Binding], within: float | None) -> Target | None:
        """What rings together: our phones, and those that other nodes ring for us."""
        away = [each for each in bindings if self.locator.is_elsewhere(each)]
        devices: list[Target] = [self._device(each, within) for each in bindings if each not in away]
        if away:
            devices += self._further(self, away, within)
        if len(devices) <= 1:
            return devices[0] if devices else None
        return Fork([Ring(device) for device in devices], limit=self.limit, within=within)

    def _device(self, binding: Binding, within: float | None) -> Device:
        srtp = self.extension.srtp or ("preferred" if binding.flow.transport == "TLS" else "off")
        media = self._media_on(binding.flow.profile, replace(self._manners, srtp=srtp))
        return Device(self, binding, media, within)

    def invitation(self, binding: Binding, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """The INVITE for one of its phones, over the proxies that it registered through (RFC 3327 section 5.3)."""
        domain = format_host(self._domain)
        writer = self._dialect.writer
        caller = writer.caller(subject, domain)
        return Invitation(
            uri=binding.contact,
            from_=caller.from_,
            to=f"<sip:{as_user(self.extension.extension)}@{domain}>",
            contact=self.contact(flow, caller.user),
            body=body,
            enclosed=writer.enclose(subject, body),
            fields=(*(("Route", each) for each in binding.path), *writer.fields(subject, domain)),
            max_forwards=subject.max_forwards,
            patience=_PATIENCE,
        )
