"""Plain JSON values to the sections of the model, collecting every fault on the way.

The walk is driven by the type hints and the `About` of the fields, so that a new key is one line in the model. A value
that does not fit is reported and replaced by the default or a `stand_in`, and reading goes on.
"""

from __future__ import annotations

import difflib
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, TypeVar

from rustalk.config.about import About, about_of, key_of
from rustalk.config.problem import Notice, Problem, member
from rustalk.config.scalars import SCALARS, UnfitError, choice, quoted, shown
from rustalk.config.secret import MASK, Secret
from rustalk.config.stand_in import stand_in
from rustalk.config.text import Object

__all__ = ["MAX_ITEMS", "Reader"]

MAX_ITEMS = 100_000
"""Most items of one list."""

_NAMES = ("id", "name")
"""The keys by which other sections refer to one."""

T = TypeVar("T")


class _ReportedError(Exception):
    """A value that does not fit and whose faults are already noted."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a section was read. It holds the section, so that its id() is not used again."""

    section: object
    path: str
    keys: frozenset[str]


class Reader:
    """One reading of one file.

    ``problems`` and ``notices`` grow as values are read. `path` and `gives` tell later where in the file a section
    stands and which keys it names there, for the rules that look at several sections. ``lost`` are the names that are
    unfit or belong to sections that could not be made, so that references to them are not reported as a second fault.
    """

    def __init__(self) -> None:
        """Start with nothing found."""
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self.lost: set[str] = set()
        self._read: dict[int, _Place] = {}

    def path(self, section: object) -> str:
        """Return where ``section`` stands in the file; "$" for one that the file does not have."""
        place = self._read.get(id(section))
        return place.path if place else "$"

    def gives(self, section: object, key: str) -> bool:
        """Whether the file names this key of ``section``."""
        place = self._read.get(id(section))
        return place is not None and key in place.keys

    def section(self, kind: type[T], raw: object, path: str) -> T | None:
        """Read an object as the section ``kind``; None when it lacks what has no default."""
        try:
            section = self._section(kind, raw, path)
        except UnfitError as unfit:
            self._problem(path, shown(raw), unfit.expected, unfit.hint)
        except _ReportedError:
            pass
        else:
            return section if isinstance(section, kind) else None
        return None

    def _section(self, kind: Any, raw: object, path: str) -> object:
        if not isinstance(raw, Object):
            raise UnfitError("an object")
        keys = _keys(kind)
        self._repeated(raw, path)
        self._unknown(raw, keys, kind, path)
        values: dict[str, object] = {}
        missing = False
        for key, (field, hint, about) in keys.items():
            self._key(values, raw, key, field, hint, about, path)
            missing = missing or (field.name not in values and _required(field))
        if missing:
            self.lost.update(name for key in _NAMES if isinstance(name := raw.get(key), str))
            raise _ReportedError
        section = kind(**values)
        given = frozenset(key for key, (field, _, _) in keys.items() if field.name in values)
        self._read[id(section)] = _Place(section, path, given)
        return section

    def _key(
        self, values: dict[str, object], raw: Object, key: str, field: Field[Any], hint: Any, about: About, path: str
    ) -> None:
        """Read one key of a section into ``values``, which stays without it when it is absent, null or unfit.

        A required text or pattern and a switch then get a value all the same, that of `stand_in`.
        """
        spellings = [name for name in (key, *about.aliases) if raw.get(name) is not None]
        if not spellings:
            if _required(field):
                self._problem(f"{path}.{key}", "nothing", about.meaning.rstrip("."), "the key is required")
                _fill(values, field, hint, about)
            return
        for other in spellings[1:]:
            self._problem(f"{path}.{other}", f"{spellings[0]!r} as well", "one of the two spellings", f"keep {key!r}")
        place = f"{path}.{spellings[0]}"
        noticed = len(self.notices)
        try:
            empty = raw[spellings[0]] == "" == field.default
            values[field.name] = "" if empty else self._value(hint, raw[spellings[0]], place, about)
        except UnfitError as unfit:
            secret = hint is Secret
            self._problem(place, MASK if secret else shown(raw[spellings[0]]), unfit.expected, unfit.hint)
            if key in _NAMES and isinstance(name := raw[spellings[0]], str):
                self.lost.add(name)
            _fill(values, field, hint, about)
        except _ReportedError:
            pass
        if about.unused:
            self.notices[noticed:] = [Notice(place, about.unused)]

    def _value(self, hint: Any, raw: object, path: str, about: About) -> object:
        """Read one value of the type that ``hint`` says."""
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in {types.UnionType, typing.Union}:
            return self._union([kind for kind in arguments if kind is not type(None)], raw, path, about)
        if origin is typing.Literal:
            return choice(arguments, raw)
        if origin is tuple:
            return self._list(arguments, raw, path, about)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(raw, path)
        if is_dataclass(hint):
            return self._section(hint, raw, path)
        return SCALARS[hint](raw, about)

    def _union(self, kinds: list[Any], raw: object, path: str, about: About) -> object:
        """Read one of several kinds of object, told apart by their key "type"; a single kind is just that."""
        if len(kinds) == 1:
            return self._value(kinds[0], raw, path, about)
        if not isinstance(raw, Object):
            raise UnfitError("an object")
        by_type = {kind.TYPE: kind for kind in kinds}
        name = raw.get("type")
        if not isinstance(name, str) or name not in by_type:
            self._problem(f"{path}.type", shown(name), f"one of {quoted(by_type)}")
            raise _ReportedError
        rest = Object([(key, value) for key, value in raw.items() if key != "type"])
        rest.repeated = raw.repeated
        return self._section(by_type[name], rest, path)

    def _list(self, arguments: tuple[Any, ...], raw: object, path: str, about: About) -> tuple[object, ...]:
        """Read a list; items that do not fit are left out, but a pair needs both."""
        if not isinstance(raw, list):
            raise UnfitError("a list")
        if len(raw) > MAX_ITEMS:
            raise UnfitError(f"at most {MAX_ITEMS} items")
        pair = arguments[-1] is not Ellipsis
        if pair and len(raw) != len(arguments):
            raise UnfitError(f"a list of {len(arguments)}: lowest and highest")
        items: list[object] = []
        for number, item in enumerate(raw):
            place = f"{path}[{number}]"
            try:
                items.append(self._value(arguments[number if pair else 0], item, place, about))
            except UnfitError as unfit:
                self._problem(place, shown(item), unfit.expected, unfit.hint)
            except _ReportedError:
                pass
        if pair and len(items) != len(arguments):
            raise _ReportedError
        return tuple(items)

    def _mapping(self, raw: object, path: str) -> Mapping[str, str]:
        """Read names and their texts; the rules of `check` look at what they say."""
        if not isinstance(raw, Object):
            raise UnfitError("an object of names and addresses")
        self._repeated(raw, path)
        found: dict[str, str] = {}
        for key, value in raw.items():
            if isinstance(value, str):
                found[key] = value
            else:
                self._problem(member(path, key), shown(value), "a text")
        return types.MappingProxyType(found)

    def _repeated(self, raw: Object, path: str) -> None:
        for key in raw.repeated:
            self._problem(member(path, key), "the key more than once", "it once", "only the last one would count")

    def _unknown(self, raw: Object, keys: Mapping[str, _Key], kind: type, path: str) -> None:
        """Report keys that the section does not have. Their values are not shown: one may be a misspelt secret."""
        known = [name for key, (_, _, about) in keys.items() for name in (key, *about.aliases)]
        for key in raw:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(known))}"
                self._problem(member(path, key), "an unknown key", f"a key of {kind.__name__}", hint)

    def _problem(self, path: str, found: str, expected: str, hint: str = "") -> None:
        self.problems.append(Problem(path, found, expected, hint))


_Key = tuple["Field[Any]", Any, About]


@functools.cache
def _keys(kind: Any) -> dict[str, _Key]:
    """The keys of a section by name: the field, its type and its description."""
    hints = typing.get_type_hints(kind)
    described = ((field, hints[field.name], about_of(field)) for field in fields(kind))
    return {key_of(field): (field, hint, about) for field, hint, about in described if about is not None}


def _fill(values: dict[str, object], field: Field[Any], hint: Any, about: About) -> None:
    """Put in what stands for a value that is missing or unfit, where there is something."""
    value = stand_in(hint, about, required=_required(field))
    if value is not None:
        values[field.name] = value


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
