"""`rustalk db`: bring the database up to date, save it and bring it back, and look at what it holds over the file."""

from __future__ import annotations

import getpass
import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO, TypeVar

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.overlay import Index
from rustalk.config.problem import ConfigError
from rustalk.store.audit import Entry, write_entries
from rustalk.store.backup import BackupError, backup, restore
from rustalk.store.conceal import kept
from rustalk.store.database import DatabaseDownError, Session, backend_of, once, url_of
from rustalk.store.migrate import SchemaError, schema, upgrade
from rustalk.store.overlay import Origin, Revision, drop_item, read_origins, write_copy
from rustalk.store.session import InUseError
from rustalk.store.store import copy_of
from rustalk.store.vault import VaultError, is_sealed, open_vault

from .command import Command, CommandError, Exit, write_json, write_table
from .configuration import read_file

__all__ = ["DATABASE", "add_config_argument", "in_database", "local_user", "settings_of"]

T = TypeVar("T")

_WHO = "command line"


def add_config_argument(parser: ArgumentParser) -> None:
    """Let a command name the configuration that tells where the database is."""
    parser.add_argument(
        "--config", "-c", required=True, metavar="FILE", help="the configuration, which names the database"
    )


def settings_of(arguments: Namespace) -> Settings:
    """The settings of the file that the command names. Raises CommandError."""
    try:
        return load(read_file(arguments.config), arguments.config)
    except ConfigError as error:
        raise CommandError(str(error)) from None


def in_database(settings: Settings, work: Callable[[Session], T], *, read_only: bool = False) -> T:
    """Run work in the database of the settings. Raises CommandError for all that may be in the way."""
    with _told_as_error():
        backend = backend_of(url_of(settings))
        if read_only and not backend.exists():
            raise CommandError("There is no database yet; `rustalk db upgrade` makes one.")
        return once(backend, work, read_only=read_only)


@contextmanager
def _told_as_error() -> Iterator[None]:
    try:
        yield
    except DatabaseDownError as error:
        raise CommandError(f"{error}. Is the database there, and may you use it?", Exit.UNREACHABLE) from None
    except ValueError as error:
        raise CommandError(f"database.url is not {error}.", Exit.USAGE) from None
    except (SchemaError, VaultError, BackupError, InUseError) as error:
        raise CommandError(f"{error}.") from None


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, run, help in (
        ("upgrade", _upgrade, "bring the database up to date with this version; the switch does so at its start, too"),
        ("backup", _backup, "write all that the database holds to a file; the switch may run meanwhile"),
        ("restore", _restore, "fill a database from a backup of this or an earlier version; stop the switch first"),
        ("items", _items, "list what was changed at run time and lies over the file, or show one item"),
        ("drop", _drop, "take one of these items out, so that the file alone counts; stop the switch first"),
    ):
        own = verbs.add_parser(name, help=help, description=help)
        add_config_argument(own)
        own.add_argument("--json", action="store_true", help="write JSON for programs")
        own.set_defaults(verb=run)
        if run is _backup:
            own.add_argument("file", metavar="BACKUP", help="the file to write, which must not be there yet")
        elif run is _restore:
            own.add_argument("file", metavar="BACKUP", help="the file that `rustalk db backup` wrote")
            own.add_argument("--replace", action="store_true", help="delete what the database holds")
        elif run in (_items, _drop):
            count = "?" if run is _items else None
            own.add_argument("collection", nargs=count, metavar="COLLECTION", help="such as dids; config for sections")
            own.add_argument("id", nargs=count, metavar="ID", help="the item")


def _run(arguments: Namespace, out: TextIO) -> int:
    code: int = arguments.verb(arguments, out)
    return code


def _upgrade(arguments: Namespace, out: TextIO) -> int:
    taken = in_database(settings_of(arguments), upgrade)
    if arguments.json:
        write_json({"steps": [f"{step.number:04}_{step.name}" for step in taken]}, out)
    else:
        out.writelines(f"{step.number:04}_{step.name}\n" for step in taken)
        out.write(f"The database is up to date; {len(taken)} steps were taken.\n")
    return Exit.DONE


def _backup(arguments: Namespace, out: TextIO) -> int:
    settings, path = settings_of(arguments), Path(arguments.file)
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise CommandError(f"{path} exists and was left as it is. Choose another name.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}. Choose another place.") from None
    try:
        with file:
            counts = in_database(settings, lambda session: backup(session, file), read_only=True)
            file.flush()
            os.fsync(file.fileno())
    except (CommandError, OSError) as error:
        path.unlink(missing_ok=True)
        if isinstance(error, CommandError):
            raise
        raise CommandError(f"{path} cannot be written: {error.strerror}. Choose another place.") from None
    _tell(counts, f"{path} was written. Its secrets are sealed: keep a copy of the key file elsewhere.", arguments, out)
    return Exit.DONE


def _restore(arguments: Namespace, out: TextIO) -> int:
    settings = settings_of(arguments)
    try:
        with Path(arguments.file).open("rb") as file, _told_as_error():
            backend = backend_of(url_of(settings))
            key = partial(open_vault, settings, os.environ, make=False)
            counts = restore(backend, file, key, replace=arguments.replace)
            once(backend, lambda session: write_copy(session, copy_of(settings)), read_only=True)
    except OSError as error:
        raise CommandError(f"{arguments.file} cannot be read: {error.strerror}.") from None
    _tell(counts, f"{arguments.file} was restored. Start the switch.", arguments, out)
    return Exit.DONE


def _items(arguments: Namespace, out: TextIO) -> int:
    held = in_database(settings_of(arguments), _origins, read_only=True)
    chosen = [each for each in held.values() if arguments.collection in (None, each.collection)]
    if arguments.id is not None:
        return _item(arguments, held.get((arguments.collection, arguments.id)), out)
    if arguments.json:
        write_json([_told(each) for each in chosen], out)
        return Exit.DONE
    rows = [
        [each.collection, each.key, "deleted" if each.value is None else "set", each.revision, _moment(each), each.who]
        for each in chosen
    ]
    write_table(["COLLECTION", "ID", "STATE", "REVISION", "WHEN", "WHO"], rows, out)
    return Exit.DONE


def _item(arguments: Namespace, found: Origin | None, out: TextIO) -> int:
    """Show one item, without its secrets."""
    if found is None:
        raise _no_item(arguments)
    write_json(_told(found), out)
    return Exit.DONE


def _drop(arguments: Namespace, out: TextIO) -> int:
    settings, place, now = settings_of(arguments), (arguments.collection, arguments.id), time.time()

    def work(session: Session) -> Revision | None:
        upgrade(session)
        vault = open_vault(settings, os.environ, make=not is_sealed(session))
        value = kept(arguments.collection, Index(settings).find(*place), settings.sip.domain)
        revision = drop_item(session, vault, place, value, who=_WHO, now=now)
        if revision is not None:
            detail = {"revision": revision.id, "user": local_user()}
            target = f"{arguments.collection}/{arguments.id}"
            entry = Entry(who=_WHO, address="local", action="drop item", target=target, detail=detail, time=now)
            write_entries(session, (entry,))
            write_copy(session, copy_of(settings))
        return revision

    with _told_as_error():
        backend = backend_of(url_of(settings))
        if not backend.exists():
            raise _no_item(arguments)
        with backend.alone():
            revision = once(backend, work)
    if revision is None:
        raise _no_item(arguments)
    if arguments.json:
        write_json({"collection": place[0], "id": place[1], "revision": revision.id}, out)
    else:
        out.write(f"{place[0]} {place[1]} was taken out of the database; that is revision {revision.id}.\n")
        out.write(f"The file counts again; `rustalk check-config {arguments.config}` tells whether all fits.\n")
    return Exit.DONE


def _origins(session: Session) -> dict[tuple[str, str], Origin]:
    return read_origins(session) if schema(session) else {}


def _no_item(arguments: Namespace) -> CommandError:
    return CommandError(
        f"The database holds no {arguments.collection} {arguments.id!r} over the file. `rustalk db items` lists all."
    )


def _told(item: Origin) -> dict[str, object]:
    return {
        "collection": item.collection,
        "id": item.key,
        "deleted": item.value is None,
        "revision": item.revision,
        "time": _moment(item),
        "who": item.who,
        "value": item.value,
    }


def _moment(item: Origin) -> str:
    return datetime.fromtimestamp(int(item.time), UTC).isoformat().replace("+00:00", "Z")


def local_user() -> str:
    """The user of this machine; empty where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _tell(counts: dict[str, int], sentence: str, arguments: Namespace, out: TextIO) -> None:
    if arguments.json:
        write_json({"file": arguments.file, "rows": counts}, out)
    else:
        out.writelines(f"{count:>9}  {name}\n" for name, count in sorted(counts.items()) if count)
        out.write(sentence + "\n")


DATABASE = Command("db", "upgrade the database, save it, bring it back, look at its items", _arguments, _run)
