"""The whole switch between a simulated Teams and a simulated carrier, over real sockets and real mutual TLS.

Sockets are real, time is not: all parts share one clock that moves on as the reactor turns, so that a test sees five
minutes of OPTIONS in a second.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib import request as http
from urllib.error import HTTPError

import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from rustalk.app import Rustalk, build
from rustalk.certificates.authority import KeyType
from rustalk.config.load import load
from rustalk.simulator.carrier import SimCarrier
from rustalk.simulator.pki import Pki
from rustalk.simulator.result import CallResult, Plan
from rustalk.simulator.sandbox import FQDN, Ports, SwitchProcess, configuration, free_ports
from rustalk.simulator.teams import Addresses, SimTeams
from rustalk.simulator.tenants import Tenant, TenantTable
from rustalk.sip.message import Message, Request, Response
from rustalk.transport.layer import Transport

__all__ = [
    "CARRIER",
    "FQDN",
    "OTHER_FQDN",
    "PLAN",
    "SUBSCRIBER",
    "USER",
    "ChildMeeting",
    "Meet",
    "Meeting",
    "Seen",
    "Timeline",
    "make_pki",
    "meetings",
    "sound",
]

reactor: Any = _reactor

USER = "+441273652000"
SUBSCRIBER = "+15085710838"
CARRIER = "127.0.0.9"
OTHER_FQDN = "sbc2.demo.example"
PLAN = Plan(ring=0.02, talk=0.3, patience=8.0)
SOUND = 6
"""Packets of 20 ms that a call of PLAN brings at least, also on a busy machine."""

_TURNS = 3
"""Turns of the reactor in one step of the clock: enough for what was sent to arrive and be answered."""
_TICK = 0.01
_STEP = 0.25
_FOREVER = 4000.0


class Timeline:
    """Twisted's reactor with a clock of its own, which moves on as the reactor turns.

    So a slow machine makes nothing time out, and nobody waits for time to pass. With ``by_the_wall`` it follows the
    wall clock instead, as what lives in another process does.
    """

    def __init__(self, *, by_the_wall: bool = False) -> None:
        self._by_the_wall = by_the_wall
        self._clock = Clock()
        self._last = self._clock.rightNow = reactor.seconds()
        self._running = False
        self._turns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def start(self) -> None:
        """Let time pass."""
        self._running = True
        self._last = reactor.seconds()
        reactor.callLater(0, self._turn)

    def stop(self) -> None:
        """Stand still."""
        self._running = False

    def seconds(self) -> float:
        """The time, in seconds since 1970."""
        return float(self._clock.seconds())

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> Any:
        """Part of IReactorTime."""
        return self._clock.callLater(delay, callable, *args, **kw)

    def _turn(self) -> None:
        if not self._running:
            return
        self._turns += 1
        if self._by_the_wall:
            now = reactor.seconds()
            self._clock.advance(now - self._last)
            self._last = now
        elif self._turns % _TURNS == 0:
            self._clock.advance(_TICK)
        reactor.callLater(0.004 if self._by_the_wall else 0, self._turn)

    async def push(self, seconds: float, step: float = _STEP) -> None:
        """Let so much time pass in great steps; between two of them the sockets get their turn."""
        end = self.seconds() + seconds
        while self.seconds() < end - 1e-6:
            self._clock.advance(min(step, end - self.seconds()))
            for _ in range(_TURNS):
                await deferLater(reactor, 0)

    def left(self) -> list[Any]:
        """What still waits once every timer has had time to run out."""
        for _ in range(400):
            self._clock.advance(_FOREVER / 400)
        return list(self._clock.getDelayedCalls())


@implementer(ILogObserver)
class _Log:
    """What the switch logs: ``lines`` as sentences, ``faults`` those that tell of a fault of ours."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.faults: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.faults.append(f"{formatEvent(event)}: {event['log_failure'].getTraceback()}")
        elif event.get("log_level") is LogLevel.critical:
            self.faults.append(formatEvent(event))
        self.lines.append(formatEvent(event))


@cache
def make_pki(key_type: KeyType = "ec") -> Pki:
    """The certificates of both sides, made once. Elliptic keys are quick to make."""
    return Pki.make([FQDN, OTHER_FQDN], key_type=key_type)


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that reached Teams: when, in seconds of the timeline, and at which host ('': on Teams' connection)."""

    time: float
    place: str
    message: Message


class _Peers:
    """Teams, the carrier, and the configuration of the switch between them."""

    def __init__(
        self,
        directory: Path,
        *,
        pki: Pki | None = None,
        wire: str = "UDP",
        addresses: Addresses | None = None,
        plan: Plan = PLAN,
        domain: str = FQDN,
        unknown: str = "",
        teams_network: Any = reactor,
        roots: bytes = b"",
        carrier: dict[str, Any] | None = None,
        trunk: dict[str, Any] | None = None,
        inside: str = "127.0.0.1",
        outside: str = "127.0.0.1",
        profile: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """``changes`` are put into the configuration, section by section.

        ``roots`` (PEM) are what the switch trusts instead of the root of Teams, ``teams_network`` opens the sockets of
        Teams, ``domain`` is what its tenant has registered, ``unknown`` a name that the switch cannot resolve,
        ``carrier`` are arguments of SimCarrier, ``trunk`` settings of the trunk to it, ``inside`` the
        address of the switch towards it, ``profile`` settings of that listener, ``outside`` the address towards Teams.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.pki = pki or make_pki()
        self.files = self.pki.write(directory)
        if roots:
            self.files.teams_root.write_bytes(roots)
        self.ports: Ports = free_ports()
        self.timeline = Timeline(by_the_wall=isinstance(self, ChildMeeting))
        self.expected: set[str] = set()
        self.notices: list[str] = []
        self._unknown = unknown
        self._trunk = trunk or {}
        self._inside = inside
        self._outside = outside
        self._profile = profile or {}
        self._changes = changes
        table = TenantTable([Tenant.of("Contoso", [domain], [USER])])
        hosts = {FQDN: outside}
        self.teams = SimTeams(
            teams_network,
            self.pki,
            table,
            hosts,
            addresses=addresses,
            plan=plan,
            clock=cast(Any, self.timeline),
            notice=self.notices.append,
        )
        options = {"address": CARRIER, "hosts": {FQDN: inside}, **(carrier or {})}
        self.carrier = SimCarrier(
            reactor,
            (inside, self.ports.carrier),
            kind=cast(Any, wire),
            plan=plan,
            clock=cast(Any, self.timeline),
            notice=self.notices.append,
            **options,
        )
        self.wire = wire
        self.teams.answer_with("listen")
        self.carrier.answer_with("listen")
        self.seen: list[Seen] = []
        self.from_them: list[Message] = []
        self.teams.agent.watch = lambda sent, message, link: self._note(sent, message, link.entrance)
        self.with_carrier: list[Message] = []
        self.carrier.agent.watch = lambda sent, message, link: self.with_carrier.append(message)

    def _note(self, sent: bool, message: Message, entrance: str) -> None:
        if sent:
            self.from_them.append(message)
        else:
            self.seen.append(Seen(self.timeline.seconds(), entrance, message))

    async def open(self) -> None:
        """Start both peers."""
        self.timeline.start()
        await self.teams.start()
        await self.carrier.start()

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration of the switch. The peers must be open."""
        place = (self.carrier.address, self.carrier.port)
        text = configuration(self.directory, self.files, self.ports, self.teams.hosts, self.teams.sip_proxies, place)
        settings: dict[str, Any] = json.loads(text)
        settings["sip_profiles"][0].update(bind_address=self._outside)
        inside = {"bind_address": self._inside, "protocols": [self.wire.lower()], **self._profile}
        settings["sip_profiles"][1].update(inside)
        settings["trunks"][0]["protocol"] = self.wire.lower()
        settings["trunks"][0].update({"options_ping_enabled": False, **self._trunk})
        settings["dns"]["servers"] = ["127.0.0.1:9"]
        settings["dns"]["hosts"].pop(self._unknown, None)
        merged: dict[str, Any] = _merged(settings, self._changes)
        return merged

    async def close(self) -> None:
        """Stop both peers."""
        await self.carrier.stop()
        await self.teams.stop()
        self.timeline.stop()

    # Calls.

    @property
    def trunk(self) -> str:
        """The SBC as Teams finds it."""
        return f"{FQDN}:{self.ports.teams}"

    def to_teams(self, script: str = "call", **how: Any) -> Deferred[CallResult]:
        """The carrier calls the user at Teams."""
        return self.carrier.place_call(how.pop("to", USER), how.pop("from_", SUBSCRIBER), script, **how)

    def from_teams(self, script: str = "call", **how: Any) -> Deferred[CallResult]:
        """The user at Teams calls the subscriber of the carrier."""
        how.setdefault("trunks", [self.trunk])
        return self.teams.place_call(how.pop("to", SUBSCRIBER), how.pop("from_", f"John Doe<{USER}>"), script, **how)

    async def until(self, true: Callable[[], Any], what: str, seconds: float = 10.0) -> None:
        """Let the reactor turn until something is so."""
        end = reactor.seconds() + seconds
        while not true():
            if reactor.seconds() > end:
                raise AssertionError(f"waited {seconds:g} s in vain for {what}")
            await deferLater(reactor, 0)

    async def taken(self, count: int = 1, *, by: str) -> CallResult:
        """How the answering side saw its latest call, once it has seen so many."""
        peer = self.teams if by == "teams" else self.carrier

        def results() -> list[CallResult]:
            return [result for result in peer.results if not result.placed]

        await self.until(lambda: len(results()) >= count, f"the end of call {count} at {by}")
        return results()[-1]

    # What Teams saw.

    def requests(self, method: str, place: str | None = None) -> list[Request]:
        """The requests of this method that reached Teams, all or those at one host."""
        found = [one.message for one in self.seen if place is None or one.place == place]
        return [m for m in found if isinstance(m, Request) and m.method == method]

    def responses(self, method: str, status: int) -> list[Response]:
        """The responses that Teams got."""
        found = [one.message for one in self.seen]
        return [m for m in found if isinstance(m, Response) and m.status == status and m.cseq.method == method]

    def arrivals(self, method: str) -> list[Seen]:
        """When and where requests of this method reached Teams."""
        return [one for one in self.seen if isinstance(one.message, Request) and one.message.method == method]

    def order(self, method: str) -> list[str]:
        """The hosts that requests of this method reached, in order."""
        return [one.place for one in self.arrivals(method)]

    def broken_rows(self) -> set[str]:
        """The rows that the switch has broken, as the simulator sees it."""
        return {violation.row for violation in self.teams.violations}

    async def get(self, path: str, method: str = "GET") -> dict[str, Any]:
        """What the API of the switch answers; time stands still meanwhile."""
        self.timeline.stop()
        answer = await deferToThread(_fetch, f"http://127.0.0.1:{self.ports.api}{path}", method)
        self.timeline.start()
        return answer


class Meeting(_Peers):
    """The switch in this process."""

    def __init__(self, directory: Path, **how: Any) -> None:
        super().__init__(directory, **how)
        self.log = _Log()
        self.warnings: list[str] = []
        self._service: Rustalk | None = None
        self._previous: Any = signal.getsignal(signal.SIGHUP)

    @property
    def switch(self) -> Rustalk:
        """The switch."""
        assert self._service is not None
        return self._service

    @property
    def transport(self) -> Transport:
        """Its sockets."""
        return self.switch.transport

    async def open(self, *, healthy: bool = True) -> None:
        """Start everything, and wait until both sides believe in each other."""
        await super().open()
        globalLogPublisher.addObserver(self.log)
        settings = load(json.dumps(self.settings))
        self.warnings = [str(warning) for warning in settings.warnings]
        self._service = cast(Rustalk, build(settings, self.timeline))
        self._service.startService()
        if healthy:
            await self.until(self.healthy, "three active regions")

    def healthy(self) -> bool:
        """Whether OPTIONS work in both directions with all three proxies."""
        return set(self.states()) == {"up"} and all(region.active for region in self.teams.regions.values())

    def states(self) -> list[str]:
        """What the switch believes of the three proxies."""
        teams = next(trunk for trunk in self.switch.switch.trunks() if trunk.id == "teams")
        return [str(target.state) for target in teams.targets]

    async def close(self) -> None:
        """Stop everything; nothing may be left of it, and Teams may have nothing to complain about."""
        service = self._service
        if service is not None:
            await self.until(lambda: not len(service.calls), "the calls to end")
            assert service.engine.streams == 0
            await maybeDeferred(service.stopService)
        await super().close()
        globalLogPublisher.removeObserver(self.log)
        signal.signal(signal.SIGHUP, self._previous)
        left = self.timeline.left()
        assert not left, left
        assert self.log.faults == []
        assert self.broken_rows() == self.expected, self.teams.violations
        assert self.carrier.errors == []


class ChildMeeting(_Peers):
    """The switch in a process of its own, for what only a process has: signals and an end."""

    def __init__(self, directory: Path, **how: Any) -> None:
        super().__init__(directory, **how)
        self.log: list[str] = []
        self.child = SwitchProcess(cast(Any, reactor), self.log.append)

    async def open(self) -> None:
        """Start everything, and wait until Teams has heard of the switch in all regions."""
        await super().open()
        file = self.directory / "rustalk.json"
        file.write_text(json.dumps(self.settings))
        self.child.start(reactor, file)
        await self.until(self.healthy, "three active regions", 30)
        assert not self.child.ended, self.child.last_words

    def healthy(self) -> bool:
        """Whether Teams has heard of the switch in all regions; True also when there is nothing to wait for."""
        return bool(self.child.ended) or all(region.active for region in self.teams.regions.values())

    def signal(self, name: str) -> None:
        """Send a signal to the switch."""
        cast(Any, self.child.transport).signalProcess(name)

    async def close(self) -> None:
        """Stop everything; Teams may have nothing to complain about."""
        await self.child.stop()
        await super().close()
        assert not [line for line in self.log if "Traceback" in line or "Unhandled" in line]
        assert self.broken_rows() == self.expected, self.teams.violations


Meet = Callable[..., Any]


def meetings(tmp_path: Path) -> Iterator[Meet]:
    """For a fixture: opens meetings with what they need, and closes them after the test.

    ``kind`` is the class; everything else goes to it.
    """
    opened: list[Meeting | ChildMeeting] = []

    async def meet(kind: type[Meeting] | type[ChildMeeting] = Meeting, *, healthy: bool = True, **how: Any) -> Any:
        made = kind(tmp_path / f"meeting-{len(opened)}", **how)
        opened.append(made)
        await (made.open(healthy=healthy) if isinstance(made, Meeting) else made.open())
        return made

    yield meet
    for each in opened:
        pytest_twisted.blockon(Deferred.fromCoroutine(each.close()))


def sound(*results: CallResult, packets: int = SOUND) -> bool:
    """Whether each end of a call answered, heard the right audio with nothing foreign in it, and has no complaint."""
    for result in results:
        good = result.answered and result.acknowledged and result.media.good and not result.cause
        if not good or result.media.verified < packets:
            return False
    return True


def _merged(base: Any, changes: Any) -> Any:
    """``base`` with the keys of ``changes`` in it, section by section."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return {**base, **{key: _merged(base.get(key), value) for key, value in changes.items()}}


def _fetch(url: str, method: str) -> dict[str, Any]:
    try:
        with http.urlopen(http.Request(url, method=method), timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        found = json.load(error)
    return found
