"""The filters of a list: one for each plain field of an item, which takes what the field can hold and nothing else."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import unfit
from .route import Parameter

__all__ = ["Filter", "filters"]

_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
_MOST = 10**15 - 1
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its ``name`` in the query, the ``attribute`` of the items, and the type of that."""

    name: str
    attribute: str
    hint: Any

    def read(self, text: str) -> object:
        """The value that is asked for. Raises ApiError for a text that no item could ever have there."""
        if self.hint is bool:
            if text not in _FLAGS:
                raise unfit(self.name, "true or false")
            return _FLAGS[text]
        if self.hint is int:
            if not _WHOLE.fullmatch(text):
                raise unfit(self.name, "a whole number")
            return int(text)
        if self.hint is float:
            if not _NUMBER.fullmatch(text):
                raise unfit(self.name, "a number")
            return float(text)
        choices = _choices(self.hint)
        if choices and text not in choices:
            raise unfit(self.name, f"one of {', '.join(choices)}")
        return text

    def parameter(self) -> Parameter:
        """The filter as a parameter of the list."""
        return Parameter(self.name, f"Only with this {self.name}.", self._schema())

    def _schema(self) -> Mapping[str, Any]:
        if self.hint is bool:
            return {"type": "string", "enum": list(_FLAGS)}
        if self.hint in (int, float):
            return {"type": "integer" if self.hint is int else "number", "minimum": -_MOST, "maximum": _MOST}
        choices = _choices(self.hint)
        return {"type": "string", "enum": choices} if choices else {"type": "string"}


def filters(kind: Any, names: Mapping[str, Any]) -> dict[str, Filter]:
    """The filters for items of the class ``kind``; ``names`` are the keys of its plain fields with these fields."""
    hints = typing.get_type_hints(kind)
    return {name: Filter(name, field.name, hints[field.name]) for name, field in names.items()}


def _choices(hint: Any) -> list[str]:
    """The texts of a field that has some texts only; none for any other."""
    return [str(each) for each in typing.get_args(hint)] if typing.get_origin(hint) is typing.Literal else []
