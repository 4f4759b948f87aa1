"""Call records: found by what is known of a call, given out page by page or as one file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from rustalk.store.export import CONTENT_TYPES, Export, Format
from rustalk.store.record import call_log, call_log_detail
from rustalk.store.records import Filter, Page

from . import schema
from .errors import ApiError, unfit
from .route import Answer, Ask, Parameter, Route, Stream
from .sources import Sources

__all__ = ["FILTERS", "CallLogs", "filter_of"]

_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
_TEXTS = ("status", "number", "caller", "called", "trunk", "extension", "reason", "sip_call_id", "call_id")
_STATUSES = ("ended", "failed")
_SCHEMAS = dict.fromkeys(_TEXTS, _TEXT) | {"status": {**_TEXT, "enum": ["", *_STATUSES]}}
_DAY = timedelta(days=1)
_MOST_PAGES = 100
_LONGEST = 256
_DATES = (
    Parameter("start_date", "Only calls that began then or later: a moment, or the first day."),
    Parameter("end_date", "Only calls that began before this moment, or up to this day."),
)
FILTERS = (
    *_DATES,
    *(
        Parameter(name, f"Only calls with this {name}; see the reference of records.", _SCHEMAS[name])
        for name in _TEXTS
    ),
    Parameter("min_duration", "Only calls of so many seconds or more.", {"type": "number", "minimum": 0}),
    Parameter("q", "Text in ids, numbers, names and reasons."),
)
"""The parameters of a filter."""

_PAGES = (
    Parameter("limit", "How many at most; 50 where it is missing.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    Parameter("per_page", "The same.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    Parameter("cursor", "The `next` of the page before. Empty: the first page."),
    Parameter(
        "page", "Which page; the further, the slower.", {"type": "integer", "minimum": 1, "maximum": _MOST_PAGES}
    ),
)
_LOG = schema.record({"id": _TEXT, "from_user": _TEXT, "to_user": _TEXT, "start_time": _TEXT, "status": _TEXT})
_EXPORT = schema.record(
    {"format": {**_TEXT, "enum": list(CONTENT_TYPES)}},
    include_charges={"type": "boolean"},
    start_date=_MAYBE,
    end_date=_MAYBE,
    **_SCHEMAS,
    q=_TEXT,
    min_duration={"type": "number", "minimum": 0},
)


class CallLogs:
    """``/api/v1/call-logs``."""

    def __init__(self, sources: Sources) -> None:
        self._records = sources.records

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        root = "/api/v1/call-logs"
        listed = {
            "logs": schema.array(_LOG),
            "total": {"type": "integer"},
            "total_exact": {"type": "boolean"},
            "next": _MAYBE,
            "page": {"type": ["integer", "null"]},
            "per_page": {"type": "integer"},
        }
        common: dict[str, Any] = {"area": "call_logs", "auditor": True}
        return [
            Route(
                "GET",
                root,
                self.listed,
                "Records of calls that are over, newest first. `total` is a least number unless it is exact.",
                query=(*_PAGES, *FILTERS),
                gives=schema.record(listed),
                problems=("database-down",),
                **common,
            ),
            Route(
                "GET",
                f"{root}/<id>",
                self.show,
                "One record with its legs and what its cost is made of.",
                gives=_LOG,
                problems=("item-not-found", "database-down"),
                **common,
            ),
            Route(
                "POST",
                f"{root}/export",
                self.export,
                "All records of a filter as one file.",
                takes=_EXPORT,
                gives_type="*/*",
                problems=("invalid-body", "invalid-parameter", "database-down"),
                **common,
            ),
        ]

    async def listed(self, ask: Ask) -> Answer:
        """Give a page of records."""
        size = ask.number("per_page" if "per_page" in ask.query else "limit", 50, 1, 1000)
        number, cursor = ask.number("page", 1, 1, _MOST_PAGES), ask.query.get("cursor") or None
        wanted = filter_of(ask)
        page = await self._records.page(wanted, size, cursor)
        for _ in range(number - 1 if cursor is None else 0):
            page = await self._records.page(wanted, size, page.next) if page.next else _behind(page)
        return Answer(
            {
                "logs": [call_log(record) for record in page.records],
                "total": page.total,
                "total_exact": page.exact,
                "next": page.next,
                "page": number if cursor is None else None,
                "per_page": size,
            }
        )

    async def show(self, ask: Ask) -> Answer:
        """Give one record."""
        found = await self._records.find(ask.path["id"])
        if found is None:
            raise ApiError("item-not-found", "There is no record of a call with this id; see /api/v1/call-logs.")
        return Answer(call_log_detail(*found))

    async def export(self, ask: Ask) -> Stream:
        """Give all records of a filter."""
        body = ask.json()
        unknown = sorted(body.keys() - _EXPORT["properties"].keys())
        if unknown:
            raise ApiError("invalid-body", f"{unknown[0][:64]!r} is none of {', '.join(_EXPORT['properties'])}.")
        format, charges = body.pop("format", None), body.pop("include_charges", False)
        if not isinstance(format, str) or format not in CONTENT_TYPES or not isinstance(charges, bool):
            raise ApiError("invalid-body", 'Give {"format": "json", "csv" or "pdf", "include_charges": true or false}.')
        wanted = filter_of(Ask(query=_texts(body)))
        made = Export(self._records, wanted, cast("Format", format), charges=charges)
        return Stream(made.chunks(), CONTENT_TYPES[cast("Format", format)], f"call-logs.{format}")


def filter_of(ask: Ask) -> Filter:
    """What the parameters ask for. Raises ApiError."""
    for name, value in ask.query.items():
        if len(value) > _LONGEST:
            raise unfit(name, f"a text of at most {_LONGEST} characters")
    if ask.query.get("status", "") not in ("", *_STATUSES):
        raise unfit("status", f"one of {', '.join(_STATUSES)}")
    try:
        end = _end(ask.moment("end_date"), ask.query.get("end_date", ""))
    except OverflowError:
        raise unfit("end_date", "a day before the last one of the year 9999") from None
    start = ask.moment("start_date")
    if start is not None and end is not None and end < start:
        raise unfit("end_date", "after start_date")
    try:
        least = float(ask.query["min_duration"]) if ask.query.get("min_duration") else None
        if least is not None and not 0 <= least < 1e9:
            raise ValueError
        return Filter(
            start_date=start,
            end_date=end,
            min_duration=least,
            text=ask.query.get("q", ""),
            **{name: ask.query.get(name, "") for name in _TEXTS},
        )
    except (ValueError, OverflowError):
        raise unfit("min_duration", "a number of seconds") from None


def _end(moment: datetime | None, text: str) -> datetime | None:
    """The end as a moment; a day ends with the next one."""
    return moment + _DAY if moment is not None and "T" not in text else moment


def _texts(body: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in body.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise ApiError("invalid-body", f"{name} must be a text, or null.")
        if value is not None:
            found[name] = str(value)
    return found


def _behind(page: Page) -> Page:
    return Page((), page.total, page.exact, None)
