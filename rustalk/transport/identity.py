"""Who a certificate says a peer is: its names, and the rule by which a name is matched (RFC 5922, RFC 9525).

Only the subject alternative name counts. The common name proves no host, so nothing hidden in it can help anybody; the
subject is kept as it is, since that of a phone often has no more than its MAC address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from rustalk.observe.printable import printable

__all__ = [
    "MICROSOFT_NAMES",
    "IdentityError",
    "PeerIdentity",
    "covers",
    "is_address",
    "may_speak_tls",
    "read_identity",
]

MICROSOFT_NAMES = frozenset(
    {
        "sip.pstnhub.microsoft.com",
        "sip2.pstnhub.microsoft.com",
        "sip3.pstnhub.microsoft.com",
        "sip.pstnhub.gov.teams.microsoft.us",
        "sip.pstnhub.dod.teams.microsoft.us",
    }
)
"""The names of Microsoft's SIP proxies (NET-01, NET-02): a Teams peer must prove at least one of them."""

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*", re.ASCII)
_WILDCARD_LABELS = 3
_NO_NAME = "it has no subject alternative name"


class IdentityError(Exception):
    """A certificate does not prove what it must; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """The names a verified certificate proves, in lower case; a wildcard stays as it was written."""

    names: frozenset[str]
    subject: str
    serial: int
    not_after: datetime

    def covers(self, name: str) -> bool:
        """Whether the certificate is valid for this host name or IP address."""
        return any(covers(pattern, name) for pattern in self.names)


@lru_cache(4096)
def is_address(host: str) -> bool:
    """Whether this is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name matches a host.

    A wildcard is the whole leftmost label, stands for exactly one label (MTN-02), and leaves at least two labels.
    An address matches only itself.
    """
    name = name.lower().removesuffix(".")
    if pattern == name:
        return True
    star, _, parent = pattern.partition(".")
    if star != "*" or parent.count(".") + 2 < _WILDCARD_LABELS or is_address(name):
        return False
    label, _, rest = name.partition(".")
    return bool(label) and rest == parent


def read_identity(certificate: x509.Certificate, *, nameless: bool = False) -> PeerIdentity:
    """The names in a certificate. A name that is no host name (NUL, space, U-label) is left out.

    Raises IdentityError when the certificate cannot be read, or names no host and may not be ``nameless``.
    """
    try:
        names = _names(certificate)
        subject = certificate.subject.rfc4514_string()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise IdentityError(f"it cannot be read: {error}") from None
    if not names and not nameless:
        raise IdentityError(_NO_NAME if names is None else "its subject alternative name holds no host name")
    subject = printable(subject[:200])
    return PeerIdentity(names or frozenset(), subject, certificate.serial_number, certificate.not_valid_after_utc)


def _names(certificate: x509.Certificate) -> frozenset[str] | None:
    """The host names among the subject alternative names; None without any."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    hosts = [name.lower() for name in alternatives.get_values_for_type(x509.DNSName)]
    names = {name for name in hosts if _HOST_NAME.fullmatch(name.removeprefix("*."))}
    for uri in alternatives.get_values_for_type(x509.UniformResourceIdentifier):
        scheme, _, host = uri.lower().partition(":")
        if scheme == "sip" and _HOST_NAME.fullmatch(host):
            names.add(host)
    names.update(str(address) for address in alternatives.get_values_for_type(x509.IPAddress))
    return frozenset(names)


def may_speak_tls(certificate: x509.Certificate) -> bool:
    """Whether its extended key usage is absent or holds serverAuth or clientAuth, and its key may sign if it is a leaf.

    This is what stays of the purpose check for peers whose certificate is serverAuth-only (section 4.4 of the Teams
    requirements). Raises IdentityError when the extensions cannot be read.
    """
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise IdentityError(f"it cannot be read: {error}") from None
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and not _TLS_PURPOSES & set(value):
            return False
        if isinstance(value, x509.KeyUsage) and not (value.digital_signature or value.key_cert_sign):
            return False
    return True


_TLS_PURPOSES = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
