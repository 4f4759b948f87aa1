"""From the configuration to trunks, with their gateways, who is pinged, and who is registered with."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from ipaddress import ip_address, ip_network

from twisted.internet.interfaces import IReactorTime

from rustalk.config import formats, model
from rustalk.media.session import MediaSide
from rustalk.sdp.codec import Codec
from rustalk.sip.digest import Credentials
from rustalk.sip.uri import Uri, format_host
from rustalk.transport.layer import Transport
from rustalk.transport.resolve import Resolver
from rustalk.ua.endpoint import Endpoint
from rustalk.ua.profile import Profile
from rustalk.ua.registration import Account, Registration
from rustalk.ua.route import Router

from .choose import Failover
from .dialect import Dialect, dialects
from .gateway import Gateway
from .limit import Limit
from .number import as_user
from .probe import Probe
from .provider import Provider
from .teams import Teams

__all__ = [
    "WORLD",
    "build_dialects",
    "build_probes",
    "build_registrations",
    "build_trunks",
    "build_world",
    "media_side",
]

WORLD = "custom"
"""The id under which calls to SIP addresses are told."""


_TEAMS_SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""The SRTP suites that Teams takes, the first one for our own offers (MED-02, MED-03)."""


def build_dialects(settings: model.Settings) -> dict[str, Dialect]:
    """How each enabled trunk speaks about people and numbers, by its id; `rustalk route test` needs no more of it."""
    manners: dict[str, model.Manners] = {trunk.id: trunk for trunk in settings.trunks if trunk.enabled}
    if settings.teams.enabled:
        manners[model.TEAMS] = settings.teams
    return dialects(manners, model.TEAMS)


def media_side(
    settings: model.Settings,
    profile: model.SipProfile,
    manners: model.Manners,
    *,
    trim: bool = False,
) -> MediaSide:
    """How the media of who has these manners are treated, on a profile."""
    family = settings.media.family(formats.version(profile.bind_address))
    teams = manners if isinstance(manners, model.Teams) else None
    direct = manners.media == "direct"
    return MediaSide(
        family=family,
        advertised=settings.media.advertised.get(family) if settings.media.relay != "rtpengine" else None,
        direct=direct,
        trim=trim,
        inactive_only=teams is not None,
        within=tuple(ip_network(each) for each in teams.networks) if teams and not teams.media_bypass else (),
        srtp="any" if direct and teams is None else manners.srtp,
        suites=_TEAMS_SUITES if teams else (),
        codecs=_codecs(settings, manners.codecs),
        dtmf=manners.dtmf,
        strip_comfort_noise=manners.strip_comfort_noise,
        ice=teams is not None and teams.media_bypass,
    )


def _codecs(settings: model.Settings, names: Iterable[str]) -> tuple[Codec, ...]:
    """The codecs of these names, in this order, as descriptions know them."""
    return tuple(
        Codec(each.name, each.clock_rate, each.channels, each.fmtp, each.payload_type)
        for name in names
        for each in settings.codecs.named(name)
    )


def build_trunks(
    settings: model.Settings,
    profiles: Mapping[str, Profile],
    transport: Transport,
    resolver: Resolver,
    clock: IReactorTime,
) -> dict[str, Teams | Provider]:
    failover = Failover(settings.sip.failover_codes)
    spoken = build_dialects(settings)
    trunks: dict[str, Teams | Provider] = {}

    router = _Routers(settings, transport, resolver)
    teams, profile = settings.teams, settings.teams_profile
    if teams.enabled and profile is not None:
        trunks["teams"] = Teams(
            fqdn=teams.sbc_fqdn,
            profile=profiles[profile.id],
            proxies=teams.proxies,
            router=router(profile, "tls", "teams"),
            dialect=spoken[model.TEAMS],
            limit=Limit(teams.max_calls, teams.max_cps, clock.seconds),
            tenants={tenant.id: tenant.fqdn for tenant in teams.tenants},
            clock=clock,
            media=media_side(settings, profile, teams),
            early_media=teams.early_media,
            refer=teams.refer,
            redirects=teams.redirects,
            allow_refer=teams.allow_refer,
            refer_local=teams.refer_local,
            internal_address=teams.internal_media_address,
            ring_within=teams.ring_within or None,
            failover=failover,
            patience=settings.sip.first_response_timeout,
            max_forwards=settings.sip.max_forwards,
            product=settings.sip.user_agent,
        )
    for trunk in settings.trunks:
        if trunk.enabled:
            provider = _provider(settings, trunk, spoken[trunk.id], profiles, router, clock)
            if provider is not None:
                provider.gateways = tuple(
                    Gateway(
                        provider,
                        *host.target,
                        trunk.protocol.upper(),
                        clock,
                        priority=host.priority,
                        weight=host.weight,
                    )
                    for host in trunk.targets
                )
                trunks[trunk.id] = provider
    return trunks


def build_world(
    settings: model.Settings,
    profiles: Mapping[str, Profile],
    transport: Transport,
    resolver: Resolver,
    clock: IReactorTime,
) -> Provider | None:
    """Whoever has a SIP address and is no trunk, for destinations of type Custom; None without a profile for UDP."""
    world = model.Trunk(id=WORLD, host=WORLD, srtp="preferred", identity="from")
    routers = _Routers(settings, transport, resolver)
    return _provider(settings, world, Dialect(world), profiles, routers, clock)


class _Routers:
    """Finds ways for trunks, each from its own profile."""

    def __init__(self, settings: model.Settings, transport: Transport, resolver: Resolver) -> None:
        self._settings = settings
        self._transport = transport
        self._resolver = resolver

    def __call__(self, profile: model.SipProfile, protocol: str, tls: str | None) -> Router:
        return Router(
            self._transport,
            self._resolver,
            profile=profile.id,
            protocol=protocol.upper(),
            families=(ip_address(profile.bind_address).version,),
            tls=tls,
            timeout=self._settings.transport.connect_timeout,
        )


def _provider(
    settings: model.Settings,
    trunk: model.Trunk,
    dialect: Dialect,
    profiles: Mapping[str, Profile],
    router: _Routers,
    clock: IReactorTime,
) -> Provider | None:
    """A provider without hosts yet; None where no profile speaks its protocol."""
    profile = settings.trunk_profile(trunk)
    if profile is None:
        return None
    return Provider(
        id=trunk.id,
        name=trunk.name or trunk.id,
        profile=profiles[profile.id],
        router=router(profile, trunk.protocol, trunk.id if trunk.protocol == "tls" else None),
        dialect=dialect,
        limit=Limit(trunk.max_calls, trunk.max_cps, clock.seconds),
        media=media_side(settings, profile, trunk, trim=trunk.protocol == "udp"),
        early_media=trunk.early_media,
        refer=trunk.refer,
        redirects=trunk.redirects,
        failover=Failover(settings.sip.failover_codes),
        patience=settings.sip.first_response_timeout,
        max_forwards=settings.sip.max_forwards,
        product=settings.sip.user_agent,
        credentials=_login(trunk),
        below=secrets.randbelow,
    )


def _login(trunk: model.Trunk) -> Credentials | None:
    if not trunk.username:
        return None
    return Credentials(trunk.username, trunk.password.reveal(), trunk.realm or _own_realms(trunk))


def _own_realms(trunk: model.Trunk) -> set[str]:
    """What the trunk's realm may be called where nothing says so: its hosts, and the domains that they are in (A2)."""
    realms = set()
    for host, _ in (target.target for target in trunk.targets):
        labels = host.split(".")
        above = () if formats.is_address(host) else range(1, len(labels) - 1)
        realms |= {host, *(".".join(labels[at:]) for at in above)}
    return realms


def build_probes(
    settings: model.Settings, trunks: Mapping[str, Teams | Provider], endpoint: Endpoint, clock: IReactorTime
) -> list[Probe]:
    """Who is pinged, and how often."""
    schedule: dict[str, float] = {}
    if settings.teams.options_ping_enabled:
        schedule["teams"] = settings.teams.options_ping_interval
    for trunk in settings.trunks:
        if trunk.options_ping_enabled:
            schedule[trunk.id] = trunk.options_ping_interval
    return [
        Probe(endpoint, gateway, schedule[trunk.id], clock)
        for trunk in trunks.values()
        if trunk.id in schedule
        for gateway in trunk.gateways
    ]


def build_registrations(
    settings: model.Settings, trunks: Mapping[str, Teams | Provider], endpoint: Endpoint, clock: IReactorTime
) -> dict[str, Registration]:
    registrations = {}
    for each in settings.trunks:
        trunk = trunks.get(each.id)
        if each.register and isinstance(trunk, Provider):
            account = Account(
                trunk=each.id,
                registrar=Uri.parse(f"sip:{trunk.gateways[0].authority}"),
                address=f"sip:{as_user(each.username)}@{format_host(trunk.gateways[0].host)}",
                expires=each.register_expires,
                credentials=trunk.credentials,
                contact=partial(trunk.contact, user=each.username),
            )
            spread = secrets.SystemRandom().random
            registrations[each.id] = Registration(endpoint, trunk.router, account, clock, spread)
    return registrations
