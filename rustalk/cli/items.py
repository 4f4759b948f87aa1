"""`rustalk extensions`, `rustalk trunks` and so on: the same verbs for each collection of the configuration."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, cast

from rustalk.config.collections import COLLECTIONS
from rustalk.observe.printable import printable

from .client import ApiClient, add_server_argument, client_for, query, segment
from .command import Command, CommandError, Exit, write_json, write_table
from .fields import add_fields, fields_of, read_bytes
from .status import show_trunks

__all__ = ["CALL_FILTERS", "ITEMS", "Verb", "cell", "every", "family", "write_list", "write_object", "write_tested"]

CALL_FILTERS = (
    "start-date",
    "end-date",
    "status",
    "number",
    "caller",
    "called",
    "trunk",
    "extension",
    "reason",
    "min-duration",
    "q",
)
"""The options that choose call logs."""

Run = Callable[[Namespace, TextIO], int]
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of a family of commands."""

    name: str
    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Run


def family(name: str, help: str, verbs: Sequence[Verb], otherwise: Run | None = None) -> Command:
    """A command with verbs; ``otherwise`` is what it does without one."""

    def arguments(parser: ArgumentParser) -> None:
        if otherwise is not None:
            add_server_argument(parser)
            parser.set_defaults(verb=otherwise)
        own = parser.add_subparsers(metavar="VERB", required=otherwise is None)
        for verb in verbs:
            inner = own.add_parser(verb.name, help=verb.help, description=verb.help)
            verb.arguments(inner)
            add_server_argument(inner)
            inner.set_defaults(verb=verb.run)

    def run(arguments: Namespace, out: TextIO) -> int:
        code: int = arguments.verb(arguments, out)
        return code

    return Command(name, help, arguments, run)


def every(client: ApiClient, path: str, name: str, limit: int | None = None) -> tuple[list[dict[str, Any]], object]:
    """The items of a list, page by page, and how many there are in all."""
    found: list[dict[str, Any]] = []
    joint, cursor, total = "&" if "?" in path else "?", "", None
    while True:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        body = client.get(f"{path}{joint}limit={size}" + (f"&cursor={segment(cursor)}" if cursor else ""))
        found += cast("list[dict[str, Any]]", body[name])
        total = body.get("total") if total is None else total
        cursor = str(body.get("next") or "")
        if not cursor or (limit is not None and len(found) >= limit):
            return found, total


def write_list(
    arguments: Namespace,
    items: Sequence[Mapping[str, Any]],
    name: str,
    columns: Sequence[str],
    total: object,
    out: TextIO,
) -> int:
    """Write a list as a table, or as JSON."""
    if arguments.json:
        write_json({name: list(items), "total": total}, out)
        return Exit.DONE
    rows = [[cell(_at(item, column)) for column in columns] for item in items]
    write_table([column.upper().replace("_", " ") for column in columns], rows, out)
    out.write(f"{len(items)} of {len(items) if total is None else total}\n")
    return Exit.DONE


def write_object(arguments: Namespace, body: Mapping[str, Any], out: TextIO) -> int:
    """Write one item, a key a line, or as JSON."""
    if arguments.json:
        write_json(body, out)
        return Exit.DONE
    width = max((len(key) for key in body), default=0)
    for key, value in body.items():
        out.write(f"{printable(key).ljust(width)}  {cell(value)}\n")
    return Exit.DONE


def write_tested(arguments: Namespace, body: Mapping[str, Any], out: TextIO) -> None:
    """Write where a call would go, a step a line, or as JSON."""
    if arguments.json:
        write_json(body, out)
        return
    for step in body["steps"]:
        out.write(printable(f"{step['route']}  {step['why']}") + "\n")
    out.write(printable(str(body["message"])) + "\n")


def _at(item: Mapping[str, Any], column: str) -> object:
    value: object = item
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def cell(value: object) -> str:
    """A value for people: yes or no, a dash for nothing, a text as it is, JSON for the rest."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One collection: the command, its path, the name in answers, what one is called, and the columns of its table."""

    command: str
    path: str
    name: str
    noun: str
    columns: tuple[str, ...]
    reorder: bool = True

    @property
    def many(self) -> str:
        """What several are called."""
        if self.noun.endswith("y"):
            return f"{self.noun[:-1]}ies"
        return f"{self.noun}es" if self.noun.endswith("x") else f"{self.noun}s"

    @property
    def one_noun(self) -> str:
        """What one is called, with its article."""
        return f"{'an' if self.noun[0] in 'aeiouA' else 'a'} {self.noun}"

    @property
    def root(self) -> str:
        return f"/api/v1/{self.path}"

    @property
    def kind(self) -> Any:
        return COLLECTIONS[self.name].kind

    def one(self, arguments: Namespace) -> str:
        return f"{self.root}/{segment(arguments.id)}"

    # Verbs.

    def verbs(self) -> list[Verb]:
        """What can be done with this collection."""
        found = [
            Verb("list", f"list the {self.many}", self._list_arguments, self.listed),
            Verb("show", f"show one {self.noun}", _id, self.show),
            Verb("add", f"make {self.one_noun}", _new, self.add),
            Verb("set", f"change fields of {self.one_noun}", _change, self.change),
            Verb("delete", f"delete {self.one_noun}", self._delete_arguments, self.delete),
        ]
        if self.reorder:
            found.append(Verb("move", f"move {self.one_noun} in the list", _move, self.move))
        return found

    def _list_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("filters", nargs="*", metavar="KEY=VALUE", help="only those with this value")
        parser.add_argument("--search", "-q", metavar="TEXT", help="only those that hold this text")
        parser.add_argument("--limit", type=int, metavar="N", help="how many at most; default: all")

    def listed(self, arguments: Namespace, out: TextIO) -> int:
        asked = query(q=arguments.search, **_filters(arguments.filters))
        items, total = every(client_for(arguments), f"{self.root}{asked}", self.name, arguments.limit)
        return write_list(arguments, items, self.name, self.columns, total, out)

    def show(self, arguments: Namespace, out: TextIO) -> int:
        return write_object(arguments, client_for(arguments).get(self.one(arguments)), out)

    def add(self, arguments: Namespace, out: TextIO) -> int:
        asked = query(dry_run=arguments.dry_run)
        body = client_for(arguments).request("POST", f"{self.root}{asked}", fields_of(arguments, self.kind))
        return write_object(arguments, body, out)

    def change(self, arguments: Namespace, out: TextIO) -> int:
        asked = query(dry_run=arguments.dry_run)
        body = client_for(arguments).request("PATCH", f"{self.one(arguments)}{asked}", fields_of(arguments, self.kind))
        return write_object(arguments, body, out)

    def _delete_arguments(self, parser: ArgumentParser) -> None:
        _id(parser)
        _dry_run(parser)
        if self.name == "extensions":
            parser.add_argument("--decommission", action="store_true", help="out of groups, DIDs and routes, too")

    def delete(self, arguments: Namespace, out: TextIO) -> int:
        asked = query(dry_run=arguments.dry_run, decommission=getattr(arguments, "decommission", False))
        return _tell(arguments, client_for(arguments).request("DELETE", f"{self.one(arguments)}{asked}"), out)

    def move(self, arguments: Namespace, out: TextIO) -> int:
        client = client_for(arguments)
        items, _ = every(client, self.root, self.name)
        names = [item["id"] for item in items]
        if arguments.id not in names:
            raise CommandError(f"No {self.noun} is called {arguments.id!r}.")
        places = {"from_index": names.index(arguments.id), "to_index": arguments.place}
        asked = query(dry_run=arguments.dry_run)
        return _tell(arguments, client.request("POST", f"{self.root}/reorder{asked}", places), out)


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="its id, from list")


def _dry_run(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="tell what would be, and change nothing")


def _new(parser: ArgumentParser) -> None:
    add_fields(parser)
    _dry_run(parser)


def _change(parser: ArgumentParser) -> None:
    _id(parser)
    _new(parser)


def _move(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("place", type=int, metavar="PLACE", help="the new place, 0 for the first")
    _dry_run(parser)


def _filters(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"{text!r} is no KEY=VALUE, such as enabled=true.", Exit.USAGE)
        found[key] = value
    return found


def _tell(arguments: Namespace, body: Mapping[str, Any], out: TextIO) -> int:
    if arguments.json:
        write_json(body, out)
    else:
        out.write(f"{printable(str(body.get('message', 'Done.')))}\n")
        for each in body.get("removed", ()):
            out.write(printable(f"  {each['action']} {each['type']} {each['id']}: {each['field']}") + "\n")
    return Exit.DONE if body.get("success", True) else Exit.FAILED


# What extensions, rates and ACLs have besides.


def _file(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the table; - reads standard input")
    _dry_run(parser)


def _import_extensions(arguments: Namespace, out: TextIO) -> int:
    path = f"/api/v1/extensions/import{query(dry_run=arguments.dry_run)}"
    body: Mapping[str, Any] = client_for(arguments).request(
        "POST", path, read_bytes(arguments.file), content_type="text/csv"
    )
    return _imported(arguments, body, body["imported"], out)


def _imported(arguments: Namespace, body: Mapping[str, Any], count: object, out: TextIO) -> int:
    if arguments.json:
        write_json(body, out)
    else:
        for error in body["errors"]:
            out.write(printable(f"line {error['line']}: {error['field']}: {error['message']}") + "\n")
        _write_passwords(body, out)
        out.write(f"{count} {'would be' if arguments.dry_run else 'were'} taken, {len(body['errors'])} faults.\n")
    return Exit.FAILED if body["errors"] else Exit.DONE


def _write_passwords(body: Mapping[str, Any], out: TextIO) -> None:
    for each in body.get("passwords", ()):
        out.write(printable(f"{each['extension']}  {each['password']}") + "\n")


def _export(arguments: Namespace, out: TextIO) -> int:
    for piece in client_for(arguments).pieces("GET", "/api/v1/extensions/export"):
        out.write(piece.decode("utf-8", "replace"))
    return Exit.DONE


def _rotate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("extensions", nargs="*", metavar="EXTENSION", help="by number or id")
    parser.add_argument("--all", action="store_true", help="every extension")
    _dry_run(parser)


def _rotate(arguments: Namespace, out: TextIO) -> int:
    if arguments.all is bool(arguments.extensions):
        raise CommandError("Name extensions, or give --all.", Exit.USAGE)
    wanted = {"all": True} if arguments.all else {"extensions": arguments.extensions}
    path = f"/api/v1/extensions/rotate-passwords{query(dry_run=arguments.dry_run)}"
    body = client_for(arguments).request("POST", path, wanted)
    if arguments.json:
        write_json(body, out)
    else:
        _write_passwords(body, out)
        out.write(f"{body['rotated']} {'would get' if arguments.dry_run else 'got'} a new password.\n")
    return Exit.DONE


def _bindings(arguments: Namespace, out: TextIO) -> int:
    body: Mapping[str, Any] = client_for(arguments).get(f"/api/v1/extensions/{segment(arguments.id)}/bindings")
    columns = ("type", "id", "name", "field", "action")
    return write_list(arguments, body["bindings"], "bindings", columns, body["total"], out)


def _import_rates_arguments(parser: ArgumentParser) -> None:
    _file(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace cards that are there already")


def _import_rates(arguments: Namespace, out: TextIO) -> int:
    data = read_bytes(arguments.file).decode("utf-8", "replace")
    format = "json" if data.lstrip("\ufeff \n\r\t")[:1] in ("[", "{") else "csv"
    path = f"/api/v1/rates/import{query(dry_run=arguments.dry_run)}"
    wanted = {"format": format, "data": data, "overwrite": arguments.overwrite}
    body: Mapping[str, Any] = client_for(arguments).request("POST", path, wanted)
    return _imported(arguments, body, body["imported_count"], out)


def _quote_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("number", metavar="NUMBER", help="the number that is called")
    parser.add_argument("seconds", type=float, metavar="SECONDS", help="how long the call lasts")
    parser.add_argument("--at", metavar="TIME", help="when it begins (RFC 3339); default: now")


def _quote(arguments: Namespace, out: TextIO) -> int:
    wanted = {"number": arguments.number, "duration_seconds": arguments.seconds, "at": arguments.at}
    return write_object(arguments, client_for(arguments).request("POST", "/api/v1/rates/quote", wanted), out)


def _bills_arguments(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--calls", action="store_true", help="list the calls of each bill, too (with --json)")
    for option in CALL_FILTERS:
        parser.add_argument(f"--{option}", metavar="TEXT", help="only calls with this value; no dates: this period")


def _bills(arguments: Namespace, out: TextIO) -> int:
    given = {name: getattr(arguments, name) for name in (option.replace("-", "_") for option in CALL_FILTERS)}
    path = f"/api/v1/bill-templates/{segment(arguments.id)}/bills{query(calls=arguments.calls, **given)}"
    body: Mapping[str, Any] = client_for(arguments).get(path)
    columns = ("start_date", "end_date", "total_calls", "subtotal", "tax", "total", "currency")
    return write_list(arguments, body["bills"], "bills", columns, body["total"], out)


def _test_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("number", metavar="NUMBER", help="the number that is called")
    parser.add_argument("--caller", default="", metavar="NUMBER", help="who calls")
    parser.add_argument(
        "--source", metavar="TRUNK", help="where the call comes from; default: the extension that calls"
    )
    parser.add_argument("--at", metavar="TIME", help="when (RFC 3339); default: now")


def _test(arguments: Namespace, out: TextIO) -> int:
    wanted = {
        "caller_id": arguments.caller,
        "destination": arguments.number,
        "source_trunk": arguments.source,
        "at": arguments.at,
    }
    body: Mapping[str, Any] = client_for(arguments).request("POST", "/api/v1/routes/test", wanted)
    write_tested(arguments, body, out)
    return Exit.DONE


def _waiting(arguments: Namespace, out: TextIO) -> int:
    path = f"/api/v1/voicemail/mailboxes/{segment(arguments.id)}/mwi"
    return write_object(arguments, client_for(arguments).get(path), out)


def _check_arguments(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("ip", metavar="ADDRESS", help="the address to ask about")


def _check(arguments: Namespace, out: TextIO) -> int:
    path = f"/api/v1/acls/{segment(arguments.id)}/check/{segment(arguments.ip)}"
    return write_object(arguments, client_for(arguments).get(path), out)


_KINDS = (
    _Kind(
        "extensions",
        "extensions",
        "extensions",
        "extension",
        ("id", "extension", "display_name", "enabled", "last_seen"),
    ),
    _Kind("dids", "dids", "dids", "DID", ("id", "number", "destination.type", "destination.value", "enabled")),
    _Kind(
        "ring-groups", "ring-groups", "ring_groups", "ring group", ("id", "name", "strategy", "extensions", "enabled")
    ),
    _Kind("trunks", "trunks", "trunks", "trunk", ("id", "host", "state", "active_calls", "enabled", "why")),
    _Kind(
        "routes", "routes", "routes", "route", ("priority", "id", "pattern", "action", "destination.value", "enabled")
    ),
    _Kind(
        "sip-profiles", "sip-profiles", "sip_profiles", "SIP profile", ("id", "bind_address", "bind_port", "enabled")
    ),
    _Kind("acls", "acls", "acls", "ACL", ("name", "default_policy", "enabled", "description"), reorder=False),
    _Kind("codecs", "codecs", "codecs", "codec", ("id", "payload_type", "enabled", "is_standard", "description")),
    _Kind(
        "rates", "rates", "rates", "rate card", ("id", "prefix", "rate_per_minute", "currency", "active"), reorder=False
    ),
    _Kind(
        "bill-templates",
        "bill-templates",
        "bill_templates",
        "bill template",
        ("id", "name", "billing_interval", "currency"),
        reorder=False,
    ),
    _Kind("policies", "policies", "policies", "policy", ("id", "name", "by", "enabled"), reorder=False),
    _Kind("calendars", "calendars", "calendars", "calendar", ("id", "name", "dates"), reorder=False),
    _Kind(
        "mailboxes",
        "voicemail/mailboxes",
        "mailboxes",
        "mailbox",
        ("id", "extension", "name", "email", "enabled"),
        reorder=False,
    ),
)
_MORE: Mapping[str, Sequence[Verb]] = {
    "extensions": (
        Verb("import", "take a table (CSV) in; bad lines are told", _file, _import_extensions),
        Verb("export", "write all as a table (CSV)", lambda parser: None, _export),
        Verb("rotate-passwords", "give new passwords, shown this once", _rotate_arguments, _rotate),
        Verb("bindings", "show everything that names an extension", _id, _bindings),
    ),
    "rates": (
        Verb("import", "take a table (CSV or JSON) in", _import_rates_arguments, _import_rates),
        Verb("quote", "tell what a call would cost", _quote_arguments, _quote),
    ),
    "bill-templates": (Verb("bills", "make the bills of the calls of a period", _bills_arguments, _bills),),
    "routes": (Verb("test", "tell where a call would go now, and why", _test_arguments, _test),),
    "mailboxes": (Verb("mwi", "tell how many messages wait", _id, _waiting),),
    "acls": (Verb("check", "tell whether an ACL admits an address", _check_arguments, _check),),
}


def _family(kind: _Kind) -> Command:
    verbs = [*kind.verbs(), *_MORE.get(kind.command, ())]
    names = ", ".join(verb.name for verb in verbs)
    if kind.command == "trunks":
        return family("trunks", f"show the trunks and why they are up or down; {names}", verbs, show_trunks)
    return family(kind.command, f"{kind.many}: {names}", verbs)


ITEMS = tuple(_family(kind) for kind in _KINDS)
"""A command for each collection."""
