"""The rules that no single key can show: references, names given twice, and what is known not to work with Teams.

Each rule is a function of the whole settings that yields a `Problem`, which refuses the file, or a `Notice`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from rustalk.config import formats
from rustalk.config.audio import Media
from rustalk.config.cloud import CLOUDS
from rustalk.config.model import TEAMS, Route, Settings, SipProfile, Trunk
from rustalk.config.problem import Notice, Problem, member

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["check"]

_MAX_FQDN = 63
_PBX_TYPES = frozenset({"Extension", "RingGroup", "Voicemail", "Custom"})

Finding = Problem | Notice
Rule = Callable[[Settings, "Reader"], Iterator[Finding]]


def check(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Yield what all rules find."""
    for rule in _RULES:
        yield from rule(settings, reader)


def _names_once(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Ids are unique among their kind, and no trunk takes the name of the Teams trunk."""
    yield from _once(((p.id, f"{reader.path(p)}.id") for p in settings.sip_profiles), "SIP profile")
    yield from _once(((t.id, f"{reader.path(t)}.id") for t in settings.trunks), "trunk")
    yield from _once(((r.id, f"{reader.path(r)}.id") for r in settings.routing.routes), "route")
    yield from _once(((a.name, f"{reader.path(a)}.name") for a in settings.acls.acls), "ACL")
    for trunk in settings.trunks:
        if trunk.id == TEAMS:
            yield Problem(f"{reader.path(trunk)}.id", f'"{TEAMS}"', "another id", "that name is the Teams trunk")


def _once(named: Iterable[tuple[str, str]], kind: str) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, path in named:
        if name in first:
            yield Problem(path, f'"{name}" again', f"an id that no other {kind} has", f"first at {first[name]}")
        first.setdefault(name, path)


def _profiles(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Profiles have their key with their certificate, a known ACL, and a place of their own to listen."""
    acls = {acl.name: acl for acl in settings.acls.acls}
    taken: dict[tuple[str, int, str], str] = {}
    for profile in settings.sip_profiles:
        path = reader.path(profile)
        yield from _pair(path, "tls_cert", profile.tls_cert, "tls_key", profile.tls_key)
        if profile.acl and profile.acl not in acls:
            yield from _undefined(f"{path}.acl", profile.acl, "an ACL of $.acls.acls", acls, reader)
        elif profile.acl and not acls[profile.acl].enabled:
            policy = acls[profile.acl].default_policy
            yield Notice(
                f"{path}.acl", f'ACL "{profile.acl}" is not enabled, so every address gets its policy: {policy}'
            )
        for protocol in profile.protocols if profile.enabled and profile.bind_port else ():
            kind = "udp" if protocol == "udp" else "tcp"
            here = taken.setdefault((profile.bind_address, profile.bind_port, kind), path)
            if here != path or (protocol == "tls" and "tcp" in profile.protocols):
                other = f"already taken by {here}" if here != path else "TCP and TLS cannot share a port"
                yield Problem(f"{path}.bind_port", str(profile.bind_port), f"a free port for {protocol}", other)
    if not settings.profiles:
        yield Notice("$.sip_profiles", "no profile is enabled, so no SIP is received")


def _sip(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Session intervals fit together, and a callee's own decision is never overridden by trying elsewhere (FO-03)."""
    sip = settings.sip
    if 0 < sip.session_expires < sip.min_se:
        yield Problem("$.sip.session_expires", str(sip.session_expires), f"at least min_se, {sip.min_se}, or 0")
    for number, code in enumerate(sip.failover_codes):
        if code != 408 and code < 500:
            yield Problem(
                f"$.sip.failover_codes[{number}]", str(code), "408 or a 5xx", "others are the callee's decision"
            )


def _listeners(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The short way to listen, `server` and `transport`, is complete, and not mixed with profiles."""
    transport, server = settings.transport, settings.server
    yield from _pair("$.transport", "tls_cert", transport.tls_cert, "tls_key", transport.tls_key)
    if settings.sip_profiles:
        for section, path in ((server, "$.server"), (transport, "$.transport")):
            for key in ("bind_address", "bind_port", "protocols", "udp_port", "tcp_port", "tls_port", "tls_cert"):
                if reader.gives(section, key):
                    yield Notice(f"{path}.{key}", "has no effect: $.sip_profiles say where to listen")
        return
    tcp = server.bind_port if transport.tcp_port is None else transport.tcp_port
    if tcp and tcp == transport.tls_port and {"tcp", "tls"} <= set(transport.protocols):
        yield Problem("$.transport.tls_port", str(tcp), "a port of its own", "TCP and TLS cannot share a port")


def _media(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Session descriptions can name a real address, and the port range holds at least one call."""
    media = settings.media
    low, high = media.ports
    if high - low < 3:
        yield Problem("$.media.ports", f"[{low}, {high}]", "lowest and highest port, at least four ports")
    yield from _media_addresses(media)
    outside = [profile for profile in settings.profiles if not formats.is_loopback(profile.bind_address)]
    if outside and formats.is_loopback(media.bind_address):
        yield Notice(
            "$.media.bind_address",
            f"audio listens on {media.bind_address} only, but SIP on {outside[0].bind_address}: "
            "relayed calls from other machines will be silent",
        )


def _media_addresses(media: Media) -> Iterator[Finding]:
    """There is one address of each IP version, and one that a peer can send to."""
    named = [("", media.bind_address, media.advertised_address)]
    if media.bind_address_v6:
        named.append(("_v6", media.bind_address_v6, media.advertised_address_v6))
    for suffix, bound, advertised in named:
        if formats.is_wildcard(advertised or bound):
            yield Problem(
                f"$.media.advertised_address{suffix}" if advertised else f"$.media.bind_address{suffix}",
                f'"{advertised or bound}"',
                "an address that a peer can send to",
                f"set $.media.advertised_address{suffix}",
            )
    if media.bind_address_v6 and formats.version(media.bind_address) == 6:
        yield Problem(
            "$.media.bind_address", f'"{media.bind_address}"', "an IPv4 address", "bind_address_v6 is the IPv6 one"
        )
    elif media.advertised_address_v6 and not media.bind_address_v6:
        yield Problem("$.media.bind_address_v6", "nothing", "the IPv6 address that advertised_address_v6 stands for")


def _media_versions(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Audio has the IP version of the SIP that sets it up."""
    media = settings.media
    if formats.version(media.bind_address) == 6 or media.bind_address_v6:
        return
    for profile in settings.profiles:
        if formats.version(profile.bind_address) == 6:
            yield Notice(
                "$.media.bind_address_v6",
                f"not set, but SIP profile {profile.id} is IPv6: its calls are offered IPv4 audio",
            )
            return


def _api(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """An API without authentication is for this machine only."""
    api = settings.api
    if api.enabled and not formats.is_loopback(api.bind_address):
        yield Problem(
            "$.api.bind_address", f'"{api.bind_address}"', "a loopback address such as 127.0.0.1 while auth is off"
        )


def _dns(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Each name of `dns.hosts` is a name and its address an address."""
    for name, address in settings.dns.hosts.items():
        for value, form in ((name, formats.domain), (address, formats.address)):
            try:
                form(value)
            except ValueError as error:
                yield Problem(member("$.dns.hosts", name), repr(value[:64]), str(error))
    for number, server in enumerate(settings.dns.servers):
        if not formats.is_address(formats.split_host_port(server)[0]):
            yield Problem(f"$.dns.servers[{number}]", f'"{server}"', "an IP address: a name would need DNS first")


def _teams_name(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The name of the SBC is one that Microsoft can pair (NET-11)."""
    name = settings.teams.sbc_fqdn
    path, found = "$.teams.sbc_fqdn", f'"{name}"' if name else "nothing"
    if not settings.teams.enabled:
        return
    if not name:
        yield Problem(path, found, "the public name of this SBC", "it is needed when Teams is enabled")
        return
    if formats.is_address(name):
        yield Problem(path, found, "a name, not an IP address", "Teams answers 403 to an address in Contact")
        return
    try:
        formats.domain(name)
    except ValueError as error:
        yield Problem(path, found, str(error))
        return
    if name.lower().rstrip(".").endswith(".onmicrosoft.com"):
        yield Problem(path, found, "a name in a domain of your own", "Teams does not pair names under onmicrosoft.com")
    if len(name) > _MAX_FQDN:
        yield Problem(path, f"{len(name)} characters", f"at most {_MAX_FQDN} characters")
    if "." not in name:
        yield Problem(path, found, "a full name with its domain, such as sbc.example.com")


def _teams_tls(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Teams has our certificate and a TLS profile, in the US government clouds on port 5061 (NET-02)."""
    teams = settings.teams
    if not teams.enabled:
        return
    yield from _pair("$.teams", "mtls_cert_path", teams.mtls_cert_path, "mtls_key_path", teams.mtls_key_path)
    profile = settings.teams_profile
    if profile is None or "tls" not in profile.protocols:
        found = f'"{teams.profile}"' if teams.profile else "no profile with TLS"
        yield Problem(
            "$.teams.profile", found, "the id of an enabled SIP profile with TLS, which is all that Teams speaks"
        )
        return
    if not profile.tls_cert:
        yield Problem("$.teams.mtls_cert_path", "nothing", "the certificate of this SBC", "Teams is mutual TLS only")
    port = CLOUDS[teams.cloud].port
    if port and profile.bind_port != port:
        path = _profile_path(settings, reader, profile)
        yield Problem(path, str(profile.bind_port), f"{port}: cloud {teams.cloud} calls no other port")


def _profile_path(settings: Settings, reader: Reader, profile: SipProfile) -> str:
    """Where the port of a profile is set, be it a profile of the file or one made of `transport`."""
    for written in settings.sip_profiles:
        if written.id == profile.id:
            return f"{reader.path(written)}.bind_port"
    return "$.transport.tls_port"


def _teams_proxies(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The proxies belong to the cloud, as far as that can be told (NET-02)."""
    teams = settings.teams
    cloud = CLOUDS[teams.cloud]
    for number, (host, port) in enumerate(teams.proxies):
        path, found = f"$.teams.sip_proxies[{number}]", f'"{host}:{port}"'
        if cloud.port and port != cloud.port:
            yield Problem(path, found, f"port {cloud.port}, the only one of cloud {teams.cloud}")
        homes = sorted(name for name, other in CLOUDS.items() if host in other.proxies)
        if homes and host not in cloud.proxies:
            yield Problem(
                path, found, f"a proxy of cloud {teams.cloud}", f'for this one set $.teams.cloud to "{homes[0]}"'
            )
    if teams.enabled and not teams.sip_proxies:
        yield Problem(
            "$.teams.sip_proxies", "an empty list", "at least one proxy", "leave the key out for the usual three"
        )
    if teams.enabled and not teams.networks:
        yield Problem("$.teams.networks", "an empty list", "at least one network", "leave the key out for Microsoft's")
    if teams.enabled and teams.options_ping_interval > 60:
        yield Notice("$.teams.options_ping_interval", "Teams wants an OPTIONS a minute; a slower SBC is tried last")
    if teams.enabled and not teams.options_ping_enabled:
        yield Notice("$.teams.options_ping_enabled", "Teams gives no calls to an SBC that sends no OPTIONS")


def _trunks(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """A trunk has a profile that speaks its protocol, and whole pairs of settings."""
    ids = [profile.id for profile in settings.profiles]
    for trunk in settings.trunks:
        path = reader.path(trunk)
        yield from _pair(path, "tls_cert", trunk.tls_cert, "tls_key", trunk.tls_key)
        profile = settings.trunk_profile(trunk)
        if trunk.profile and trunk.profile not in ids:
            yield from _undefined(f"{path}.profile", trunk.profile, "the id of an enabled SIP profile", ids, reader)
        elif trunk.enabled and (profile is None or trunk.protocol not in profile.protocols):
            where = f'profile "{profile.id}"' if profile else "any profile"
            yield Problem(f"{path}.protocol", f'"{trunk.protocol}"', f"a protocol of {where}", "add it to the profile")
        yield from _ports(trunk, path)
        if trunk.password and not trunk.username:
            yield Problem(f"{path}.username", "nothing", "the user that the password belongs to")
        if trunk.register and not trunk.username and not trunk.password:
            yield Problem(f"{path}.username", "nothing", "the user to register", "or set register to false")
        if trunk.tls_verify_name and trunk.protocol != "tls":
            yield Notice(f"{path}.tls_verify_name", f'has no effect with protocol "{trunk.protocol}"')


def _ports(trunk: Trunk, path: str) -> Iterator[Finding]:
    """A port is given in one place only."""
    named = [(f"{path}.port", trunk.host, trunk.port)]
    named += [(f"{path}.hosts[{number}].port", host.host, host.port) for number, host in enumerate(trunk.hosts)]
    for place, host, port in named:
        inner = formats.split_host_port(host)[1]
        if port and inner and port != inner:
            yield Problem(place, str(port), f"the same port as in the host, {inner}, or none")


def _routes(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Every enabled route can be carried out, and says what it seems to say."""
    for route in settings.routing.routes:
        path = reader.path(route)
        yield from _destination(settings, reader, route, path)
        yield from _source(settings, reader, route, path)
        if route.action == "continue" and not route.continue_on_match:
            yield Problem(
                f"{path}.continue_on_match",
                "false",
                'true with action "continue"',
                "else the search would end without a destination",
            )
        if route.continue_on_match and route.action != "continue":
            yield Notice(f"{path}.continue_on_match", f'has no effect with action "{route.action}"')
        if not route.pattern.anchored:
            yield Notice(f"{path}.pattern", "matches anywhere in the number; start it with ^ if that is not meant")


def _destination(settings: Settings, reader: Reader, route: Route, path: str) -> Iterator[Finding]:
    """The destination of a route exists."""
    destination = route.destination
    if destination is None:
        if route.action == "accept":
            yield Problem(f"{path}.destination", "nothing", "where the call goes", 'or action "reject"')
        return
    place = f"{path}.destination"
    if destination.type in _PBX_TYPES:
        if route.enabled:
            yield Problem(
                f"{place}.type",
                f'"{destination.type}"',
                '"Trunk" or "Hangup"',
                "others need the PBX, not in this version",
            )
        else:
            yield Notice(f"{place}.type", f'"{destination.type}" needs the PBX, which is not in this version')
    elif destination.type == "Hangup":
        if destination.value and not _is_status(destination.value):
            yield Problem(f"{place}.value", repr(destination.value[:64]), "a SIP status from 400 to 699, or nothing")
    elif "${" in destination.value:
        yield Problem(
            f"{place}.value", repr(destination.value[:64]), "the id of a trunk", "the caller must not choose the trunk"
        )
    else:
        yield from _trunk_reference(settings, reader, destination.value, f"{place}.value", route.enabled)


def _source(settings: Settings, reader: Reader, route: Route, path: str) -> Iterator[Finding]:
    if route.source:
        yield from _trunk_reference(settings, reader, route.source, f"{path}.source", route.enabled)


def _trunk_reference(settings: Settings, reader: Reader, id: str, path: str, used: bool) -> Iterator[Finding]:
    """``id`` names a trunk or Teams; one that is not enabled is worth a word."""
    known = {trunk.id: trunk.enabled for trunk in settings.trunks} | {TEAMS: settings.teams.enabled}
    if id not in known:
        yield from _undefined(path, id, 'the id of a trunk, or "teams"', known, reader)
    elif used and not known[id]:
        yield Notice(path, f'"{id}" is not enabled, so no call comes from or goes to it')


def _is_status(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 3 and "400" <= text <= "699"


def _undefined(path: str, name: str, expected: str, known: Iterable[str], reader: Reader) -> Iterator[Finding]:
    """A reference to what is not defined, unless it is defined with a fault that is reported already."""
    if name not in reader.lost:
        names = ", ".join(f'"{each}"' for each in sorted(known)) or "none"
        yield Problem(path, f'"{name}"', expected, f"defined: {names}")


def _pair(path: str, first: str, one: str, second: str, two: str) -> Iterator[Finding]:
    """A certificate and its key come together."""
    if bool(one) != bool(two):
        missing, there = (second, first) if one else (first, second)
        yield Problem(f"{path}.{missing}", "nothing", f"a file, because {there} is given")


_RULES: tuple[Rule, ...] = (
    _names_once,
    _sip,
    _profiles,
    _listeners,
    _media,
    _media_versions,
    _api,
    _dns,
    _teams_name,
    _teams_tls,
    _teams_proxies,
    _trunks,
    _routes,
)
