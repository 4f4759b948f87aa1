"""The one question the wire asks: who is this peer, and may it speak? The SBC is never an open relay.

Teams is known by two proofs together: a certificate verified by the profile of Teams that bears the name of a proxy,
and an address in Microsoft's networks. Neither alone is enough (A25: anyone can rent a machine in those networks), and
the address may be any in them, not only what the proxies' names resolve to (NET-06). A provider is known by its address
or, over TLS, by its certificate; where its trunk has an access list, that must allow the address as well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rustalk.config.cloud import CLOUDS
from rustalk.config.formats import is_address
from rustalk.config.model import TEAMS, Settings, Trunk
from rustalk.security.acl import AccessList, access_list
from rustalk.security.identity import Identity, Refusal, RefusalReason, VerifiedCertificate
from rustalk.security.networks import Address, NetworkSet, parse_address, source_at

__all__ = ["Screen", "Standing"]

_SEEN = 32768
"""Addresses whose answer is remembered; it depends on nothing but the configuration and what names resolve to."""
_CERTIFIED = 1000
"""Addresses of trunks that are known by their certificate alone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an address alone tells, before anything of it is read.

    ``source`` is who is counted for it, see `source_at`. ``admitted`` are the profiles that read what it sends,
    ``known`` those where it may be Teams or a trunk. ``protected``: it may be one of them somewhere, so it must be
    reachable whatever comes from it.
    """

    source: str
    admitted: frozenset[str]
    known: frozenset[str]
    protected: bool


_NONE: frozenset[str] = frozenset()
_NOBODY = Standing("", _NONE, _NONE, protected=False)


class _Provider:
    """What is known of one provider trunk."""

    __slots__ = ("_access", "_networks", "addresses", "hosts", "id", "names", "profile", "reachable", "resolved_to")

    def __init__(self, trunk: Trunk, access: AccessList | None) -> None:
        hosts = [host for host, _ in (target.target for target in trunk.targets)]
        self.id = trunk.id
        self.profile = trunk.profile
        self.hosts = tuple(host for host in hosts if not is_address(host))
        self.names = (trunk.tls_verify_name,) if trunk.tls_verify_name else self.hosts
        self._access = access
        self.resolved_to = frozenset[str]()
        self._networks = (*trunk.networks, *(host for host in hosts if is_address(host)))
        self.addresses = self._networks
        self.reachable = NetworkSet(self.addresses)

    def resolved(self, addresses: Iterable[str]) -> bool:
        """Replace what the names of the hosts resolve to; say whether it was something else.

        What is no address is left out.
        """
        found = frozenset(address for address in addresses if is_address(address))
        if found == self.resolved_to:
            return False
        self.resolved_to = found
        self.addresses = (*self._networks, *found)
        self.reachable = NetworkSet(self.addresses)
        return True

    def may_call_from(self, address: Address) -> bool:
        """Whether the access list of the trunk allows the address."""
        return self._access is None or self._access.admits(address)

    def is_at(self, address: Address) -> bool:
        """Whether the address is the trunk's, and allowed to it."""
        return self.reachable.holds(address) and self.may_call_from(address)


class Screen:
    """Answers who a peer is, from the configuration and from what the trunks' names resolve to now.

    ``version`` is another number after each change, for those that remember answers.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the trunks, Teams and the access lists of ``settings``."""
        self.version = 0
        self._providers: dict[str, _Provider] = {}
        self._parts: tuple[object, ...] = ()
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Take others from now on. What names resolve to is kept for the trunks whose hosts are the same.

        Nothing happens where nothing changed that matters here.
        """
        parts = (settings.trunks, settings.acls, settings.teams, settings.sip, settings.profiles, settings.security)
        if parts == self._parts:
            return
        self._parts = parts
        teams = settings.teams
        profile = settings.teams_profile
        proxies = {host for host, _ in teams.proxies if not is_address(host)}
        self._silent = (settings.security.unknown_sources or settings.sip.unknown_sources) == "drop"
        self._teams_profile = profile.id if profile else None
        self._teams_names = frozenset((*CLOUDS[teams.cloud].proxies, *proxies))
        self._teams = teams.networks if profile else ()
        self._teams_networks = NetworkSet(teams.networks)
        self._providers = {
            trunk.id: self._known(_Provider(trunk, access_list(settings.acls, trunk.acl)))
            for trunk in settings.trunks
            if trunk.enabled
        }
        self._by_profile = {each.id: self._on(each.id) for each in settings.profiles}
        self._lists: Mapping[str, AccessList | None] = {
            each.id: access_list(settings.acls, each.acl) for each in settings.profiles
        }
        self._certified: OrderedDict[str, set[str]] = OrderedDict()
        self._forget()

    def resolved(self, trunk: str, addresses: Iterable[str]) -> None:
        """Say what the hosts of ``trunk`` resolve to now; this replaces what was said before."""
        provider = self._providers.get(trunk)
        if provider is not None and provider.resolved(addresses):
            self._forget()

    def admits(self, address: str, profile: str) -> bool:
        """Say whether anything of this address is read at all: the access list of the profile."""
        access = self._lists.get(profile)
        return profile in self._lists and (access is None or access.allows(address))

    def knows(self, address: str, profile: str) -> bool:
        """Say whether a trunk may be calling from this address, as far as the address alone can tell."""
        parsed = parse_address(address)
        return parsed is not None and (self._may_be_peer(parsed, profile) or profile in self._shown(address))

    def standing(self, address: str) -> Standing:
        """Say all that the address alone tells, for every profile at once."""
        parsed = parse_address(address)
        if parsed is None:
            return _NOBODY
        admitted = frozenset([name for name, access in self._lists.items() if access is None or access.admits(parsed)])
        if address not in self._certified and not self._anybody.holds(parsed):
            return Standing(source_at(parsed), admitted, _NONE, protected=False)
        shown = self._shown(address)
        known = frozenset([name for name in self._lists if name in shown or self._may_be_peer(parsed, name)])
        protected = bool(known) or any(provider.is_at(parsed) for provider in self._providers.values())
        return Standing(source_at(parsed), admitted, known, protected)

    def identify(
        self, address: str, profile: str, certificate: VerifiedCertificate | None = None
    ) -> Identity | Refusal:
        """Return who the peer is, or why it may not call.

        ``certificate`` is what the transport verified for this connection, None where there was none.
        """
        if certificate is not None:
            found = self._identify(address, profile, certificate)
            if isinstance(found, Identity):
                self._note_certified(address, profile)
            return found
        identity = self._seen.get((address, profile))
        if identity is None:
            if len(self._seen) >= _SEEN:
                self._seen.clear()
            identity = self._seen[address, profile] = self._identify(address, profile, None)
        return identity

    def _forget(self) -> None:
        """Begin with fresh answers, after a change."""
        of_trunks = (address for provider in self._providers.values() for address in provider.addresses)
        self._anybody = NetworkSet((*of_trunks, *self._teams))
        self._seen: dict[tuple[str, str], Identity | Refusal] = {}
        self.version += 1

    def _note_certified(self, address: str, profile: str) -> None:
        """Remember that somebody we know calls from here, though the address alone may not tell."""
        if profile in self._shown(address):
            return
        is_news = not self.knows(address, profile)
        self._certified.setdefault(address, set()).add(profile)
        if len(self._certified) > _CERTIFIED:
            self._certified.popitem(last=False)
        self.version += is_news

    def _shown(self, address: str) -> Collection[str]:
        """The profiles on which a trunk has shown its certificate from this address."""
        return self._certified.get(address, _NONE)

    def _known(self, provider: _Provider) -> _Provider:
        before = self._providers.get(provider.id)
        if before is not None and before.hosts == provider.hosts:
            provider.resolved(before.resolved_to)
        return provider

    def _may_be_peer(self, address: Address, profile: str) -> bool:
        if profile == self._teams_profile and self._teams_networks.holds(address):
            return True
        return any(provider.is_at(address) for provider in self._by_profile.get(profile, ()))

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
        found = self._provider(address, profile, certificate)
        return found if isinstance(found, Identity) else refusal or found or self._unknown(address)

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

    def _provider(
        self, address: str, profile: str, certificate: VerifiedCertificate | None
    ) -> Identity | Refusal | None:
        """The trunk that this peer is, by certificate before by address; a refusal where its access list says no."""
        here, parsed = self._by_profile[profile], parse_address(address)
        if parsed is None:
            return None
        named = [each for each in here if certificate is not None and any(map(certificate.covers, each.names))]
        reached = [each for each in here if each.reachable.holds(parsed)]
        for provider in (each for each in named if each.may_call_from(parsed)):
            return Identity(provider.id, "certificate")
        for provider in (each for each in reached if each.may_call_from(parsed)):
            return Identity(provider.id, "address")
        for provider in (*named, *reached):
            return self._refuse("acl", f"the access list of trunk {provider.id!r} does not allow {address}")
        return None

    def _unknown(self, address: str) -> Refusal:
        return self._refuse("unknown-source", f"{address} belongs to no trunk")

    def _refuse(self, reason: RefusalReason, detail: str) -> Refusal:
        return Refusal(reason, detail, self._silent)
