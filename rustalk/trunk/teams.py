"""Microsoft Teams Direct Routing: three proxies in a fixed order, and how they want to be spoken to.

Teams knows an SBC by the FQDN in its Contact, which must be the paired one and never an address (OPT-06, OPT-07,
HDR-01), knows callers and called by E.164 numbers with a plus (HDR-04, HDR-05), and takes neither UPDATE nor INFO nor
PRACK (HDR-09). No Record-Route of ours (OPT-08), and ``sips:`` nowhere (OPT-09).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.interfaces import IReactorTime

from rustalk.config.cloud import CLOUDS
from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.message import Request
from rustalk.sip.uri import Uri
from rustalk.ua.inspect import ALLOW
from rustalk.ua.outgoing import Invitation
from rustalk.ua.profile import Profile
from rustalk.ua.route import Path, Routed, Router
from rustalk.ua.subject import Subject

from .choose import Failover, in_order
from .dialect import Dialect
from .gateway import Gateway
from .limit import Limit
from .number import as_user
from .options import compose_options

__all__ = ["Teams"]

_SUPPORTED = "timer, replaces, norefersub"
"""Not 100rel, whose PRACK Teams does not take (HDR-09)."""


def _domain(host: str) -> str:
    """What stands behind the first label of a name."""
    return host.partition(".")[2].lower()


_DOMAINS = frozenset(_domain(proxy) for cloud in CLOUDS.values() for proxy in cloud.proxies)


class Teams:
    """The Teams trunk. ``profile`` tells the port that Teams connects to, ``tenants`` our FQDN by tenant (MTN-03)."""

    takes_info = takes_refer = takes_redirects = False

    def __init__(
        self,
        *,
        fqdn: str,
        profile: Profile,
        proxies: Sequence[tuple[str, int]],
        router: Router,
        dialect: Dialect,
        limit: Limit,
        tenants: Mapping[str, str],
        clock: IReactorTime,
        media: MediaSide,
        early_media: str,
        refer: str,
        redirects: str,
        allow_refer: bool,
        refer_local: bool,
        internal_address: str,
        ring_within: float | None,
        failover: Failover,
        patience: float,
        max_forwards: int,
        product: str,
    ) -> None:
        self.id = "teams"
        self.name = "Microsoft Teams"
        self.fqdn = fqdn
        self._profile = profile
        self.router = router
        self.dialect = dialect
        self.limit = limit
        self._tenants = tenants
        self.media = media
        self.early_media = early_media
        self.internal_address = internal_address
        self.refer = refer
        self.redirects = redirects
        self.allow = ALLOW if allow_refer else ", ".join(each for each in ALLOW.split(", ") if each != "REFER")
        self._refer_local = refer_local
        self._domains = _DOMAINS | {_domain(host) for host, _ in proxies}
        self.ring_within = ring_within
        self.gateways = tuple(Gateway(self, host, proxy_port, "TLS", clock) for host, proxy_port in proxies)
        self._failover = failover
        self._patience = patience
        self._max_forwards = max_forwards
        self._product = product

    @property
    def authority(self) -> str:
        """Our FQDN with the port that Teams connects to."""
        return self._authority(self.fqdn)

    def _authority(self, fqdn: str) -> str:
        return f"{fqdn}:{self._profile.ports['TLS']}"

    def targets(self) -> Sequence[Gateway]:
        """The proxies: always the first one first, as long as it is not down (FO-01)."""
        return in_order(self.gateways)

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether the next proxy is tried after this outcome."""
        return self._failover.moves_on(status, progressed)

    def is_usable(self, status: int) -> bool:
        """Only a 2xx: Teams answers 403 where it does not know the SBC (OPT-13)."""
        return 200 <= status < 300

    def media_over(self, flow: IFlow) -> MediaSide:
        """The same over every flow."""
        return self.media

    def subject(self, request: Request) -> Subject:
        """Who calls whom, in our own numbers, and what may be told of it."""
        return self.dialect.reader.subject(request)

    def contact(self, flow: IFlow, user: str, tenant: str = "") -> str:
        """Our Contact: the FQDN, the transport inside the brackets, no empty user before an at sign.

        The FQDN is that of the tenant, whose number Teams finds by it (MTN-03); pings have the common one (MTN-06).
        """
        at = f"{as_user(user)}@" if user else ""
        return f"<sip:{at}{self._authority(self._tenants.get(tenant, self.fqdn))};transport=tls>"

    def inward(self, number: str) -> str:
        """A number that came from it, in the form that routes know (XFR-06)."""
        return self.dialect.plan.inward(number)

    def answers_at(self, uri: Uri) -> bool:
        """Whether Teams is to be called to reach this address of its own (XFR-02, XFR-05).

        Always where no number says who is meant; a number only goes to our own routes where that is configured.
        """
        if _domain(uri.host) not in self._domains:
            return False
        return not (self._refer_local and uri.number) or uri.param("x-m") is not None

    def host_of(self, tenant: str) -> str:
        """The name by which it calls us for a tenant (MTN-05)."""
        return self._tenants.get(tenant, self.fqdn)

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""
        return Routed(self.router, flow)

    def invitation(self, gateway: Gateway, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """An INVITE as section 3.4 of the contract draws it."""
        fqdn = self._tenants.get(subject.tenant, self.fqdn)
        writer = self.dialect.writer
        called = writer.called(subject)
        caller = writer.caller(subject, fqdn)
        uri = writer.target(subject, f"sip:{called}@{gateway.authority};user=phone;transport=tls")
        return Invitation(
            uri=uri,
            from_=caller.from_,
            to=f"<{uri}>" if subject.uri else f"<sip:{called}@{gateway.host}>",
            contact=self.contact(flow, caller.user, subject.tenant),
            body=body,
            enclosed=writer.enclose(subject, body),
            fields=writer.fields(subject, fqdn),
            max_forwards=subject.max_forwards,
            patience=self._patience,
            allow=self.allow,
            supported=_SUPPORTED,
        )

    def options(self, gateway: Gateway, flow: IFlow, call_id: str, tag: str) -> Request:
        """An OPTIONS as section 3.1 of the contract draws it."""
        sender = f"<sip:{self.authority}>;tag={tag}"
        return compose_options(
            gateway.authority,
            ";transport=tls",
            sender,
            self.contact(flow, ""),
            call_id,
            self._max_forwards,
            self._product,
            self.allow,
        )
