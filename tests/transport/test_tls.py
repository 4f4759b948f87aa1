"""The verdict on a peer's certificate, in both roles and both TLS versions (A24, section 4 of the Teams document)."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from rustalk.certificates.authority import Authority, Validity
from rustalk.transport.identity import MICROSOFT_NAMES
from rustalk.transport.tls import ClientTls, PeerPolicy, ServerTls, error_in_words
from tests.transport.peers import (
    SBC,
    SERVER,
    TEAMS,
    Outcome,
    Pki,
    finishes_before_the_verdict,
    material,
    peer_context,
    shake_hands,
    verdict_of,
)

VERSIONS = {"TLS 1.2": SSL.TLS1_2_VERSION, "TLS 1.3": SSL.TLS1_3_VERSION}
TEAMS_POLICY = PeerPolicy("require", MICROSOFT_NAMES, forgive_purpose=True)

AS_CLIENT = {
    "serverAuth only": "",
    "both purposes": "",
    "clientAuth only": "",
    "no purpose": "",
    "codeSigning only": "neither serverAuth nor clientAuth",
    "codeSigning intermediate": "neither serverAuth nor clientAuth",
    "expired": "has expired",
    "expired intermediate": "has expired",
    "unknown root": "signature is wrong|issuer is neither sent nor among",
    "chain missing": "issuer is neither sent nor among",
    "issuer is a leaf": "no certificate authority",
    "self-signed": "self-signed",
    "other name": "is for sip.example.net, not for",
    "wildcard two levels deep": r"is for \*.microsoft.com, not for",
    "name in the common name only": "no subject alternative name",
    "NUL in the name": "holds no host name",
    "missing": "the peer sent no certificate",
}
"""What Teams may show us when it calls: '' is accepted, else the cause that the log must name."""

AS_SERVER = AS_CLIENT | {
    "clientAuth only": "extended key usage does not allow this role",
    "codeSigning only": "extended key usage does not allow this role",
    "codeSigning intermediate": "extended key usage does not allow this role",
}
del AS_SERVER["missing"]
"""What a server may show us when we call it."""


@pytest.fixture
def accept(pki: Pki, tmp_path):
    """Our server meets a client with this certificate; the outcome, and our side's connection."""

    held = material(tmp_path, pki.own, pki.root.certificate_pem)

    def run(case: str, version: int, policy: PeerPolicy = TEAMS_POLICY) -> tuple[Outcome, SSL.Connection]:
        tls = ServerTls(held, policy)
        server = tls.serverConnectionForTLS(None)
        context = peer_context(SSL.TLS_METHOD, pki.peer(case), pki.root.certificate_pem, version)
        return shake_hands(server, SSL.Connection(context, None)), server

    return run


@pytest.fixture
def dial(pki: Pki, tmp_path):
    """Our client meets a server with this certificate; the outcome, and our side's connection."""

    def run(case: str, version: int, name: str = TEAMS, policy: PeerPolicy | None = None):
        tls = ClientTls(material(tmp_path, pki.own, pki.root.certificate_pem), policy)
        client = tls.dial(name).clientConnectionForTLS(None)
        context = peer_context(SSL.TLS_METHOD, pki.peer(case), pki.root.certificate_pem, version)
        return shake_hands(SSL.Connection(context, None), client), client

    return run


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("case", AS_CLIENT)
def test_client_certificate_matrix(accept, case, version):
    """A24, T1-T5, T15: serverAuth-only is let in; what is wrong is refused and its cause is named."""
    outcome, server = accept(case, version)
    expected = AS_CLIENT[case]
    assert verdict_of(server).acceptable is (not expected)
    assert (outcome.server is None) is (not expected)
    assert (outcome.client is None) is (not expected)
    if expected:
        assert any(part in error_in_words(outcome.server, verdict_of(server)) for part in _parts(expected))
        assert verdict_of(server).identity is None


@pytest.mark.parametrize("case", ["name in the common name only", "NUL in the name"])
def test_a_phone_may_have_no_more_than_a_subject(accept, case):
    """Makers of phones write a MAC address into the common name: it comes in where any name does, and is no host."""
    outcome, server = accept(case, SSL.TLS1_3_VERSION, PeerPolicy("require", forgive_purpose=True))
    identity = verdict_of(server).identity
    assert (outcome.server, outcome.client) == (None, None)
    assert (identity.names, identity.covers(TEAMS)) == (frozenset(), False)
    assert identity.subject.startswith("CN=")


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("case", AS_SERVER)
def test_server_certificate_matrix(dial, case, version):
    """A24: the same certificates on a server that we call; a client-only certificate does not make a server."""
    outcome, client = dial(case, version)
    expected = AS_SERVER[case]
    assert verdict_of(client).acceptable is (not expected)
    assert (outcome.client is None) is (not expected)
    if expected:
        assert any(part in error_in_words(outcome.client, verdict_of(client)) for part in _parts(expected))


def _parts(expected: str) -> list[str]:
    return expected.replace("\\", "").split("|")


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_without_forgiveness_server_auth_only_is_refused(accept, version):
    """Negative control of T1: it is our callback, and nothing else, that lets Teams in."""
    outcome, server = accept("serverAuth only", version, PeerPolicy("require", MICROSOFT_NAMES))
    assert outcome.server is not None
    assert "does not allow this role" in error_in_words(outcome.server, verdict_of(server))


def test_a_client_is_told_by_an_alert_and_with_tls_1_3_only_after_success(pki, tmp_path, accept):
    """A24: with TLS 1.3 the client's handshake is over before the server's verdict; an alert follows."""
    for version in VERSIONS.values():
        outcome, _ = accept("codeSigning only", version)
        assert outcome.client is not None
        assert "the peer refused the connection" in error_in_words(outcome.client, None)
    server = ServerTls(material(tmp_path, pki.own, pki.root.certificate_pem), TEAMS_POLICY).serverConnectionForTLS(None)
    client = SSL.Connection(peer_context(0, pki.peer("codeSigning only"), None, SSL.TLS1_3_VERSION), None)
    assert finishes_before_the_verdict(server, client)


def test_identity_holds_the_verified_names(accept):
    """What the layers above see of a peer is what its certificate proves."""
    _, server = accept("serverAuth only", SSL.TLS1_3_VERSION)
    identity = verdict_of(server).identity
    assert identity is not None
    assert identity.names == {TEAMS, "*.pstnhub.microsoft.com"}


@pytest.mark.parametrize("name", ["sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com"])
def test_the_family_name_stands_for_its_siblings(pki, tmp_path, name):
    """Section 4.2: a server that proves sip.pstnhub is accepted where sip2 or sip3 was dialled."""
    verdict = _dial_only_sip(pki, tmp_path, name)
    assert verdict.acceptable


@pytest.mark.parametrize("name", ["sip.example.net", "a.b.pstnhub.microsoft.com", "pstnhub.microsoft.com", "127.0.0.1"])
def test_the_family_name_stands_for_nobody_else(pki, tmp_path, name):
    """A24: a name of the family is no pass for a host outside its domain."""
    assert not _dial_only_sip(pki, tmp_path, name).acceptable


def _dial_only_sip(pki: Pki, tmp_path, name: str):
    tls = ClientTls(material(tmp_path, pki.own, pki.root.certificate_pem), PeerPolicy(names=MICROSOFT_NAMES))
    client = tls.dial(name).clientConnectionForTLS(None)
    only = pki.issuing.issue([TEAMS], purposes=(SERVER,), key_type="ec")
    shake_hands(SSL.Connection(peer_context(0, only, None, SSL.TLS1_3_VERSION), None), client)
    return verdict_of(client)


def test_a_server_at_an_address_must_prove_the_address(pki, tmp_path):
    """An address matches an iPAddress name only."""
    tls = ClientTls(material(tmp_path, None, pki.root.certificate_pem))
    for names, good in ((["127.0.0.2"], True), (["127.0.0.3"], False), (["sip.example.net"], False)):
        client = tls.dial("127.0.0.2").clientConnectionForTLS(None)
        server = peer_context(0, pki.issuing.issue(names, key_type="ec"), None, SSL.TLS1_3_VERSION)
        shake_hands(SSL.Connection(server, None), client)
        assert verdict_of(client).acceptable is good


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_old_versions_are_refused(pki, tmp_path, version):
    """T6: TLS 1.1 and older get no connection, and the log says why."""
    server = ServerTls(material(tmp_path, pki.own, pki.root.certificate_pem), TEAMS_POLICY).serverConnectionForTLS(None)
    context = peer_context(0, pki.peer("both purposes"), None, version)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    outcome = shake_hands(server, SSL.Connection(context, None))
    assert outcome.server is not None
    assert "no TLS version that we accept" in error_in_words(outcome.server, None)


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-SHA384",
        "ECDHE-RSA-AES128-SHA256",
    ],
)
def test_each_suite_of_microsoft_works_alone(rsa_material, pki, suite):
    """T7: every one of the four documented suites is enough, with an RSA certificate."""
    server = ServerTls(rsa_material, PeerPolicy()).serverConnectionForTLS(None)
    context = peer_context(0, None, None, SSL.TLS1_2_VERSION)
    context.set_cipher_list(suite.encode())
    client = SSL.Connection(context, None)
    assert shake_hands(server, client) == Outcome(None, None)
    assert client.get_cipher_name() == suite


@pytest.fixture(scope="session")
def rsa_material(tmp_path_factory):
    """An SBC certificate as most have it: RSA."""
    root = Authority.root("RSA Root")
    return material(tmp_path_factory.mktemp("rsa"), root.issue([SBC]), root.certificate_pem)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_the_whole_chain_is_sent_by_our_server(accept, version):
    """T8: a client that knows the root alone can verify us."""
    outcome, _ = accept("both purposes", version)
    assert outcome.client is None


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_the_whole_chain_and_our_certificate_are_sent_by_our_client(pki, dial, version):
    """T8, T9: a server that knows the root alone and insists on a certificate accepts our client."""
    outcome, _ = dial("both purposes", version)
    assert outcome == Outcome(None, None)


def test_server_name_indication_is_the_dialled_name(pki, tmp_path):
    """T11: the server sees the name that we dialled; for an address there is none."""
    tls = ClientTls(material(tmp_path, pki.own, pki.root.certificate_pem))
    for name, seen in ((TEAMS, TEAMS.encode()), ("127.0.0.1", None)):
        server = SSL.Connection(peer_context(0, pki.peer("both purposes"), None, SSL.TLS1_3_VERSION), None)
        shake_hands(server, tls.dial(name).clientConnectionForTLS(None))
        assert server.get_servername() == seen


def test_old_and_new_root_are_trusted_side_by_side(pki, tmp_path):
    """T14: during a rotation peers under either root are let in."""
    new = Authority.root("New Root", key_type="ec")
    both = pki.root.certificate_pem + new.certificate_pem
    tls = ServerTls(material(tmp_path, pki.own, both), TEAMS_POLICY)
    for authority in (pki.root, new):
        server = tls.serverConnectionForTLS(None)
        peer = authority.issue([TEAMS], purposes=(SERVER,), key_type="ec")
        shake_hands(server, SSL.Connection(peer_context(0, peer, None, SSL.TLS1_3_VERSION), None))
        assert verdict_of(server).acceptable


def test_one_way_tls_asks_for_nothing(accept):
    """T15: with the one-way option a client without a certificate is let in, and has no identity."""
    outcome, server = accept("missing", SSL.TLS1_3_VERSION, PeerPolicy("ignore"))
    assert outcome == Outcome(None, None)
    assert verdict_of(server).acceptable
    assert verdict_of(server).identity is None


@pytest.mark.parametrize(("case", "good"), [("missing", True), ("both purposes", True), ("unknown root", False)])
def test_a_requested_certificate_may_be_missing_but_not_bad(accept, case, good):
    """``request`` verifies what is sent."""
    outcome, server = accept(case, SSL.TLS1_3_VERSION, PeerPolicy("request", forgive_purpose=True))
    assert (outcome.server is None) is good
    assert (verdict_of(server).identity is not None) is (case == "both purposes")


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_sessions_are_not_resumed(pki, tmp_path, version):
    """A24: a second handshake with the first one's session is verified in full again."""
    tls = ServerTls(material(tmp_path, pki.own, pki.root.certificate_pem), TEAMS_POLICY)
    context = peer_context(0, pki.peer("serverAuth only"), None, version)
    first = SSL.Connection(context, None)
    shake_hands(tls.serverConnectionForTLS(None), first)
    again, server = SSL.Connection(context, None), tls.serverConnectionForTLS(None)
    session = first.get_session()
    assert session is not None
    again.set_session(session)
    assert shake_hands(server, again) == Outcome(None, None)
    assert verdict_of(server).identity is not None


def test_new_handshakes_use_the_new_certificate(pki, tmp_path):
    """T12, OPS-05: after a reload the next handshake shows the new serial; the factory stays the same."""
    held = material(tmp_path, pki.own, pki.root.certificate_pem)
    tls = ServerTls(held, PeerPolicy())
    renewed = pki.issuing.issue([SBC], key_type="ec", validity=Validity.days(30))
    assert _serial_shown(tls) == pki.own.certificate.serial_number
    renewed.write(tmp_path / "certificate.pem", tmp_path / "key.pem")
    assert _serial_shown(tls) == pki.own.certificate.serial_number
    assert held.reload()
    assert _serial_shown(tls) == renewed.certificate.serial_number == held.serial


def _serial_shown(tls: ServerTls) -> int:
    client = SSL.Connection(peer_context(0, None, None, SSL.TLS1_3_VERSION), None)
    shake_hands(tls.serverConnectionForTLS(None), client)
    certificate = client.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return certificate.serial_number


def test_an_unreadable_name_is_refused_at_once(pki, tmp_path):
    """A name that is no ASCII cannot be sent as SNI; the caller gets a ValueError before anything is sent."""
    tls = ClientTls(material(tmp_path, None, pki.root.certificate_pem))
    with pytest.raises(ValueError, match="ascii"):
        tls.dial("sip.exämple.net")
