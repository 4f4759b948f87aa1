"""Rate cards: a collection, tables of them, and the question what a call would cost."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from twisted.internet.threads import deferToThread

from rustalk.config.model import RateCard, Settings
from rustalk.config.overlay import Change, all_changed
from rustalk.config.problem import ConfigError
from rustalk.config.text import parse
from rustalk.rating.cost import Cost, cost
from rustalk.store.overlay import Revision

from . import schema
from .amount import amount
from .collection import Items
from .errors import ApiError, Fault
from .listing import scalar_fields
from .note import changed
from .route import Answer, Ask, Route

__all__ = ["Rates", "read_table"]

_AT_ONCE = 100
_MOST = 20_000
_LONGEST_CALL = Decimal(10**9)
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_WORD = re.compile(r"[^A-Za-z0-9]+")
_TEXT, _AMOUNT = {"type": "string"}, {"type": ["number", "null"]}
_QUESTION = schema.record(
    {"number": _TEXT, "duration_seconds": {"type": "number", "minimum": 0}},
    answered={"type": "boolean"},
    at={"type": ["string", "null"], "examples": ["2026-11-22T08:15:30Z"]},
)
_ITEM = schema.record({"description": _TEXT, "rate": _AMOUNT, "quantity": _AMOUNT, "unit": _TEXT, "amount": _AMOUNT})
_QUOTE = schema.record(
    {
        "status": _TEXT,
        "cost": _AMOUNT,
        "currency": {"type": ["string", "null"]},
        "rate_card": {"type": ["string", "null"]},
        "charged_seconds": {"type": "number"},
        "charge_breakdown": schema.array(_ITEM),
        "why": _TEXT,
    }
)
_IMPORT = schema.record({"format": {**_TEXT, "enum": ["json", "csv"]}, "data": _TEXT}, overwrite={"type": "boolean"})


@dataclass(frozen=True, slots=True)
class Card:
    """One rate card of a table: its line, or its place in the list, and its value."""

    line: int
    value: Mapping[str, Any]


class Rates(Items):
    """``/api/v1/rates``."""

    def routes(self) -> list[Route]:
        """The routes of every collection, the quote and the import."""
        error = schema.record({"line": {"type": "integer"}, "field": _TEXT, "message": _TEXT})
        own = [
            self.route(
                "POST",
                f"{self.root}/quote",
                self.quote,
                "What a call would cost; `answered` is true and `at` is now where they are left out.",
                takes=_QUESTION,
                gives=_QUOTE,
                problems=("invalid-body", "invalid-value"),
            ),
            self.writing(
                "POST",
                f"{self.root}/import",
                self.take,
                "Take in a table of rate cards, JSON or CSV, in `data` as it is or as base64. Those that are there "
                "already are only replaced with `overwrite`.",
                takes=_IMPORT,
                gives=schema.record(
                    {
                        "success": {"type": "boolean"},
                        "imported_count": {"type": "integer"},
                        "errors": schema.array(error),
                    }
                ),
                problems=("invalid-body", "changed-meanwhile", "database-down"),
            ),
        ]
        return [*own, *super().routes()]

    def key_for(self, value: Mapping[str, Any]) -> str:
        """The name of a new card, made from its name or prefix where it has none."""
        return _key(value) or super().key_for(value)

    async def quote(self, ask: Ask) -> Answer:
        """Rate a call that was never made."""
        body = ask.json()
        faults = [
            Fault(f"$.{key[:64]}", "found an unknown key")
            for key in sorted(body.keys() - _QUESTION["properties"].keys())
        ]
        number, answered = body.get("number"), body.get("answered", True)
        seconds, at = _seconds(body.get("duration_seconds")), _moment(body.get("at"))
        if not isinstance(number, str) or len(number) > 128:
            faults.append(Fault("$.number", "expected the number that is called"))
        if seconds is None:
            faults.append(Fault("$.duration_seconds", "expected a number of seconds"))
        if not isinstance(answered, bool):
            faults.append(Fault("$.answered", "expected true or false"))
        if at is None:
            faults.append(Fault("$.at", "expected a moment such as 2026-11-22T08:15:30Z"))
        if faults or seconds is None or at is None:
            raise ApiError("invalid-value", "Nothing was rated: see errors.", faults=faults)
        return Answer(_shown(cost(self.live.settings.rates, str(number), seconds, bool(answered), at)))

    async def take(self, ask: Ask) -> Answer:
        """Take a table in."""
        body = ask.json()
        format, data, overwrite = body.get("format"), body.get("data"), body.get("overwrite", False)
        if format not in ("json", "csv") or not isinstance(data, str) or not isinstance(overwrite, bool):
            raise ApiError(
                "invalid-body", 'Give {"format": "json" or "csv", "data": "...", "overwrite": true or false}.'
            )
        cards = await deferToThread(read_table, format, data)
        settings = self.live.settings
        chosen, errors = _sorted_out(cards, {card.id for card in settings.rates}, overwrite)
        good, faults = await deferToThread(_good, settings, chosen)
        errors += faults
        done: list[Revision] = []
        if not ask.flag("dry_run"):
            for start in range(0, len(good), _AT_ONCE):
                done += await self.live.change_all(good[start : start + _AT_ONCE], ask.who.name)
        errors.sort(key=lambda error: error["line"])
        result = {"success": not errors, "imported_count": len(good), "errors": errors}
        return Answer(result, note={"imported": len(good), "errors": len(errors), **changed(done)})


def read_table(format: str, data: str) -> list[Card]:
    """The rate cards of a table. Raises ApiError for what is none."""
    text = data if _is_plain(data) else _decoded(data)
    cards = list(_of_json(text) if format == "json" else _of_csv(text))
    if len(cards) > _MOST:
        raise ApiError("invalid-body", f"A table may have {_MOST} rate cards; import it in parts.")
    return cards


def _is_plain(data: str) -> bool:
    """Whether this is the table itself: base64 has none of these."""
    return any(sign in data for sign in '[{",;\t')


def _decoded(data: str) -> str:
    try:
        return base64.b64decode("".join(data.split()), validate=True).decode("utf-8")
    except ValueError:
        raise ApiError("invalid-body", "data is neither a table nor the base64 of one in UTF-8.") from None


def _of_json(text: str) -> Iterator[Card]:
    try:
        found = parse(text, "data")
    except ConfigError as error:
        raise ApiError("invalid-body", f"data is not JSON: {error.problems[0].message}.") from None
    cards = found.get("rates") if isinstance(found, dict) else found
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        raise ApiError("invalid-body", "data must be a JSON list of rate cards.")
    for number, card in enumerate(cards, 1):
        yield Card(number, card)


def _of_csv(text: str) -> Iterator[Card]:
    kinds = {name: type(field.default) for name, field in scalar_fields(RateCard).items()}
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text))
    header: list[str] = []
    try:
        for cells in lines:
            if not header:
                header = [cell.strip().lower() for cell in cells]
                twice = next((name for number, name in enumerate(header) if name and name in header[:number]), "")
                if twice:
                    raise ApiError("invalid-body", f"data has the column {twice[:64]!r} twice; take one of them out.")
            elif any(cell.strip() for cell in cells):
                filled = {
                    name: cell.strip() for name, cell in zip(header, cells, strict=False) if name and cell.strip()
                }
                yield Card(lines.line_num, {name: _read(cell, kinds.get(name, str)) for name, cell in filled.items()})
    except csv.Error as error:
        raise ApiError("invalid-body", f"data is not CSV in line {lines.line_num}: {error}.") from None


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _read(cell: str, kind: type) -> object:
    """One cell as JSON has it; what does not look like its type stays text, for the reader to refuse."""
    if kind is bool and cell.lower() in (*_TRUE, *_FALSE):
        return cell.lower() in _TRUE
    if kind is int and cell.isascii() and cell.isdigit() and len(cell) < 12:
        return int(cell)
    return cell.removeprefix("'")


def _key(value: Mapping[str, Any]) -> str:
    """The id of a card; one without gets that of its name, or of its prefix."""
    for name in ("id", "name", "prefix"):
        text = value.get(name)
        if isinstance(text, str) and text.strip("+ "):
            return text if name == "id" else _WORD.sub("-", text.lower()).strip("-")[:64]
    return ""


def _sorted_out(
    cards: Iterable[Card], present: set[str], overwrite: bool
) -> tuple[dict[str, tuple[int, Change]], list[dict[str, Any]]]:
    """The changes by the names of the cards, and what is wrong with the others."""
    chosen: dict[str, tuple[int, Change]] = {}
    errors: list[dict[str, Any]] = []
    for card in cards:
        key = _key(card.value)
        if not key:
            errors.append(_error(card.line, "id", "found nothing, expected an id, a name or a prefix"))
        elif key in present and not overwrite:
            errors.append(_error(card.line, "id", f'found "{key}", which is there already; overwrite replaces it'))
        elif key in chosen:
            errors.append(_error(card.line, "id", f'found "{key}" again, first in line {chosen[key][0]}'))
        else:
            chosen[key] = card.line, Change("rates", key, {**card.value, "id": key})
    return chosen, errors


def _good(settings: Settings, chosen: dict[str, tuple[int, Change]]) -> tuple[list[Change], list[dict[str, Any]]]:
    """The changes that can be made, and what is wrong with the others."""
    lines = {change.path: (line, key) for key, (line, change) in chosen.items()}
    errors = []
    try:
        all_changed(settings, [change for _, change in chosen.values()])
    except ConfigError as error:
        for problem in error.problems:
            place, bracket, field = problem.path.partition("]")
            line, key = lines.get(place + bracket, (0, ""))
            chosen.pop(key, None)
            errors.append(_error(line, field.removeprefix("."), problem.message))
    return [change for _, change in chosen.values()], errors


def _error(line: int, field: str, message: str) -> dict[str, Any]:
    return {"line": line, "field": field, "message": message}


def _seconds(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = Decimal(str(getattr(value, "text", value)))
    except InvalidOperation:
        return None
    return seconds if 0 <= seconds <= _LONGEST_CALL else None


def _moment(text: object) -> datetime | None:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _shown(found: Cost) -> dict[str, Any]:
    return {
        "status": found.status,
        "cost": amount(found.total),
        "currency": found.currency or None,
        "rate_card": found.card or None,
        "charged_seconds": amount(found.seconds),
        "charge_breakdown": [
            {
                "description": item.description,
                "rate": amount(item.rate),
                "quantity": amount(item.quantity),
                "unit": item.unit,
                "amount": amount(item.amount),
            }
            for item in found.items
        ],
        "why": found.why,
    }
