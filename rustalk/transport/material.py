"""Certificate, key and roots as files: read, checked as a whole, and taken up again without a restart (OPS-05).

A reload either replaces everything or nothing. Connections made before keep what they were made with; each remembers
its Credentials, so that those with old ones can be found and closed when idle.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL import SSL, crypto

from rustalk.observe.printable import printable

from .identity import IdentityError, PeerIdentity, read_identity

__all__ = ["Credentials", "MaterialError", "TlsFiles", "TlsMaterial", "plain_context"]

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_SUITES = (
    b"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
    b"ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256"
)
"""The four suites that Microsoft names, and the ECDSA pair for the elliptic-curve roots of 2026. TLS 1.2 only."""

_MAX_FILE = 1 << 20
_SMALLEST_RSA = 2048


class MaterialError(Exception):
    """A certificate, key or root file cannot be used; the text names the file, the cause and the next step."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the PEM files are. ``certificate`` holds the leaf first, then every intermediate.

    No certificate and no key: a client without a certificate of its own. No roots: those of the system.
    """

    certificate: Path | None = None
    key: Path | None = None
    roots: Path | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What the files held at one moment. ``chain`` is empty for a client without a certificate."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey | None
    roots: tuple[x509.Certificate, ...] | None
    warnings: tuple[str, ...]

    @property
    def serial(self) -> int | None:
        """The serial number of the leaf."""
        return self.chain[0].serial_number if self.chain else None

    @property
    def not_after(self) -> datetime | None:
        """When the leaf expires."""
        return self.chain[0].not_valid_after_utc if self.chain else None

    def __repr__(self) -> str:
        return f"<Credentials serial={self.serial} not_after={self.not_after} roots={self.roots and len(self.roots)}>"


class TlsMaterial:
    """The credentials in force, and how to replace them.

    ``now`` gives the current time in UTC. Raises MaterialError when the files cannot be used from the start.
    """

    def __init__(self, files: TlsFiles, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.files = files
        self._now = now
        self.current = _load(files, now())
        self.generation = 1

    def reload(self) -> bool:
        """Read the files again; True when something changed, and new handshakes use it from now on.

        Raises MaterialError when the new files cannot be used, or hold an expired certificate while the old one is
        good; then the old credentials stay in force.
        """
        fresh = _load(self.files, self._now())
        old = self.current
        if (fresh.chain, fresh.roots) == (old.chain, old.roots) and _same_key(fresh.key, old.key):
            return False
        if _expired(fresh, self._now()) and not _expired(old, self._now()):
            raise MaterialError(f"{self.files.certificate}: this certificate has expired; the old one stays in force")
        self.current = fresh
        self.generation += 1
        return True

    @property
    def serial(self) -> int | None:
        """The serial number of the leaf that new handshakes show."""
        return self.current.serial

    @property
    def identity(self) -> PeerIdentity | None:
        """Our own names, as a peer reads them; None without a certificate or without names in it."""
        if not self.current.chain:
            return None
        try:
            return read_identity(self.current.chain[0])
        except IdentityError:
            return None


def plain_context(credentials: Credentials) -> SSL.Context:
    """A context with our protocol versions, suites, chain and roots; who may speak is decided by its user.

    TLS 1.2 and 1.3. Sessions are never resumed: a resumed one would skip the verification of the peer.
    Raises OpenSSL.SSL.Error when OpenSSL refuses the key or the certificate.
    """
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(_SUITES)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if credentials.key is not None:
        context.use_certificate(credentials.chain[0])
        context.use_privatekey(credentials.key)
        for intermediate in credentials.chain[1:]:
            context.add_extra_chain_cert(intermediate)
    if credentials.roots is None:
        context.set_default_verify_paths()
        return context
    store = context.get_cert_store()
    for root in credentials.roots:
        if store is not None:
            store.add_cert(crypto.X509.from_cryptography(root))
    return context


def _load(files: TlsFiles, now: datetime) -> Credentials:
    roots = tuple(_certificates(files.roots)) if files.roots else None
    if files.certificate is None or files.key is None:
        if files.certificate or files.key:
            raise MaterialError(f"{files.certificate or files.key}: a certificate and its key must be given together")
        return Credentials((), None, roots, ())
    chain = _certificates(files.certificate)
    key = _private_key(files.key)
    _check_pair(files, chain, key)
    _check_chain(files.certificate, chain)
    credentials = Credentials(tuple(chain), key, roots, tuple(_warnings(files, chain, key, now)))
    try:
        plain_context(credentials)
    except SSL.Error as error:
        raise MaterialError(f"{files.certificate}: OpenSSL refuses it: {_reasons(error)}") from None
    return credentials


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE)
    except OSError as error:
        raise MaterialError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from None


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise MaterialError(
            f"{path}: not a PEM certificate file ({printable(str(error))}); it must hold BEGIN CERTIFICATE blocks"
        ) from None


def _private_key(path: Path) -> PrivateKey:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except TypeError:
        raise MaterialError(
            f"{path}: the key is encrypted; store it without a passphrase, readable to us only"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise MaterialError(f"{path}: not a PEM private key; it must hold one BEGIN PRIVATE KEY block") from None
    if not isinstance(key, PrivateKey):
        raise MaterialError(f"{path}: the key is neither RSA nor elliptic-curve; make an RSA key of 2048 bits or more")
    return key


def _check_pair(files: TlsFiles, chain: Sequence[x509.Certificate], key: PrivateKey) -> None:
    wanted = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    owners = [
        n
        for n, one in enumerate(chain)
        if one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == wanted
    ]
    if not owners:
        raise MaterialError(f"{files.key}: this key does not belong to the certificate in {files.certificate}")
    if owners[0] != 0:
        raise MaterialError(f"{files.certificate}: the leaf must come first, then its issuers in order")


def _check_chain(path: Path, chain: Sequence[x509.Certificate]) -> None:
    for place, (one, issuer) in enumerate(pairwise(chain), start=1):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise MaterialError(
                f"{path}: certificate {place + 1} did not issue certificate {place}; leaf first, then issuers"
            ) from None


def _warnings(files: TlsFiles, chain: Sequence[x509.Certificate], key: PrivateKey, now: datetime) -> list[str]:
    leaf, path, found = chain[0], files.certificate, []
    if now >= leaf.not_valid_after_utc:
        found.append(f"{path}: the certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d}; renew it")
    if now < leaf.not_valid_before_utc:
        found.append(f"{path}: the certificate is valid only from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    if len(chain) == 1 and leaf.issuer != leaf.subject:
        issuer = printable(leaf.issuer.rfc4514_string())
        found.append(f"{path}: no intermediate in the file; unless {issuer} is a root, append it (Teams needs it)")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _SMALLEST_RSA:
        found.append(f"{files.key}: {key.key_size} bits are too few; use an RSA key of 2048 bits or more")
    if files.key is not None and files.key.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        found.append(f"{files.key}: other users can read this key; chmod 600 it")
    return found


def _expired(credentials: Credentials, now: datetime) -> bool:
    return credentials.not_after is not None and now >= credentials.not_after


def _same_key(one: PrivateKey | None, other: PrivateKey | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.public_key() == other.public_key()


def _reasons(error: SSL.Error) -> str:
    details = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(detail[-1]) for detail in details) or "no reason given"
