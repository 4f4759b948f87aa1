"""The rules that no single key can show: references, names given twice, and what is known not to work with Teams.

Each rule is a function of the whole settings that yields a `Problem`, which refuses the file, or a `Notice`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rustalk.config import check_emergency, check_manners, check_pbx, check_rates, check_routing, check_teams, formats
from rustalk.config.audio import Media
from rustalk.config.finding import Finding, once, pair, undefined
from rustalk.config.known import Known, all_routes
from rustalk.config.model import TEAMS, Settings, Trunk
from rustalk.config.problem import Notice, Problem, member
from rustalk.config.routing import PHONES

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["check"]

_RESERVED = {TEAMS: "that name is the Teams trunk", PHONES: "that name is the source of calls from extensions"}

Rule = Callable[[Settings, "Reader"], Iterator[Finding]]


def check(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Yield what all rules find."""
    for rule in _RULES:
        yield from rule(settings, reader)
    known = Known(settings)
    for related in (
        *check_routing.RULES,
        *check_pbx.RULES,
        *check_rates.RULES,
        *check_emergency.RULES,
    ):
        yield from related(settings, reader, known)


def _names_once(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Ids are unique among their kind, and no trunk takes a name that means something else."""
    yield from once(((p.id, f"{reader.path(p)}.id") for p in settings.sip_profiles), "SIP profile")
    yield from once(((t.id, f"{reader.path(t)}.id") for t in settings.trunks), "trunk")
    yield from once(((r.id, f"{reader.path(r)}.id") for r in all_routes(settings)), "route")
    yield from once(((a.name, f"{reader.path(a)}.name") for a in settings.acls.acls), "ACL")
    for trunk in settings.trunks:
        if trunk.id in _RESERVED:
            yield Problem(f"{reader.path(trunk)}.id", f'"{trunk.id}"', "another id", _RESERVED[trunk.id])


def _profiles(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Profiles have their key with their certificate, and a place of their own to listen."""
    taken: dict[tuple[str, int, str], str] = {}
    for profile in settings.sip_profiles:
        path = reader.path(profile)
        yield from pair(path, "tls_cert", profile.tls_cert, "tls_key", profile.tls_key)
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
    if not sip.digest_algorithms or len(set(sip.digest_algorithms)) < len(sip.digest_algorithms):
        found = f"[{', '.join(sip.digest_algorithms)}]"
        yield Problem("$.sip.digest_algorithms", found, "SHA-256, MD5 or both, each once")


def _listeners(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The short way to listen, `server` and `transport`, is complete, and not mixed with profiles."""
    transport, server = settings.transport, settings.server
    yield from pair("$.transport", "tls_cert", transport.tls_cert, "tls_key", transport.tls_key)
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
    if media.relay == "rtpengine" and not media.rtpengine:
        yield Problem("$.media.rtpengine", "no node", "at least one", 'relay "rtpengine" needs one')
    elif media.rtpengine and media.relay != "rtpengine":
        yield Notice("$.media.rtpengine", f'has no effect with relay "{media.relay}"')
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


def _acls(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Each ACL that is named exists, and one that is not enabled is worth a word: it answers its default policy."""
    acls = {acl.name: acl for acl in settings.acls.acls}
    named = [(f"{reader.path(profile)}.acl", profile.acl) for profile in settings.sip_profiles]
    named += [(f"{reader.path(trunk)}.acl", trunk.acl) for trunk in settings.trunks]
    for path, name in (*named, ("$.api.acl", settings.api.acl)):
        if name and name not in acls:
            yield from undefined(path, name, "an ACL of $.acls.acls", acls, reader)
        elif name and not acls[name].enabled:
            policy = acls[name].default_policy
            yield Notice(path, f'ACL "{name}" is not enabled, so every address gets its policy: {policy}')


def _api(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """An API without authentication is for this machine only, and tokens are secrets."""
    api = settings.api
    if not api.enabled or formats.is_loopback(api.bind_address):
        return
    place, found = "$.api.bind_address", f'"{api.bind_address}"'
    if api.auth == "off":
        yield Problem(place, found, 'a loopback address such as 127.0.0.1 while auth is "off"', 'or auth "token"')
    else:
        yield Notice(
            place, "tokens cross the network in clear text; put a proxy with TLS in front of a loopback address"
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


def _trunks(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """A trunk has a profile that speaks its protocol, and whole pairs of settings."""
    ids = [profile.id for profile in settings.profiles]
    for trunk in settings.trunks:
        path = reader.path(trunk)
        yield from pair(path, "tls_cert", trunk.tls_cert, "tls_key", trunk.tls_key)
        profile = settings.trunk_profile(trunk)
        if trunk.profile and trunk.profile not in ids:
            yield from undefined(f"{path}.profile", trunk.profile, "the id of an enabled SIP profile", ids, reader)
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


_RULES: tuple[Rule, ...] = (
    _names_once,
    _sip,
    _profiles,
    _listeners,
    _media,
    _media_versions,
    _api,
    _dns,
    *check_teams.RULES,
    _trunks,
    *check_manners.RULES,
    _acls,
)
