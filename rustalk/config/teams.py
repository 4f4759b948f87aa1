"""The connection to Microsoft Teams: the section teams."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config import formats
from rustalk.config.about import UNUSED, about
from rustalk.config.cloud import CLOUDS, PROXY_PORT, CloudName
from rustalk.config.manners import HISTORY, SRTP, TRUSTED, History, Manners, Srtp
from rustalk.config.tenant import Tenant

__all__ = ["TEAMS", "Teams"]

TEAMS = "teams"
"""The name of the Teams trunk where routes and identities name a trunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams(Manners):
    """Microsoft Teams Direct Routing."""

    enabled: bool = field(default=False, metadata=about("Whether Teams is connected.", example=True))
    sbc_fqdn: str = field(
        default="",
        metadata=about(
            "Public name of this SBC, as paired in the Teams admin centre and written in its certificate. At most 63 "
            "characters, not under onmicrosoft.com (NET-11).",
            example="sbc.example.com",
            check=formats.one_line,
        ),
    )
    cloud: CloudName = field(
        default="commercial",
        metadata=about(
            "Microsoft cloud of the tenant; sets the defaults of `sip_proxies` and `networks`.", example="gcc-high"
        ),
    )
    mtls_cert_path: str = field(
        default="",
        metadata=about(
            "PEM file with our certificate and its chain, shown to Teams in both roles.",
            example="/etc/rustalk/teams.pem",
            aliases=("mtls_cert",),
        ),
    )
    mtls_key_path: str = field(
        default="",
        metadata=about(
            "PEM file with the private key of `mtls_cert_path`.",
            example="/etc/rustalk/teams-key.pem",
            aliases=("mtls_key",),
        ),
    )
    ca_path: str = field(
        default="",
        metadata=about(
            "PEM file with the roots that may sign the certificate of a proxy. Empty: the roots that Microsoft uses, "
            "which come with RusTalk.",
            example="/etc/rustalk/roots.pem",
        ),
    )
    sip_proxies: tuple[str, ...] = field(
        default=CLOUDS["commercial"].proxies,
        metadata=about(
            'Proxies in the order in which calls try them, as "host" or "host:port"; the port is 5061 where none is '
            "given (NET-01). Not given: the proxies of `cloud`.",
            check=formats.proxy,
        ),
    )
    options_ping_enabled: bool = field(
        default=True,
        metadata=about("Send OPTIONS to every proxy. Teams gives no calls to an SBC that does not (OPT-01)."),
    )
    options_ping_interval: float = field(
        default=60.0,
        metadata=about(
            "Time between two OPTIONS to one proxy; Teams wants at most 60 (OPT-02).", unit="seconds", low=1, high=180
        ),
    )
    profile: str = field(
        default="",
        metadata=about(
            "Id of the SIP profile towards Teams. Empty: the first one that speaks TLS.",
            example="outside",
            check=formats.identifier,
        ),
    )
    networks: tuple[str, ...] = field(
        default=CLOUDS["commercial"].networks,
        metadata=about(
            "Networks from which Teams may signal, beside the proof by certificate (NET-05). Not given: those "
            "of `cloud`.",
            check=formats.proxy_network,
        ),
    )
    media_bypass: bool = field(
        default=False,
        metadata=about(
            "Media bypass: the audio of Teams clients comes straight to this SBC, which answers their connectivity "
            "checks (ICE-lite). Must be as in the Teams admin centre (ICE-01)."
        ),
    )
    internal_media_address: str = field(
        default="",
        metadata=about(
            "Address in descriptions for users inside the company network, for whom Teams says `X-MS-UserLocation: "
            "internal` (LMO-01). Empty: the same as for everyone.",
            example="10.0.0.10",
            check=formats.address,
        ),
    )
    allow_refer: bool = field(
        default=True,
        metadata=about(
            "Whether Teams is told that it may transfer calls by REFER; without it Teams sends an INVITE of its own, "
            "which media bypass does not allow (XFR-01)."
        ),
    )
    refer_local: bool = field(
        default=False,
        metadata=about(
            "Transfers to a number go by the routes of this SBC; false: to Teams, which applies its policies and "
            "calls the number through us (XFR-05)."
        ),
    )
    tenants: tuple[Tenant, ...] = field(
        default=(),
        metadata=about("Customers of a carrier that share this SBC, told apart by the name that Teams calls (MTN-05)."),
    )
    srtp: Srtp = field(default="required", metadata=about(f"{SRTP} Teams takes SRTP only (MED-01)."))
    history: History = field(default="history-info", metadata=about(HISTORY))
    trusted: bool = field(default=True, metadata=about(TRUSTED))
    ring_within: float = field(
        default=9.0,
        metadata=about(
            "How long a call from Teams may go without any sign of ringing from the called side before it is answered "
            "503, so that Teams tries its next SBC by itself; Teams gives up after FailoverTimeSeconds, 10 by default "
            "(FO-07). 0: as long as `sip.ring_timeout`.",
            unit="seconds",
            low=0,
            high=120,
        ),
    )
    trunk_fqdn: str = field(
        default="",
        metadata=about(
            "The one proxy that RusTalk's first configuration named.",
            example="sip.pstnhub.microsoft.com",
            check=formats.proxy,
            unused=f"{UNUSED}: calls use all of `sip_proxies`",
        ),
    )
    tenant_domain: str = field(
        default="",
        metadata=about("Domain of the tenant.", example="tenant.onmicrosoft.com", check=formats.domain, unused=UNUSED),
    )

    @property
    def proxies(self) -> tuple[tuple[str, int], ...]:
        """The proxies as host and port, in order."""
        split = (formats.split_host_port(proxy) for proxy in self.sip_proxies)
        return tuple((host, port or PROXY_PORT) for host, port in split)
