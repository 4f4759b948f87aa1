"""Digest access authentication in both roles (RFC 3261 section 22, RFC 7616, RFC 8760; RFC 2617 and 2069 as seen).

A client has ``Credentials``: it chooses among the challenges of a 401 or 407 and answers one. A server has a
``Verifier``: it makes challenges and judges what comes back. Passwords and HA1 values never appear in a repr.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from .errors import LocalProtocolError, RemoteProtocolError
from .headers import quote, unquote

__all__ = ["ALGORITHMS", "Authorization", "Challenge", "Credentials", "Verdict", "Verifier", "ha1", "parse_challenges"]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


ALGORITHMS: Mapping[str, Callable[[bytes], str]] = {
    "SHA-512-256": _sha512_256,
    "SHA-512-256-sess": _sha512_256,
    "SHA-256": _sha256,
    "SHA-256-sess": _sha256,
    "MD5": _md5,
    "MD5-sess": _md5,
}
"""What we understand, strongest first."""

_SPELLING = {name.lower(): name for name in ALGORITHMS}
_STRENGTH = {name: place for place, name in enumerate(ALGORITHMS)}
_QOPS = ("auth", "auth-int")

_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]++"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_SCHEME = re.compile(rf"[ \t]*+({_TOKEN})(?:[ \t]++|\Z)")
_ITEM = re.compile(
    rf'[ \t,]*+(?:({_TOKEN})[ \t]++(?=[^ \t=,]))?({_TOKEN})[ \t]*+=[ \t]*+({_QUOTED}|[^\s,"]*+)[ \t]*+(?:,[ \t,]*+|\Z)',
    re.ASCII | re.DOTALL,
)
_NC = re.compile(r"[0-9A-Fa-f]{8}")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _parse(text: str) -> list[tuple[str, dict[str, str]]]:
    """The schemes of one header value, in lower case, each with its parameters."""
    found: list[tuple[str, dict[str, str]]] = []
    first = _SCHEME.match(text)
    if first is None:
        raise RemoteProtocolError("an authentication header without a scheme")
    if first[1].lower() != "digest":
        return found
    position = 0
    while position < len(text):
        item = _ITEM.match(text, position)
        if item is None or not (item[1] or found):
            raise RemoteProtocolError("an authentication header with a broken parameter")
        scheme, name, value = item.groups()
        if scheme:
            found.append((scheme.lower(), {}))
        params = found[-1][1]
        name = name.lower()
        if name in params:
            raise RemoteProtocolError(f"the parameter {name} stands twice in an authentication header")
        params[name] = unquote(value) if value[:1] == '"' else value
        position = item.end()
    return found


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server wants to see: one WWW-Authenticate or Proxy-Authenticate value."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    userhash: bool = False

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        if self.userhash:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """The digest challenges of these header values that we can answer, in their order.

    Other schemes, algorithms and qualities are skipped. Raises RemoteProtocolError for a broken digest challenge.
    """
    return [
        challenge
        for value in values
        for scheme, params in _parse(value)
        if scheme == "digest" and (challenge := _challenge(params)) is not None
    ]


def _challenge(params: dict[str, str]) -> Challenge | None:
    if "realm" not in params or "nonce" not in params:
        raise RemoteProtocolError("a digest challenge without realm or nonce")
    algorithm = _SPELLING.get(params.get("algorithm", "MD5").lower())
    offered = [word.strip(" \t").lower() for word in params.get("qop", "").split(",")]
    qop = tuple(word for word in _QOPS if word in offered)
    if algorithm is None or (not qop and any(offered)):
        return None
    return Challenge(
        params["realm"],
        params["nonce"],
        algorithm,
        qop,
        params.get("opaque"),
        params.get("stale", "").lower() == "true",
        params.get("userhash", "").lower() == "true",
    )


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a client shows: one Authorization or Proxy-Authorization value.

    ``qop`` is '' and ``nc`` 0 in an answer after RFC 2069.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str = "MD5"
    qop: str = ""
    nc: int = 0
    cnonce: str = ""
    opaque: str | None = None
    userhash: bool = False

    @classmethod
    def parse(cls, text: str) -> Authorization | None:
        """Understand one value; None for another scheme or an algorithm that we do not know.

        Raises RemoteProtocolError for a broken digest answer.
        """
        found = _parse(text)
        if not found:
            return None
        params = found[0][1]
        if len(found) > 1 or not {"username", "realm", "nonce", "uri", "response"} <= params.keys():
            raise RemoteProtocolError("a digest answer without username, realm, nonce, uri or response")
        algorithm = _SPELLING.get(params.get("algorithm", "MD5").lower())
        qop, nc, cnonce = params.get("qop", "").lower(), params.get("nc", ""), params.get("cnonce", "")
        if qop and (_NC.fullmatch(nc) is None or not cnonce):
            raise RemoteProtocolError("a digest answer with qop needs nc and cnonce")
        if algorithm is None or (qop and qop not in _QOPS):
            return None
        return cls(
            params["username"],
            params["realm"],
            params["nonce"],
            params["uri"],
            params["response"].lower(),
            algorithm,
            qop,
            int(nc, 16) if qop else 0,
            cnonce,
            params.get("opaque"),
            params.get("userhash", "").lower() == "true",
        )

    def __str__(self) -> str:
        parts = [
            f"username={quote(self.username)}",
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}",
            f'response="{self.response}"',
            f"algorithm={self.algorithm}",
        ]
        if self.cnonce:
            parts.append(f"cnonce={quote(self.cnonce)}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.qop:
            parts.append(f"qop={self.qop}, nc={self.nc:08x}")
        if self.userhash:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)

    def expected(self, secret: str, method: str, body: bytes) -> str:
        """The response that someone who knows ``secret``, the HA1, would have given (RFC 7616 section 3.4.1)."""
        digest = ALGORITHMS[self.algorithm]
        if self.algorithm.endswith("-sess"):
            secret = digest(_bytes(f"{secret}:{self.nonce}:{self.cnonce}"))
        a2 = f"{method}:{self.uri}"
        if self.qop == "auth-int":
            a2 += f":{digest(body)}"
        middle = f"{self.nonce}:{self.nc:08x}:{self.cnonce}:{self.qop}" if self.qop else self.nonce
        return digest(_bytes(f"{secret}:{middle}:{digest(_bytes(a2))}"))


def ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """What a server stores instead of a password: the hash of who, where and what (RFC 7616 section 3.4.2)."""
    return ALGORITHMS[algorithm](_bytes(f"{username}:{realm}:{password}"))


class Credentials:
    """A user name and password, to be shown to one realm only, or to one of several names of it.

    ``realm`` None means any realm: give these to one peer and to nobody else. Requests are counted for the last few
    nonces, since a nonce count must rise each time a nonce is used again.
    """

    __slots__ = ("_counts", "_password", "realms", "username")

    _NONCES = 8

    def __init__(self, username: str, password: str, realm: str | Collection[str] | None = None) -> None:
        self.username = username
        self.realms = frozenset((realm,)) if isinstance(realm, str) else None if realm is None else frozenset(realm)
        self._password = password
        self._counts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, realms={self.realms and sorted(self.realms)!r})"

    def choose(self, challenges: Iterable[Challenge]) -> Challenge | None:
        """The strongest challenge of our realm, the topmost of equals; None when no challenge is for us."""
        ours = [c for c in challenges if self.realms is None or c.realm in self.realms]
        return min(ours, key=lambda c: _STRENGTH[c.algorithm], default=None)

    def answer(self, challenge: Challenge, method: str, uri: str, body: bytes, cnonce: str) -> str:
        """The header value that answers a challenge.

        ``cnonce`` is a fresh random token. Raises LocalProtocolError for a challenge of another realm.
        """
        if self.realms is not None and challenge.realm not in self.realms:
            raise LocalProtocolError(f"the credentials of {sorted(self.realms)} are not for {challenge.realm[:60]!r}")
        qop = challenge.qop[0] if challenge.qop else ""
        digest = ALGORITHMS[challenge.algorithm]
        shown = digest(_bytes(f"{self.username}:{challenge.realm}")) if challenge.userhash else self.username
        unsigned = Authorization(
            shown,
            challenge.realm,
            challenge.nonce,
            uri,
            "",
            challenge.algorithm,
            qop,
            self._count(challenge.nonce) if qop else 0,
            cnonce if qop or challenge.algorithm.endswith("-sess") else "",
            challenge.opaque,
            challenge.userhash,
        )
        secret = ha1(challenge.algorithm, self.username, challenge.realm, self._password)
        return str(replace(unsigned, response=unsigned.expected(secret, method, body)))

    def _count(self, nonce: str) -> int:
        count = self._counts.pop(nonce, 0) + 1
        while len(self._counts) >= self._NONCES:
            del self._counts[next(iter(self._counts))]
        self._counts[nonce] = count
        return count


class Verdict(Enum):
    """What a verifier says about an answer."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    """Not the password, or not an answer to a challenge of ours."""
    STALE = "stale"
    """The right password for a nonce that is no longer good: challenge again with ``stale``."""
    REPLAYED = "replayed"
    """The right password, seen before with this nonce count: treat as WRONG, and tell the log."""
    MISDIRECTED = "misdirected"
    """The right password, shown for another URI than that of the request; its nonce count is still good."""


_NONCE = re.compile(r"([0-9a-f]{12})[0-9a-f]{16}([0-9a-f]{32})")


class Verifier:
    """Makes challenges for one realm and judges the answers.

    A nonce holds the time it was made and a keyed hash, so that making one costs no memory; only nonces that a right
    password was used with are remembered, at most ``capacity`` of them, with the counts seen. ``key`` must be new for
    each process, or answers of the last one could be replayed. ``clock`` gives seconds that never go back. ``lifetime``
    is in seconds. ``peer`` binds a nonce to whatever the caller likes, such as the source address.
    """

    __slots__ = ("_capacity", "_clock", "_floor", "_key", "_lifetime", "_seen", "algorithms", "qop", "realm")

    def __init__(
        self,
        realm: str,
        key: bytes,
        clock: Callable[[], float],
        *,
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
        qop: tuple[str, ...] = ("auth",),
        lifetime: float = 300.0,
        capacity: int = 10_000,
    ) -> None:
        self.realm = realm
        self.algorithms = algorithms
        self.qop = qop
        self._key = key
        self._clock = clock
        self._lifetime = lifetime
        self._capacity = capacity
        self._floor = -1
        self._seen: dict[str, tuple[int, int]] = {}

    def challenges(self, peer: str = "", stale: bool = False) -> list[Challenge]:
        """One challenge for each algorithm, in our order of preference, all with one new nonce (RFC 8760)."""
        body = f"{self._now():012x}{secrets.token_hex(8)}"
        nonce = body + self._mac(body, peer)
        return [Challenge(self.realm, nonce, algorithm, self.qop, None, stale) for algorithm in self.algorithms]

    def verify(
        self,
        answer: Authorization,
        method: str,
        body: bytes,
        secret: str | None,
        peer: str = "",
        *,
        is_directed: bool = True,
    ) -> Verdict:
        """Judge an answer; ``secret`` is the stored HA1 for the answer's algorithm, None for an unknown user.

        An unknown user takes as long as a wrong password. The URI in the answer is covered by the digest; whether it
        is that of the request is ``is_directed``, since a proxy may have changed that (RFC 3261 section 22.4).
        """
        right = hmac.compare_digest(_bytes(answer.expected(secret or "-" * 32, method, body)), _bytes(answer.response))
        issued = self._issued(answer.nonce, peer)
        fits = answer.realm == self.realm and answer.algorithm in self.algorithms and answer.qop in (self.qop or ("",))
        if secret is None or not right or not fits:
            return Verdict.WRONG
        if issued is None or issued <= self._floor or not 0 <= self._now() - issued <= self._lifetime * 1000:
            return Verdict.STALE
        if not is_directed:
            return Verdict.MISDIRECTED
        return self._use(answer.nonce, answer.nc)

    def made(self, nonce: str, peer: str = "") -> bool:
        """Whether a nonce is from a challenge of ours to this peer: who answers one has received it there."""
        return self._issued(nonce, peer) is not None

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _mac(self, body: str, peer: str) -> str:
        """A keyed hash; BLAKE2, since that of OpenSSL costs more than all else of a challenge."""
        return hashlib.blake2s(_bytes(f"{body}:{self.realm}:{peer}"), key=self._key, digest_size=16).hexdigest()

    def _issued(self, nonce: str, peer: str) -> int | None:
        """When we made a nonce, in milliseconds; None when we did not."""
        match = _NONCE.fullmatch(nonce)
        if match is None or not hmac.compare_digest(self._mac(nonce[:28], peer), match[2]):
            return None
        return int(match[1], 16)

    def _use(self, nonce: str, count: int) -> Verdict:
        """Take note of a count, in a window of 64 as in RFC 4303 section 3.4.3, for requests may overtake another."""
        highest, window = self._seen.pop(nonce, (-1, 0))
        if count > highest:
            shift = count - highest
            highest, window, verdict = count, (window << min(shift, 64) | 1) & (1 << 64) - 1, Verdict.ACCEPTED
        elif highest - count < 64 and not window >> highest - count & 1:
            window, verdict = window | 1 << highest - count, Verdict.ACCEPTED
        else:
            verdict = Verdict.REPLAYED
        self._make_room()
        self._seen[nonce] = (highest, window)
        return verdict

    def _make_room(self) -> None:
        """Forget the nonce used least recently; nothing as old as it is good any more, so it cannot come back."""
        while len(self._seen) >= self._capacity:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            self._floor = max(self._floor, int(oldest[:12], 16))
