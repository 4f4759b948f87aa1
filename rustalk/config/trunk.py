"""The providers that calls come from and go to: the section trunks."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.listen import Protocol
from rustalk.config.manners import Manners
from rustalk.config.policy import POLICY, Policy, TimeWindow
from rustalk.config.secret import Secret

__all__ = ["Trunk", "TrunkHost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkHost:
    """One host of a trunk."""

    host: str = field(
        metadata=about('Host name or address, or "host:port".', example="sip2.carrier.example", check=formats.host_port)
    )
    port: int = field(
        default=0,
        metadata=about(
            "Port. 0: the one in `host`, else what DNS says (RFC 3263), else 5060 or for TLS 5061.", low=0, high=65535
        ),
    )
    priority: int = field(default=0, metadata=about("Lower is tried first.", low=0, high=65535))
    weight: int = field(
        default=1, metadata=about("Share of the calls among hosts of one priority (as in RFC 2782).", low=0, high=65535)
    )

    @property
    def target(self) -> tuple[str, int]:
        """The host without its port, and the port or 0."""
        host, port = formats.split_host_port(self.host)
        return host, port or self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk(Manners):
    """A SIP provider or another SBC."""

    id: str = field(
        metadata=about("Name by which routes refer to the trunk.", example="carrier", check=formats.identifier)
    )
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="Example Carrier"))
    description: str = field(default="", metadata=about("Free text.", example="contract 1234"))
    host: str = field(
        metadata=about('Host name or address, or "host:port".', example="sip.carrier.example", check=formats.host_port)
    )
    port: int = field(
        default=0,
        metadata=about(
            "Port. 0: the one in `host`, else what DNS says (RFC 3263), else 5060 or for TLS 5061.",
            example=5060,
            low=0,
            high=65535,
        ),
    )
    protocol: Protocol = field(default="udp", metadata=about("Protocol towards the trunk.", example="tls"))
    priority: int = field(
        default=0, metadata=about("Place of `host` among `hosts`; lower is tried first.", low=0, high=65535)
    )
    weight: int = field(
        default=1, metadata=about("Share of `host` among hosts of its priority (as in RFC 2782).", low=0, high=65535)
    )
    hosts: tuple[TrunkHost, ...] = field(
        default=(), metadata=about("More hosts of the same trunk, to share calls or to fall back on.")
    )
    networks: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Networks from which the trunk may call us, beside the addresses of its hosts.",
            example=["198.51.100.0/24"],
            check=formats.proxy_network,
        ),
    )
    username: str = field(
        default="",
        metadata=about(
            "User for digest authentication. Empty: challenges are not answered.",
            example="account-17",
            check=formats.one_line,
        ),
    )
    password: Secret = field(
        default=Secret(),
        metadata=about("Password for digest authentication. Never shown.", example="from your carrier"),
    )
    realm: str = field(
        default="",
        metadata=about(
            "Realm that the password belongs to; a challenge for another one is not answered, and the log names it. "
            "Empty: the name of a host of this trunk, or a domain that it is in.",
            example="carrier.example",
            check=formats.one_line,
        ),
    )
    register: bool = field(
        default=False, metadata=about("Register with the trunk (RFC 3261 section 10).", example=True)
    )
    register_expires: int = field(
        default=3600,
        metadata=about(
            "Time that a registration asks for; what the provider grants is what counts.",
            unit="seconds",
            low=60,
            high=86400,
        ),
    )
    options_ping_enabled: bool = field(default=True, metadata=about("Watch the hosts with OPTIONS."))
    options_ping_interval: float = field(
        default=60.0, metadata=about("Time between two OPTIONS to one host.", unit="seconds", low=1, high=3600)
    )
    profile: str = field(
        default="",
        metadata=about(
            "Id of the SIP profile towards the trunk. Empty: the first one that speaks `protocol`.",
            example="inside",
            check=formats.identifier,
        ),
    )
    tls_cert: str = field(
        default="",
        metadata=about(
            "PEM file with our certificate for this trunk. Empty: that of the profile.",
            example="/etc/rustalk/carrier.pem",
        ),
    )
    tls_key: str = field(
        default="",
        metadata=about("PEM file with the private key of `tls_cert`.", example="/etc/rustalk/carrier-key.pem"),
    )
    tls_ca: str = field(
        default="",
        metadata=about(
            "PEM file with the roots that may sign the trunk's certificate. Empty: the roots of the system.",
            example="/etc/rustalk/carrier-roots.pem",
        ),
    )
    tls_verify_name: str = field(
        default="",
        metadata=about(
            "Name that the trunk's certificate must bear; also identifies the trunk when it calls us over TLS with a "
            "certificate. Empty: `host`.",
            example="sip.carrier.example",
            check=formats.domain,
        ),
    )
    acl: str = field(
        default="",
        metadata=about(
            "Name of an ACL that an address must pass to call as this trunk, beside that of the profile. Empty: none.",
            example="office",
            check=formats.identifier,
        ),
    )
    policy: str | Policy = field(default="", metadata=about(POLICY, example="office", check=formats.identifier))
    hours: TimeWindow | None = field(
        default=None, metadata=about("When calls go to this trunk; else it is passed over. null: always.")
    )
    enabled: bool = field(default=True, metadata=about("Whether the trunk is used."))

    @property
    def targets(self) -> tuple[TrunkHost, ...]:
        """All hosts of the trunk, `host` among them, the lowest priority first."""
        own = TrunkHost(host=self.host, port=self.port, priority=self.priority, weight=self.weight)
        return tuple(sorted((own, *self.hosts), key=lambda target: target.priority))
