"""Every certificate of the switch: loaded once, and handed to whoever listens or dials with it."""

from __future__ import annotations

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


class SwitchCredentials:
    """Every certificate of the switch, loaded once and by whom it is used."""

    def __init__(self, settings: model.Settings) -> None:
        self._settings = settings
        self._names: dict[TlsMaterial, str] = {}
        self._teams_names = frozenset(CLOUDS[settings.teams.cloud].proxies) | {
            host for host, _ in settings.teams.proxies if not is_address(host)
        }
        self._materials: dict[TlsFiles, TlsMaterial] = {}
        self.clients = self._clients()

    def name_of(self, material: TlsMaterial) -> str:
        """What a set of files is for, in words."""
        return self._names[material]

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
        material = self._material(f"profile {profile.id}", *self._own(profile), roots)
        policy = PeerPolicy(
            client_certificate="require" if profile.require_client_cert else "request" if roots else "ignore",
            names=self._teams_names if teams and not self._shares(profile) else None,
            forgive_purpose=teams,
        )
        return ServerTls(material, policy)

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
            clients["teams"] = ClientTls(material, PeerPolicy(names=self._teams_names))
        for trunk in self._settings.trunks:
            trunk_profile = self._settings.trunk_profile(trunk)
            if trunk.enabled and trunk.protocol == "tls" and trunk_profile is not None:
                certificate = (trunk.tls_cert, trunk.tls_key) if trunk.tls_cert else self._own(trunk_profile)
                names = frozenset({trunk.tls_verify_name}) if trunk.tls_verify_name else None
                material = self._material(f"trunk {trunk.id}", *certificate, trunk.tls_ca)
                clients[trunk.id] = ClientTls(material, PeerPolicy(names=names))
        return clients

    def _material(self, name: str, certificate: str, key: str, roots: str) -> TlsMaterial:
        files = TlsFiles(Path(certificate), Path(key), Path(roots) if roots else None)
        material = self._materials.get(files)
        if material is None:
            material = self._materials[files] = TlsMaterial(files)
            self._names[material] = name
            for warning in material.current.warnings:
                log.warn("{name}: {warning}", name=name, warning=warning)
        return material
