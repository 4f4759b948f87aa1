"""`rustalk registrations`, `bans`, `limits`, `logins`, `call-logs`, `audit`, `events`, `tokens` and `stats`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from rustalk.observe.printable import printable

from .client import client_for, query, segment
from .command import Command, CommandError, Exit, write_json
from .items import CALL_FILTERS, Verb, every, family, write_list, write_object

__all__ = ["OPERATION"]


def _limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="how many at most (default: %(default)s)")


def _nothing(parser: ArgumentParser) -> None:
    pass


def _listed(path: str, name: str, columns: tuple[str, ...], *options: str) -> Any:
    """A command that shows a list, with these options as filters."""

    def run(arguments: Namespace, out: TextIO) -> int:
        asked = query(**{option.replace("-", "_"): getattr(arguments, option.replace("-", "_")) for option in options})
        items, total = every(client_for(arguments), f"/api/v1/{path}{asked}", name, arguments.limit)
        return write_list(arguments, items, name, columns, total, out)

    return run


def _options(*options: str) -> Any:
    def arguments(parser: ArgumentParser) -> None:
        _limit(parser)
        for option in options:
            parser.add_argument(f"--{option}", metavar="TEXT", help="only those with this value")

    return arguments


def _done(arguments: Namespace, body: Mapping[str, Any], out: TextIO) -> int:
    if arguments.json:
        write_json(body, out)
    else:
        out.write(f"{printable(str(body.get('message', 'Done.')))}\n")
    return Exit.DONE


def _name(what: str) -> Any:
    def arguments(parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", help=what)

    return arguments


def _removed(path: str) -> Any:
    """A command that ends one of a list."""

    def run(arguments: Namespace, out: TextIO) -> int:
        body = client_for(arguments).request("DELETE", f"/api/v1/{path}/{segment(arguments.id)}")
        return _done(arguments, body, out)

    return run


# Bans.


def _ban_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="the address to shut out")
    parser.add_argument("--seconds", type=float, metavar="N", help="for how long; default: security.ban_seconds")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the list of bans and the audit log")


def _ban(arguments: Namespace, out: TextIO) -> int:
    given = {"address": arguments.address, "seconds": arguments.seconds, "reason": arguments.reason}
    wanted = {name: value for name, value in given.items() if value is not None}
    return write_object(arguments, client_for(arguments).request("POST", "/api/v1/bans", wanted), out)


# Counters.

_COUNTERS = ("policy-id", "scope-value", "limit-type")


def _filter_arguments(parser: ArgumentParser) -> None:
    for option in _COUNTERS:
        parser.add_argument(f"--{option}", metavar="TEXT", help="only those with this value")


def _clear(arguments: Namespace, out: TextIO) -> int:
    asked = query(**{name: getattr(arguments, name) for name in (each.replace("-", "_") for each in _COUNTERS)})
    body = client_for(arguments).request("DELETE", f"/api/v1/frequency-limits{asked}")
    return _done(arguments, {**body, "message": f"{body['cleared']} accounts begin anew."}, out)


# Records.


def _show_log(arguments: Namespace, out: TextIO) -> int:
    return write_object(arguments, client_for(arguments).get(f"/api/v1/call-logs/{segment(arguments.id)}"), out)


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("csv", "json", "pdf"), default="csv", help="default: %(default)s")
    parser.add_argument("--charges", action="store_true", help="with what each call cost")
    parser.add_argument("--output", "-o", metavar="FILE", help="write here and not to standard output")
    for option in CALL_FILTERS:
        parser.add_argument(f"--{option}", metavar="TEXT", help="only those with this value")


def _export(arguments: Namespace, out: TextIO) -> int:
    names = [option.replace("-", "_") for option in CALL_FILTERS]
    wanted: dict[str, object] = {name: value for name in names if (value := getattr(arguments, name))}
    if "min_duration" in wanted:
        wanted["min_duration"] = _number(arguments.min_duration)
    body = {"format": arguments.format, "include_charges": arguments.charges, **wanted}
    pieces = client_for(arguments).pieces("POST", "/api/v1/call-logs/export", body)
    if arguments.output is None:
        _pour(pieces, getattr(out, "buffer", None) or sys.stdout.buffer)
        return Exit.DONE
    try:
        with open(arguments.output, "xb") as file:
            _pour(pieces, file)
    except FileExistsError:
        raise CommandError(f"{arguments.output} exists and was left as it is. Choose another name.") from None
    except OSError as error:
        raise CommandError(f"{arguments.output} cannot be written: {error.strerror}. Choose another place.") from None
    return Exit.DONE


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CommandError("--min-duration is a number of seconds.", Exit.USAGE) from None


def _pour(pieces: Iterator[bytes], file: Any) -> None:
    for piece in pieces:
        file.write(piece)


# Events.


def _event_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--kinds", metavar="KIND,...", help="only these: call, registration, trunk, alarm, config")
    parser.add_argument("--after", metavar="ID", help="begin behind the event with this id")


def _follow(arguments: Namespace, out: TextIO) -> int:
    asked = query(kinds=arguments.kinds, last_event_id=arguments.after)
    for event in _events(client_for(arguments).pieces("GET", f"/api/v1/events{asked}")):
        out.write((json.dumps(event) if arguments.json else _line(event)) + "\n")
        out.flush()
    return Exit.DONE


def _events(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The events of a feed (Server-Sent Events)."""
    text = b""
    for piece in pieces:
        text += piece
        *whole, text = text.split(b"\n\n")
        for block in whole:
            lines = [line.partition(": ") for line in block.decode("utf-8", "replace").split("\n")]
            fields = {name: value for name, _, value in lines if name}
            if "data" in fields:
                yield {"event_id": fields.get("id"), "event": fields.get("event"), **json.loads(fields["data"])}


def _line(event: Mapping[str, Any]) -> str:
    told = " ".join(f"{key}={value}" for key, value in event.items() if key not in ("event_id", "event", "time"))
    return printable(f"{event.get('time', '')} {event['event']} {told}".strip())


# Tokens and figures.


def _token_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="who or what uses it")
    parser.add_argument("--role", required=True, choices=("viewer", "operator", "admin", "auditor"))
    parser.add_argument("--scope", action="append", default=[], help="only this of the role; again for more")
    parser.add_argument("--expires-at", metavar="TIME", help="when it ends (RFC 3339); default: never")


def _create_token(arguments: Namespace, out: TextIO) -> int:
    wanted = {
        "name": arguments.name,
        "role": arguments.role,
        "scopes": arguments.scope,
        "expires_at": arguments.expires_at,
    }
    body = client_for(arguments).request("POST", "/api/v1/tokens", wanted)
    if arguments.json:
        write_json(body, out)
    else:
        out.write(f"{body['token']}\n")
    return Exit.DONE


def _revoke(arguments: Namespace, out: TextIO) -> int:
    body = client_for(arguments).request("DELETE", f"/api/v1/tokens/{segment(arguments.id)}")
    return _done(arguments, {**body, "message": f"The token {body['id']} for {body['name']} has ended."}, out)


def _stats(arguments: Namespace, out: TextIO) -> int:
    return write_object(arguments, client_for(arguments).get("/api/v1/stats"), out)


def _trunk_stats(arguments: Namespace, out: TextIO) -> int:
    body: Mapping[str, Any] = client_for(arguments).get("/api/v1/stats/trunks")
    ratios = [f"outbound.{name}.percent" for name in ("ser", "seer", "isa", "scr")]
    columns = ("id", "outbound.requests", *ratios, "outbound.srd.mean_ms", "inbound.requests")
    return write_list(arguments, body["trunks"], "trunks", columns, body["total"], out)


OPERATION: tuple[Command, ...] = (
    family(
        "registrations",
        "registered phones: list, delete",
        (
            Verb(
                "list",
                "list the registered phones",
                _options("extension", "q"),
                _listed(
                    "registrations",
                    "registrations",
                    ("id", "extension", "address", "transport", "expires_at", "user_agent"),
                    "extension",
                    "q",
                ),
            ),
            Verb("delete", "end a registration", _name("from list"), _removed("registrations")),
        ),
    ),
    family(
        "logins",
        "failed: list the logins that failed lately",
        (
            Verb(
                "failed",
                "list the logins that failed lately",
                _options("account"),
                _listed("logins/failed", "logins", ("account", "address", "count", "last", "reason"), "account"),
            ),
        ),
    ),
    family(
        "bans",
        "addresses that are shut out: list, add, lift",
        (
            Verb(
                "list",
                "list the addresses that are shut out",
                _limit,
                _listed("bans", "bans", ("address", "until", "reason")),
            ),
            Verb("add", "shut an address out", _ban_arguments, _ban),
            Verb("lift", "end a ban", _name("the address"), _removed("bans")),
        ),
    ),
    family(
        "limits",
        "counters of policies: list, clear",
        (
            Verb(
                "list",
                "show what the policies have counted",
                _options(*_COUNTERS),
                _listed(
                    "frequency-limits",
                    "frequency_limits",
                    ("policy_id", "scope", "scope_value", "limit_type", "count", "limit", "window_end"),
                    *_COUNTERS,
                ),
            ),
            Verb("clear", "forget what was counted, of all or as filtered", _filter_arguments, _clear),
        ),
    ),
    family(
        "call-logs",
        "records of calls: list, show, export",
        (
            Verb(
                "list",
                "list the records, newest first",
                _options(*CALL_FILTERS),
                _listed(
                    "call-logs",
                    "logs",
                    ("id", "start_time", "from_user", "to_user", "status", "duration_seconds", "termination_reason"),
                    *CALL_FILTERS,
                ),
            ),
            Verb("show", "show one record", _name("the id of the call"), _show_log),
            Verb("export", "write all records of a filter as one file", _export_arguments, _export),
        ),
    ),
    family(
        "audit",
        "list: show who changed what",
        (
            Verb(
                "list",
                "list the audit log, newest first",
                _options("who", "action", "target"),
                _listed(
                    "audit",
                    "entries",
                    ("time", "who", "address", "action", "target", "outcome", "detail"),
                    "who",
                    "action",
                    "target",
                ),
            ),
        ),
    ),
    family(
        "events", "follow: show what happens", (Verb("follow", "show events until Ctrl-C", _event_arguments, _follow),)
    ),
    family(
        "tokens",
        "tokens of a running switch: list, create, revoke",
        (
            Verb(
                "list",
                "list the tokens",
                _limit,
                _listed("tokens", "tokens", ("id", "name", "role", "scopes", "expires_at", "revoked_at")),
            ),
            Verb("create", "make a token and print it, this once", _token_arguments, _create_token),
            Verb("revoke", "end a token now", _name("from list"), _revoke),
        ),
    ),
    family(
        "stats",
        "show the figures; trunks: those of RFC 6076",
        (Verb("trunks", "show the figures of each trunk (RFC 6076)", _nothing, _trunk_stats),),
        _stats,
    ),
)
"""What an operator does every day."""
