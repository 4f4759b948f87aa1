"""Whether what the database holds fits the file, and if not, which of its items does not.

A start finds that out and is refused; `rustalk check-config` looks before, and changes nothing. An item may be at fault
itself, as a number that leads to a route which the file no longer has, or by its absence: a route that was deleted at
run time and that the file names again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from shlex import quote

from rustalk.config.collections import COLLECTIONS
from rustalk.config.model import Settings
from rustalk.config.overlay import CONFIG, Change, Index, all_changed
from rustalk.config.problem import ConfigError, Notice, Problem
from rustalk.store.conceal import kept
from rustalk.store.database import DatabaseDownError, backend_of, once, url_of
from rustalk.store.migrate import migrations, schema
from rustalk.store.overlay import Items, Origin, read_items, read_origins
from rustalk.store.session import Session
from rustalk.store.vault import VaultError, is_sealed, open_vault

__all__ = ["explained", "look"]

_SOURCE = "what the database holds does not fit the file"
_NAMED = 10
_PLACE = re.compile(r'\$\.[\w.]+(?:\["(?:[^"\\]|\\.)*"\])?')

Origins = Mapping[tuple[str, str], Origin]


def look(base: Settings, environment: Mapping[str, str], warn: Callable[[Notice], object] = lambda notice: None) -> str:
    """See that what the database holds fits the settings of the file; nothing is made, upgraded or changed.

    Returns why that could not be told, or an empty text. ``warn`` is called with what the operator should know of both
    together and not of the file alone. Raises ConfigError when it does not fit.
    """

    def work(session: Session) -> str:
        if schema(session) != {each.number for each in migrations()}:
            return "its schema is of another version, which the switch upgrades at its start"
        if not is_sealed(session):
            return ""
        items = read_items(session, open_vault(base, environment, make=False))
        try:
            together = all_changed(base, items.changes)
        except ConfigError as error:
            raise explained(error, items, read_origins(session)) from None
        for notice in (*together.warnings, *_hidden(base, together, items)):
            if notice not in base.warnings:
                warn(notice)
        return ""

    try:
        backend = backend_of(url_of(base))
        return once(backend, work, read_only=True) if backend.exists() else ""
    except (DatabaseDownError, VaultError, ValueError) as error:
        return str(error)


def _hidden(base: Settings, together: Settings, items: Items) -> Iterator[Notice]:
    """What stands in the file and does not count, since the database has it otherwise: an edit of it is in vain."""
    found: dict[str, list[str]] = {}
    of_file, of_both, usual = Index(base), Index(together), Settings()
    for change in items.changes:
        name, key = change.collection, change.key
        before, after = of_file.find(name, key), of_both.find(name, key)
        if before is None or (name == CONFIG and before == getattr(usual, key)):
            continue
        if kept(name, before, base.sip.domain) != kept(name, after, together.sip.domain):
            found.setdefault(name, []).append(key)
    for name, keys in found.items():
        named = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
        path = "$" if name == CONFIG else f"$.{COLLECTIONS[name].path}"
        what = "section" if name == CONFIG else "item"
        yield Notice(
            path,
            f"the database has its own version of {named}, which counts and not the file's; `rustalk db drop {name} "
            f"ID` for each {what}, with the switch stopped, gives the file its say",
        )


def explained(error: ConfigError, items: Items, origins: Origins) -> ConfigError:
    """The error with the item of the database that is behind each problem; ``origins`` may lack any."""
    at_place = {change.path: change for change in items.changes}
    missing = {change.key: change for change in items.changes if change.value is None}
    problems = []
    for problem in error.problems:
        change = _at(problem, at_place) or missing.get(problem.found.strip('"'))
        problems.append(problem if change is None else _with(problem, change, items, origins))
    return ConfigError(_SOURCE, tuple(problems))


def _at(problem: Problem, at_place: Mapping[str, Change]) -> Change | None:
    """The change of the item that a problem is in."""
    place = _PLACE.match(problem.path)
    named = place[0] if place else ""
    return at_place.get(named) or at_place.get(".".join(named.split(".")[:2]))


def _with(problem: Problem, change: Change, items: Items, origins: Origins) -> Problem:
    place = (change.collection, change.key)
    what = f'{change.collection} "{change.key}"'
    since = _since(items.versions[place], origins.get(place))
    held = f"the database has {what} since {since}" if change.value is not None else f"{what} was deleted by {since}"
    drop = f"rustalk db drop {change.collection} {quote(change.key)} -c FILE"
    hint = f"{held}: mend the file, or with the switch stopped `{drop}`"
    return replace(problem, hint="; ".join(filter(None, (problem.hint, hint))))


def _since(revision: int, origin: Origin | None) -> str:
    if origin is None:
        return f"revision {revision}"
    moment = datetime.fromtimestamp(int(origin.time), UTC).isoformat().replace("+00:00", "Z")
    return f"revision {revision} ({origin.who}, {moment})"
