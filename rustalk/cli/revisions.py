"""`rustalk config`: the sections of the configuration in force, and its revisions."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TextIO

from rustalk.config.about import key_of
from rustalk.config.collections import COLLECTIONS
from rustalk.config.model import Settings
from rustalk.config.secret import Secret
from rustalk.observe.printable import printable

from .client import client_for, query, segment
from .command import Command, CommandError, Exit, write_json
from .fields import add_fields, fields_of
from .items import Verb, cell, every, family, write_list, write_object

__all__ = ["CONFIG"]

_ROOT = "/api/v1/config"


def _section(parser: ArgumentParser) -> None:
    parser.add_argument("section", nargs="?", metavar="SECTION", help="such as sip; default: all")


def _show(arguments: Namespace, out: TextIO) -> int:
    path = f"{_ROOT}/{segment(arguments.section)}" if arguments.section else _ROOT
    return write_object(arguments, client_for(arguments).get(path), out)


def _set_arguments(parser: ArgumentParser) -> None:
    add_fields(parser)
    _dry_run(parser)


def _dry_run(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="tell what would be, and change nothing")


def _set(arguments: Namespace, out: TextIO) -> int:
    client, given = client_for(arguments), fields_of(arguments, Settings)
    if not given:
        raise CommandError("Give what to set, such as sip.max_forwards=60.", Exit.USAGE)
    for section, value in given.items():
        body = client.request("PATCH", f"{_ROOT}/{segment(section)}{query(dry_run=arguments.dry_run)}", value)
        write_object(arguments, body, out)
    return Exit.DONE


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default: %(default)s)")
    parser.add_argument("--collection", metavar="NAME", help="only those of this collection")
    parser.add_argument("--key", metavar="ID", help="only those of this item")


def _list(arguments: Namespace, out: TextIO) -> int:
    asked = query(collection=arguments.collection, key=arguments.key)
    items, total = every(client_for(arguments), f"{_ROOT}/revisions{asked}", "revisions", arguments.limit)
    return write_list(arguments, items, "revisions", ("id", "time", "who", "collection", "key", "restores"), total, out)


def _revision_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="NUMBER", help="from revisions")
    parser.add_argument("--against", type=int, metavar="NUMBER", help="compare with this one; default: the one before")


def _revision(arguments: Namespace, out: TextIO) -> int:
    path = f"{_ROOT}/revisions/{arguments.id}{query(against=arguments.against)}"
    body: Mapping[str, Any] = client_for(arguments).get(path)
    if arguments.json:
        write_json(body, out)
        return Exit.DONE
    out.write(printable(f"{body['id']}: {body['collection']} {body['key']}, {body['time']} by {body['who']}") + "\n")
    for each in body["differences"]:
        out.write(f"  {printable(each['path'])}: {cell(each['before'])} -> {cell(each['after'])}\n")
    if not body["differences"]:
        out.write(f"  {_unseen(str(body['collection']))}\n")
    return Exit.DONE


def _unseen(collection: str) -> str:
    """What a revision without a difference to show may have changed."""
    kind = COLLECTIONS[collection].kind if collection in COLLECTIONS else Settings
    secrets = ", ".join(key_of(each) for each in fields(kind) if isinstance(each.default, Secret))
    return f"no difference but in what is never shown ({secrets})" if secrets else "no difference"


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="NUMBER", help="from revisions; 0: everything as in the file")
    parser.add_argument("--everything", action="store_true", help="the whole configuration, not its item alone")
    _dry_run(parser)


def _restore(arguments: Namespace, out: TextIO) -> int:
    path = f"{_ROOT}/revisions/{arguments.id}/restore{query(dry_run=arguments.dry_run)}"
    body = client_for(arguments).request("POST", path, {"everything": True} if arguments.everything else {})
    if arguments.json:
        write_json(body, out)
    else:
        out.write(f"{printable(str(body['message']))}\n")
    return Exit.DONE


CONFIG: Command = family(
    "config",
    "the configuration in force: show, set, revisions, revision, restore",
    (
        Verb("show", "show a section, or all", _section, _show),
        Verb("set", "set keys, such as sip.max_forwards=60", _set_arguments, _set),
        Verb("revisions", "list what was changed, newest first", _list_arguments, _list),
        Verb("revision", "show what one revision changed", _revision_arguments, _revision),
        Verb("restore", "make an item what it was after a revision", _restore_arguments, _restore),
    ),
)
