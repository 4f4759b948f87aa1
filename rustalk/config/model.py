"""The configuration as frozen values, whose field defaults are the defaults of the product.

`Settings` is the whole; its sections stand in modules of their own and can be imported from here. Every field says
through `about` what it means; `load` checks by it and `describe` writes the reference from it. The defaults are safe:
loopback listeners on ports that need no root, nobody trusted, nothing routed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import UNUSED, about
from rustalk.config.acls import Acl, AclRule, Acls
from rustalk.config.acme import Acme
from rustalk.config.audio import EarlyMedia, Media, MediaPath, RtpengineNode
from rustalk.config.calendar import Calendar
from rustalk.config.codecs import Codec, Codecs
from rustalk.config.database import Database
from rustalk.config.destination import Destination, RouteTarget
from rustalk.config.did import Did
from rustalk.config.extension import CallForwarding, Extension, Permissions
from rustalk.config.header_rule import HeaderRule
from rustalk.config.listen import Protocol, Server, Sip, SipProfile, Transport
from rustalk.config.mailbox import Mailbox
from rustalk.config.manners import Manners
from rustalk.config.numbers import NumberRule, Numbers
from rustalk.config.policy import Policy
from rustalk.config.problem import Notice
from rustalk.config.rate import BillTemplate, RateCard
from rustalk.config.records import Records
from rustalk.config.ring_group import Member, RingGroup
from rustalk.config.routing import (
    CallerIdCondition,
    Condition,
    DateRangeCondition,
    DayOfWeekCondition,
    DestinationCondition,
    HeaderCondition,
    HolidayCondition,
    LocationCondition,
    Rewrite,
    Route,
    Routing,
    TimeCondition,
)
from rustalk.config.security import Flood, Security
from rustalk.config.teams import TEAMS, Teams
from rustalk.config.tenant import Tenant
from rustalk.config.trunk import Trunk, TrunkHost

__all__ = [
    "TEAMS",
    "Acl",
    "AclRule",
    "Acls",
    "Acme",
    "Api",
    "BillTemplate",
    "Calendar",
    "CallForwarding",
    "CallerIdCondition",
    "Codec",
    "Codecs",
    "Condition",
    "Database",
    "DateRangeCondition",
    "DayOfWeekCondition",
    "Destination",
    "DestinationCondition",
    "Did",
    "Dns",
    "EarlyMedia",
    "Extension",
    "Flood",
    "HeaderCondition",
    "HeaderRule",
    "HolidayCondition",
    "Limits",
    "LocationCondition",
    "Mailbox",
    "Manners",
    "Media",
    "MediaPath",
    "Member",
    "NumberRule",
    "Numbers",
    "Permissions",
    "Policy",
    "Protocol",
    "RateCard",
    "Records",
    "Rewrite",
    "RingGroup",
    "Route",
    "RouteTarget",
    "Routing",
    "RtpengineNode",
    "Security",
    "Server",
    "Settings",
    "Sip",
    "SipProfile",
    "Teams",
    "Tenant",
    "TimeCondition",
    "Transport",
    "Trunk",
    "TrunkHost",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """Name resolution. `hosts`, then the hosts file, come before DNS."""

    servers: tuple[str, ...] = field(
        default=(),
        metadata=about(
            'DNS servers, as "address" or "address:port". None: those of the system.',
            example=["192.0.2.53"],
            check=formats.host_port,
            restart=True,
        ),
    )
    hosts: Mapping[str, str] = field(
        default_factory=dict,
        metadata=about(
            "Addresses of names that DNS is not asked for.",
            example={"sip.carrier.example": "198.51.100.7"},
            restart=True,
        ),
    )
    hosts_file: str = field(default="/etc/hosts", metadata=about("The hosts file. Empty: none is read.", restart=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The REST API."""

    enabled: bool = field(default=True, metadata=about("Whether the API is opened.", restart=True))
    bind_address: str = field(
        default="127.0.0.1",
        metadata=about("Address to listen on. With `auth` `off` only loopback.", check=formats.address, restart=True),
    )
    port: int = field(
        default=8080, metadata=about("Port to listen on. 0: a free port.", low=0, high=65535, restart=True)
    )
    auth: Literal["token", "off"] = field(
        default="token",
        metadata=about(
            "`token`: each request needs a token (`Authorization: Bearer`), which `rustalk token create` prints; "
            "`off`: everyone who reaches the port may use the API, which is allowed on loopback only.",
            restart=True,
        ),
    )
    acl: str = field(
        default="",
        metadata=about(
            "Name of an ACL that an address must pass to reach the API. Empty: none.",
            example="rfc1918",
            check=formats.identifier,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken on; beyond it new calls get 503 with Retry-After, so that the caller goes elsewhere (FO-09)."""

    max_calls: int = field(default=10000, metadata=about("Calls at the same time. 0: no limit.", low=0, high=1000000))
    calls_per_second: float = field(
        default=200.0,
        metadata=about("New calls a second, over a second's burst. 0: no limit.", unit="calls/s", low=0, high=100000),
    )
    unknown_per_second: float = field(
        default=20.0,
        metadata=about(
            "Requests of unknown peers that are answered a second, all of them together; the rest is dropped. 0: none "
            "is answered.",
            unit="requests/s",
            low=0,
            high=10000,
            restart=True,
        ),
    )
    retry_after: int = field(default=5, metadata=about("Retry-After of a 503.", unit="seconds", low=0, high=3600))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration.

    ``Settings()`` are the defaults; `load` makes one from text and checks it. ``warnings`` are the notices of the load,
    not a key of the file.
    """

    server: Server = field(default=Server(), metadata=about("The process."))
    sip: Sip = field(default=Sip(), metadata=about("What holds for all SIP traffic."))
    transport: Transport = field(default=Transport(), metadata=about("Listeners and connections."))
    sip_profiles: tuple[SipProfile, ...] = field(
        default=(), metadata=about("Places to listen. None: those of `server` and `transport`.")
    )
    teams: Teams = field(default=Teams(), metadata=about("Microsoft Teams Direct Routing."))
    trunks: tuple[Trunk, ...] = field(default=(), metadata=about("SIP providers."))
    routing: Routing = field(default=Routing(), metadata=about("Which call goes where."))
    acls: Acls = field(default=Acls(), metadata=about("Access control lists."))
    media: Media = field(default=Media(), metadata=about("Audio through this SBC."))
    dns: Dns = field(default=Dns(), metadata=about("Name resolution."))
    api: Api = field(default=Api(), metadata=about("The REST API."))
    limits: Limits = field(default=Limits(), metadata=about("How much is taken on."))
    codecs: Codecs = field(
        default=Codecs(),
        metadata=about("The codecs that can be named, and their payload types in our own offers."),
    )
    security: Security = field(default=Security(), metadata=about("Protection from strangers."))
    extensions: tuple[Extension, ...] = field(default=(), metadata=about("The phones of the house."))
    ring_groups: tuple[RingGroup, ...] = field(default=(), metadata=about("Extensions that ring together."))
    dids: tuple[Did, ...] = field(default=(), metadata=about("Numbers that are dialled from outside."))
    mailboxes: tuple[Mailbox, ...] = field(default=(), metadata=about("Voicemail boxes."))
    policies: tuple[Policy, ...] = field(default=(), metadata=about("Limits that routes, trunks and extensions name."))
    calendars: tuple[Calendar, ...] = field(default=(), metadata=about("Holidays that routes ask for."))
    rates: tuple[RateCard, ...] = field(default=(), metadata=about("What calls cost."))
    bill_templates: tuple[BillTemplate, ...] = field(default=(), metadata=about("How calls are billed."))
    database: Database = field(default=Database(), metadata=about("Where changes, registrations and records are kept."))
    records: Records = field(default=Records(), metadata=about("How long call records are kept."))
    acme: Acme | None = field(
        default=None, metadata=about("Certificates by ACME.", unused=f"{UNUSED}: bring certificate files")
    )
    warnings: tuple[Notice, ...] = ()

    @property
    def profiles(self) -> tuple[SipProfile, ...]:
        """The profiles to open: the enabled ones of `sip_profiles`, or those that `server` and `transport` describe.

        The profile of Teams is completed with the certificate of Teams, always requires a client certificate and takes
        no phones.
        """
        profiles = self.sip_profiles or self._listeners()
        chosen = self._teams_profile_id(profiles)
        return tuple(
            self._for_teams(profile) if profile.id == chosen else profile for profile in profiles if profile.enabled
        )

    @property
    def teams_profile(self) -> SipProfile | None:
        """The profile towards Teams, or None when Teams is off or has no TLS profile."""
        chosen = self._teams_profile_id(self.sip_profiles or self._listeners())
        return next((profile for profile in self.profiles if profile.id == chosen), None)

    def trunk(self, id: str) -> Trunk | None:
        """Return the enabled trunk of that id."""
        return next((trunk for trunk in self.trunks if trunk.id == id and trunk.enabled), None)

    def trunk_profile(self, trunk: Trunk) -> SipProfile | None:
        """Return the profile towards ``trunk``: the named one, else the first that speaks its protocol."""
        return _first_profile(self.profiles, trunk.profile, trunk.protocol)

    def _teams_profile_id(self, profiles: tuple[SipProfile, ...]) -> str | None:
        found = _first_profile(profiles, self.teams.profile, "tls") if self.teams.enabled else None
        return found.id if found else None

    def _for_teams(self, profile: SipProfile) -> SipProfile:
        own = bool(profile.tls_cert)
        return replace(
            profile,
            tls_cert=profile.tls_cert if own else self.teams.mtls_cert_path,
            tls_key=profile.tls_key if own else self.teams.mtls_key_path,
            tls_ca=profile.tls_ca or self.teams.ca_path,
            require_client_cert=True,
            phones=False,
        )

    def _listeners(self) -> tuple[SipProfile, ...]:
        """One profile for each port of `transport`, the first called "default", the others "default-<protocol>"."""
        transport = self.transport
        ports: dict[Protocol, int | None] = {
            "udp": transport.udp_port,
            "tcp": transport.tcp_port,
            "tls": transport.tls_port,
        }
        by_port: dict[int, list[Protocol]] = {}
        for protocol in transport.protocols:
            port = ports[protocol]
            by_port.setdefault(self.server.bind_port if port is None else port, []).append(protocol)
        return tuple(
            SipProfile(
                id=f"default-{protocols[0]}" if number else "default",
                bind_address=self.server.bind_address,
                bind_port=port,
                protocols=tuple(protocols),
                tls_cert=transport.tls_cert,
                tls_key=transport.tls_key,
            )
            for number, (port, protocols) in enumerate(by_port.items())
        )


def _first_profile(profiles: tuple[SipProfile, ...], id: str, protocol: Protocol) -> SipProfile | None:
    """The enabled profile ``id``, or without an id the first that speaks ``protocol``."""
    fits = (p for p in profiles if p.enabled and (p.id == id if id else protocol in p.protocols))
    return next(fits, None)
