"""The simulator's certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.x509 import ExtendedKeyUsage, ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID

from rustalk.certificates.authority import Issued
from rustalk.simulator.link import covers
from rustalk.simulator.pki import Pki
from tests.fakes.sbc import FQDN


def purposes(issued: Issued) -> list[list[ObjectIdentifier]]:
    """The extended key usages of the leaf and of each intermediate."""
    certificates = (issued.certificate, *issued.intermediates)
    return [list(one.extensions.get_extension_for_class(ExtendedKeyUsage).value) for one in certificates]


def test_leaf_and_intermediate_of_teams_are_for_servers_only(pki: Pki) -> None:
    """Section 4.4 of the document."""
    assert purposes(pki.teams) == [[ExtendedKeyUsageOID.SERVER_AUTH]] * 2


def test_what_is_written_can_be_loaded_again(pki: Pki, tmp_path: Path) -> None:
    pki.write(tmp_path)
    loaded = Pki.load(tmp_path)
    assert loaded.teams.chain_pem == pki.teams.chain_pem
    assert loaded.sbc.key_pem == pki.sbc.key_pem
    assert (loaded.teams_root, loaded.sbc_root) == (pki.teams_root, pki.sbc_root)


def test_the_keys_are_readable_to_their_owner_only(pki: Pki, tmp_path: Path) -> None:
    files = pki.write(tmp_path)
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in files.certificate.read_bytes()


def test_a_missing_file_is_told_apart_from_a_broken_one(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Pki.load(tmp_path)
    pki.write(tmp_path)
    (tmp_path / "sbc.pem").write_text("nonsense")
    with pytest.raises(ValueError, match="PEM"):
        Pki.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "host", "good"),
    [
        (FQDN, FQDN, True),
        ("*.example.test", FQDN, True),
        ("*.test", FQDN, False),
        ("*.example.test", "example.test", False),
        ("*.", "test", False),
        (FQDN, f"x.{FQDN}", False),
    ],
)
def test_a_wildcard_covers_exactly_one_label(name: str, host: str, good: bool) -> None:
    """MTN-02, T10."""
    assert covers([name], host.upper()) is good
