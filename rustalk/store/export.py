"""All call records of a filter as one file: JSON, CSV or PDF, made while it is sent and never whole in memory.

In CSV a cell that a spreadsheet would take for a formula gets an apostrophe before it (A29), a telephone number that
begins with ``+`` among them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from rustalk.store.pdf import COLUMNS, ROWS, Pdf
from rustalk.store.record import CallRecord, breakdown, call_log
from rustalk.store.records import Filter, Records

__all__ = ["CONTENT_TYPES", "Export", "Format", "Pour", "harmless"]

Format = Literal["json", "csv", "pdf"]

CONTENT_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "pdf": "application/pdf",
}

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_CHARGES = ("cost", "currency", "rate_card")
_BREAKDOWN = "charge_breakdown"
_TABLE: Sequence[tuple[str, int]] = (
    ("start_time", 24),
    ("from_user", 20),
    ("to_user", 20),
    ("source_trunk", 20),
    ("destination_trunk", 20),
    ("status", 6),
    ("duration_seconds", 10),
    ("sip_status", 4),
    ("termination_reason", 18),
    ("cost", 12),
    ("currency", 4),
)
"""The columns of the PDF and their widths in characters."""

_HEADINGS = {
    "start_time": "Start (UTC)",
    "from_user": "From",
    "to_user": "To",
    "source_trunk": "Came from",
    "destination_trunk": "Went to",
    "status": "Status",
    "duration_seconds": "Seconds",
    "sip_status": "SIP",
    "termination_reason": "Reason",
    "cost": "Cost",
    "currency": "",
}


class Export:
    """One file of records; with ``charges`` it tells what each call cost and what that is made of.

    ``count`` is how many records have been given out so far.
    """

    def __init__(self, records: Records, filter: Filter, format: Format, *, charges: bool = False) -> None:
        self.count = 0
        self._records = records
        self._filter = filter
        self._format = format
        self._charges = charges

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The file piece by piece; the next one is only made when it is asked for. Fails with DatabaseDownError."""
        writer = _WRITERS[self._format](self._charges)
        yield writer.start()

        def shape(records: Sequence[CallRecord]) -> tuple[int, bytes]:
            return len(records), writer.some(records)

        async for count, data in self._records.batches(self._filter, shape):
            self.count += count
            yield data
        yield writer.end()


@implementer(IPushProducer)
class Pour:
    """Writes chunks to a consumer, an HTTP request or a transport, no faster than that wants them."""

    def __init__(self, consumer: IConsumer, chunks: AsyncGenerator[bytes, None]) -> None:
        self._consumer = consumer
        self._chunks = chunks
        self._gate: Deferred[None] | None = None
        self._stopped = False

    def start(self) -> Deferred[bool]:
        """Write all; fires with whether it all was wanted. Where it fails, what was written is not the whole file."""
        return Deferred.fromCoroutine(self._pour())

    def pauseProducing(self) -> None:
        """Wait: the consumer has enough for now."""
        if self._gate is None:
            self._gate = Deferred()

    def resumeProducing(self) -> None:
        """Go on."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.callback(None)

    def stopProducing(self) -> None:
        """End: the consumer is gone."""
        self._stopped = True
        self.resumeProducing()

    async def _pour(self) -> bool:
        self._consumer.registerProducer(self, True)
        try:
            async for chunk in self._chunks:
                if self._gate is not None:
                    await self._gate
                if self._stopped:
                    return False
                self._consumer.write(chunk)
            return True
        finally:
            await self._chunks.aclose()
            self._consumer.unregisterProducer()


def harmless(cell: object) -> object:
    """The cell of a CSV file as one that no spreadsheet runs as a formula."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell


class _Writer(Protocol):
    """One format: the beginning of the file, some records, and its end."""

    def start(self) -> bytes: ...

    def some(self, records: Sequence[CallRecord]) -> bytes: ...

    def end(self) -> bytes: ...


class _Json:
    """A list of objects as in ``/call-logs``."""

    def __init__(self, charges: bool) -> None:
        self._charges = charges
        self._first = True

    def start(self) -> bytes:
        return b"["

    def some(self, records: Sequence[CallRecord]) -> bytes:
        texts = (json.dumps(_shown(record, self._charges), separators=(",", ":")) for record in records)
        joined = ",\n".join(texts)
        before = "\n" if self._first else ",\n"
        self._first = False
        return f"{before}{joined}".encode()

    def end(self) -> bytes:
        return b"\n]\n"


class _Csv:
    """A table as RFC 4180 has it, with a heading."""

    def __init__(self, charges: bool) -> None:
        self._charges = charges

    def start(self) -> bytes:
        return _csv([_shown(_NOBODY, self._charges)])

    def some(self, records: Sequence[CallRecord]) -> bytes:
        return _csv(self._row(record) for record in records)

    def end(self) -> bytes:
        return b""

    def _row(self, record: CallRecord) -> Iterable[object]:
        shown = _shown(record, self._charges)
        if self._charges:
            shown |= {"cost": record.cost, _BREAKDOWN: "; ".join(_items(record))}
        return shown.values()


class _Pdf:
    """A table on pages; the charges of a call stand below it."""

    def __init__(self, charges: bool) -> None:
        self._charges = charges
        self._pdf = Pdf("Call records")
        self._table = [column for column in _TABLE if charges or column[0] not in _CHARGES]
        heading = self._line(_HEADINGS)
        self._heading = [heading, "-" * len(heading)]
        self._lines = list(self._heading)

    def start(self) -> bytes:
        return self._pdf.start()

    def some(self, records: Sequence[CallRecord]) -> bytes:
        for record in records:
            self._lines.append(self._line({**_shown(record, self._charges), "cost": record.cost}))
            if self._charges:
                self._lines += (f"    {item}" for item in _items(record))
        return b"".join(self._full_pages())

    def end(self) -> bytes:
        return self._pdf.page(self._lines) + self._pdf.end()

    def _full_pages(self) -> Iterator[bytes]:
        while len(self._lines) > ROWS:
            yield self._pdf.page(self._lines[:ROWS])
            self._lines = self._heading + self._lines[ROWS:]

    def _line(self, values: Mapping[str, Any]) -> str:
        cells = ("" if values[name] is None else str(values[name]) for name, _ in self._table)
        widths = (width for _, width in self._table)
        return " ".join(cell[:width].ljust(width) for cell, width in zip(cells, widths, strict=True))[:COLUMNS]


_NOBODY = CallRecord(id="", status="", caller="", called="", started=0, ended=0)
"""A record of nothing, for the names of the columns."""


def _shown(record: CallRecord, charges: bool) -> dict[str, Any]:
    shown = call_log(record)
    if charges:
        return {**shown, _BREAKDOWN: breakdown(record)}
    return {name: value for name, value in shown.items() if name not in _CHARGES}


def _items(record: CallRecord) -> Iterator[str]:
    """What the cost is made of, an item a line."""
    for item in json.loads(record.charges or "[]"):
        yield f"{item['description']}: {item['quantity']} {item['unit']} x {item['rate']} = {item['amount']}"


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


_WRITERS: Mapping[Format, Callable[[bool], _Writer]] = {"json": _Json, "csv": _Csv, "pdf": _Pdf}
