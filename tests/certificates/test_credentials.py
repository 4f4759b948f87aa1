"""Every certificate of the switch, by who uses it."""

from __future__ import annotations

import json
from pathlib import Path

from rustalk.certificates.credentials import SwitchCredentials
from rustalk.config.load import load
from rustalk.config.model import Settings


def settings(folder: Path, **more: object) -> Settings:
    """A TLS profile without a certificate of its own."""
    profile = {"id": "outside", "bind_port": 5061, "protocols": ["tls"], "domain": "sbc.example.com"}
    text = {"server": {"state_directory": str(folder)}, "sip_profiles": [profile], **more}
    return load(json.dumps(text))


def test_a_profile_without_a_certificate_gets_one_for_development(tmp_path: Path) -> None:
    """It is made in the state directory, for the name of the profile."""
    made = settings(tmp_path)
    listener = SwitchCredentials(made).listener(made.profiles[0])
    assert listener.tls is not None
    assert listener.tls.material.identity is not None
    assert listener.tls.material.identity.covers("sbc.example.com")
    assert (tmp_path / "certificates").is_dir()


def test_a_trunk_over_tls_dials_with_credentials_of_its_own(tmp_path: Path) -> None:
    """Under its id, with the certificate of its profile unless it has another."""
    trunk = {"id": "carrier", "host": "sip.carrier.example", "protocol": "tls"}
    credentials = SwitchCredentials(settings(tmp_path, trunks=[trunk]))
    assert list(credentials.clients) == ["carrier"]
    assert credentials.name_of(credentials.clients["carrier"].material) == "trunk carrier"


def test_files_are_loaded_once(tmp_path: Path) -> None:
    """So that a reload takes them up in every place at the same moment."""
    trunks = [{"id": name, "host": f"{name}.example", "protocol": "tls"} for name in ("one", "two")]
    clients = SwitchCredentials(settings(tmp_path, trunks=trunks)).clients
    assert clients["one"].material is clients["two"].material
