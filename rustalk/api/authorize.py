"""Who may do what: bearer tokens (RFC 6750), roles, scopes, and a limit on guessing.

Roles stand in a row, viewer below operator below admin, and each may do what the ones below it may. An auditor stands
beside them and reads records, configuration and the audit log. A token with scopes may only do what one of them names:
an area of the API (``extensions``), or reading alone in it (``extensions:read``).

Tokens are too long to be guessed; what is limited is the trouble that trying makes. An address from which too many
wrong ones came waits, except that tokens which have been right before go on: nobody shuts an administrator out by
guessing from the same address.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from rustalk.security.attempts import Attempts
from rustalk.security.networks import source_of
from rustalk.store.session import DatabaseDownError
from rustalk.store.tokens import Token

from .errors import ApiError
from .route import Route, Who

__all__ = ["ATTEMPTS", "LOCAL", "WINDOW", "Authorizer", "Logins", "TokenFinder", "may", "permit"]

ATTEMPTS, WINDOW = 10, 60.0
"""So many wrong tokens in so many seconds may come from one address."""

_ORDER: Mapping[str, int] = {"viewer": 1, "operator": 2, "admin": 3}
_REMEMBERED = 1000
_CHALLENGE = 'Bearer realm="rustalk"'
_LONGEST = 512
_ACCOUNT = "api"

LOCAL = Who("local", "admin")
"""Everybody, where no token is asked for."""


class TokenFinder(Protocol):
    """As much of `rustalk.store.tokens.Tokens` as is needed here."""

    async def find(self, text: str) -> Token | None:
        """The valid token with this text."""


class Logins(Protocol):
    """Who counts failed logins beyond this module: the guard."""

    def on_failure(self, address: str, account: str, why: str) -> None:
        """A wrong token came."""


class Authorizer:
    """Finds out who asks. ``tokens`` None: no token is asked for, and everybody is `LOCAL`."""

    def __init__(self, tokens: TokenFinder | None, now: Callable[[], float], logins: Logins | None = None) -> None:
        self._tokens = tokens
        self._now = now
        self._logins = logins
        self._failures = Attempts(ATTEMPTS, WINDOW)
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    @property
    def asks(self) -> bool:
        """Whether a token is asked for."""
        return self._tokens is not None

    async def identify(self, address: str, fields: list[str]) -> Who:
        """Who asks, by the Authorization fields of the request. Raises ApiError where a token is not shown or bad."""
        if self._tokens is None:
            return Who(LOCAL.name, LOCAL.role, address)
        return await self._who(self._tokens, address, fields)

    async def _who(self, tokens: TokenFinder, address: str, fields: list[str]) -> Who:
        text = _bearer(fields)
        source, digest = source_of(address) or address, hashlib.sha256(text.encode()).digest()
        if self._failures.count(source, self._now()) >= ATTEMPTS and digest not in self._proven:
            raise ApiError(
                "too-many-attempts",
                f"Wait {WINDOW:g} seconds, then use a token that `rustalk token create` printed.",
                (("Retry-After", f"{WINDOW:g}"),),
            )
        token = await _found(tokens, text)
        if token is None:
            self._proven.pop(digest, None)
            self._failures.add(source, self._now())
            if self._logins is not None:
                self._logins.on_failure(address, _ACCOUNT, "token")
            raise ApiError(
                "token-refused",
                "It is unknown, has expired or was revoked; `rustalk token create` prints a new one.",
                (("WWW-Authenticate", f'{_CHALLENGE}, error="invalid_token"'),),
            )
        self._remember(digest)

        async def still() -> bool:
            return await _found(tokens, text) is not None

        return Who(token.name, token.role, address, token.scopes, still)

    def _remember(self, digest: bytes) -> None:
        self._proven[digest] = None
        self._proven.move_to_end(digest)
        if len(self._proven) > _REMEMBERED:
            self._proven.popitem(last=False)


def may(who: Who, route: Route) -> bool:
    """Whether this role, with these scopes, may use the route."""
    if route.least is None:
        return True
    if who.role is None:
        return False
    allowed = route.auditor if who.role == "auditor" else _ORDER[who.role] >= _ORDER.get(route.least, 9)
    scopes = {route.area, f"{route.area}:write", *(() if route.changes else (f"{route.area}:read",))}
    return allowed and (not who.scopes or not scopes.isdisjoint(who.scopes))


def permit(who: Who, route: Route) -> None:
    """Raise ApiError where `may` says no."""
    if not may(who, route):
        scopes = f" with the scopes {', '.join(who.scopes)}" if who.scopes else ""
        raise ApiError(
            "not-allowed",
            f"This needs {_needed(route)}; the token {who.name!r} is for {who.role}{scopes}.",
            (("WWW-Authenticate", f'{_CHALLENGE}, error="insufficient_scope"'),),
        )


def _needed(route: Route) -> str:
    roles = f"{route.least} or more" + (", or auditor" if route.auditor else "")
    return f"the role {roles} and, where the token has scopes, {route.area}:{'write' if route.changes else 'read'}"


def _bearer(fields: list[str]) -> str:
    """The token of the Authorization field. Raises ApiError where there is not exactly one."""
    scheme, _, text = fields[0].partition(" ") if len(fields) == 1 else ("", "", "")
    text = text.strip()
    if scheme.lower() != "bearer" or not text or len(text) > _LONGEST or not text.isascii():
        raise ApiError(
            "token-missing",
            "Send `Authorization: Bearer TOKEN`, once; `rustalk token create` prints a token.",
            (("WWW-Authenticate", _CHALLENGE),),
        )
    return text


async def _found(tokens: TokenFinder, text: str) -> Token | None:
    try:
        return await tokens.find(text)
    except DatabaseDownError:
        raise ApiError(
            "database-down", "The token cannot be looked up now; try again.", (("Retry-After", "5"),)
        ) from None
