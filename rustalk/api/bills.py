"""Bill templates: a collection, and the bills that one makes of the calls of a filter.

A bill counts the calls that went to a provider by a trunk; what stays in the house or goes to Teams costs nothing. Each
billing period that the dates touch has one, and where nobody called it is that of the fee.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from twisted.internet.threads import deferToThread

from rustalk.config.model import BillTemplate
from rustalk.pbx.ledger import is_rated
from rustalk.rating.bill import Bill, BilledCall, FinishedCall, Period, bill, bills, period
from rustalk.store.record import CallRecord
from rustalk.store.records import Filter, Records

from . import schema
from .amount import amount
from .call_logs import FILTERS, filter_of
from .collection import Items, Kind
from .errors import unfit
from .moment import moment
from .route import Answer, Ask, Parameter, Route
from .sources import Sources

__all__ = ["MOST_CALLS", "MOST_PERIODS", "Bills"]

MOST_PERIODS = 400
"""So many bills are made at once: those of the days of a year."""

MOST_CALLS = 100_000
"""So many calls are looked at for one answer."""

_MOST_SHOWN = 10_000
_ROWS = 2000
_FIRST_YEAR, _LAST_YEAR = 1970, 2999
_MILLISECOND = Decimal("0.001")
_TEXT, _COUNT, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
_CALL = schema.record(
    {
        "id": _TEXT,
        "status": {**_TEXT, "enum": ["charged", "included", "zero-duration"]},
        "counted_seconds": _NUMBER,
        "included_seconds": _NUMBER,
        "amount": _NUMBER,
    }
)
_BILL = schema.record(
    {
        "template": _TEXT,
        "start_date": _TEXT,
        "end_date": _TEXT,
        "currency": _TEXT,
        "total_calls": _COUNT,
        "counted_seconds": _NUMBER,
        "included_seconds": _NUMBER,
        "included_minutes_left": _NUMBER,
        "setup_fee": _NUMBER,
        "subtotal": _NUMBER,
        "tax": _NUMBER,
        "total": _NUMBER,
    },
    calls=schema.array(_CALL),
)
_CALLS = Parameter("calls", "List the calls of each bill, too.", {"type": "string", "enum": ["true", "false"]})


class Bills(Items):
    """``/api/v1/bill-templates``."""

    def __init__(self, kind: Kind, sources: Sources) -> None:
        super().__init__(kind, sources)
        self._records: Records = sources.records
        self._now = sources.clock.seconds

    def routes(self) -> list[Route]:
        """The routes of every collection, and the bills, for which one must be allowed to read the call logs."""
        own = Route(
            "GET",
            f"{self.root}/<key>/bills",
            self.bills,
            "What the calls of a filter cost by the template, a bill for each period; those to providers count. The "
            "period of this moment where no dates are given.",
            area="call_logs",
            auditor=True,
            query=(_CALLS, *FILTERS),
            gives=schema.record({"bills": schema.array(_BILL), "total": _COUNT, "next": {"type": "null"}}),
            problems=("item-not-found", "database-down"),
        )
        return [own, *super().routes()]

    async def bills(self, ask: Ask) -> Answer:
        """Make the bills."""
        template, told = self.find(ask), ask.flag("calls")
        wanted, periods = self._dated(template, filter_of(ask))
        calls = await self._calls(wanted, _MOST_SHOWN if told else MOST_CALLS)
        made = await deferToThread(_made, template, periods, calls)
        shown = [_shown(each, told=told) for each in made]
        return Answer({"bills": shown, "total": len(shown), "next": None})

    def _dated(self, template: BillTemplate, wanted: Filter) -> tuple[Filter, list[Period]]:
        """The filter with both dates, and the periods that they touch. Raises ApiError."""
        now = datetime.fromtimestamp(self._now(), UTC)
        current = period(template, now)
        if wanted.start_date is None and wanted.end_date is not None:
            raise unfit("start_date", "given where end_date is")
        start = wanted.start_date or current.start
        end = wanted.end_date or (current.end if wanted.start_date is None else max(now, start))
        if start.year < _FIRST_YEAR or end.year > _LAST_YEAR:
            raise unfit("start_date", f"a day of the years {_FIRST_YEAR} to {_LAST_YEAR}, as end_date")
        periods = list(islice(_periods(template, start, end), MOST_PERIODS + 1))
        if len(periods) > MOST_PERIODS:
            raise unfit("end_date", f"so near to start_date that there are at most {MOST_PERIODS} periods")
        return replace(wanted, start_date=start, end_date=end), periods

    async def _calls(self, wanted: Filter, most: int) -> list[FinishedCall]:
        """The calls that a bill counts. Raises ApiError."""
        found: list[FinishedCall] = []
        async for some in self._records.batches(wanted, _finished, _ROWS):
            found += some
            if len(found) > most:
                raise unfit("start_date", f"so near to end_date that at most {most} calls are between them")
        return found


def _periods(template: BillTemplate, start: datetime, end: datetime) -> Iterator[Period]:
    """The periods that two dates touch, the end not included."""
    current = period(template, start)
    yield current
    while current.end < end:
        current = period(template, current.end)
        yield current


def _finished(records: Sequence[CallRecord]) -> list[FinishedCall]:
    return [
        FinishedCall(
            record.id,
            datetime.fromtimestamp(record.started / 1000, UTC),
            (record.duration or 0) * _MILLISECOND,
            record.answered is not None,
        )
        for record in records
        if is_rated(record.destination)
    ]


def _made(template: BillTemplate, periods: list[Period], calls: list[FinishedCall]) -> list[Bill]:
    of_calls = {made.period: made for made in bills(template, calls)}
    return [of_calls.get(each) or bill(template, each, []) for each in periods]


def _shown(made: Bill, *, told: bool) -> dict[str, Any]:
    shown = {
        "template": made.template,
        "start_date": moment(made.period.start),
        "end_date": moment(made.period.end),
        "currency": made.currency,
        "total_calls": len(made.calls),
        "counted_seconds": amount(sum((call.counted for call in made.calls), Decimal(0))),
        "included_seconds": amount(sum((call.included for call in made.calls), Decimal(0))),
        "included_minutes_left": amount(made.included_left),
        "setup_fee": amount(made.setup_fee),
        "subtotal": amount(made.subtotal),
        "tax": amount(made.tax),
        "total": amount(made.total),
    }
    return {**shown, "calls": [_call(call) for call in made.calls]} if told else shown


def _call(call: BilledCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "status": call.status,
        "counted_seconds": amount(call.counted),
        "included_seconds": amount(call.included),
        "amount": amount(call.amount),
    }
