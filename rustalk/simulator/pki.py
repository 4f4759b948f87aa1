"""The simulator's own certificates: a root, an intermediate and a leaf like Microsoft's, and one for the SBC.

Microsoft's leaf and intermediate carry the serverAuth purpose only, also where Teams is the TLS client (section 4.4 of
the document). The SBC's certificate comes from a second authority, as in life.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificate, load_pem_x509_certificates
from OpenSSL.crypto import X509
from OpenSSL.SSL import (
    TLS1_2_VERSION,
    TLS_METHOD,
    VERIFY_FAIL_IF_NO_PEER_CERT,
    VERIFY_PEER,
    Connection,
    Context,
)
from twisted.internet import interfaces
from zope.interface import implementer

from rustalk.certificates.authority import Authority, Issued, KeyType, Purpose, write_atomically

__all__ = ["TEAMS_NAMES", "ClientTls", "Pki", "PkiFiles", "ServerTls", "context"]

TEAMS_NAMES = ("sip.pstnhub.microsoft.com", "*.pstnhub.microsoft.com")


@dataclass(frozen=True, slots=True)
class PkiFiles:
    """Where ``Pki.write`` put what the SBC needs: its certificate with chain, its key, and the root of Teams."""

    certificate: Path
    key: Path
    teams_root: Path


@implementer(interfaces.IOpenSSLServerConnectionCreator)
class ServerTls:
    """TLS for a listener."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: object) -> Connection:
        return Connection(self._context, None)


@implementer(interfaces.IOpenSSLClientConnectionCreator)
class ClientTls:
    """TLS for a connection to the host of this name, which is sent as SNI. Whoever connects checks the name."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name.encode("idna")

    def clientConnectionForTLS(self, tlsProtocol: object) -> Connection:
        connection = Connection(self._context, None)
        connection.set_tlsext_host_name(self._name)
        return connection


def context(own: Issued, trusted: Certificate | None) -> Context:
    """TLS 1.2 or later with this certificate and its whole chain; the peer needs one of the trusted root, if given."""
    made = Context(TLS_METHOD)
    made.set_min_proto_version(TLS1_2_VERSION)
    made.use_certificate(own.certificate)
    made.use_privatekey(own.key)
    for one in own.intermediates:
        made.add_extra_chain_cert(one)
    if trusted is not None:
        store = made.get_cert_store()
        if store is not None:
            store.add_cert(X509.from_cryptography(trusted))
        made.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT)
    return made


@dataclass(frozen=True, slots=True)
class Pki:
    """What each side shows and what it trusts: the simulator trusts ``sbc_root``, the SBC ``teams_root``."""

    teams: Issued
    teams_root: Certificate
    sbc: Issued
    sbc_root: Certificate

    @classmethod
    def make(
        cls,
        sbc_names: Sequence[str],
        *,
        key_type: KeyType = "rsa",
        teams_names: Sequence[str] = TEAMS_NAMES,
        teams_purposes: Iterable[Purpose] = (Purpose.SERVER,),
    ) -> Pki:
        """New authorities and certificates. With RSA keys this can take seconds."""
        purposes = tuple(teams_purposes)
        microsoft = Authority.root("Simulated Microsoft Root", key_type=key_type)
        between = microsoft.intermediate("Simulated Microsoft TLS CA", purposes=purposes, key_type=key_type)
        public = Authority.root("Simulated Public Root", key_type=key_type)
        issuing = public.intermediate("Simulated Public TLS CA", key_type=key_type)
        return cls(
            teams=between.issue(teams_names, purposes=purposes, key_type=key_type),
            teams_root=microsoft.certificate,
            sbc=issuing.issue(sbc_names, key_type=key_type),
            sbc_root=public.certificate,
        )

    @classmethod
    def load(cls, directory: Path) -> Pki:
        """What ``write`` wrote. Raises OSError when a file is missing, ValueError when one cannot be read."""
        return cls(
            teams=_load_issued(directory, "teams"),
            teams_root=load_pem_x509_certificate((directory / "teams-root.pem").read_bytes()),
            sbc=_load_issued(directory, "sbc"),
            sbc_root=load_pem_x509_certificate((directory / "sbc-root.pem").read_bytes()),
        )

    def write(self, directory: Path) -> PkiFiles:
        """Write everything, and say which of it the SBC needs; keys get mode 0600."""
        files = PkiFiles(directory / "sbc.pem", directory / "sbc.key", directory / "teams-root.pem")
        self.sbc.write(files.certificate, files.key)
        self.teams.write(directory / "teams.pem", directory / "teams.key")
        write_atomically(files.teams_root, self.teams_root.public_bytes(Encoding.PEM), 0o644)
        write_atomically(directory / "sbc-root.pem", self.sbc_root.public_bytes(Encoding.PEM), 0o644)
        return files

    def server(self) -> ServerTls:
        """TLS for the simulator's listeners: the whole chain is sent, a certificate of the SBC's root is required."""
        return ServerTls(context(self.teams, self.sbc_root))

    def client(self, name: str) -> ClientTls:
        """TLS for a connection to the SBC of this name, in which Teams shows its serverAuth-only certificate."""
        return ClientTls(context(self.teams, self.sbc_root), name)


def _load_issued(directory: Path, name: str) -> Issued:
    leaf, *above = load_pem_x509_certificates((directory / f"{name}.pem").read_bytes())
    key = load_pem_private_key((directory / f"{name}.key").read_bytes(), None)
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ValueError(f"{directory / name}.key is neither an RSA nor an elliptic curve key")
    return Issued(leaf, key, tuple(above))
