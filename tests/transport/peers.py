"""Certificates and in-memory handshakes for the TLS tests: no sockets, no files of the machine."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from OpenSSL import SSL

from rustalk.certificates.authority import Authority, Issued, Purpose, Validity, write_atomically
from rustalk.transport.material import TlsFiles, TlsMaterial
from rustalk.transport.tls import Judged, Verdict

SERVER, CLIENT, CODE = Purpose.SERVER, Purpose.CLIENT, Purpose.CODE_SIGNING
TEAMS = "sip.pstnhub.microsoft.com"
SBC = "sbc.example.com"


class Pki:
    """One trusted root, one rogue root of the same name, and a shop for odd certificates. Elliptic keys: fast."""

    def __init__(self) -> None:
        self.root = Authority.root("Test Root", key_type="ec")
        self.rogue = Authority.root("Test Root", key_type="ec")
        self.issuing = self.root.intermediate("Test TLS CA", purposes=(SERVER,), key_type="ec")
        self.own = self.root.intermediate("Our TLS CA", key_type="ec").issue([SBC], key_type="ec")

    def peer(self, case: str) -> Issued | None:
        """The certificate of a case of the matrix; None for a peer that has none."""
        make = self.issuing.issue
        names = [TEAMS, "*.pstnhub.microsoft.com"]
        match case:
            case "serverAuth only":
                return make(names, purposes=(SERVER,), key_type="ec")
            case "both purposes":
                return make(names, key_type="ec")
            case "clientAuth only":
                return make(names, purposes=(CLIENT,), key_type="ec")
            case "no purpose":
                return make(names, purposes=(), key_type="ec")
            case "codeSigning only":
                return make(names, purposes=(CODE,), key_type="ec")
            case "codeSigning intermediate":
                odd = self.root.intermediate("Odd CA", purposes=(CODE,), key_type="ec")
                return odd.issue(names, purposes=(SERVER,), key_type="ec")
            case "expired":
                return make(names, purposes=(SERVER,), key_type="ec", validity=Validity.days(-1))
            case "expired intermediate":
                old = self.root.intermediate("Old CA", key_type="ec", validity=Validity.days(-1))
                return old.issue(names, purposes=(SERVER,), key_type="ec")
            case "unknown root":
                return self.rogue.issue(names, purposes=(SERVER,), key_type="ec")
            case "chain missing":
                whole = make(names, purposes=(SERVER,), key_type="ec")
                return Issued(whole.certificate, whole.key)
            case "issuer is a leaf":
                leaf = self.root.intermediate("Not a CA", key_type="ec", is_authority=False)
                return leaf.issue(names, purposes=(SERVER,), key_type="ec")
            case "self-signed":
                lone = Authority.root(TEAMS, key_type="ec")
                return Issued(lone.certificate, lone._issued.key)
            case "other name":
                return make(["sip.example.net"], purposes=(SERVER,), key_type="ec")
            case "wildcard two levels deep":
                return make(["*.microsoft.com"], purposes=(SERVER,), key_type="ec")
            case "name in the common name only":
                return make([], common_name=TEAMS, purposes=(SERVER,), key_type="ec")
            case "NUL in the name":
                return make([f"{TEAMS}\0.example.net"], purposes=(SERVER,), key_type="ec")
            case "missing":
                return None
        raise LookupError(case)


def material(directory: Path, issued: Issued | None, roots: bytes) -> TlsMaterial:
    """Files in a directory, loaded."""
    own = (directory / "certificate.pem", directory / "key.pem") if issued else (None, None)
    files = TlsFiles(*own, directory / "roots")
    if issued is not None and files.certificate is not None and files.key is not None:
        issued.write(files.certificate, files.key)
    write_atomically(directory / "roots", roots, 0o644)
    return TlsMaterial(files)


def peer_context(role: int, issued: Issued | None, roots: bytes | None, version: int) -> SSL.Context:
    """What a peer that is not RusTalk would use: no checks of ours; with roots it verifies the chain, names not."""
    from cryptography.x509 import load_pem_x509_certificates
    from OpenSSL.crypto import X509

    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if issued is not None:
        context.use_certificate(issued.certificate)
        context.use_privatekey(issued.key)
        for one in issued.intermediates:
            context.add_extra_chain_cert(one)
    if roots is not None:
        store = context.get_cert_store()
        for root in load_pem_x509_certificates(roots):
            assert store is not None
            store.add_cert(X509.from_cryptography(root))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *args: bool(args[-1]))
    return context


@dataclass
class Outcome:
    """What each side made of a handshake: None or its error."""

    server: SSL.Error | None
    client: SSL.Error | None


def shake_hands(server: SSL.Connection, client: SSL.Connection) -> Outcome:
    """Run a handshake to its end in memory, and one byte more each way, since TLS 1.3 refuses a client late."""
    server.set_accept_state()
    client.set_connect_state()
    errors: dict[str, SSL.Error | None] = {"server": None, "client": None}
    for _ in range(12):
        for role, own, other in (("client", client, server), ("server", server, client)):
            if errors[role] is None:
                errors[role] = _step(own)
            _carry(own, other)
    return Outcome(errors["server"], errors["client"])


def finishes_before_the_verdict(server: SSL.Connection, client: SSL.Connection) -> bool:
    """Whether the client's handshake is over before the server has seen its certificate."""
    server.set_accept_state()
    client.set_connect_state()
    for connection, other in ((client, server), (server, client)):
        assert _step(connection) is None
        _carry(connection, other)
    client.do_handshake()
    return True


def verdict_of(connection: SSL.Connection) -> Verdict:
    """What our side found out."""
    assert isinstance(connection, Judged)
    return connection.verdict


def _step(connection: SSL.Connection) -> SSL.Error | None:
    try:
        connection.do_handshake()
        connection.recv(100)
    except SSL.WantReadError:
        return None
    except SSL.Error as error:
        return error
    return None


def _carry(one: SSL.Connection, other: SSL.Connection) -> None:
    with suppress(SSL.WantReadError):
        other.bio_write(one.bio_read(65536))
