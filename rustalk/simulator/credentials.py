"""The digest check of a carrier, in the form that providers use: MD5 or SHA-256 with qop=auth (RFC 7616).

Written apart from the switch's own digest, so that a mistake in one is not hidden by the same mistake in the other.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import md5, sha256
from hmac import compare_digest
from re import compile as expression

from rustalk.sip.message import Request

__all__ = ["Account"]

_PAIR = expression(r'([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES = {"MD5": md5, "SHA-256": sha256}


@dataclass(slots=True)
class Account:
    """A user of the carrier, and the nonces that it was given. The password never shows."""

    username: str
    password: str = field(repr=False)
    realm: str = "carrier.example"
    algorithm: str = "MD5"
    proxy: bool = False
    nonces: set[str] = field(default_factory=set, repr=False)

    @property
    def status(self) -> int:
        """What an unknown request is answered with: 407 by a proxy, 401 by a server."""
        return 407 if self.proxy else 401

    def challenge(self) -> tuple[str, str]:
        """The header field that asks for credentials, with a new nonce."""
        nonce = secrets.token_hex(16)
        self.nonces.add(nonce)
        name = "Proxy-Authenticate" if self.proxy else "WWW-Authenticate"
        value = f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={self.algorithm}, qop="auth"'
        return name, value

    def admits(self, request: Request) -> bool:
        """Whether the request carries the right answer to one of our challenges."""
        value = request.get("Proxy-Authorization" if self.proxy else "Authorization") or ""
        if not value.lower().startswith("digest "):
            return False
        given = {name: quoted or plain for name, quoted, plain in _PAIR.findall(value)}
        if given.get("username") != self.username or given.get("nonce") not in self.nonces:
            return False
        return compare_digest(self._response(request.method, given), given.get("response", "").lower())

    def _response(self, method: str, given: dict[str, str]) -> str:
        secret = self._digest(f"{self.username}:{self.realm}:{self.password}")
        action = self._digest(f"{method}:{given.get('uri', '')}")
        middle = ":".join(given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        return self._digest(f"{secret}:{middle}:{action}")

    def _digest(self, text: str) -> str:
        return _HASHES[self.algorithm](text.encode()).hexdigest()
