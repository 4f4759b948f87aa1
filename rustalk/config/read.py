"""Plain JSON values to the sections of the model, collecting every fault on the way.

The walk is driven by the type hints and the `About` of the fields, so that a new key is one line in the model. A value
that does not fit is reported and replaced by the default or a `stand_in`, and reading goes on.
"""

from __future__ import annotations

import datetime
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
    ``now`` is the moment of the reading with its time zone, None where nothing shall be said of what is over.
    """

    def __init__(self, now: datetime.datetime | None = None) -> None:
        """Start with nothing found."""
        self.now = now
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self.lost: set[str] = set()
        self._read: dict[int, _Place] = {}

    def path(self, section: object) -> str:
        """Return where ``section`` stands in the file; "$" for one that the file does not have."""
        place = self._read.get(id(section))
        return place.path if place else "$"

    def has(self, section: object) -> bool:
        """Whether ``section`` was read here."""
        return id(section) in self._read

    def reads(self, kind: type[T]) -> list[T]:
        """Return the sections of a kind that were read here, in the order of reading."""
        return [place.section for place in self._read.values() if isinstance(place.section, kind)]

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
        if isinstance(raw, str) and hasattr(kind, "of_text"):
            short: object = kind.of_text(raw)
            self._read[id(short)] = _Place(short, path, frozenset())
            return short
        if not isinstance(raw, Object):
            raise UnfitError("an object")
        shape = _shape(kind)
        self._repeated(raw, path)
        values: dict[str, object] = {}
        for spelling, value in raw.items():
            key = shape.spellings.get(spelling)
            if key is None:
                self._unknown(spelling, shape, kind, path)
            elif value is not None:
                self._key(values, raw, key, spelling, shape, path)
        for key in shape.required:
            known = shape.keys[key]
            if known.field.name not in values and all(raw.get(name) is None for name in (key, *known.about.aliases)):
                self._missing(values, key, shape, path)
        if any(shape.keys[key].field.name not in values for key in shape.required):
            self.lost.update(name for key in _NAMES if isinstance(name := raw.get(key), str))
            raise _ReportedError
        section = kind(**values)
        self._read[id(section)] = _Place(section, path, frozenset(shape.names[name] for name in values))
        return section

    def _missing(self, values: dict[str, object], key: str, shape: _Shape, path: str) -> None:
        """Report a required key that is absent or null; a text or pattern gets a `stand_in`."""
        about = shape.keys[key].about
        self._problem(f"{path}.{key}", "nothing", about.meaning.rstrip("."), "the key is required")
        shape.keys[key].fill(values)

    def _key(self, values: dict[str, object], raw: Object, key: str, spelling: str, shape: _Shape, path: str) -> None:
        """Read one key of a section into ``values``, which stays without it when it is unfit.

        A required text or pattern and a switch then get a value all the same, that of `stand_in`.
        """
        known = shape.keys[key]
        about, place = known.about, f"{path}.{spelling}"
        if about.aliases:
            first = next(name for name in (key, *about.aliases) if raw.get(name) is not None)
            if first != spelling:
                self._problem(place, f"{first!r} as well", "one of the two spellings", f"keep {key!r}")
                return
        noticed = len(self.notices)
        try:
            default = known.field.default
            empty = raw[spelling] == "" and isinstance(default, str) and not default
            values[known.field.name] = default if empty else self._value(known.hint, raw[spelling], place, about)
        except UnfitError as unfit:
            secret = known.hint is Secret
            self._problem(place, MASK if secret else shown(raw[spelling]), unfit.expected, unfit.hint)
            if key in _NAMES and isinstance(name := raw[spelling], str):
                self.lost.add(name)
            known.fill(values)
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
        """Read a plain value or an object, several kinds of which are told apart by their key "type"."""
        sections: list[Any] = [kind for kind in kinds if is_dataclass(kind)]
        plain = [kind for kind in kinds if not is_dataclass(kind)]
        if plain and not (sections and isinstance(raw, Object)):
            return self._value(plain[0], raw, path, about)
        if len(sections) == 1:
            return self._value(sections[0], raw, path, about)
        if not isinstance(raw, Object):
            raise UnfitError("an object")
        by_type = {kind.TYPE: kind for kind in sections}
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

    def _unknown(self, key: str, shape: _Shape, kind: type, path: str) -> None:
        """Report a key that the section does not have. Its value is not shown: it may be a misspelt secret."""
        near = difflib.get_close_matches(key, shape.spellings, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(shape.spellings))}"
        self._problem(member(path, key), "an unknown key", f"a key of {kind.__name__}", hint)

    def _problem(self, path: str, found: str, expected: str, hint: str = "") -> None:
        self.problems.append(Problem(path, found, expected, hint))


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of a section: the field, its type and its description."""

    field: Field[Any]
    hint: Any
    about: About

    @property
    def required(self) -> bool:
        """Whether the key has no default."""
        return self.field.default is MISSING and self.field.default_factory is MISSING

    def fill(self, values: dict[str, object]) -> None:
        """Put in what stands for a value that is missing or unfit, where there is something."""
        value = stand_in(self.hint, self.about, required=self.required)
        if value is not None:
            values[self.field.name] = value


class _Shape:
    """What a section can hold: ``keys`` by name, the key of each spelling and of each attribute, those required."""

    __slots__ = ("keys", "names", "required", "spellings")

    def __init__(self, kind: Any) -> None:
        hints = typing.get_type_hints(kind)
        described = ((field, hints[field.name], about_of(field)) for field in fields(kind))
        self.keys = {key_of(field): _Key(field, hint, about) for field, hint, about in described if about is not None}
        self.spellings = {name: key for key, known in self.keys.items() for name in (key, *known.about.aliases)}
        self.names = {known.field.name: key for key, known in self.keys.items()}
        self.required = tuple(key for key, known in self.keys.items() if known.required)


_shape = functools.cache(_Shape)
