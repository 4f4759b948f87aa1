"""A whole switch in memory, between a carrier, another provider and Teams.

The parts are those of the composition root, made by its own functions from a configuration; only the sockets, the DNS
and the media relay are replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from twisted.internet.defer import Deferred, fail
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.overlay import Change, changed
from rustalk.core import Core, Wire
from rustalk.interfaces import IMediaStream
from rustalk.observe.counters import Counters
from rustalk.observe.events import Events
from rustalk.observe.figures import Figures
from rustalk.observe.logins import FailedLogins
from rustalk.observe.snapshots import CallSnapshot
from rustalk.observe.trace import Trace
from rustalk.pbx.ledger import Ledger
from rustalk.security.guard import Guard
from rustalk.security.screen import Screen
from rustalk.sip.message import Message, Request
from rustalk.sip.timers import Timers
from rustalk.store.nodes import Nodes
from rustalk.switch import Switch
from rustalk.transport.resolve import Resolver
from rustalk.ua.endpoint import Endpoint
from rustalk.ua.profile import name_ourselves
from rustalk.ua.timeouts import Timeouts
from tests.fakes.agents import Agent, Leg
from tests.fakes.clock import OrderedClock
from tests.fakes.network import MemoryTransport, Network, lookup_nothing, run
from tests.fakes.relay import MemoryRelay

__all__ = [
    "CARRIER",
    "CARRIER2",
    "FQDN",
    "OTHER",
    "PLAIN",
    "PROXIES",
    "REGION",
    "SBC",
    "Site",
    "Talk",
    "merged",
    "watched_lines",
    "watched_log",
]

SBC = "192.0.2.10"
FQDN = "sbc.example.com"
CARRIER, CARRIER2, OTHER, STRANGER = "198.51.100.7", "198.51.100.8", "198.51.100.9", "203.0.113.66"
PROXIES = {
    "sip.pstnhub.microsoft.com": "52.114.0.1",
    "sip2.pstnhub.microsoft.com": "52.114.0.2",
    "sip3.pstnhub.microsoft.com": "52.114.0.3",
}
REGION = ("sip-du-a-eu.pstnhub.microsoft.com", "52.114.7.7")
TRAP = ("api-du-a-euwe.pstnhub.microsoft.com", "52.114.8.8")
FOREVER = 4000.0
"""Seconds until every timer has run out, those of cancelled session timers too."""

PLAIN = {"options_ping_enabled": False, "early_media": "pass", "srtp": "off"}
"""What is common to the carriers: RTP without encryption, and nothing that a test did not ask for."""

CONFIGURATION: dict[str, Any] = {
    "sip_profiles": [
        {"id": "inside", "bind_address": SBC, "bind_port": 5060, "protocols": ["udp", "tcp"]},
        {"id": "outside", "bind_address": SBC, "bind_port": 5061, "protocols": ["tls"]},
    ],
    "teams": {
        "enabled": True,
        "sbc_fqdn": FQDN,
        "mtls_cert_path": "/etc/rustalk/cert.pem",
        "mtls_key_path": "/etc/rustalk/key.pem",
        "options_ping_enabled": False,
        "early_media": "pass",
    },
    "trunks": [
        {"id": "carrier", "host": CARRIER, "port": 5060, **PLAIN},
        {"id": "other", "host": OTHER, "port": 5060, **PLAIN},
    ],
    "routing": {
        "routes": [
            {
                "id": "to-teams",
                "pattern": "",
                "source": "carrier",
                "destination": {"type": "Trunk", "value": "teams"},
            },
            {
                "id": "to-carrier",
                "pattern": "",
                "source": "teams",
                "destination": {"type": "Trunk", "value": "carrier"},
            },
            {
                "id": "other-to-carrier",
                "pattern": "",
                "source": "other",
                "destination": {"type": "Trunk", "value": "carrier"},
            },
        ]
    },
    "media": {"bind_address": SBC},
    "dns": {"hosts": {**PROXIES, REGION[0]: REGION[1], TRAP[0]: TRAP[1]}, "hosts_file": ""},
    "api": {"enabled": False},
}


def merged(base: Any, changes: Any) -> Any:
    """``base`` with the keys of ``changes`` in it, section by section."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return {**base, **{key: merged(base.get(key), value) for key, value in changes.items()}}


class FallibleRelay(MemoryRelay):
    """A relay that can have a ``fault``."""

    fault: Exception | None = None

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        """Lease a stream, or fail with the fault."""
        return super().open(families, treated=treated) if self.fault is None else fail(self.fault)


class Talk:
    """An answered call: both legs as the agents see them."""

    def __init__(self, site: Site, caller: Leg, callee: Leg) -> None:
        self.site, self.caller, self.callee = site, caller, callee

    @property
    def is_over(self) -> bool:
        """Whether both sides know that the call has ended."""
        return self.caller.over and self.callee.over

    def end(self) -> None:
        """Let the caller hang up."""
        if not self.caller.over:
            self.caller.bye()
        self.site.run(1)
        assert self.is_over


class Site:
    """The switch and its neighbours. Keyword arguments change the configuration, section by section.

    One that stands ``beside`` another shares its network; ``nodes`` are those of a cluster.
    """

    address = SBC

    def __init__(
        self, seed: int = 0, *, beside: Site | None = None, nodes: Nodes | None = None, **changes: Any
    ) -> None:
        self.clock = clock = beside.clock if beside is not None else OrderedClock()
        self.settings = settings = load(json.dumps(merged(CONFIGURATION, changes)))
        self.network = beside.network if beside is not None else Network(clock, seed)
        self.network.names = {FQDN: SBC}
        self.expected_failures = 0
        self._count = 0
        self.counters = Counters()
        self.trace = Trace(enabled=True)
        self.relay = self.make_relay()
        self.timeouts = Timeouts(clock)
        self.screen = Screen(settings)
        self.guard = Guard(self.screen, settings, now=clock.seconds, settled=lambda host: self.core.locator.knows(host))
        self.logins = FailedLogins(clock.seconds, self.guard)
        self.figures = Figures()
        self.events = Events(clock.seconds)
        self.ledger = Ledger(None, self.figures, self.events, rates=settings.rates, now=self.timeouts.now, clock=clock)
        self._profiles = {each.id: name_ourselves(each, settings) for each in settings.profiles}
        self.endpoint = Endpoint(
            clock,
            self.timeouts,
            Timers(),
            via=lambda flow: self._profiles[flow.profile].authority(flow),
            token=self.token,
            product=settings.sip.user_agent,
            trace=self.trace,
            counters=self.counters,
        )
        self.transport = MemoryTransport(self.network, self.endpoint, [FQDN], self.admits)
        for each in settings.profiles:
            protocols = [protocol.upper() for protocol in each.protocols]
            self.transport.open(each.id, (each.bind_address, each.bind_port), protocols)
        self.resolver = Resolver(lookup_nothing, clock, {name: (host,) for name, host in settings.dns.hosts.items()})
        self.core = Core(
            settings,
            Wire(
                cast(Any, clock),
                self.endpoint,
                cast(Any, self.transport),
                self.resolver,
                self.relay,
                self.counters,
                key=b"k" * 32,
                below=lambda limit: 0,
            ),
            profiles=self._profiles,
            screen=self.screen,
            logins=self.logins,
            watch=self.guard,
            told=self.ledger,
            events=self.events,
            node=nodes.id if nodes is not None else "",
            nodes=nodes,
        )
        self.dialogs, self.calls, self.trunks = self.core.dialogs, self.core.calls, self.core.trunks
        self.probes, self.registrations = self.core.probes, self.core.registrations
        self.switch = Switch(
            self.core,
            cast(Any, clock),
            guard=self.guard,
            logins=self.logins,
            figures=self.figures,
            trace=self.trace,
            counters=self.counters,
            reload=list,
        )
        self.carrier = self._provider("carrier", CARRIER, CARRIER2)
        self.other = self._provider("other", OTHER)
        self.stranger = self._provider("stranger", STRANGER)
        self.teams = self._microsoft()

    def admits(self, address: str, profile: str) -> bool:
        """Whether what comes from an address is read: here that of everybody, however much it is."""
        return True

    def use(self, settings: Settings) -> None:
        """Go by these settings from now on, as the composition root does."""
        self.settings = settings
        self.core.use(settings)
        self.guard.use(settings)
        self.ledger.use(settings.rates)

    def change(self, collection: str, key: str, value: dict[str, Any] | None) -> None:
        """One item of the configuration is another, or gone, as the API does it."""
        self.use(changed(self.settings, Change(collection, key, value)))

    def make_relay(self) -> FallibleRelay:
        """The relay of this switch."""
        return FallibleRelay(20000, 21999)

    def token(self) -> str:
        """A name never used before."""
        self._count += 1
        return f"switch{self._count}"

    def _provider(self, name: str, *hosts: str) -> Agent:
        return Agent(self.network, name, hosts, switch=(self.address, 5060))

    def _microsoft(self) -> Agent:
        """Teams: three proxies and the region that calls come from (HDR-08)."""
        teams = Agent(
            self.network,
            "teams",
            [*PROXIES.values(), REGION[1]],
            transport="TLS",
            port=5061,
            switch=(self.address, 5061),
            names=PROXIES,
        )
        teams.record_route = f"<sip:{REGION[0]}:5061;transport=tls;lr>"
        teams.contact_uri = f"sip:{TRAP[0]}:443;x-i=2f6f;x-c=7a1f/d/8/3b1f"
        teams.domain = "sip.pstnhub.microsoft.com"
        teams.media_profile = "RTP/SAVP"
        return teams

    def run(self, seconds: float = 0.5) -> None:
        """Let time pass."""
        run(self.clock, seconds)

    # What tests ask for again and again.

    def side(self, name: str) -> Agent:
        """The agent of this trunk."""
        return {"carrier": self.carrier, "teams": self.teams, "other": self.other}[name]

    def ringing(self, caller: str = "carrier", callee: str = "teams", **parts: Any) -> Talk:
        """A call that has reached the callee, which has not said anything but 100."""
        leg = self.side(caller).call(**parts)
        self.run()
        return Talk(self, leg, self.side(callee).last)

    def talking(self, caller: str = "carrier", callee: str = "teams", **parts: Any) -> Talk:
        """A call that was answered and acknowledged on both sides."""
        talk = self.ringing(caller, callee, **parts)
        talk.callee.answer()
        self.run()
        assert talk.caller.statuses[-1] == 200
        assert talk.callee.acks
        return talk

    @property
    def record(self) -> CallSnapshot:
        """What is remembered of the newest call."""
        return self.calls.look(self.calls.ids()[0])

    def sent_to(self, host: str) -> list[Message]:
        """Every message that reached a host, in order."""
        agents = (self.carrier, self.other, self.stranger, self.teams)
        return [
            message
            for agent in agents
            for message, flow in zip(agent.messages, agent.flows, strict=True)
            if flow.local[0] == host
        ]

    def invites(self, host: str) -> list[Request]:
        """The INVITEs that reached a host, copies included."""
        return [m for m in self.sent_to(host) if isinstance(m, Request) and m.method == "INVITE"]

    # The end.

    def leftovers(self) -> dict[str, int]:
        """What is still there that should not be, once every timer has run out."""
        for speaker in (*self.probes, *self.registrations.values()):
            speaker.stop()
        self.run(FOREVER)
        found = {
            "calls": len(self.calls),
            "dialogs": len(self.dialogs),
            "transactions": self.endpoint.transactions,
            "timers": len(self.timeouts),
            "ports": self.relay.pool.leased,
            "clock": len(self.clock.getDelayedCalls()),
            "merging": len(self.endpoint._merging),
            "placed": len(self.calls._placed),
            "limits": sum(abs(trunk.limit.calls) for trunk in self.trunks.values()),
        }
        return {name: count for name, count in found.items() if count}


@contextmanager
def watched_log() -> Iterator[list[str]]:
    """Collects what the switch logs as failures of its own."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            lines.append(f"{formatEvent(event)}: {event['log_failure'].getTraceback()}")

    globalLogPublisher.addObserver(observe)
    try:
        yield lines
    finally:
        globalLogPublisher.removeObserver(observe)


@contextmanager
def watched_lines() -> Iterator[list[str]]:
    """Collects what the switch logs."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        yield lines
    finally:
        globalLogPublisher.removeObserver(observe)
