"""The rules on the section teams: what Microsoft asks for, and what is known not to work with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rustalk.config import formats
from rustalk.config.cloud import CLOUDS
from rustalk.config.finding import Finding, once, pair
from rustalk.config.model import Settings, SipProfile
from rustalk.config.problem import Notice, Problem

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]

_MAX_FQDN = 63
_HUB = ".pstnhub.microsoft.com"


def _names(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The names of the SBC are names that Microsoft can pair (NET-11), each given once."""
    teams = settings.teams
    own = [(teams.sbc_fqdn.lower().removesuffix("."), "$.teams.sbc_fqdn")]
    theirs = [(tenant.fqdn, f"{reader.path(tenant)}.fqdn") for tenant in teams.tenants]
    for name, path in own + theirs if teams.enabled else theirs:
        yield from _fqdn(path, name)
    yield from once((named for named in own + theirs if named[0]), "name of this SBC")
    yield from once(((tenant.id, f"{reader.path(tenant)}.id") for tenant in teams.tenants), "tenant")


def _fqdn(path: str, name: str) -> Iterator[Finding]:
    """A full name in a domain of one's own."""
    found = f'"{name}"' if name else "nothing"
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


def _tls(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Teams has our certificate and a TLS profile, in the US government clouds on port 5061 (NET-02)."""
    teams = settings.teams
    if not teams.enabled:
        return
    yield from pair("$.teams", "mtls_cert_path", teams.mtls_cert_path, "mtls_key_path", teams.mtls_key_path)
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


def _proxies(settings: Settings, reader: Reader) -> Iterator[Finding]:
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


def _media(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The audio is such as Teams takes."""
    teams = settings.teams
    if teams.srtp != "required":
        yield Problem("$.teams.srtp", f'"{teams.srtp}"', '"required"', "Teams takes SRTP only (MED-01)")
    if teams.internal_media_address and formats.is_wildcard(teams.internal_media_address):
        yield Problem(
            "$.teams.internal_media_address",
            f'"{teams.internal_media_address}"',
            "an address that a client in the company network can send to",
        )
    if teams.media_bypass and not teams.allow_refer:
        yield Notice("$.teams.allow_refer", "Teams needs REFER for transfers where media bypass is on (XFR-01)")
    if teams.media_bypass and formats.version(settings.media.address) != 4:
        yield Notice(
            "$.teams.media_bypass", "Teams clients are offered one IPv4 address, and $.media has IPv6 (ICE-01)"
        )


def _azure(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """A trunk of Azure Communication Services knows us by another name than Teams (MTN-07).

    Its hosts are those of Teams, so nobody else is reached there.
    """
    teams = settings.teams
    if not teams.enabled:
        return
    paired = {_plain(name) for name in (teams.sbc_fqdn, *(tenant.fqdn for tenant in teams.tenants))}
    for trunk in settings.trunks:
        profile = settings.trunk_profile(trunk)
        if not trunk.enabled or profile is None:
            continue
        name = teams.sbc_fqdn if profile == settings.teams_profile else profile.domain
        path = reader.path(trunk)
        places = [(f"{path}.host", trunk.host)]
        places += [(f"{path}.hosts[{number}].host", each.host) for number, each in enumerate(trunk.hosts)]
        for place, host in places if _plain(name) in paired else ():
            if f".{_plain(formats.split_host_port(host)[0])}".endswith(_HUB):
                yield Notice(
                    place,
                    f'this is Azure Communication Services under the name "{name}", with which Teams is paired, and '
                    "Microsoft takes a name for one of the two only (MTN-07); give the trunk a SIP profile with another"
                    " domain and a certificate for that, or take it out",
                )


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


RULES = (_names, _tls, _proxies, _media, _azure)
"""The rules, each a function of the settings and of where they were read."""
