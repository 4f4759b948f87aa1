"""Every certificate of the switch: loaded once, and handed to whoever listens or dials with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from twisted.logger import Logger

from rustalk.config import model
from rustalk.config.cloud import CLOUDS
from rustalk.transport.identity import is_address
from rustalk.transport.listen import Profile as Listener
from rustalk.transport.material import TlsFiles, TlsMaterial
from rustalk.transport.tls import ClientTls, PeerPolicy, ServerTls

from .bundle import TEAMS_ROOTS
from .development import development_files

__all__ = ["SwitchCredentials"]

log = Logger()

_Terms = tuple[str, TlsMaterial, PeerPolicy]
"""For whom, with which files, and what the peer must prove."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What has been made for some settings."""

    materials: dict[TlsFiles, TlsMaterial] = field(default_factory=dict)
    servers: dict[_Terms, ServerTls] = field(default_factory=dict)
    clients: dict[_Terms, ClientTls] = field(default_factory=dict)


class SwitchCredentials:
    """Every certificate of the switch, loaded once and by whom it is used.

    ``before`` are the credentials of other settings, of which is kept what is the same: the files that are loaded, and
    each side of TLS whose files and policy have not changed. Raises MaterialError for files that cannot be used.
    """

    def __init__(self, settings: model.Settings, before: SwitchCredentials | None = None) -> None:
        self._settings = settings
        self._kept = _Kept()
        self._former = _Kept() if before is None else before._kept
        self._names: dict[TlsMaterial, str] = {}
        self._teams_names = frozenset(CLOUDS[settings.teams.cloud].proxies) | {
            host for host, _ in settings.teams.proxies if not is_address(host)
        }
        self.clients = self._clients()

    def name_of(self, material: TlsMaterial) -> str:
        """What a set of files is for, in words."""
        return self._names.get(material, "what is no longer used")

    def listener(self, profile: model.SipProfile) -> Listener:
        """The transport's view of a profile."""
        tls = self._server(profile) if "tls" in profile.protocols else None
        return Listener(
            profile.id,
            profile.bind_address,
            profile.bind_port,
            tuple(protocol.upper() for protocol in profile.protocols),
            profile.domain,
            tls,
        )

    def _server(self, profile: model.SipProfile) -> ServerTls:
        teams = profile == self._settings.teams_profile
        roots = profile.tls_ca or (str(TEAMS_ROOTS) if teams else "")
        name = f"profile {profile.id}"
        material = self._material(name, *self._own(profile), roots)
        policy = PeerPolicy(
            client_certificate="require" if profile.require_client_cert else "request" if roots else "ignore",
            names=self._teams_names if teams and not self._shares(profile) else None,
            forgive_purpose=teams,
        )
        return self._server_of((name, material, policy))

    def _shares(self, profile: model.SipProfile) -> bool:
        """Whether TLS trunks use the profile of Teams too, so that names are the screen's to judge."""
        return any(
            trunk.enabled and trunk.protocol == "tls" and self._settings.trunk_profile(trunk) == profile
            for trunk in self._settings.trunks
        )

    def _own(self, profile: model.SipProfile) -> tuple[str, str]:
        """Our certificate and key on a profile; one for development is made where none is configured."""
        if profile.tls_cert:
            return profile.tls_cert, profile.tls_key
        directory = Path(self._settings.server.state_directory).expanduser() / "certificates"
        names = [profile.domain or self._settings.sip.domain, "localhost"]
        files = development_files(directory, names)
        if files.made:
            log.info("Made a development certificate for {names} in {path}", names=names, path=str(files.certificate))
        return str(files.certificate), str(files.key)

    def _clients(self) -> dict[str, ClientTls]:
        clients = {}
        teams, profile = self._settings.teams, self._settings.teams_profile
        if profile is not None:
            roots = teams.ca_path or profile.tls_ca or str(TEAMS_ROOTS)
            material = self._material("teams", *self._own(profile), roots)
            clients["teams"] = self._client_of(("teams", material, PeerPolicy(names=self._teams_names)))
        for trunk in self._settings.trunks:
            trunk_profile = self._settings.trunk_profile(trunk)
            if trunk.enabled and trunk.protocol == "tls" and trunk_profile is not None:
                certificate = (trunk.tls_cert, trunk.tls_key) if trunk.tls_cert else self._own(trunk_profile)
                names = frozenset({trunk.tls_verify_name}) if trunk.tls_verify_name else None
                name = f"trunk {trunk.id}"
                material = self._material(name, *certificate, trunk.tls_ca)
                clients[trunk.id] = self._client_of((name, material, PeerPolicy(names=names)))
        return clients

    def _server_of(self, terms: _Terms) -> ServerTls:
        made = self._kept.servers[terms] = self._former.servers.get(terms) or ServerTls(*terms[1:])
        return made

    def _client_of(self, terms: _Terms) -> ClientTls:
        made = self._kept.clients[terms] = self._former.clients.get(terms) or ClientTls(*terms[1:])
        return made

    def _material(self, name: str, certificate: str, key: str, roots: str) -> TlsMaterial:
        files = TlsFiles(Path(certificate), Path(key), Path(roots) if roots else None)
        material = self._kept.materials.get(files)
        if material is None:
            known = self._former.materials.get(files)
            material = self._kept.materials[files] = known or TlsMaterial(files)
            self._names[material] = name
            for warning in () if known else material.current.warnings:
                log.warn("{name}: {warning}", name=name, warning=warning)
        return material
