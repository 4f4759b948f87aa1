"""Certificate files: what is refused, what is warned of, and what a reload does (F-08, OPS-05)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from rustalk.certificates.authority import Issued, Validity
from rustalk.transport.material import MaterialError, TlsFiles, TlsMaterial
from tests.transport.peers import SBC, Pki, material


@pytest.fixture
def held(pki: Pki, tmp_path) -> TlsMaterial:
    """Good files, loaded."""
    return material(tmp_path, pki.own, pki.root.certificate_pem)


def test_good_files_are_loaded_whole(held, pki):
    """Leaf and intermediate, serial and expiry; no warning."""
    assert len(held.current.chain) == 2
    assert held.serial == pki.own.certificate.serial_number
    assert held.current.warnings == ()
    assert held.identity.covers(SBC)
    assert held.generation == 1


def test_nothing_secret_is_shown(held):
    """The key is in no repr."""
    assert "PRIVATE" not in repr(held.current) + repr(held.files) + str(held)
    assert "key" not in repr(held.current)


def test_a_client_may_have_no_certificate(pki, tmp_path):
    """P24: no certificate is a choice; half a pair is an error."""
    assert material(tmp_path, None, pki.root.certificate_pem).serial is None
    with pytest.raises(MaterialError, match="must be given together"):
        TlsMaterial(TlsFiles(certificate=tmp_path / "certificate.pem"))


def break_certificate(pki: Pki, directory) -> None:
    (directory / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def remove_key(pki: Pki, directory) -> None:
    (directory / "key.pem").unlink()


def break_key(pki: Pki, directory) -> None:
    (directory / "key.pem").write_text("not a key")


def swap_key(pki: Pki, directory) -> None:
    (directory / "key.pem").write_bytes(pki.issuing.issue([SBC], key_type="ec").key_pem)


def encrypt_key(pki: Pki, directory) -> None:
    secret = pki.own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    (directory / "key.pem").write_bytes(secret)


def odd_key(pki: Pki, directory) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def wrong_order(pki: Pki, directory) -> None:
    pem = pki.own.chain_pem
    second = pem.index(b"-----BEGIN", 10)
    (directory / "certificate.pem").write_bytes(pem[second:] + pem[:second])


def wrong_issuer(pki: Pki, directory) -> None:
    (directory / "certificate.pem").write_bytes(
        Issued(pki.own.certificate, pki.own.key).chain_pem + pki.issuing.certificate_pem
    )


def break_roots(pki: Pki, directory) -> None:
    (directory / "roots").write_bytes(b"")


FAULTS = {
    break_certificate: "not a PEM certificate file",
    remove_key: "cannot be read: No such file",
    break_key: "not a PEM private key",
    swap_key: "does not belong to the certificate",
    encrypt_key: "the key is encrypted",
    odd_key: "neither RSA nor elliptic-curve",
    wrong_order: "the leaf must come first",
    wrong_issuer: "certificate 2 did not issue certificate 1",
    break_roots: "not a PEM certificate file",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_bad_file_leaves_the_old_one_in_force(held, pki, tmp_path, fault):
    """F-08: each fault is named with its file; the old credentials and their number stay."""
    before = held.current
    fault(pki, tmp_path)
    with pytest.raises(MaterialError, match=FAULTS[fault]) as caught:
        held.reload()
    assert str(tmp_path) in str(caught.value)
    assert (held.current, held.generation) == (before, 1)


def test_a_reload_without_change_changes_nothing(held):
    """The same files again: no new generation, so no connection is retired."""
    assert held.reload() is False
    assert held.generation == 1


def test_a_new_certificate_and_new_roots_are_taken_up(held, pki, tmp_path):
    """OPS-05, T14: the number goes up, and the serial is the new one."""
    renewed = pki.root.issue([SBC], key_type="ec")
    renewed.write(tmp_path / "certificate.pem", tmp_path / "key.pem")
    assert held.reload() is True
    (tmp_path / "roots").write_bytes(pki.root.certificate_pem + pki.rogue.certificate_pem)
    assert held.reload() is True
    assert (held.serial, held.generation) == (renewed.certificate.serial_number, 3)


def test_an_expired_file_does_not_replace_a_good_one(held, pki, tmp_path):
    """F-08: at a reload that is a mistake; at start there is nothing better, so it is a warning."""
    pki.root.issue([SBC], key_type="ec", validity=Validity.days(-1)).write(
        tmp_path / "certificate.pem", tmp_path / "key.pem"
    )
    with pytest.raises(MaterialError, match="has expired; the old one stays"):
        held.reload()
    assert "expired on" in TlsMaterial(held.files).current.warnings[0]


def test_what_will_hurt_later_is_warned_of(pki, tmp_path):
    """P14, P29: no intermediate, not yet valid, a key that others can read."""
    whole = pki.issuing.issue([SBC], key_type="ec")
    held = material(tmp_path, Issued(whole.certificate, whole.key), pki.root.certificate_pem)
    (tmp_path / "key.pem").chmod(0o644)
    warnings = "\n".join(TlsMaterial(held.files, lambda: datetime.now(UTC) - timedelta(days=1)).current.warnings)
    assert "no intermediate in the file" in warnings
    assert "valid only from" in warnings
    assert "other users can read this key" in warnings


def test_the_roots_of_the_system_are_used_when_none_are_named(pki, tmp_path):
    """A provider with a public certificate needs no root file."""
    pki.own.write(tmp_path / "c", tmp_path / "k")
    assert TlsMaterial(TlsFiles(tmp_path / "c", tmp_path / "k")).current.roots is None
