"""TLS contexts for both roles, and the verdict on the peer's certificate (section 4 of the Teams requirements).

OpenSSL refuses a client whose certificate is serverAuth-only with error 26, at the leaf and at its intermediate. For a
profile that says so, that one error is forgiven and replaced by our own look at the extended key usage; every other
error stays fatal. Names are ours to check in both roles: OpenSSL checks none for a server, and for a client we accept
one more than it would. All of it happens inside the handshake, at the leaf's final callback, so that a refused peer
gets an alert and never a connection. Each connection collects its own causes, in words, for the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from rustalk.observe.printable import printable

from .identity import IdentityError, PeerIdentity, is_address, may_speak_tls, read_identity
from .material import Credentials, TlsMaterial, plain_context

__all__ = ["ClientTls", "Judged", "PeerPolicy", "ServerTls", "Verdict", "error_in_words"]

_INVALID_PURPOSE = 26


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    """What a peer must prove.

    ``client_certificate`` is for the server role: ``ignore`` does not ask, ``request`` verifies one that is sent,
    ``require`` refuses a client without one. ``names``: as server, the client must prove one of them (None: whatever
    the roots vouch for, also a subject that names no host); as client, one of them is as good as the dialled name,
    when that lies in the same domain.
    ``forgive_purpose`` accepts a client certificate that is serverAuth-only.
    """

    client_certificate: Literal["ignore", "request", "require"] = "ignore"
    names: frozenset[str] | None = None
    forgive_purpose: bool = False


class Verdict:
    """What one handshake found out about the peer.

    ``identity`` is set once the peer's certificate is verified; ``problems`` says in words why it was not.
    """

    __slots__ = ("credentials", "dialled", "identity", "policy", "problems")

    def __init__(self, policy: PeerPolicy, credentials: Credentials, dialled: str | None = None) -> None:
        self.policy = policy
        self.credentials = credentials
        self.dialled = dialled
        self.identity: PeerIdentity | None = None
        self.problems: list[str] = []

    @property
    def acceptable(self) -> bool:
        """Whether a finished handshake may be used."""
        if self.problems:
            return False
        return self.identity is not None or (self.dialled is None and self.policy.client_certificate != "require")

    def judge(self, certificate: crypto.X509, error: int, depth: int) -> bool:
        """One step of OpenSSL's verification: root first and leaf last, errors whenever they are met."""
        try:
            self._judge(certificate, error, depth)
        except IdentityError as problem:
            self.problems.append(f"{_place(certificate, depth)} is refused: {problem}")
        return not self.problems

    def _judge(self, certificate: crypto.X509, error: int, depth: int) -> None:
        if error == _INVALID_PURPOSE and self.policy.forgive_purpose:
            if not may_speak_tls(certificate.to_cryptography()):
                raise IdentityError("its extended key usage has neither serverAuth nor clientAuth")
        elif error:
            raise IdentityError(_VERIFY_WORDS.get(error, f"OpenSSL verification error {error}"))
        elif depth == 0:
            self.identity = self._identify(certificate)

    def _identify(self, certificate: crypto.X509) -> PeerIdentity:
        leaf = certificate.to_cryptography()
        if not may_speak_tls(leaf):
            raise IdentityError("its extended key usage has neither serverAuth nor clientAuth")
        accepted = self._accepted_names()
        identity = read_identity(leaf, nameless=accepted is None)
        if accepted is None or any(identity.covers(name) for name in accepted):
            return identity
        raise IdentityError(f"it is for {_some(identity.names)}, not for {_some(accepted)}")

    def _accepted_names(self) -> frozenset[str] | None:
        names = self.policy.names
        if self.dialled is None:
            return names
        domain = self.dialled.partition(".")[2]
        return frozenset({self.dialled} | {name for name in names or () if name.partition(".")[2] == domain})


class Judged(SSL.Connection):
    """A connection that carries the verdict on its peer. (Its application data belongs to Twisted.)"""

    def __init__(self, context: SSL.Context, verdict: Verdict) -> None:
        super().__init__(context, None)
        self.verdict = verdict


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """Makes the server side of each new connection from the credentials in force at that moment."""

    def __init__(self, material: TlsMaterial, policy: PeerPolicy) -> None:
        self._material = material
        self._policy = policy
        self._credentials = material.current
        self._context = self._build(material.current)

    @property
    def material(self) -> TlsMaterial:
        """Where the credentials come from."""
        return self._material

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Judged:
        """The server side of one handshake."""
        if self._credentials is not self._material.current:
            self._credentials = self._material.current
            self._context = self._build(self._credentials)
        return Judged(self._context, Verdict(self._policy, self._credentials))

    def _build(self, credentials: Credentials) -> SSL.Context:
        context = plain_context(credentials)
        if self._policy.client_certificate == "request":
            context.set_verify(SSL.VERIFY_PEER, _verify)
        elif self._policy.client_certificate == "require":
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verify)
        return context


class ClientTls:
    """The client side of a trunk: its own certificate or none, its roots, and what its servers must prove."""

    def __init__(self, material: TlsMaterial, policy: PeerPolicy | None = None) -> None:
        self._material = material
        self._policy = policy or PeerPolicy()
        self._credentials = material.current
        self._context = self._build(material.current)

    @property
    def material(self) -> TlsMaterial:
        """Where the credentials come from."""
        return self._material

    def dial(self, name: str) -> _Dialled:
        """Makes the connection to a server that must prove ``name``, a host name or an IP address.

        Raises ValueError when the name is neither.
        """
        if self._credentials is not self._material.current:
            self._credentials = self._material.current
            self._context = self._build(self._credentials)
        verdict = Verdict(self._policy, self._credentials, name.lower().removesuffix("."))
        return _Dialled(self._context, verdict)

    @staticmethod
    def _build(credentials: Credentials) -> SSL.Context:
        context = plain_context(credentials)
        context.set_verify(SSL.VERIFY_PEER, _verify)
        return context


@implementer(IOpenSSLClientConnectionCreator)
class _Dialled:
    """One dialled name: server name indication is sent (not for an address, RFC 6066 section 3)."""

    def __init__(self, context: SSL.Context, verdict: Verdict) -> None:
        name = verdict.dialled or ""
        self._indication = b"" if is_address(name) else name.encode("ascii")
        self._context = context
        self._verdict = verdict

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Judged:
        """The client side of one handshake."""
        connection = Judged(self._context, self._verdict)
        if self._indication:
            connection.set_tlsext_host_name(self._indication)
        return connection


def error_in_words(error: BaseException, verdict: Verdict | None) -> str:
    """Why a TLS connection ended: what we found, else what OpenSSL or the peer's alert says."""
    if verdict is not None and verdict.problems:
        return "; ".join(verdict.problems)
    if not isinstance(error, SSL.Error):
        return str(error) or type(error).__name__
    details = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(detail[-1]) for detail in details]
    return "; ".join(_reason_in_words(reason) for reason in reasons) or "the TLS connection broke off"


def _verify(connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
    return isinstance(connection, Judged) and connection.verdict.judge(certificate, 0 if ok else error, depth)


def _reason_in_words(reason: str) -> str:
    alert = re.fullmatch(r"\S+ alert (.*)", reason)
    if alert:
        return f"the peer refused the connection: {alert[1]}"
    return _OPENSSL_WORDS.get(reason, reason)


def _place(certificate: crypto.X509, depth: int) -> str:
    kind = "the peer's certificate" if depth == 0 else f"the issuer at depth {depth} of the peer's certificate"
    try:
        subject = certificate.to_cryptography().subject.rfc4514_string()
    except ValueError:
        subject = "unreadable subject"
    return f"{kind} ({printable(subject[:200])})"


def _some(names: frozenset[str]) -> str:
    shown = sorted(names)[:4]
    return ", ".join(shown) + (f" and {len(names) - 4} more" if len(names) > len(shown) else "")


_OPENSSL_WORDS = {
    "peer did not return a certificate": "the peer sent no certificate",
    "unsupported protocol": "the peer offers no TLS version that we accept (1.2 or 1.3)",
    "no shared cipher": "the peer offers no cipher suite that we accept",
    "wrong version number": "the peer does not speak TLS here",
    "http request": "the peer speaks HTTP here",
    "certificate verify failed": "the peer's certificate could not be verified",
    "unexpected eof while reading": "the peer closed the connection without a TLS close",
}

_VERIFY_WORDS = {
    2: "its issuer is neither sent nor among the trusted roots",
    7: "its signature is wrong",
    9: "it is not yet valid; check the clocks",
    10: "it has expired",
    18: "it is self-signed and not among the trusted roots",
    19: "its chain ends at a root that is not trusted",
    20: "its issuer is neither sent nor among the trusted roots",
    21: "its issuer is neither sent nor among the trusted roots",
    22: "its chain is too long",
    23: "it is revoked",
    24: "it issued a certificate but is no certificate authority",
    25: "its path length constraint is exceeded",
    26: "its extended key usage does not allow this role in TLS",
    27: "its root is not trusted for this purpose",
    28: "its root is rejected for this purpose",
    32: "its key usage does not allow signing certificates",
    47: "a name constraint of its issuer forbids its name",
    66: "its key is too small",
    67: "the key of its issuer is too small",
    68: "its signature digest is too weak",
    79: "it issued a certificate but is no certificate authority",
}
