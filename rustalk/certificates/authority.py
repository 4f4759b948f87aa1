"""A small certificate authority: roots, intermediates and leaves with whatever the caller wants right or wrong in them.

Used for the development certificate in the state directory, for the simulator's own PKI and for tests. Never a
replacement for a public authority: Teams trusts none of what is made here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

__all__ = ["Authority", "Issued", "KeyType", "Purpose", "Validity", "write_atomically"]

KeyType = Literal["rsa", "ec"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Purpose(Enum):
    """What an extended key usage may allow."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
    CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good."""

    start: datetime
    end: datetime

    @classmethod
    def days(cls, days: float, now: datetime | None = None) -> Validity:
        """From an hour before ``now``, for so many days; negative days: expired so long ago."""
        now = now or datetime.now(UTC)
        if days < 0:
            return cls(now + timedelta(days=days - 30), now + timedelta(days=days))
        return cls(now - timedelta(hours=1), now + timedelta(days=days))


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A certificate, its private key, and the intermediates that lead to (and do not include) the root."""

    certificate: x509.Certificate
    key: PrivateKey
    intermediates: tuple[x509.Certificate, ...] = ()

    @property
    def chain_pem(self) -> bytes:
        """Leaf first, then every intermediate, as a TLS server wants it."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.intermediates))

    @property
    def key_pem(self) -> bytes:
        """The private key, not encrypted. It belongs into a file of mode 0600 and nowhere else."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, certificate: Path, key: Path) -> None:
        """Write both files, each atomically; the key is readable to its owner only."""
        write_atomically(key, self.key_pem, 0o600)
        write_atomically(certificate, self.chain_pem, 0o644)


class Authority:
    """A root or an intermediate, with its key: it signs what it is asked to."""

    def __init__(self, issued: Issued, *, is_root: bool) -> None:
        self._issued = issued
        self._is_root = is_root

    @classmethod
    def root(cls, name: str, *, key_type: KeyType = "rsa", validity: Validity | None = None) -> Authority:
        """A new self-signed root (ten years unless told otherwise)."""
        key = _new_key(key_type)
        builder = _builder(name, name, key, validity or Validity.days(3650))
        builder = _as_authority(builder).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        return cls(Issued(builder.sign(key, SHA256()), key), is_root=True)

    def intermediate(
        self,
        name: str,
        *,
        purposes: Iterable[Purpose] = (),
        key_type: KeyType = "rsa",
        validity: Validity | None = None,
        is_authority: bool = True,
    ) -> Authority:
        """A new authority below this one; ``is_authority`` False makes one that must not sign, and does."""
        key = _new_key(key_type)
        builder = _builder(name, self._name, key, validity or Validity.days(1825))
        builder = _as_authority(builder) if is_authority else _as_leaf(builder)
        return Authority(self._sign(builder, key, purposes), is_root=False)

    def issue(
        self,
        names: Sequence[str],
        *,
        common_name: str | None = None,
        purposes: Iterable[Purpose] = (Purpose.SERVER, Purpose.CLIENT),
        key_type: KeyType = "rsa",
        validity: Validity | None = None,
        key: PrivateKey | None = None,
    ) -> Issued:
        """A new leaf (90 days unless told otherwise) for DNS names, wildcards and IP addresses.

        No purposes: no extended key usage at all. No names: no subject alternative name. The common name is the first
        name unless given; ``key`` reuses a key instead of making one.
        """
        key = key or _new_key(key_type)
        common_name = common_name if common_name is not None else (names[0] if names else "nobody")
        builder = _as_leaf(_builder(common_name, self._name, key, validity or Validity.days(90)))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
        return self._sign(builder, key, purposes)

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self._issued.certificate

    @property
    def certificate_pem(self) -> bytes:
        """The authority's own certificate, as those who shall trust it need it."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def _name(self) -> str:
        value = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return value if isinstance(value, str) else value.decode()

    def _sign(self, builder: x509.CertificateBuilder, key: PrivateKey, purposes: Iterable[Purpose]) -> Issued:
        usages: list[ObjectIdentifier] = [purpose.value for purpose in purposes]
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._issued.key.public_key()), critical=False
        )
        above = () if self._is_root else (self.certificate, *self._issued.intermediates)
        return Issued(builder.sign(self._issued.key, SHA256()), key, above)


def write_atomically(path: Path, data: bytes, mode: int) -> None:
    """Replace a file as a whole, with this mode from the first byte on; a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def _new_key(key_type: KeyType) -> PrivateKey:
    if key_type == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _builder(name: str, issuer: str, key: PrivateKey, validity: Validity) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.start)
        .not_valid_after(validity.end)
    )


def _as_authority(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.add_extension(_key_usage(signs_certificates=True), critical=True)


def _as_leaf(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.add_extension(_key_usage(signs_certificates=False), critical=True)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if name.startswith("sip:"):
        return x509.UniformResourceIdentifier(name)
    return x509.DNSName(name)
