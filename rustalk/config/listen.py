"""Where SIP is received and what holds for all of it: the sections server, sip, transport and sip_profiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk import __version__
from rustalk.config import formats
from rustalk.config.about import UNUSED, about

__all__ = ["DigestAlgorithm", "Protocol", "Server", "Sip", "SipProfile", "Transport"]

DigestAlgorithm = Literal["SHA-256", "MD5"]
Protocol = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The process: where it listens when no SIP profile says otherwise, and where it keeps what it writes."""

    bind_address: str = field(
        default="127.0.0.1",
        metadata=about(
            "Address of the listeners of `transport`. 0.0.0.0 or :: listens on all addresses. Not used where "
            "`sip_profiles` are given.",
            example="192.0.2.10",
            check=formats.address,
        ),
    )
    bind_port: int = field(
        default=5060,
        metadata=about("Port for UDP and TCP where `transport` names none. 0: a free port.", low=0, high=65535),
    )
    workers: int = field(
        default=4,
        metadata=about(
            "Number of worker processes.", low=1, high=1024, unused=f"{UNUSED}: one process serves all calls"
        ),
    )
    state_directory: str = field(
        default="~/.local/state/rustalk",
        metadata=about(
            "Directory for everything that is written at run time, such as the development certificate. `~` is the "
            "home directory of the user that runs RusTalk.",
            example="/var/lib/rustalk",
        ),
    )
    shutdown_timeout: float = field(
        default=30.0,
        metadata=about(
            "How long SIGTERM waits for running calls while new ones get 503. 0: running calls are ended at once.",
            unit="seconds",
            low=0,
            high=86400,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip:
    """What holds for all SIP traffic."""

    domain: str = field(
        default="rustalk.local",
        metadata=about(
            "Domain in From and Contact where neither the SIP profile nor Teams names one.",
            example="sip.example.com",
            check=formats.host,
            restart=True,
        ),
    )
    country: str = field(
        default="",
        metadata=about(
            "Country of the house (ISO 3166, two letters): where a trunk names none, it decides which numbers are "
            "domestic, and its emergency numbers always pass. Empty: the country that all trunks with one share.",
            example="DE",
            check=formats.country,
        ),
    )
    user_agent: str = field(
        default=f"RusTalk/{__version__}",
        metadata=about(
            "Text of the User-Agent and Server headers, by which peers tell one product from another (HDR-15).",
            example="RusTalk",
            shown="`RusTalk/` and the version",
            check=formats.product,
            restart=True,
        ),
    )
    max_forwards: int = field(
        default=70,
        metadata=about("Max-Forwards of requests that start here (RFC 3261 section 8.1.1.6).", low=1, high=255),
    )
    session_expires: int = field(
        default=1800,
        metadata=about(
            "Session-Expires that we ask for and accept at most (RFC 4028). 0: no session timer of ours; a peer's is "
            "still honoured.",
            unit="seconds",
            low=0,
            high=86400,
        ),
    )
    min_se: int = field(
        default=90,
        metadata=about(
            "Shortest session interval accepted; a shorter one is answered 422 (RFC 4028 section 5).",
            unit="seconds",
            low=90,
            high=86400,
        ),
    )
    unknown_sources: Literal["reject", "drop"] = field(
        default="reject",
        metadata=about(
            "What a peer gets that is neither a configured trunk nor Teams: `reject` answers 403, `drop` stays silent."
        ),
    )
    trace: bool = field(
        default=True,
        metadata=about("Keep the latest SIP messages of each call in memory, to draw its ladder from; bounded."),
    )
    first_response_timeout: float = field(
        default=5.0,
        metadata=about(
            "How long an INVITE waits for any response, even 100, before the next host is tried (FO-05).",
            unit="seconds",
            low=0.1,
            high=32,
        ),
    )
    ring_timeout: float = field(
        default=180.0,
        metadata=about(
            "How long a call may ring before it is given up with 408 (Timer C, RFC 3261 section 16.6).",
            unit="seconds",
            low=1,
            high=3600,
        ),
    )
    failover_codes: tuple[int, ...] = field(
        default=(408, 500, 503, 504),
        metadata=about(
            "Final responses after which the next host of the same trunk is tried, unless an 18x came before (FO-03). "
            "An empty list: never. Only 408 and 5xx: the others are the decision of the callee.",
            example=[408, 503, 504],
            low=400,
            high=599,
        ),
    )
    digest_algorithms: tuple[DigestAlgorithm, ...] = field(
        default=("SHA-256", "MD5"),
        metadata=about(
            "Algorithms that extensions may log in by, in the order in which they are offered (RFC 8760). "
            '`["SHA-256"]` shuts out old phones; `["MD5"]` is for those that give up when they see another one.',
            example=["MD5"],
            restart=True,
        ),
    )
    keepalive_interval: float = field(
        default=30.0,
        metadata=about(
            "How often each registered phone is sent a word, so that the NAT before it stays open and one that is gone "
            "is noticed. 0: never; where it is longer than the NAT waits, phones behind it cannot be called.",
            unit="seconds",
            low=0,
            high=3600,
            restart=True,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Listeners where no SIP profile is given, and the limits of every connection."""

    protocols: tuple[Protocol, ...] = field(
        default=("udp", "tcp", "tls"),
        metadata=about("Protocols to listen on where `sip_profiles` is empty.", example=["udp", "tcp"]),
    )
    udp_port: int | None = field(
        default=None, metadata=about("Port for UDP. null: `server.bind_port`.", example=5060, low=0, high=65535)
    )
    tcp_port: int | None = field(
        default=None, metadata=about("Port for TCP. null: `server.bind_port`.", example=5060, low=0, high=65535)
    )
    tls_port: int = field(default=5061, metadata=about("Port for TLS. 0: a free port.", low=0, high=65535))
    tls_cert: str = field(
        default="",
        metadata=about(
            "PEM file with the certificate and its chain. Empty: a development certificate made in "
            "`server.state_directory`, which Teams will not accept.",
            example="/etc/rustalk/cert.pem",
        ),
    )
    tls_key: str = field(
        default="", metadata=about("PEM file with the private key of `tls_cert`.", example="/etc/rustalk/key.pem")
    )
    connect_timeout: float = field(
        default=4.0,
        metadata=about("Time for a TCP connection and its TLS handshake (FO-05).", unit="seconds", low=0.1, high=60),
    )
    idle_timeout: float = field(
        default=300.0,
        metadata=about(
            "A connection without traffic is closed after this. 0: never.",
            unit="seconds",
            low=0,
            high=86400,
            restart=True,
        ),
    )
    partial_timeout: float = field(
        default=10.0,
        metadata=about(
            "Time for the rest of a message whose start has arrived.", unit="seconds", low=0.1, high=300, restart=True
        ),
    )
    max_message_size: int = field(
        default=65536,
        metadata=about("Longest SIP message accepted.", unit="bytes", low=1024, high=1048576, restart=True),
    )
    max_connections: int = field(
        default=4096, metadata=about("Connections that one listener holds at most.", low=1, high=1000000, restart=True)
    )
    max_connections_per_address: int = field(
        default=256,
        metadata=about(
            "Connections that one address may hold at most on one listener.", low=1, high=1000000, restart=True
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SipProfile:
    """One place to listen. Where any profile is given, the listeners of `server` and `transport` are not opened."""

    id: str = field(
        metadata=about(
            "Name by which trunks and Teams refer to the profile.", check=formats.identifier, example="outside"
        )
    )
    name: str = field(default="", metadata=about("Name to show. Empty: the id.", example="Outside"))
    description: str = field(default="", metadata=about("Free text.", example="towards Microsoft and the carrier"))
    bind_address: str = field(
        default="127.0.0.1",
        metadata=about(
            "Address to listen on. 0.0.0.0 or ::: all addresses.", example="192.0.2.10", check=formats.address
        ),
    )
    bind_port: int = field(
        default=5060,
        metadata=about(
            "Port to listen on, the same for all `protocols`. 0: a free port.", example=5061, low=0, high=65535
        ),
    )
    protocols: tuple[Protocol, ...] = field(
        default=("udp", "tcp"), metadata=about("Protocols to listen on.", example=["tls"])
    )
    domain: str = field(
        default="",
        metadata=about(
            "Domain in From and Contact of calls on this profile. Empty: `sip.domain`.",
            example="sbc.example.com",
            check=formats.host,
        ),
    )
    advertised_address: str = field(
        default="",
        metadata=about(
            "Address written into Via and Contact, when it is not the one we listen on (NAT). Empty: `bind_address`.",
            example="203.0.113.10",
            check=formats.host,
        ),
    )
    tls_cert: str = field(
        default="",
        metadata=about(
            "PEM file with certificate and chain. Empty: that of `teams` where Teams uses the profile, else a "
            "development certificate.",
            example="/etc/rustalk/cert.pem",
        ),
    )
    tls_key: str = field(default="", metadata=about("PEM file with the private key.", example="/etc/rustalk/key.pem"))
    tls_ca: str = field(
        default="",
        metadata=about(
            "PEM file with the roots that may sign a client's certificate. Empty: that of `teams` where Teams uses the "
            "profile, else the roots of the system.",
            example="/etc/rustalk/roots.pem",
        ),
    )
    require_client_cert: bool = field(
        default=False,
        metadata=about("Refuse TLS clients without a valid certificate. Always true for the profile of Teams."),
    )
    acl: str = field(
        default="",
        metadata=about(
            "Name of an ACL that an address must pass before anything of it is read. Empty: none.", example="rfc1918"
        ),
    )
    phones: bool = field(
        default=True,
        metadata=about("Whether extensions may register and call here. Never on the profile of Teams."),
    )
    enabled: bool = field(default=True, metadata=about("Whether the profile is opened."))
    priority: int = field(
        default=0, metadata=about("Place in lists that people see, lower first.", low=0, high=1000000, unused=UNUSED)
    )
