"""What the small authority issues, and how it writes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from rustalk.certificates.authority import Authority, Purpose, Validity, write_atomically

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.root("Root", key_type="ec")


def test_a_chain_verifies_up_to_the_root(root):
    """Leaf, two intermediates, root: each is directly issued by the next; the root is not in the chain."""
    lower = root.intermediate("Upper", key_type="ec").intermediate("Lower", key_type="ec")
    leaf = lower.issue(["a.example"], key_type="ec")
    path = [leaf.certificate, *leaf.intermediates, root.certificate]
    assert len(path) == 4
    for one, issuer in pairwise(path):
        one.verify_directly_issued_by(issuer)


@pytest.mark.parametrize("purposes", [(Purpose.SERVER,), (Purpose.SERVER, Purpose.CLIENT), (Purpose.CODE_SIGNING,), ()])
def test_the_extended_key_usage_is_as_asked(root, purposes):
    """Any choice of purposes, also none at all."""
    extensions = root.issue(["a.example"], purposes=purposes, key_type="ec").certificate.extensions
    found = [one.value for one in extensions if isinstance(one.value, x509.ExtendedKeyUsage)]
    assert [set(usage) for usage in found] == ([{purpose.value for purpose in purposes}] if purposes else [])


def test_validity_in_the_past_and_in_the_future():
    """Negative days give a certificate that has expired so long ago."""
    assert Validity.days(-1, NOW).end < NOW
    assert Validity.days(1, NOW).start < NOW < Validity.days(1, NOW).end


def test_rsa_is_the_default_for_peers_that_want_it():
    """Section 4.1: RSA of 2048 bits unless asked otherwise."""
    key = Authority.root("R").certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


def test_files_are_written_whole_and_keys_for_the_owner_only(root, tmp_path):
    """The key has mode 0600 from the start; no temporary file is left."""
    root.issue(["a.example"], key_type="ec").write(tmp_path / "c", tmp_path / "sub" / "k")
    assert (tmp_path / "sub" / "k").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c", "k", "sub"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    """F-10: an error in the middle changes nothing and leaves nothing behind."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text is no bytes", 0o600)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_secrets_are_not_shown(root):
    """No key in a repr."""
    assert "key" not in repr(root.issue(["a.example"], key_type="ec"))
