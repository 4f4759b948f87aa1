"""`rustalk token`: make, list and revoke tokens of the API in the database itself, whether a switch runs or not."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from typing import TextIO

from rustalk.store.audit import Entry, write_entries
from rustalk.store.database import Session
from rustalk.store.migrate import upgrade
from rustalk.store.tokens import ROLES, Token, create_token, list_tokens, revoke_token

from .command import Command, CommandError, Exit, write_json, write_table
from .database import add_config_argument, in_database, local_user, settings_of

__all__ = ["TOKEN"]

_DAY = 86400.0
_LONGEST_NAME = 64


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, run, help in (
        ("create", _create, "make a token and print it, this once"),
        ("list", _list, "show all tokens, but not their texts, which nobody knows"),
        ("revoke", _revoke, "end a token now"),
    ):
        own = verbs.add_parser(name, help=help, description=help)
        add_config_argument(own)
        own.add_argument("--json", action="store_true", help="write JSON for programs")
        own.set_defaults(verb=run)
        if run is _create:
            own.add_argument("--role", required=True, choices=ROLES, help="what it may do")
            own.add_argument(
                "--name", required=True, type=_name, help="who or what uses it, for lists and the audit log"
            )
            own.add_argument("--expires", type=_days, metavar="DAYS", help="when it ends; default: never")
            own.add_argument("--scope", action="append", default=[], help="only this of the role; again for more")
        elif run is _revoke:
            own.add_argument("id", metavar="ID", help="the id, as `rustalk token list` shows it")


def _name(text: str) -> str:
    if not text.isprintable() or not 0 < len(text) <= _LONGEST_NAME:
        raise ArgumentTypeError(f"1 to {_LONGEST_NAME} printable characters")
    return text


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= 36500:
        raise ArgumentTypeError("a number of days, such as 90")
    return days


def _run(arguments: Namespace, out: TextIO) -> int:
    code: int = arguments.verb(arguments, out)
    return code


def _create(arguments: Namespace, out: TextIO) -> int:
    now = time.time()
    expires = None if arguments.expires is None else now + arguments.expires * _DAY

    def work(session: Session) -> tuple[Token, str]:
        upgrade(session)
        made = create_token(
            session,
            name=arguments.name,
            role=arguments.role,
            who=_who(),
            now=now,
            scopes=tuple(arguments.scope),
            expires_at=expires,
        )
        _note(session, "create token", made[0], now)
        return made

    token, text = in_database(settings_of(arguments), work)
    if arguments.json:
        write_json({**_told(token), "token": text}, out)
    else:
        out.write(text + "\n")
        sys.stderr.write(f"This is the token {token.id} for {token.name} ({token.role}). It is not shown again.\n")
    return Exit.DONE


def _list(arguments: Namespace, out: TextIO) -> int:
    def work(session: Session) -> list[Token]:
        upgrade(session)
        return list_tokens(session)

    tokens = in_database(settings_of(arguments), work)
    if arguments.json:
        write_json([_told(token) for token in tokens], out)
        return Exit.DONE
    rows = [
        [each.id, each.name, each.role, " ".join(each.scopes), _moment(each.created_at), _end(each)] for each in tokens
    ]
    write_table(["ID", "NAME", "ROLE", "SCOPES", "MADE", "ENDS"], rows, out)
    return Exit.DONE


def _revoke(arguments: Namespace, out: TextIO) -> int:
    now = time.time()

    def work(session: Session) -> Token | None:
        upgrade(session)
        token = revoke_token(session, arguments.id, now)
        if token is not None:
            _note(session, "revoke token", token, now)
        return token

    token = in_database(settings_of(arguments), work)
    if token is None:
        raise CommandError(f"There is no token {arguments.id!r} in force. `rustalk token list` shows all.")
    if arguments.json:
        write_json(_told(token), out)
    else:
        out.write(f"The token {token.id} for {token.name} has ended.\n")
    return Exit.DONE


def _note(session: Session, action: str, token: Token, now: float) -> None:
    """Put what was done into the audit log."""
    detail = {"name": token.name, "role": token.role, "scopes": list(token.scopes)}
    entry = Entry(who=_who(), address="local", action=action, target=f"tokens/{token.id}", detail=detail, time=now)
    write_entries(session, (entry,))


def _who() -> str:
    """The user of this machine."""
    return f"{local_user()} (command line)".strip()


def _told(token: Token) -> dict[str, object]:
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


def _end(token: Token) -> str | None:
    return "revoked" if token.revoked_at is not None else _moment(token.expires_at)


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


TOKEN = Command("token", "make, list and revoke tokens for the API", _arguments, _run)
