"""An ordinary SIP trunk: some hosts, perhaps credentials, perhaps a registration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.digest import Credentials
from rustalk.sip.message import Request
from rustalk.sip.uri import Uri, format_host
from rustalk.ua.inspect import ALLOW
from rustalk.ua.outgoing import Invitation
from rustalk.ua.profile import Profile
from rustalk.ua.route import Path, Routed, Router
from rustalk.ua.subject import Subject

from .choose import Failover, shared
from .dialect import Dialect
from .gateway import Gateway
from .limit import Limit
from .number import as_user
from .options import compose_options

__all__ = ["Provider"]


class Provider:
    """A provider trunk. Its gateways are added once it exists, since each knows its trunk."""

    allow = ALLOW
    internal_address = ""
    takes_info = takes_refer = takes_redirects = True

    def __init__(
        self,
        *,
        id: str,
        name: str,
        profile: Profile,
        router: Router,
        dialect: Dialect,
        limit: Limit,
        media: MediaSide,
        early_media: str,
        refer: str,
        redirects: str,
        failover: Failover,
        patience: float,
        max_forwards: int,
        product: str,
        credentials: Credentials | None,
        below: Callable[[int], int],
    ) -> None:
        self.id = id
        self.name = name
        self.profile = profile
        self.router = router
        self.dialect = dialect
        self.limit = limit
        self.media = media
        self.early_media = early_media
        self.refer = refer
        self.redirects = redirects
        self.credentials = credentials
        self.ring_within: float | None = None
        self.gateways: tuple[Gateway, ...] = ()
        self._failover = failover
        self._patience = patience
        self._max_forwards = max_forwards
        self._product = product
        self._below = below

    def targets(self) -> Sequence[Gateway]:
        """The hosts by priority and weight, those that are down last."""
        return shared(self.gateways, self._below)

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether the next host is tried after this outcome."""
        return self._failover.moves_on(status, progressed)

    def is_usable(self, status: int) -> bool:
        """Whatever shows a working SIP stack: many providers answer OPTIONS with 403, 404 or 405 and take calls."""
        return status < 500 and status != 408

    def media_over(self, flow: IFlow) -> MediaSide:
        """The same over every flow."""
        return self.media

    def subject(self, request: Request) -> Subject:
        """Who calls whom, in our own numbers, and what may be told of it."""
        return self.dialect.reader.subject(request)

    def contact(self, flow: IFlow, user: str, tenant: str = "") -> str:
        """Our Contact towards it, which is the same for every tenant."""
        return self.profile.contact(flow, as_user(user))

    def inward(self, number: str) -> str:
        """A number that came from it, in the form that routes know (XFR-06)."""
        return self.dialect.plan.inward(number)

    def answers_at(self, uri: Uri) -> bool:
        """Never: whom it transfers a call to is for our routes to find."""
        return False

    def host_of(self, tenant: str) -> str:
        """Its calls are not told apart by a name of ours."""
        return ""

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""
        return Routed(self.router, flow)

    def invitation(self, gateway: Gateway, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """An INVITE for one of its hosts."""
        domain = self._domain(flow)
        writer = self.dialect.writer
        called = writer.called(subject)
        caller = writer.caller(subject, domain)
        return Invitation(
            uri=writer.target(subject, f"sip:{called}@{gateway.authority}{_transport(flow)}"),
            from_=caller.from_,
            to=f"<sip:{called}@{format_host(gateway.host)}>",
            contact=self.contact(flow, caller.user),
            body=body,
            enclosed=writer.enclose(subject, body),
            fields=writer.fields(subject, domain),
            max_forwards=subject.max_forwards,
            credentials=self.credentials,
            patience=self._patience,
        )

    def options(self, gateway: Gateway, flow: IFlow, call_id: str, tag: str) -> Request:
        """An OPTIONS for one of its hosts."""
        sender = f"<sip:{self._domain(flow)}>;tag={tag}"
        return compose_options(
            gateway.authority,
            _transport(flow),
            sender,
            self.contact(flow, ""),
            call_id,
            self._max_forwards,
            self._product,
        )

    def _domain(self, flow: IFlow) -> str:
        return format_host(self.profile.host or flow.local[0])


def _transport(flow: IFlow) -> str:
    return "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
