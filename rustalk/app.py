"""The composition root: builds each part once, hands it its collaborators, starts and stops them in order.

Only this module knows all the others: the arrows of docs/architecture.md are lines of this file.
"""

from __future__ import annotations

import gc
import os
import resource
import secrets
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.names import client
from twisted.python.failure import Failure

from rustalk.api.service import ApiService
from rustalk.certificates.credentials import SwitchCredentials
from rustalk.config import formats, model
from rustalk.core import Core, Wire
from rustalk.interfaces import IMediaRelay
from rustalk.media.engine import build_engine
from rustalk.observe.counters import Counters
from rustalk.observe.events import Events
from rustalk.observe.figures import Figures
from rustalk.observe.logins import FailedLogins
from rustalk.observe.readiness import Reason
from rustalk.observe.snapshots import CertificateReload
from rustalk.observe.trace import Trace
from rustalk.pbx.ledger import Ledger
from rustalk.pbx.nodes import meeting_place, own_place
from rustalk.pbx.saved import Saved
from rustalk.security.guard import Alert, Guard
from rustalk.security.screen import Screen
from rustalk.sip.parse import Limits
from rustalk.sip.timers import Timers
from rustalk.store import bans, nodes, overlay, registrations
from rustalk.store.journal import Journal
from rustalk.store.listen import Listener
from rustalk.store.nodes import Node, Nodes, node_id
from rustalk.store.records import insert
from rustalk.store.retention import Retention
from rustalk.store.sender import Sender
from rustalk.store.store import Store, open_store
from rustalk.store.unfinished import Unfinished
from rustalk.switch import Switch
from rustalk.transport.errors import ListenError, TransportError
from rustalk.transport.identity import is_address
from rustalk.transport.layer import Transport
from rustalk.transport.listen import INetwork
from rustalk.transport.listen import Profile as ListeningProfile
from rustalk.transport.lookup import NamesLookup
from rustalk.transport.material import MaterialError
from rustalk.transport.resolve import Resolver, read_hosts
from rustalk.transport.stream import Bounds
from rustalk.ua.endpoint import Endpoint
from rustalk.ua.profile import name_ourselves
from rustalk.ua.timeouts import Timeouts
from rustalk.ua.tokens import Tokens

__all__ = ["Rustalk", "build"]

log = Logger()

_RESOLVE_AGAIN = 60.0
_LAST_WORDS = 0.5
_SPARE_FILES = 256


def build(settings: model.Settings, reactor: Any, show: Callable[[str], None] | None = None) -> IService:
    """The whole switch, ready to be started. ``settings`` are those of the file; ``reactor`` is Twisted's.

    ``show`` is called with what is to be shown to the person who started it, and to nobody else: the first token of the
    API. Raises what opening the store and the journal raises.
    """
    store = open_store(settings, reactor, os.environ)
    for warning in store.live.settings.warnings:
        if warning not in settings.warnings:  # those of the file have been told
            log.warn("Configuration: {warning}", warning=warning)
    return Rustalk(reactor, store, show)


class Rustalk(MultiService):
    """Every part of the switch and the order in which they start and stop."""

    name = "rustalk"

    def __init__(self, reactor: Any, store: Store, show: Callable[[str], None] | None = None) -> None:
        untyped: Any = super()
        untyped.__init__()
        self.store = store
        self._show = show
        self._settings = settings = store.live.settings
        self._reactor = reactor
        clock: IReactorTime = reactor
        self.events = Events(clock.seconds)
        self.figures = Figures()
        self.counters = Counters()
        self.trace = Trace(enabled=settings.sip.trace)
        self._profiles = {each.id: name_ourselves(each, settings) for each in settings.profiles}
        self.screen = Screen(settings)
        self.guard = Guard(self.screen, settings, now=clock.seconds, settled=self._is_settled, alarm=self._alarm)
        self.logins = FailedLogins(clock.seconds, self.guard)
        self.journal = Journal(_state(settings) / "journal", clock, partial(_in_thread, reactor))
        self._unfinished = Unfinished(self.journal, clock, partial(_in_thread, reactor))
        self.journal.on_problem = self._unfinished.on_problem = self._tell_of_journal
        self._sender = Sender(self.journal, store.database, insert, clock)
        self._retention = Retention(store.database, clock, settings.records.keep_days)
        node = node_id(_state(settings))
        self.ledger = Ledger(
            self._unfinished, self.figures, self.events, rates=settings.rates, now=_now, node=node, clock=clock
        )
        self.nodes = (
            Nodes(store.database, clock, id=node, key=store.vault.derived("nodes"))
            if store.database.dialect == "postgresql"
            else None
        )
        self._open = {each.id: each for each in settings.profiles}
        self._wanted: dict[str, tuple[model.SipProfile, ListeningProfile]] = {}
        self._listening_problem = ""
        self._resolver = _resolver(settings, reactor)
        self._credentials = SwitchCredentials(settings)
        self.endpoint = Endpoint(
            clock,
            Timeouts(clock),
            Timers(),
            via=lambda flow: self._profiles[flow.profile].authority(flow),
            token=Tokens(secrets.token_bytes).take,
            product=settings.sip.user_agent,
            trace=self.trace,
            counters=self.counters,
        )
        self.transport = Transport(
            cast("INetwork", reactor),
            receiver=self.endpoint,
            admits=self.guard.admits if self.nodes is None else self._admits,
            knows=self._knows,
            bars=self._bars,
            resolver=self._resolver,
            profiles=[self._credentials.listener(each) for each in settings.profiles],
            clients=self._credentials.clients,
            limits=Limits(message=settings.transport.max_message_size),
            bounds=_bounds(settings.transport),
        )
        self.engine = build_engine(settings.media, reactor, Path(settings.server.state_directory))
        self.core = Core(
            settings,
            Wire(
                clock,
                self.endpoint,
                self.transport,
                self._resolver,
                cast("IMediaRelay", self.engine),
                self.counters,
                key=secrets.token_bytes(32),
                below=secrets.randbelow,
            ),
            profiles=self._profiles,
            screen=self.screen,
            logins=self.logins,
            watch=self.guard,
            told=self.ledger,
            events=self.events,
            node=node,
            nodes=self.nodes,
        )
        self.saved = Saved(store.database, clock, self.core.locator)
        self.bans = bans.StoredBans(store.database, clock, self.guard, node=node)
        self.calls = self.core.calls
        self._look_up = LoopingCall(self._resolve_trunks)
        self._listener = Listener(store.database, reactor, self._channels())
        self.switch = Switch(
            self.core,
            clock,
            guard=self.guard,
            logins=self.logins,
            figures=self.figures,
            trace=self.trace,
            counters=self.counters,
            reload=self.reload_certificates,
            problems=self._problems,
        )
        store.live.subscribe(self._use)
        store.database.watch(self._tell_of_database)
        if store.database.problem:
            self._tell_of_database(store.database.problem)
        store.live.watch(self._tell_of_settings)
        self._add_api(clock)

    def _add_api(self, clock: IReactorTime) -> None:
        api = self._settings.api
        if api.enabled:
            service = ApiService(
                cast("IReactorTCP", self._reactor),
                clock,
                self.switch,
                store=self.store,
                events=self.events,
                address=api.bind_address,
                port=api.port,
                auth=api.auth,
                logins=self.logins,
                banned=self.guard.is_banned,
            )
            adopted: Any = service
            adopted.setServiceParent(self)

    def _channels(self) -> dict[str, Callable[[str], None]]:
        """What other nodes tell, and whom it concerns."""
        channels: dict[str, Callable[[str], None]] = {
            overlay.CHANNEL: self.store.live.heard,
            registrations.CHANNEL: self.saved.heard,
            bans.CHANNEL: self.bans.heard,
        }
        if self.nodes is not None:
            channels[nodes.CHANNEL] = self.nodes.heard
        return channels

    def _is_settled(self, address: str) -> bool:
        """Whether a phone is registered from this address."""
        return self.core.locator.knows(address)

    def _knows(self, address: str, profile: str) -> bool:
        """Whether a connection from this address may be more than a stranger's."""
        return self.screen.knows(address, profile) or self._is_settled(address) or self._is_node(address)

    def _admits(self, address: str, profile: str) -> bool:
        """Whether what comes from this address is read; what nodes send is not counted."""
        return self._is_node(address) or self.guard.admits(address, profile)

    def _bars(self, address: str) -> bool:
        """Whether connections of this address are to be closed: never those of a node, whose address can be forged."""
        return self.guard.is_banned(address) and not self._is_node(address)

    def _is_node(self, address: str) -> bool:
        return self.nodes is not None and self.nodes.is_at(address)

    # What happens while it runs.

    def _use(self, settings: model.Settings, before: model.Settings) -> None:
        """Go by these settings from now on."""
        self._settings = settings
        if _shapes_listening(settings) != _shapes_listening(before):
            self._listen(settings)
        else:
            self._take_up()
        if self._look_up.running and settings.trunks is not before.trunks:
            self._resolve_trunks()

    def _take_up(self) -> None:
        """Have every part go by the settings in force."""
        settings = self._in_force()
        self.core.use(settings)
        self.guard.use(settings)
        self.ledger.use(settings.rates)
        self._retention.use(settings.records.keep_days)
        self.trace.switch(settings.sip.trace)

    def _listen(self, settings: model.Settings) -> None:
        """Listen on the profiles of these settings, and dial with their certificates; then go by them."""
        try:
            self._credentials = SwitchCredentials(settings, self._credentials)
        except MaterialError as error:
            self._not_listening(f"the SIP profiles stay as they were: {error}")
            self._take_up()
            return
        self._wanted = {each.id: (each, self._credentials.listener(each)) for each in settings.profiles}
        listening = self.transport.use([listener for _, listener in self._wanted.values()], self._credentials.clients)
        listening.addCallbacks(lambda _: self._not_listening(""), self._not_opened).addBoth(lambda _: self._settle())

    def _not_opened(self, reason: Failure) -> None:
        if not isinstance(reason.value, ListenError):
            log.failure("The SIP profiles were not changed", reason)
        self._not_listening(reason.getErrorMessage())

    def _not_listening(self, problem: str) -> None:
        self._listening_problem = problem
        if problem:
            log.error("{problem}", problem=problem)

    def _settle(self) -> None:
        """Go by the profiles that are open now; one that could not be opened is what it was."""
        before, self._open = self._open, {}
        opened = {each.profile.id: each.profile for each in self.transport.listening}
        for id, (profile, listener) in self._wanted.items():
            if id in opened:
                self._open[id] = profile if opened[id] == listener else before.get(id, profile)
        settings = self._in_force()
        self._profiles.update({id: name_ourselves(each, settings) for id, each in self._open.items()})
        self._name_ports()
        self._take_up()
        if self.nodes is not None:
            self.nodes.move(self._place())

    def _in_force(self) -> model.Settings:
        """The settings, with the profiles that are open."""
        profiles = tuple(self._open.values())
        if not profiles or profiles == self._settings.profiles:
            return self._settings
        return replace(self._settings, sip_profiles=profiles)

    def _name_ports(self) -> None:
        """Put the ports that are open into what we call ourselves."""
        for opened in self.transport.listening:
            ports = self._profiles[opened.profile.id].ports
            ports.update(dict.fromkeys(ports, opened.port))

    def _place(self) -> Node:
        """Where other nodes call the phones of this one."""
        profile = meeting_place(self._in_force())
        port = next((each.port for each in self.transport.listening if profile and each.profile.id == profile.id), 0)
        return own_place(self.core.locator.node, profile if port else None, port)

    def _problems(self) -> Iterable[Reason]:
        """What is wrong without keeping calls from being taken."""
        problems = (
            Reason("database_down", self.store.database.problem),
            Reason("settings_not_current", self.store.live.problem),
            Reason("journal_in_trouble", self._journal_problem),
            Reason("not_listening", self._listening_problem),
        )
        return [each for each in problems if each.text]

    def _alarm(self, alert: Alert) -> None:
        log.warn("{alert}", alert=str(alert))
        self.events.publish("alarm", {"kind": alert.kind, "subject": alert.subject, "text": str(alert)})

    def _tell_of_database(self, problem: str) -> None:
        text = problem or "the database is there again"
        self.events.publish("alarm", {"kind": "database", "subject": "database", "text": text})

    @property
    def _journal_problem(self) -> str:
        return "; ".join(each for each in (self.journal.problem, self._unfinished.problem) if each)

    def _tell_of_journal(self) -> None:
        text = self._journal_problem or "call records are written to the disk again"
        self.events.publish("alarm", {"kind": "journal", "subject": "journal", "text": text})

    def _tell_of_settings(self, problem: str) -> None:
        text = problem or "the settings in force are those of the database again"
        self.events.publish("alarm", {"kind": "settings", "subject": "database", "text": text})

    # Life.

    def startService(self) -> None:
        """Open the sockets, then speak to the trunks. Raises ListenError when an address cannot be had."""
        _settle_memory()
        _take_files(self._settings.limits.max_calls)
        self.transport.start()
        self.engine.start().addErrback(lambda reason: log.failure("The media engine did not start", reason))
        self._name_ports()
        untyped: Any = super()
        untyped.startService()
        self._look_up.start(_RESOLVE_AGAIN).addErrback(lambda reason: log.failure("Resolving trunks stopped", reason))
        self.core.start()
        self._unfinished.recover(self.ledger.interrupted)
        self._sender.start()
        self._retention.start()
        self.saved.start()
        self.bans.start()
        if self.nodes is not None:
            self.nodes.start(self._place())
        self._listener.start()
        if self._show is not None and self._settings.api.enabled and self._settings.api.auth == "token":
            self.store.tokens.first().addCallbacks(self._show_token, lambda reason: _log_no_token(reason))
        self._on_hangup(lambda *_: self._reactor.callFromThread(self.reload_certificates))
        log.info("RusTalk is up")

    def stopService(self) -> Deferred[None]:
        """Take no new calls, wait for the old ones up to ``server.shutdown_timeout``, then end what is left."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        patience = self._settings.server.shutdown_timeout
        if len(self.calls):
            log.info("Stopping: {count} calls may go on for {patience:g} s", count=len(self.calls), patience=patience)
        leaving = self.nodes.stop() if self.nodes is not None else None
        drained = self.calls.drain()
        if len(self.calls) and patience:
            await self._wait(drained, patience)
        left = len(self.calls)
        self.calls.end_all()
        self.core.stop()
        if self._look_up.running:
            self._look_up.stop()
        if left:
            await self._wait(Deferred(), _LAST_WORDS)
        untyped: Any = super()
        await untyped.stopService()
        await self.transport.stop()
        await self.engine.stop()
        self._listener.stop()
        self._retention.stop()
        self._unfinished.close()
        await self._sender.stop()
        await self.saved.stop()
        await self.bans.stop()
        if leaving is not None:
            await leaving
        await self.store.stop()
        log.info("RusTalk has stopped; {left} calls were ended", left=left)

    def _show_token(self, token: str | None) -> None:
        if token is not None and self._show is not None:
            self._show(f"The first token of the API, role admin, which is shown once: {token}")

    def _wait(self, event: Deferred[None], seconds: float) -> Deferred[None]:
        """Until the event, but no longer than that."""
        event.addTimeout(seconds, self._reactor, onTimeoutCancel=lambda result, timeout: None)
        return event

    def _on_hangup(self, act: Callable[..., None]) -> None:
        """Let SIGHUP call this; a process whose reactor installs no signal handlers is left alone."""
        if getattr(self._reactor, "_installSignalHandlers", False) or signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            self._reactor.callWhenRunning(signal.signal, signal.SIGHUP, act)

    def reload_certificates(self) -> list[CertificateReload]:
        """Read every certificate file anew; a bad one leaves the old one in force and says so."""
        return [
            CertificateReload(
                name=name,
                path=str(result.material.files.certificate or result.material.files.roots or ""),
                loaded=not result.problem,
                message=result.problem or ("taken up" if result.changed else "unchanged"),
            )
            for result in self.transport.reload()
            for name in (self._credentials.name_of(result.material),)
        ]

    def _resolve_trunks(self) -> None:
        """Learn from which addresses the trunks with names may call us (section 5: by address)."""
        for trunk in self._settings.trunks:
            if trunk.enabled:
                Deferred.fromCoroutine(self._resolve(trunk)).addErrback(_log_unresolved, trunk.id)

    async def _resolve(self, trunk: model.Trunk) -> None:
        found: list[str] = []
        for host, port in (each.target for each in trunk.targets):
            if is_address(host):
                continue
            try:
                targets = await self._resolver.targets(host, port or None, trunk.protocol.upper())
            except TransportError as error:
                log.warn("Trunk {trunk}: {error}", trunk=trunk.id, error=error.reason)
                return
            found += [target.address for target in targets]
        if found:
            self.screen.resolved(trunk.id, found)


def _now() -> datetime:
    return datetime.now(UTC)


def _state(settings: model.Settings) -> Path:
    return Path(settings.server.state_directory).expanduser()


def _shapes_listening(settings: model.Settings) -> tuple[object, ...]:
    """What SIP profiles and certificates are made of."""
    return settings.profiles, settings.teams, settings.trunks, settings.sip.domain


def _in_thread(reactor: Any, work: Callable[[], None]) -> Deferred[None]:
    return deferToThreadPool(reactor, reactor.getThreadPool(), work)


def _log_no_token(reason: Failure) -> None:
    log.warn("No token could be made for the API: {cause}", cause=reason.getErrorMessage())


def _take_files(calls: int) -> None:
    """Take as many open files as the system allows, and say so when that is too few for the calls allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 4 * calls:
        log.warn(
            "At most {limit} files may be open, which is enough for {enough} relayed calls; limits.max_calls allows "
            "{calls}. Raise the limit of the process (LimitNOFILE in systemd) or lower limits.max_calls",
            limit=hard,
            enough=max(0, hard - _SPARE_FILES) // 4,
            calls=calls,
        )


def _settle_memory() -> None:
    """Spare the collector what lives as long as the process, and let it look at calls in larger batches.

    A call that ends leaves nothing to collect. What a broken one leaves must not pile up: the oldest generation is
    looked at once in half a million new objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 5)


def _log_unresolved(reason: Failure, trunk: str) -> None:
    log.failure("Trunk {trunk} was not resolved", reason, trunk=trunk)


def _resolver(settings: model.Settings, reactor: Any) -> Resolver:
    """Hosts first, then DNS: the configured servers or those of the system."""
    servers = [formats.split_host_port(server) for server in settings.dns.servers]
    resolver: Any = client.Resolver
    names = resolver(
        resolv=None if servers else "/etc/resolv.conf",
        servers=[(host, port or 53) for host, port in servers] or None,
        reactor=reactor,
    )
    hosts: dict[str, Sequence[str]] = {}
    if settings.dns.hosts_file:
        hosts.update(read_hosts(Path(settings.dns.hosts_file)))
    hosts.update({name: (address,) for name, address in settings.dns.hosts.items()})
    return Resolver(NamesLookup(names), reactor, hosts)


def _bounds(transport: model.Transport) -> Bounds:
    return Bounds(
        partial=transport.partial_timeout,
        idle=transport.idle_timeout,
        connections=transport.max_connections,
        connections_per_address=transport.max_connections_per_address,
    )
