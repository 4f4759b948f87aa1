"""The tokens of the API: who may come in, and who may no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from rustalk.store.tokens import ROLES, Role, Token

from . import schema
from .errors import ApiError, Fault
from .listing import PAGING, cut
from .moment import moment
from .route import Answer, Ask, Route, Who
from .sources import Sources

__all__ = ["TokenList"]

_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
_LONGEST, _MOST_SCOPES = 64, 50
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_NEW = schema.record(
    {"name": {**_TEXT, "minLength": 1, "maxLength": _LONGEST}, "role": {**_TEXT, "enum": list(ROLES)}},
    scopes=schema.array(_TEXT),
    expires_at=_MAYBE,
)
_TOKEN = schema.record(
    {
        "id": _TEXT,
        "name": _TEXT,
        "role": _TEXT,
        "scopes": schema.array(_TEXT),
        "created_at": _TEXT,
        "created_by": _TEXT,
        "expires_at": _MAYBE,
        "revoked_at": _MAYBE,
    },
    token=_TEXT,
)


class TokenList:
    """``/api/v1/tokens``, for admins. The text of a token is shown when it is made, and never again."""

    def __init__(self, sources: Sources, areas: frozenset[str]) -> None:
        self._tokens = sources.store.tokens
        self._now = sources.clock.seconds
        self._scopes = areas | {f"{area}:{verb}" for area in areas for verb in ("read", "write")}

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        root = "/api/v1/tokens"
        listed = {"tokens": schema.array(_TOKEN), "total": {"type": "integer"}, "next": _MAYBE}
        return [
            Route(
                "GET",
                root,
                self.listed,
                "All tokens, newest first, those that have ended too; not their texts.",
                least="admin",
                auditor=True,
                area="tokens",
                query=PAGING,
                gives=schema.record(listed),
                problems=("database-down",),
            ),
            Route(
                "POST",
                root,
                self.create,
                "Make a token; its text is shown this once. No scopes: all that the role may do.",
                least="admin",
                area="tokens",
                changes=True,
                takes=_NEW,
                gives=_TOKEN,
                status=201,
                problems=("invalid-body", "invalid-value", "not-allowed", "database-down"),
            ),
            Route(
                "DELETE",
                f"{root}/<id>",
                self.revoke,
                "End a token now.",
                least="admin",
                area="tokens",
                changes=True,
                gives=_TOKEN,
                problems=("item-not-found", "database-down"),
            ),
        ]

    async def listed(self, ask: Ask) -> Answer:
        """Give all tokens."""
        page = cut(await self._tokens.listed(), lambda token: token.id, ask)
        return Answer({"tokens": [_shown(each) for each in page.items], "total": page.total, "next": page.next})

    async def create(self, ask: Ask) -> Answer:
        """Make a token."""
        body = ask.json()
        faults = list(self._faults(body))
        if faults:
            raise ApiError("invalid-value", "No token was made: see errors.", faults=faults)
        scopes = tuple(body.get("scopes") or ())
        _within(ask.who, scopes)
        token, text = await self._tokens.create(
            name=body["name"],
            role=cast("Role", body["role"]),
            who=ask.who.name,
            scopes=scopes,
            expires_at=_end(body.get("expires_at")),
        )
        return Answer({**_shown(token), "token": text}, 201, note={"token": token.id, "role": token.role})

    async def revoke(self, ask: Ask) -> Answer:
        """End a token."""
        token = await self._tokens.revoke(ask.path["id"])
        if token is None:
            raise ApiError("item-not-found", "No token of this id is in force; see /api/v1/tokens.")
        return Answer(_shown(token), note={"token": token.id, "name": token.name})

    def _faults(self, body: dict[str, Any]) -> list[Fault]:
        faults = [
            Fault(f"$.{key[:64]}", "found an unknown key, expected one of name, role, scopes, expires_at")
            for key in sorted(body.keys() - _NEW["properties"].keys())
        ]
        name, scopes = body.get("name"), body.get("scopes") or []
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST:
            faults.append(Fault("$.name", f"expected 1 to {_LONGEST} printable characters"))
        if body.get("role") not in ROLES:
            faults.append(Fault("$.role", f"expected one of {', '.join(ROLES)}"))
        if (
            not isinstance(scopes, list)
            or len(scopes) > _MOST_SCOPES
            or any(not isinstance(each, str) or each not in self._scopes for each in scopes)
        ):
            known = ", ".join(sorted(each for each in self._scopes if ":" not in each))
            faults.append(Fault("$.scopes", f"expected a list of {known}, each alone or with :read or :write"))
        try:
            end = _end(body.get("expires_at"))
            if end is not None and end <= self._now():
                faults.append(Fault("$.expires_at", "expected a moment that is to come"))
        except (ValueError, TypeError, OverflowError):
            faults.append(Fault("$.expires_at", "expected a moment such as 2027-01-31T00:00:00Z, or null for never"))
        return faults


def _within(who: Who, scopes: tuple[str, ...]) -> None:
    """Raise ApiError where a token with scopes would make one that may do more."""
    own = set(who.scopes)
    allowed = own | {f"{scope}:{verb}" for scope in own for verb in ("read", "write") if ":" not in scope}
    if own and not (scopes and allowed.issuperset(scopes)):
        raise ApiError("not-allowed", f"A token with scopes can only make tokens with some of them: {sorted(own)}.")


def _end(text: object) -> float | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError("no text")
    found = datetime.fromisoformat(text)
    return min(found.replace(tzinfo=UTC) if found.tzinfo is None else found, _LAST).timestamp()


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "scopes": list(token.scopes),
        "created_at": _moment(token.created_at),
        "created_by": token.created_by,
        "expires_at": _moment(token.expires_at),
        "revoked_at": _moment(token.revoked_at),
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(datetime.fromtimestamp(seconds, UTC))
