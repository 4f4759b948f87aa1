"""The one question the wire asks: who is this peer, and may it speak? The SBC is never an open relay.

Teams is known by two proofs together: a certificate verified by the profile of Teams that bears the name of a proxy,
and an address in Microsoft's networks. Neither alone is enough (A25: anyone can rent a machine in those networks), and
the address may be any in them, not only what the proxies' names resolve to (NET-06). A provider is known by its address
or, over TLS, by its certificate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rustalk.config.cloud import CLOUDS
from rustalk.config.formats import is_address
from rustalk.config.model import TEAMS, Settings, Trunk
from rustalk.security.acl import AccessList
from rustalk.security.identity import Identity, Refusal, RefusalReason, VerifiedCertificate
from rustalk.security.networks import NetworkSet, parse_address

__all__ = ["Screen"]

_SEEN = 4096
"""Addresses whose answer is remembered; it depends on nothing but the configuration and what names resolve to."""


class _Provider:
    """What is known of one provider trunk."""

    __slots__ = ("_networks", "id", "names", "profile", "reachable")

    def __init__(self, trunk: Trunk) -> None:
        hosts = [host for host, _ in (target.target for target in trunk.targets)]
        self.id = trunk.id
        self.profile = trunk.profile
        self.names = (trunk.tls_verify_name,) if trunk.tls_verify_name else tuple(h for h in hosts if not is_address(h))
        self._networks = (*trunk.networks, *(host for host in hosts if is_address(host)))
        self.resolved(())

    def resolved(self, addresses: Iterable[str]) -> None:
        """Replace what the names of the hosts resolve to; what is no address is left out."""
        self.reachable = NetworkSet((*self._networks, *(address for address in addresses if is_address(address))))


class Screen:
    """Answers who a peer is, from the configuration and from what the trunks' names resolve to now."""

    def __init__(self, settings: Settings) -> None:
        """Take the trunks, Teams and the access lists of ``settings``."""
        teams = settings.teams
        profile = settings.teams_profile
        proxies = {host for host, _ in teams.proxies if not is_address(host)}
        self._silent = settings.sip.unknown_sources == "drop"
        self._teams_profile = profile.id if profile else None
        self._teams_names = frozenset((*CLOUDS[teams.cloud].proxies, *proxies))
        self._teams_networks = NetworkSet(teams.networks)
        self._providers = {trunk.id: _Provider(trunk) for trunk in settings.trunks if trunk.enabled}
        lists = {acl.name: AccessList(acl) for acl in settings.acls.acls}
        self._by_profile = {each.id: self._on(each.id) for each in settings.profiles}
        self._seen: dict[tuple[str, str], Identity | Refusal] = {}
        self._lists: Mapping[str, AccessList | None] = {each.id: lists.get(each.acl) for each in settings.profiles}

    def resolved(self, trunk: str, addresses: Iterable[str]) -> None:
        """Say what the hosts of ``trunk`` resolve to now; this replaces what was said before."""
        if trunk in self._providers:
            self._providers[trunk].resolved(addresses)
            self._seen.clear()

    def admits(self, address: str, profile: str) -> bool:
        """Say whether anything of this address is read at all: the access list of the profile."""
        access = self._lists.get(profile)
        return profile in self._lists and (access is None or access.allows(address))

    def knows(self, address: str, profile: str) -> bool:
        """Say whether a trunk may be calling from this address, as far as the address alone can tell."""
        if profile == self._teams_profile and self._teams_networks.contains(address):
            return True
        return any(provider.reachable.contains(address) for provider in self._by_profile.get(profile, ()))

    def identify(
        self, address: str, profile: str, certificate: VerifiedCertificate | None = None
    ) -> Identity | Refusal:
        """Return who the peer is, or why it may not call.

        ``certificate`` is what the transport verified for this connection, None where there was none.
        """
        if certificate is not None:
            return self._identify(address, profile, certificate)
        identity = self._seen.get((address, profile))
        if identity is None:
            if len(self._seen) >= _SEEN:
                self._seen.clear()
            identity = self._seen[address, profile] = self._identify(address, profile, None)
        return identity

    def _identify(self, address: str, profile: str, certificate: VerifiedCertificate | None) -> Identity | Refusal:
        if profile not in self._lists:
            return self._refuse("unknown-profile", f"profile {profile!r} is not open")
        if not self.admits(address, profile):
            return self._refuse("acl", f"the access list of profile {profile!r} does not allow {address}")
        refusal = None
        if profile == self._teams_profile:
            refusal = self._not_teams(address, certificate)
            if refusal is None:
                return Identity(TEAMS, "certificate")
        return self._provider(address, profile, certificate) or refusal or self._unknown(address)

    def _not_teams(self, address: str, certificate: VerifiedCertificate | None) -> Refusal | None:
        """Why a peer on the profile of Teams is not Teams; None when it is."""
        in_range = self._teams_networks.contains(address)
        if certificate is None and in_range:
            return self._refuse("teams-certificate-missing", f"{address} showed no certificate")
        if certificate is None:
            return self._unknown(address)
        if not any(certificate.covers(name) for name in self._teams_names):
            return self._refuse("teams-certificate-name", f"the certificate of {address} names no Teams proxy")
        if not in_range:
            return self._refuse("teams-network", f"{address} has a certificate of Teams but is not in teams.networks")
        return None

    def _on(self, profile: str) -> tuple[_Provider, ...]:
        """The trunks that may call on a profile, those that name it first."""
        here = (provider for provider in self._providers.values() if provider.profile in {"", profile})
        return tuple(sorted(here, key=lambda provider: provider.profile != profile))

    def _provider(self, address: str, profile: str, certificate: VerifiedCertificate | None) -> Identity | None:
        """The trunk that this peer is, by certificate before by address."""
        here = self._by_profile[profile]
        if certificate is not None:
            for provider in here:
                if any(certificate.covers(name) for name in provider.names):
                    return Identity(provider.id, "certificate")
        parsed = parse_address(address)
        for provider in here:
            if parsed is not None and provider.reachable.holds(parsed):
                return Identity(provider.id, "address")
        return None

    def _unknown(self, address: str) -> Refusal:
        return self._refuse("unknown-source", f"{address} belongs to no trunk")

    def _refuse(self, reason: RefusalReason, detail: str) -> Refusal:
        return Refusal(reason, detail, self._silent)
