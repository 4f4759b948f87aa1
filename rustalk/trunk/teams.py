"""Microsoft Teams Direct Routing: three proxies in a fixed order, and how they want to be spoken to.

Teams knows an SBC by the FQDN in its Contact, which must be the paired one and never an address (OPT-06, OPT-07,
HDR-01), knows callers and called by E.164 numbers with a plus (HDR-04, HDR-05), and takes neither UPDATE nor INFO nor
PRACK (HDR-09). No Record-Route of ours (OPT-08), and ``sips:`` nowhere (OPT-09).
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.headers import quote
from rustalk.sip.message import Request
from rustalk.ua.outgoing import Invitation
from rustalk.ua.profile import Profile
from rustalk.ua.route import Path, Router
from rustalk.ua.subject import Subject

from .choose import Failover, in_order
from .gateway import Gateway
from .number import as_user, international
from .options import compose_options
from .read import read_subject

__all__ = ["Teams"]


class Teams:
    """The Teams trunk. ``profile`` tells the port that Teams connects to."""

    takes_info = False

    def __init__(
        self,
        *,
        fqdn: str,
        profile: Profile,
        proxies: Sequence[tuple[str, int]],
        router: Router,
        clock: IReactorTime,
        media: MediaSide,
        early_media: str,
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
        self.media = media
        self.early_media = early_media
        self.ring_within = ring_within
        self.gateways = tuple(Gateway(self, host, proxy_port, "TLS", clock) for host, proxy_port in proxies)
        self._failover = failover
        self._patience = patience
        self._max_forwards = max_forwards
        self._product = product

    @property
    def authority(self) -> str:
        """Our FQDN with the port that Teams connects to."""
        return f"{self.fqdn}:{self._profile.ports['TLS']}"

    def targets(self) -> Sequence[Gateway]:
        """The proxies: always the first one first, as long as it is not down (FO-01)."""
        return in_order(self.gateways)

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether the next proxy is tried after this outcome."""
        return self._failover.moves_on(status, progressed)

    def is_usable(self, status: int) -> bool:
        """Only a 2xx: Teams answers 403 where it does not know the SBC (OPT-13)."""
        return 200 <= status < 300

    def subject(self, request: Request) -> Subject:
        """Who calls whom."""
        return read_subject(request)

    def contact(self, flow: IFlow, user: str) -> str:
        """Our Contact: the FQDN, the transport inside the brackets, no empty user before an at sign."""
        at = f"{as_user(user)}@" if user else ""
        return f"<sip:{at}{self.authority};transport=tls>"

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""
        return Path(self.router, flow)

    def invitation(self, gateway: Gateway, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """An INVITE as section 3.4 of the contract draws it."""
        called = as_user(international(subject.called))
        caller = international(subject.caller) or "anonymous"
        display = f"{quote(subject.display)} " if subject.display else ""
        return Invitation(
            uri=f"sip:{called}@{gateway.authority};user=phone;transport=tls",
            from_=f"{display}<sip:{as_user(caller)}@{self.fqdn}>",
            to=f"<sip:{called}@{gateway.host}>",
            contact=self.contact(flow, caller),
            body=body,
            max_forwards=subject.max_forwards,
            patience=self._patience,
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
        )
