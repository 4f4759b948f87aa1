"""`rustalk db`: bring the database up to date, save it, and bring back what was saved."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeVar

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.problem import ConfigError
from rustalk.store.backup import BackupError, backup, restore
from rustalk.store.database import DatabaseDownError, Session, backend_of, once, url_of
from rustalk.store.migrate import SchemaError, upgrade
from rustalk.store.vault import VaultError, open_vault

from .command import Command, CommandError, Exit, write_json
from .configuration import read_file

__all__ = ["DATABASE", "add_config_argument", "in_database", "settings_of"]

T = TypeVar("T")


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
    with _told():
        return once(backend_of(url_of(settings)), work, read_only=read_only)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DatabaseDownError as error:
        raise CommandError(f"{error}. Is the database there, and may you use it?", Exit.UNREACHABLE) from None
    except ValueError as error:
        raise CommandError(f"database.url is not {error}.", Exit.USAGE) from None
    except (SchemaError, VaultError, BackupError) as error:
        raise CommandError(f"{error}.") from None


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, run, help in (
        ("upgrade", _upgrade, "bring the database up to date with this version; the switch does so at its start, too"),
        ("backup", _backup, "write all that the database holds to a file; the switch may run meanwhile"),
        ("restore", _restore, "fill a database from a backup of this or an earlier version; stop the switch first"),
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
        with Path(arguments.file).open("rb") as file, _told():
            vault = open_vault(settings, os.environ)
            counts = in_database(settings, lambda session: restore(session, file, vault, replace=arguments.replace))
    except OSError as error:
        raise CommandError(f"{arguments.file} cannot be read: {error.strerror}.") from None
    _tell(counts, f"{arguments.file} was restored. Start the switch, or restart it where it runs.", arguments, out)
    return Exit.DONE


def _tell(counts: dict[str, int], sentence: str, arguments: Namespace, out: TextIO) -> None:
    if arguments.json:
        write_json({"file": arguments.file, "rows": counts}, out)
    else:
        out.writelines(f"{count:>9}  {name}\n" for name, count in sorted(counts.items()) if count)
        out.write(sentence + "\n")


DATABASE = Command("db", "upgrade the database, save it or bring it back", _arguments, _run)
