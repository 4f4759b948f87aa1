"""Everything between the wire and the doors, built once for a switch: the arrows of docs/architecture.md.

The tests build theirs over a network in memory. What the settings change at run time is taken up by `Core.use`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime

from rustalk.call.calls import Calls, Policy, Told
from rustalk.call.target import Target, Trunk
from rustalk.config import formats, model
from rustalk.interfaces import IFlow, IMediaRelay
from rustalk.media.session import MediaSide
from rustalk.observe.counters import Counters
from rustalk.observe.events import Events
from rustalk.observe.printable import printable
from rustalk.pbx.authenticate import Authenticator, Logins
from rustalk.pbx.bindings import Binding
from rustalk.pbx.dialplan import Dialplan
from rustalk.pbx.entry import Entry, House, Service, Watch
from rustalk.pbx.grants import Grants
from rustalk.pbx.keepalive import Keepalive
from rustalk.pbx.locate import Locator
from rustalk.pbx.nodes import Doorway, Local, Neighbours, Ways
from rustalk.pbx.passport import Passports
from rustalk.pbx.peers import Peers
from rustalk.pbx.registrar import Registrar
from rustalk.pbx.switchboard import Switchboard
from rustalk.pbx.watching import Watching
from rustalk.security.identity import VerifiedCertificate
from rustalk.security.limits import TokenBucket, bucket
from rustalk.security.screen import Screen
from rustalk.sip.digest import ha1
from rustalk.sip.uri import Uri
from rustalk.store.nodes import Nodes
from rustalk.transport.errors import TransportError
from rustalk.transport.layer import Transport
from rustalk.transport.resolve import Resolver
from rustalk.trunk.build import build_probes, build_registrations, build_trunks, build_world, media_side
from rustalk.trunk.gateway import Gateway
from rustalk.trunk.health import State
from rustalk.trunk.number import as_user
from rustalk.trunk.probe import Probe
from rustalk.trunk.provider import Provider
from rustalk.trunk.teams import Teams
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import Endpoint
from rustalk.ua.profile import Profile
from rustalk.ua.registration import Registration
from rustalk.ua.route import Router

__all__ = ["Core", "Wire"]

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, slots=True)
class Wire:
    """What a core stands on. ``key`` is secret and new in each process; ``below(n)`` gives a random number under n."""

    clock: IReactorTime
    endpoint: Endpoint
    transport: Transport
    resolver: Resolver
    relay: IMediaRelay
    counters: Counters
    key: bytes
    below: Callable[[int], int]


class Core:
    """The parts, under their names. ``profiles`` are our names on the wire, by profile."""

    def __init__(
        self,
        settings: model.Settings,
        wire: Wire,
        *,
        profiles: Mapping[str, Profile],
        screen: Screen,
        logins: Logins,
        watch: Watch | None = None,
        told: Told | None = None,
        events: Events | None = None,
        node: str = "",
        nodes: Nodes | None = None,
    ) -> None:
        self.settings = settings
        self._wire = wire
        self._events = events
        self._told = told
        self._profiles = profiles
        self._open = {each.id: each for each in settings.profiles}
        self._served = frozenset(self._open)
        self.screen = screen
        clock = wire.clock
        self.dialogs = Dialogs(clock)
        self.trunks: dict[str, Teams | Provider] = self._built(settings)
        self.locator = Locator(
            clock,
            clock.seconds,
            node=node,
            datagrams=wire.transport.datagram_flow,
            find=self._find_phone,
            told=self._registration_changed,
        )
        self.world = build_world(settings, profiles, wire.transport, wire.resolver, clock)
        self.peers = Peers(
            cast("Mapping[str, Trunk]", self.trunks),
            self.extension,
            self.locator,
            world=cast("Trunk | None", self.world),
            profiles=profiles,
            media_on=self._media_on,
            domain=lambda: self.settings.sip.domain,
        )
        self.neighbours = self._neighbours(nodes) if nodes is not None else None
        self.grants = Grants(settings, clock.seconds)
        self.switchboard = Switchboard(
            Dialplan(settings, below=wire.below),
            self.grants,
            peers=self.peers,
            address=self._address,
            now=lambda: datetime.fromtimestamp(clock.seconds(), UTC),
        )
        self.watching = Watching(
            wire.endpoint,
            self.dialogs,
            self.locator,
            clock=clock,
            find=self.extension,
            contact=lambda flow, user: profiles[flow.profile].contact(flow, as_user(user)),
            domain=lambda: self.settings.sip.domain,
        )
        self.calls = Calls(
            wire.endpoint,
            self.dialogs,
            trunks=self.peers,
            switchboard=Local(self.switchboard, self.peers.phone),
            relay=wire.relay,
            policy=_policy(settings),
            rate=bucket(settings.limits.calls_per_second, clock.seconds()),
            now=clock.seconds,
            counters=wire.counters,
            loop=_loop(settings.media),
            told=told,
            lamps=self.watching,
        )
        self.registrar = Registrar(self.locator)
        self.keepalive = Keepalive(
            wire.endpoint,
            self.locator,
            clock,
            domain=settings.sip.domain,
            interval=settings.sip.keepalive_interval,
        )
        self.authenticator = Authenticator(
            settings.sip.domain,
            self.extension,
            key=wire.key,
            clock=clock,
            counters=wire.counters,
            logins=logins,
            proven=self.locator.knows,
            algorithms=settings.sip.digest_algorithms,
        )
        services: dict[str, Service] = {"REGISTER": self.registrar.register_received, **self.watching.services}
        self.entry = Entry(
            identify=lambda flow: screen.identify(
                flow.peer[0], flow.profile, cast("VerifiedCertificate | None", flow.identity)
            ),
            dialogs=self.dialogs,
            calls=self.calls,
            peers=self.peers,
            house=House(self._serves, self.locator, self.authenticator, services),
            strangers=TokenBucket(
                settings.limits.unknown_per_second, max(1.0, settings.limits.unknown_per_second), clock.seconds()
            ),
            now=clock.seconds,
            counters=wire.counters,
            watch=watch,
        )
        wire.endpoint.surface = (
            self.entry if self.neighbours is None else Doorway(self.entry, self.neighbours, self.dialogs, self.calls)
        )
        self.probes: list[Probe] = build_probes(settings, self.trunks, wire.endpoint, clock)
        self.registrations: dict[str, Registration] = self._registering(settings, self.trunks)

    def _neighbours(self, nodes: Nodes) -> Neighbours:
        """The other nodes of the cluster, made known to those who call them."""
        wire = self._wire
        found = Neighbours(
            nodes,
            self.settings,
            Ways(wire.transport, wire.resolver, self._media_on),
            passports=Passports(nodes.key, nodes.id, wire.clock.seconds, secrets.token_bytes),
        )
        self.peers.nodes = found
        self.peers.further = found.beyond
        self.locator.passes = found.passes
        return found

    def start(self) -> None:
        """Speak to the trunks, and let registrations run out."""
        self.locator.start()
        self.keepalive.start()
        for speaker in self.speakers:
            speaker.start()

    def stop(self) -> None:
        """Speak to nobody any more."""
        self.locator.stop()
        self.keepalive.stop()
        for speaker in self.speakers:
            speaker.stop()

    # Changes at run time.

    def use(self, settings: model.Settings) -> None:
        """Go by these settings from now on. Calls in progress go on, save those of trunks that are no more."""
        before, self.settings = self.settings, settings
        self._use_profiles(before, settings)
        if self.neighbours is not None:
            self.neighbours.use(settings)
        self.switchboard.use(settings)
        self.screen.use(settings)
        self.calls.use(_policy(settings), bucket(settings.limits.calls_per_second, self._wire.clock.seconds()))
        if _shapes_trunks(before) != _shapes_trunks(settings):
            self._renew_trunks(before, settings)
        self._forget_phones(before, settings)

    def _use_profiles(self, before: model.Settings, settings: model.Settings) -> None:
        """Take phones, and call the world, over these profiles. Calls over others go on."""
        profiles = {each.id: each for each in settings.profiles}
        if tuple(profiles.values()) == before.profiles:
            return
        self._open = {**self._open, **profiles}
        self._served = frozenset(profiles)
        wire = self._wire
        self.world = build_world(settings, self._profiles, wire.transport, wire.resolver, wire.clock)
        self.peers.world = cast("Trunk | None", self.world)

    def _renew_trunks(self, before: model.Settings, settings: model.Settings) -> None:
        """Make the trunks that have changed anew; the others keep their health and their counts."""
        built = self._built(settings)
        old, new = _described(before), _described(settings)
        changed = [id for id in {*self.trunks, *built} if old.get(id) != new.get(id)]
        for id in changed:
            self._quiet(id)
            former = self.trunks.pop(id, None)
            if id in built:
                self.trunks[id] = built[id]
                if former is not None:  # its calls count on
                    wanted = settings.teams if id == model.TEAMS else settings.trunk(id)
                    former.limit.allow(wanted.max_calls if wanted else 0, wanted.max_cps if wanted else 0.0)
                    built[id].limit = former.limit
            else:
                self.calls.end_of(id)
        fresh = {id: self.trunks[id] for id in changed if id in self.trunks}
        self.probes += build_probes(settings, fresh, self._wire.endpoint, self._wire.clock)
        registrations = self._registering(settings, fresh)
        self.registrations.update(registrations)
        speakers: list[Probe | Registration] = [probe for probe in self.probes if probe.trunk in fresh]
        for speaker in (*speakers, *registrations.values()):
            speaker.start()

    def _built(self, settings: model.Settings) -> dict[str, Teams | Provider]:
        """The trunks of these settings, whose health is told."""
        wire = self._wire
        built = build_trunks(settings, self._profiles, wire.transport, wire.resolver, wire.clock)
        for gateway in (gateway for trunk in built.values() for gateway in trunk.gateways):
            gateway.told = self._health_changed
        return built

    def _registering(self, settings: model.Settings, trunks: Mapping[str, Teams | Provider]) -> dict[str, Registration]:
        """The registrations with these trunks, whose outcome is counted."""
        made = build_registrations(settings, trunks, self._wire.endpoint, self._wire.clock)
        for trunk, registration in made.items():
            if self._told is not None:
                registration.told = partial(self._told.registered, trunk)
        return made

    def _quiet(self, trunk: str) -> None:
        """Speak no more to a trunk as it was."""
        registration = self.registrations.pop(trunk, None)
        for speaker in (*(probe for probe in self.probes if probe.trunk == trunk), registration):
            if speaker is not None:
                speaker.stop()
        self.probes[:] = [probe for probe in self.probes if probe.trunk != trunk]

    def _forget_phones(self, before: model.Settings, settings: model.Settings) -> None:
        """End the registrations of extensions that are no more, are switched off or have another password."""
        if before.extensions is settings.extensions:
            return
        self.watching.review()
        now = {each.extension: each for each in settings.extensions if each.enabled}
        for extension in before.extensions:
            after = now.get(extension.extension)
            if after != extension and not _is_same_login(extension, after, settings.sip.domain):
                self.locator.forget(extension.extension)

    # What is told.

    def _health_changed(self, gateway: Gateway, before: State) -> None:
        if self._events is not None:
            health = gateway.health
            told = {"trunk": gateway.trunk, "host": gateway.authority, "state": health.state.value}
            self._events.publish("trunk", {**told, "before": before.value, "why": printable(health.why)})

    def _registration_changed(self, event: str, binding: Binding) -> None:
        self.watching.registration_changed(event, binding)
        if self._events is not None:
            told = {"id": binding.id, "extension": binding.extension, "event": event, "node": binding.node}
            way = {"transport": binding.flow.transport, "address": f"{binding.flow.host}:{binding.flow.port}"}
            self._events.publish("registration", {**told, **way, "user_agent": printable(binding.user_agent)})

    @property
    def speakers(self) -> tuple[Probe | Registration, ...]:
        """Who speaks to the trunks by themselves."""
        return (*self.probes, *self.registrations.values())

    def extension(self, number: str) -> model.Extension | None:
        """The extension of this number as it is now."""
        return self.switchboard.plan.directory.extension(number)

    def _address(self, text: str) -> Target | None:
        """Somewhere in the world, by its URI."""
        uri = Uri.parse(text)
        if self.world is None:
            return None
        transport = "TLS" if uri.scheme == "sips" else (uri.param("transport") or "udp").upper()
        return Gateway(self.world, uri.host, uri.port or 0, transport, self._wire.clock)

    def _serves(self, flow: IFlow) -> bool:
        """Whether phones are taken on the profile of a flow: never on that of Teams, and nowhere without any."""
        profile = self._open.get(flow.profile) if flow.profile in self._served else None
        return profile is not None and profile.phones and bool(self.settings.extensions)

    def _media_on(self, profile: str, manners: model.Manners) -> MediaSide:
        return media_side(self.settings, self._open[profile], manners, trim=True)

    def _find_phone(self, profile: str, uri: Uri) -> Deferred[IFlow]:
        opened = self._open.get(profile)
        if opened is None or profile not in self._served:
            return fail(TransportError("unsupported", f"the profile {profile} is not open any more"))
        router = Router(
            self._wire.transport,
            self._wire.resolver,
            profile=profile,
            protocol="UDP",
            families=(formats.version(opened.bind_address),),
            tls=None,
            timeout=self.settings.transport.connect_timeout,
        )
        return router.find(uri)


def _policy(settings: model.Settings) -> Policy:
    return Policy(
        max_calls=settings.limits.max_calls,
        retry_after=settings.limits.retry_after,
        ring_timeout=settings.sip.ring_timeout,
        session_expires=settings.sip.session_expires,
        min_se=settings.sip.min_se,
    )


def _shapes_trunks(settings: model.Settings) -> tuple[object, ...]:
    """What trunks are made of."""
    return settings.trunks, settings.teams, settings.codecs, settings.sip, settings.media, settings.profiles


def _described(settings: model.Settings) -> dict[str, tuple[object, ...]]:
    """What each trunk is made of, by its id."""
    common = settings.codecs, settings.sip, settings.media
    made: dict[str, tuple[object, ...]] = {
        trunk.id: (trunk, settings.trunk_profile(trunk), *common) for trunk in settings.trunks if trunk.enabled
    }
    if settings.teams.enabled:
        made[model.TEAMS] = (settings.teams, settings.teams_profile, *common)
    return made


def _is_same_login(before: model.Extension, after: model.Extension | None, realm: str) -> bool:
    """Whether who was this extension is it still: a password may be kept as a hash by now."""
    if after is None:
        return False
    if (before.certificate_subject, before.allowed_networks) != (after.certificate_subject, after.allowed_networks):
        return False
    return _hashes(before, realm) == _hashes(after, realm)


def _hashes(extension: model.Extension, realm: str) -> tuple[str, str]:
    """What somebody must show to be this extension, by MD5 and SHA-256."""
    password = extension.password.reveal()
    if password:
        return ha1("MD5", extension.extension, realm, password), ha1("SHA-256", extension.extension, realm, password)
    return extension.ha1_md5.reveal(), extension.ha1_sha256.reveal()


def _loop(media: model.Media) -> dict[int, str]:
    """Where our own audio can be reached from this machine, by IP version; what rtpengine carries is elsewhere."""
    if media.relay == "rtpengine":
        return {}
    return {
        family: _LOOPBACK[family] if formats.is_wildcard(address) else address
        for family, address in media.bound.items()
    }
