"""Every certificate of the switch, by who uses it."""

from __future__ import annotations

import json
from dataclasses import replace
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


def test_what_has_not_changed_is_kept(tmp_path: Path) -> None:
    """So that a change of something else closes no TLS listener and wastes no connection of a trunk."""
    before = settings(tmp_path, trunks=[{"id": "one", "host": "one.example", "protocol": "tls"}])
    after = replace(before, trunks=(*before.trunks, replace(before.trunks[0], id="two")))
    first = SwitchCredentials(before)
    listener = first.listener(before.profiles[0])
    second = SwitchCredentials(after, first)
    assert second.listener(after.profiles[0]) == listener
    assert second.clients["one"] is first.clients["one"]
    assert second.clients["two"].material is first.clients["one"].material


def test_another_policy_is_another_listener_with_the_same_files(tmp_path: Path) -> None:
    """A profile that wants certificates from now on must not go on without."""
    before = settings(tmp_path)
    after = replace(before, sip_profiles=(replace(before.profiles[0], require_client_cert=True),))
    first = SwitchCredentials(before)
    old = first.listener(before.profiles[0]).tls
    new = SwitchCredentials(after, first).listener(after.profiles[0]).tls
    assert old is not None
    assert new is not None
    assert (new is old, new.material is old.material) == (False, True)
