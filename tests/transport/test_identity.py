"""Names in certificates, and when they match (A24, MTN-02)."""

from __future__ import annotations

import pytest
from cryptography import x509

from rustalk.transport.identity import IdentityError, covers, is_address, may_speak_tls, read_identity
from tests.transport.peers import CODE, SERVER, TEAMS, Pki


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("sip.example.com", "sip.example.com", True),
        ("sip.example.com", "SIP.Example.Com.", True),
        ("sip.example.com", "sip.example.org", False),
        ("*.example.com", "sip.example.com", True),
        ("*.example.com", "a.sip.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("s*.example.com", "sip.example.com", False),
        ("sip.*.com", "sip.example.com", False),
        ("*.com", "example.com", False),
        ("*", "example", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
    ],
)
def test_a_wildcard_is_exactly_one_label(pattern, name, matches):
    """MTN-02, T10: ``*.a.com`` is for foo.a.com, not for bar.foo.a.com; never for part of a label or an address."""
    assert covers(pattern, name) is matches


def test_names_of_every_kind_are_read(pki: Pki):
    """RFC 5922 section 7.1: DNS names, SIP URIs and addresses; in lower case."""
    leaf = pki.root.issue(["A.example.com", "sip:b.example.com", "192.0.2.1", "::1"], key_type="ec").certificate
    assert read_identity(leaf).names == {"a.example.com", "b.example.com", "192.0.2.1", "::1"}


@pytest.mark.parametrize(
    "name", ["sip.example.com\0.evil.net", "sip example com", "sip:user@b.example.com", "a..b", "-.b", "*.*.c.d"]
)
def test_names_that_are_none_are_left_out(pki: Pki, name):
    """A24: NUL, spaces, users, empty labels: such a name proves nothing."""
    leaf = pki.root.issue([name], key_type="ec").certificate
    with pytest.raises(IdentityError, match="holds no host name"):
        read_identity(leaf)


def test_the_common_name_proves_nothing(pki: Pki):
    """A24: a name in the subject only is not looked at."""
    with pytest.raises(IdentityError, match="no subject alternative name"):
        read_identity(pki.root.issue([], common_name=TEAMS, key_type="ec").certificate)


def test_a_subject_is_shown_on_one_line(pki: Pki):
    """A line end in a subject cannot forge a log line."""
    leaf = pki.root.issue(["a.example.com"], common_name="x\r\nERROR forged", key_type="ec").certificate
    assert "\n" not in read_identity(leaf).subject


@pytest.mark.parametrize(("purposes", "fit"), [((), True), ((SERVER,), True), ((CODE,), False), ((CODE, SERVER), True)])
def test_what_remains_of_the_purpose_check(pki: Pki, purposes, fit):
    """Section 4.4: serverAuth or clientAuth, or no extended key usage."""
    assert may_speak_tls(pki.root.issue(["a.example.com"], purposes=purposes, key_type="ec").certificate) is fit


def test_an_extension_that_stands_twice_is_refused_not_raised(monkeypatch):
    """A certificate whose extensions cannot be read is an IdentityError, whatever the library raises."""

    class Odd:
        @property
        def extensions(self):
            raise x509.DuplicateExtension("twice", x509.ObjectIdentifier("2.5.29.17"))

    for read in (read_identity, may_speak_tls):
        with pytest.raises(IdentityError, match="cannot be read"):
            read(Odd())


def test_addresses_are_told_from_names():
    """IPv4 and IPv6, and nothing else."""
    assert [is_address(one) for one in ("192.0.2.1", "::1", "a.example", "1.2.3", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
