"""The shipped roots of Microsoft Teams."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.x509.oid import NameOID

from rustalk.certificates.bundle import TEAMS_ROOTS, TEAMS_THUMBPRINTS


def test_the_bundle_is_exactly_the_seven_roots():
    """Section 4.2: every root Microsoft names for 2026 and none besides, by SHA-1 thumbprint."""
    found = {}
    for root in x509.load_pem_x509_certificates(TEAMS_ROOTS.read_bytes()):
        name = root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        found[name] = root.fingerprint(SHA1()).hex().upper()
    assert found == TEAMS_THUMBPRINTS


def test_each_root_is_an_authority_that_signed_itself():
    """No intermediate slipped in."""
    for root in x509.load_pem_x509_certificates(TEAMS_ROOTS.read_bytes()):
        assert root.issuer == root.subject
        assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
