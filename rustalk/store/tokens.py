"""The tokens that open the API: shown once, kept as a hash, with a role, scopes and an end.

A token is 256 random bits, which nobody guesses; so a plain SHA-256 is hash enough, and finding one is one look at an
index. While the database is down, tokens that were used before keep working.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from twisted.internet.defer import Deferred

from rustalk.store.database import Database
from rustalk.store.session import DatabaseDownError, Row, Session

__all__ = ["ROLES", "Role", "Token", "Tokens", "create_token", "list_tokens", "revoke_token"]

Role = Literal["viewer", "operator", "admin", "auditor"]
ROLES: tuple[Role, ...] = get_args(Role)

_PREFIX = "rustalk_"
_REMEMBERED = 1000
_PATIENCE = 3.0
"""So many seconds a token is looked for in a database that does not answer."""

_COLUMNS = "id, name, role, scopes, created_at, created_by, expires_at, revoked_at"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; times are seconds since 1970. No scopes: all that the role may do."""

    id: str
    name: str
    role: Role
    scopes: tuple[str, ...]
    created_at: float
    created_by: str
    expires_at: float | None = None
    revoked_at: float | None = None

    def valid(self, now: float) -> bool:
        """Whether it opens the API at this moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def create_token(
    session: Session,
    *,
    name: str,
    role: Role,
    who: str,
    now: float,
    scopes: tuple[str, ...] = (),
    expires_at: float | None = None,
) -> tuple[Token, str]:
    """Make a token; return it and its text, which is in no other place."""
    text = f"{_PREFIX}{secrets.token_urlsafe(32)}"
    token = Token(secrets.token_hex(8), name, role, scopes, now, who, expires_at)
    session.execute(
        f"INSERT INTO tokens (hash, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_hash(text), token.id, name, role, json.dumps(scopes), now, who, expires_at, None),
    )
    return token, text


def list_tokens(session: Session) -> list[Token]:
    """All tokens, the newest first, those that are expired or revoked too."""
    return [_token(row) for row in session.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY created_at DESC, id")]


def revoke_token(session: Session, id: str, now: float) -> Token | None:
    """End a token; return it, or None where none of that id is in force."""
    sql = f"UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING {_COLUMNS}"
    rows = session.execute(sql, (now, id))
    return _token(rows[0]) if rows else None


class Tokens:
    """The tokens of the database."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now
        self._remembered: OrderedDict[str, Token] = OrderedDict()

    def create(
        self, *, name: str, role: Role, who: str, scopes: tuple[str, ...] = (), expires_at: float | None = None
    ) -> Deferred[tuple[Token, str]]:
        """Make a token; fires with it and its text, which is shown once and kept nowhere."""
        now = self._now()
        return self._database.run(
            lambda session: create_token(
                session, name=name, role=role, who=who, now=now, scopes=scopes, expires_at=expires_at
            )
        )

    def first(self) -> Deferred[str | None]:
        """Make the first token, for an admin, where there has never been one; fires with its text, else None."""
        now = self._now()

        def work(session: Session) -> str | None:
            session.execute("UPDATE counters SET value = value WHERE name = 'audit'")
            if session.execute("SELECT 1 FROM tokens LIMIT 1"):
                return None
            return create_token(session, name="first", role="admin", who="rustalk", now=now)[1]

        return self._database.run(work)

    async def find(self, text: str) -> Token | None:
        """The valid token with this text, or None. Raises DatabaseDownError for one not seen since the start.

        A database that is in trouble is not waited for where the token was seen, and not for long where it was not.
        """
        digest = _hash(text)
        found = self._remembered.get(digest)
        if found is None or not self._database.problem:
            try:
                found = await self._database.read(lambda session: _find(session, digest), patience=_PATIENCE)
            except DatabaseDownError:
                if found is None:
                    raise
            else:
                self._remember(digest, found)
        return found if found is not None and found.valid(self._now()) else None

    def listed(self) -> Deferred[list[Token]]:
        """All tokens, the newest first, those that are expired or revoked too."""
        return self._database.read(list_tokens)

    def revoke(self, id: str) -> Deferred[Token | None]:
        """End a token now; fires with it, or None where there is no valid one of that id."""
        now = self._now()

        return self._database.run(lambda session: revoke_token(session, id, now)).addCallback(self._forget)

    def _remember(self, digest: str, token: Token | None) -> None:
        self._remembered.pop(digest, None)
        if token is not None:
            self._remembered[digest] = token
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)

    def _forget(self, token: Token | None) -> Token | None:
        if token is not None:
            stale = [digest for digest, each in self._remembered.items() if each.id == token.id]
            for digest in stale:
                del self._remembered[digest]
        return token


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _find(session: Session, digest: str) -> Token | None:
    rows = session.execute(f"SELECT {_COLUMNS} FROM tokens WHERE hash = ?", (digest,))
    return _token(rows[0]) if rows else None


def _token(row: Row) -> Token:
    id, name, role, scopes, *rest = row
    return Token(id, name, role, tuple(json.loads(scopes)), *rest)
