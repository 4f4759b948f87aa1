"""The export: all of the filter in each format, harmless, and no faster than it is taken."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from rustalk.config.rate import RateCard
from rustalk.observe.snapshots import CallSnapshot, CallState
from rustalk.rating.cost import cost
from rustalk.store.database import DatabaseDownError, backend_of
from rustalk.store.export import CONTENT_TYPES, Export, Format, Pour, harmless
from rustalk.store.journal import Entry
from rustalk.store.migrate import upgrade
from rustalk.store.record import record_of
from rustalk.store.records import Filter, Records, insert
from tests.fakes.switch import START, make_call

CARD = RateCard(id="any", rate_per_minute=Decimal("0.15"), connection_fee=Decimal("0.05"))


class Connected:
    """A database without threads, which counts how often it is read."""

    def __init__(self, path: Path) -> None:
        self.connection = backend_of(f"sqlite://{path}").connect(read_only=False)
        self.connection.transact(upgrade)
        self.reads = 0

    def read(self, work: Callable[[Any], Any]) -> Deferred[Any]:
        self.reads += 1
        return maybeDeferred(self.connection.transact, work)

    def put(self, *calls: CallSnapshot) -> None:
        made = [
            Entry(call.id, record_of(call, cost([CARD], call.called, Decimal(60), call.answered is not None, START)))
            for call in calls
        ]
        self.connection.transact(lambda session: insert(session, made))


@pytest.fixture
def database(tmp_path: Path) -> Connected:
    return Connected(tmp_path / "db")


def finished(number: int, **changes: Any) -> CallSnapshot:
    started = START + timedelta(seconds=number)
    times = {"started": started, "answered": started, "ended": started + timedelta(seconds=60)}
    return make_call(**{"id": f"call-{number}", "state": CallState.ENDED, "reason": "normal", **times, **changes})


async def export(database: Connected, format: Format, *, charges: bool = False) -> bytes:
    """The whole file."""
    chunks = Export(Records(database), Filter(), format, charges=charges).chunks()
    return b"".join([chunk async for chunk in chunks])


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


@pytest_twisted.ensureDeferred
async def test_all_records_of_the_filter_are_in_the_file_and_not_only_a_page(database: Connected) -> None:
    database.put(*(finished(number, caller=str(number % 2)) for number in range(1201)))
    exporter = Export(Records(database), Filter(caller="1"), "json")
    found = json.loads(b"".join([chunk async for chunk in exporter.chunks()]))
    assert (len(found), exporter.count) == (600, 600)
    assert found[0]["id"] == "call-1199"


@pytest.mark.parametrize("format", list(CONTENT_TYPES))
@pytest_twisted.ensureDeferred
async def test_a_filter_that_nothing_fits_is_a_file_too(database: Connected, format: Format) -> None:
    data = await export(database, format)
    assert data.startswith({"json": b"[\n]", "csv": b"id,call_id,", "pdf": b"%PDF-"}[format])


@pytest_twisted.ensureDeferred
async def test_csv_has_a_line_for_each_call_with_the_names_of_the_list(database: Connected) -> None:
    database.put(finished(1, caller_name='Zoë "Z", Ltd'), finished(2, answered=None, sip_status=486))
    unanswered, answered = rows(await export(database, "csv"))
    assert (answered["from_name"], answered["duration_seconds"]) == ('Zoë "Z", Ltd', "60.0")
    assert (unanswered["duration_seconds"], unanswered["sip_status"]) == ("", "486")
    assert "cost" not in answered


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋"])
@pytest_twisted.ensureDeferred
async def test_no_cell_of_a_spreadsheet_is_a_formula(database: Connected, begin: str) -> None:
    """A29: neither in what a caller sent nor in numbers."""
    text = begin + 'HYPERLINK("http://198.51.100.1")'
    database.put(finished(1, caller=text, called="+1555", caller_name=text, said=text, original_caller="=1"))
    for row in rows(await export(database, "csv", charges=True)):
        assert [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []
        assert row["to_user"] == "'+1555"


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [harmless(cell) for cell in ("2000", "a=b", "", None, 0.5, -1)] == ["2000", "a=b", "", None, 0.5, -1]


@pytest_twisted.ensureDeferred
async def test_charges_tell_the_cost_and_its_items(database: Connected) -> None:
    database.put(finished(1))
    row = rows(await export(database, "csv", charges=True))[0]
    assert (row["cost"], row["currency"], row["rate_card"]) == ("0.20", "USD", "any")
    assert row["charge_breakdown"] == (
        "Connection fee: 1 call x 0.05 = 0.05; Call time (any): 1.00 minute x 0.15 = 0.15"
    )
    shown = json.loads(await export(database, "json", charges=True))[0]
    assert [item["amount"] for item in shown["charge_breakdown"]] == [0.05, 0.15]


@pytest_twisted.ensureDeferred
async def test_a_pdf_has_a_page_for_every_58_calls(database: Connected) -> None:
    database.put(*(finished(number) for number in range(200)))
    data = await export(database, "pdf")
    assert b"/Type /Pages /Count 4 " in data
    assert data.endswith(b"%%EOF\n")


@implementer(IConsumer)
class Consumer:
    """Takes what it is given and wants a pause after each chunk."""

    def __init__(self) -> None:
        self.data = b""
        self.producer: Any = None
        self.pauses = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.data += data
        if self.pauses:
            self.producer.pauseProducing()


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


def test_nothing_is_read_before_the_consumer_wants_it(database: Connected, consumer: Consumer) -> None:
    """A slow client costs one chunk of memory, however long the file is."""
    database.put(*(finished(number) for number in range(1100)))
    done = Pour(consumer, Export(Records(database), Filter(), "csv").chunks()).start()
    reads = []
    while consumer.producer is not None:
        reads.append(database.reads)
        consumer.producer.resumeProducing()
    assert reads == [1, 2, 3, 3]
    assert (len(rows(consumer.data)), done.result) == (1100, True)


def test_a_consumer_that_is_gone_ends_the_reading(database: Connected, consumer: Consumer) -> None:
    database.put(*(finished(number) for number in range(1100)))
    done = Pour(consumer, Export(Records(database), Filter(), "csv").chunks()).start()
    consumer.producer.stopProducing()
    assert (database.reads, done.result, consumer.producer) == (1, False, None)


def test_a_database_that_goes_away_fails_the_export(consumer: Consumer) -> None:
    """So that whoever answers can break the connection off, and no half file looks whole."""

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"["
        raise DatabaseDownError("gone")

    consumer.pauses = False
    failures: list[Any] = []
    Pour(consumer, chunks()).start().addErrback(failures.append)
    assert failures[0].check(DatabaseDownError)
    assert (consumer.data, consumer.producer) == (b"[", None)
