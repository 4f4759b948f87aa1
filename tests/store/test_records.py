"""Call records in both databases: each once, found by every filter, page by page, whatever is killed meanwhile."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from rustalk.observe.snapshots import CallSnapshot, CallState
from rustalk.store import records as module
from rustalk.store.database import Database, backend_of, once
from rustalk.store.journal import Entry
from rustalk.store.migrate import upgrade
from rustalk.store.record import CallRecord, record_of
from rustalk.store.records import CursorError, Filter, Page, Records, insert
from tests.fakes.switch import START, make_call

NUMBERS = ("+15551230001", "+15551230002", "15551230002", "2000", "2001", "anonymous")
PEERS = ("carrier", "teams", "extension:2000", "extension:2001", None)


def calls(count: int) -> list[CallSnapshot]:
    """Calls of some days that share few numbers, trunks and reasons; several begin in the same millisecond."""
    chance = random.Random(11)
    made = []
    for number in range(count):
        started = START + timedelta(minutes=chance.randrange(5000) // 7 * 7)
        answered = started + timedelta(seconds=3) if chance.random() < 0.6 else None
        call = make_call(
            id=f"call-{number}",
            state=CallState.ENDED if answered else CallState.FAILED,
            caller=chance.choice(NUMBERS),
            called=chance.choice(NUMBERS),
            original_caller=chance.choice(("", *NUMBERS)),
            original_called=chance.choice(("", *NUMBERS)),
            started=started,
            answered=answered,
            ended=started + timedelta(seconds=3 + chance.choice((0, 0.5, 1, 59.999, 60, 61, 4000))),
            source_trunk=chance.choice(PEERS),
            destination_trunk=chance.choice(PEERS),
            reason=chance.choice(("normal", "far_end", "ring_timeout")),
            caller_name=chance.choice(("", "Zoë 100%", "Max_Mustermann")),
            part_of=f"call-{number - 1}" if number % 9 == 0 else "",
        )
        made.append(replace(call, legs=(replace(call.legs[0], sip_call_id=f"{number}@carrier"), call.legs[1])))
    return made


def _duration(record: dict[str, Any]) -> int:
    return -1 if record["duration"] is None else int(record["duration"])


def fits(record: dict[str, Any], asked: Filter) -> bool:
    """Whether a record fulfils a filter, found out the slow way."""
    caller = {record["caller"], record["original_caller"]}
    called = {record["called"], record["original_called"]}
    peers = {record["source"], record["destination"]}
    text = " ".join(str(record[name] or "") for name in module._SEARCHED).lower()

    def among(number: str, numbers: set[str | None]) -> bool:
        return bool({number, f"+{number}", number.removeprefix("+")} & numbers)

    return all(
        (
            not asked.start_date or record["started"] >= asked.start_date.timestamp() * 1000,
            not asked.end_date or record["started"] < asked.end_date.timestamp() * 1000,
            not asked.status or record["status"] == asked.status,
            not asked.number or among(asked.number, caller | called),
            not asked.caller or among(asked.caller, caller),
            not asked.called or among(asked.called, called),
            not asked.trunk or asked.trunk in peers,
            not asked.extension or f"extension:{asked.extension}" in peers,
            not asked.reason or record["reason"] == asked.reason,
            asked.min_duration is None or max(0, asked.min_duration * 1000) <= _duration(record),
            not asked.sip_call_id or record["legs"][0]["sip_call_id"] == asked.sip_call_id,
            asked.call_id in ("", record["id"], record["part_of"]),
            asked.text.lower() in text,
        )
    )


ASKED = (
    Filter(),
    Filter(status="failed"),
    Filter(number="+15551230002"),
    Filter(number="15551230002", status="ended"),
    Filter(caller="2000"),
    Filter(called="anonymous", reason="far_end"),
    Filter(trunk="carrier"),
    Filter(trunk="carrier", extension="2001", min_duration=1),
    Filter(extension="2000"),
    Filter(reason="ring_timeout", status="failed"),
    Filter(min_duration=0),
    Filter(min_duration=60),
    Filter(min_duration=60.5),
    Filter(min_duration=1e300),
    Filter(min_duration=-1),
    Filter(start_date=START + timedelta(days=1), end_date=START + timedelta(days=2)),
    Filter(start_date=START + timedelta(days=1), number="2001"),
    Filter(end_date=START),
    Filter(text="mustermann"),
    Filter(text="100%"),
    Filter(text="max_m", trunk="teams"),
    Filter(text="%"),
    Filter(sip_call_id="17@carrier"),
    Filter(sip_call_id="17@nowhere"),
    Filter(call_id="call-8"),
    Filter(call_id="call-18", reason="normal"),
    Filter(call_id="elsewhere"),
    Filter(number="nobody"),
)


@pytest.fixture
def filled(database: Database) -> Database:
    """The database with its tables."""
    pytest_twisted.blockon(database.run(upgrade))
    return database


def entries(some: Sequence[CallSnapshot]) -> list[Entry]:
    return [Entry(call.id, record_of(call)) for call in some]


async def put(database: Database, some: Sequence[CallSnapshot]) -> list[dict[str, Any]]:
    """Insert calls and return their records."""
    made = entries(some)
    await database.run(lambda session: insert(session, made))
    return [dict(entry.record) for entry in made]


async def all_pages(records: Records, asked: Filter, limit: int) -> list[Page]:
    """All pages, by following the cursors."""
    pages = [await records.page(asked, limit)]
    while pages[-1].next is not None:
        pages.append(await records.page(asked, limit, pages[-1].next))
    return pages


@pytest.fixture(params=[5000, 40], ids=["", "bounded"])
def scanned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many records one page looks at: more than there are, or few."""
    monkeypatch.setattr(module, "_SCANNED", request.param)
    return int(request.param)


@pytest_twisted.ensureDeferred
async def test_every_filter_finds_what_looking_at_each_record_finds(filled: Database, scanned: int) -> None:
    """The pages together are the answer: all of it, in order, nothing twice; also when each page looks at few."""
    made = await put(filled, calls(250))
    for asked in ASKED:
        wanted = {record["id"] for record in made if fits(record, asked)}
        pages = await all_pages(Records(filled), asked, 7)
        found = [record for page in pages for record in page.records]
        assert [record.id for record in found if record.id not in wanted] == [], asked
        assert len(found) == len(wanted), asked
        assert [record.started for record in found] == sorted((r.started for r in found), reverse=True), asked
        assert all(len(page.records) <= 7 for page in pages)
        assert {page.total for page in pages} == {len(wanted)} or not pages[0].exact, asked
        assert pages[0].total <= len(wanted), asked


@pytest_twisted.ensureDeferred
async def test_totals_are_exact_when_there_are_few(filled: Database) -> None:
    made = await put(filled, calls(200))
    for asked in ASKED:
        page = await Records(filled).page(asked, 5)
        assert (page.total, page.exact) == (sum(fits(record, asked) for record in made), True), asked


@pytest_twisted.ensureDeferred
async def test_a_total_that_would_be_slow_is_a_lower_bound(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COUNTED", 20)
    await put(filled, calls(200))
    for asked in (Filter(status="ended"), Filter(number="2000")):
        page = await Records(filled).page(asked)
        assert (page.total, page.exact) == (20, False)


@pytest_twisted.ensureDeferred
async def test_a_record_that_comes_again_is_there_once(filled: Database) -> None:
    """F-11: after a crash the journal sends again what it does not know to have arrived."""
    await put(filled, calls(20))
    await put(filled, calls(30))
    page = await Records(filled).page(Filter(), 100)
    assert sorted(record.id for record in page.records) == sorted(call.id for call in calls(30))
    assert page.total == 30
    assert await filled.read(lambda session: session.execute("SELECT COUNT(*) FROM call_legs")) == [(60,)]


@pytest_twisted.ensureDeferred
async def test_of_two_records_of_one_call_the_first_counts(filled: Database) -> None:
    """F-11: that it was cut short was said after its own record; in one batch, and in two."""
    call = replace(make_call(id="c1", reason="normal"), ended=START)
    cut_short = Entry("c1", {**record_of(call), "reason": "interrupted"})
    for batch in ([*entries([call]), cut_short], [cut_short]):
        await filled.run(lambda session, batch=batch: insert(session, batch))
    [record] = (await Records(filled).page(Filter())).records
    assert record.reason == "normal"


@pytest_twisted.ensureDeferred
async def test_calls_whose_keys_collide_are_all_kept(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same millisecond, same hash: none is taken for the other."""
    monkeypatch.setattr(module, "_key", lambda id, started: started << 20)
    some = [replace(make_call(id=f"call-{number}"), ended=START) for number in range(5)]
    await put(filled, some[:2])
    await put(filled, some)
    assert [len(page.records) for page in await all_pages(Records(filled), Filter(), 2)] == [2, 2, 1]


@pytest_twisted.ensureDeferred
async def test_one_record_has_its_legs(filled: Database) -> None:
    await put(filled, calls(5))
    found = await Records(filled).find("call-3")
    assert found is not None
    record, legs = found
    assert (record.id, [leg.sip_call_id for leg in legs]) == ("call-3", ["3@carrier", "b@sbc"])
    assert await Records(filled).find("nobody") is None


@pytest_twisted.ensureDeferred
async def test_new_calls_do_not_move_the_pages_behind(filled: Database) -> None:
    """A cursor is a place in time, not a number of records to leave out."""
    await put(filled, calls(20))
    first = await Records(filled).page(Filter(), 10)
    await put(filled, [make_call(id="later", started=START + timedelta(days=300))])
    second = await Records(filled).page(Filter(), 10, first.next)
    assert len({record.id for record in (*first.records, *second.records)} & {f"call-{n}" for n in range(20)}) == 20


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "A" * 3000, "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
@pytest_twisted.ensureDeferred
async def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError):
        await Records(Database(backend_of("sqlite:///nowhere/db"), None)).page(Filter(), 10, cursor)


@pytest_twisted.ensureDeferred
async def test_a_cursor_of_another_filter_is_refused(filled: Database) -> None:
    await put(filled, calls(20))
    page = await Records(filled).page(Filter(status="ended"), 2)
    with pytest.raises(CursorError, match="another filter"):
        await Records(filled).page(Filter(status="failed"), 2, page.next)


@pytest_twisted.ensureDeferred
async def test_batches_are_read_when_they_are_asked_for(filled: Database, scanned: int) -> None:
    made = await put(filled, calls(100))
    seen: list[str] = []

    def shape(records: Sequence[CallRecord]) -> list[str]:
        return [record.id for record in records]

    async for some in Records(filled).batches(Filter(status="failed"), shape, 10):
        assert 0 < len(some) <= 10
        seen += some
    assert sorted(seen) == sorted(record["id"] for record in made if record["status"] == "failed")


@pytest_twisted.ensureDeferred
async def test_a_filter_is_never_sql(filled: Database) -> None:
    """A quote or a keyword in a value is that and nothing else."""
    await put(filled, calls(5))
    for text in ("' OR 1=1 --", '"; DROP TABLE call_records; --', "\\", "?", "%s", "_%", "\0", "\ud800"):
        asked = Filter(number=text, text=text, trunk=text, reason=text, sip_call_id=text)
        assert (await Records(filled).page(asked)).records == ()
        assert (await Records(filled).page(Filter(text=text))).records == ()
        assert await Records(filled).find(text) is None
    assert (await Records(filled).page(Filter())).total == 5


@pytest.fixture
def program(tmp_path: Path, url: str) -> Callable[[int, int], list[str]]:
    """Run the program that is killed so many times; return the ids that it acknowledged."""
    once(backend_of(url), upgrade)

    def run(rounds: int, seed: int) -> list[str]:
        arguments = [sys.executable, "-m", "tests.store.killed", str(tmp_path / "journal"), url, str(rounds), str(seed)]
        done = subprocess.run(arguments, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], timeout=240, check=True)
        return done.stdout.decode().split()

    return run


def test_200_kills_lose_no_record_and_double_none(program: Callable[[int, int], list[str]], url: str) -> None:
    """F-11: kill -9 at 200 random points while records are written, sent and cut off the journal.

    A call that was up leaves a record that says so, and one whose own record was written leaves only that.
    """
    said = program(200, 42)
    up = {line.removeprefix("up:") for line in said if line.startswith("up:")}
    acknowledged = {line for line in said if not line.startswith("up:")}
    kept = once(backend_of(url), lambda session: session.execute("SELECT id, reason FROM call_records"))
    reasons = dict(kept)
    assert len({line.removeprefix("up:").partition("-")[0] for line in said}) == 200
    assert len({id.partition("-")[0] for id in up}) > 100
    assert len(kept) == len(reasons)
    assert up | acknowledged <= reasons.keys()
    assert {reasons[id] for id in acknowledged} == {"normal"}
    assert {reasons[id] for id in up if int(id.partition("-")[2]) % 5 == 0} == {"interrupted"}
    legs = once(backend_of(url), lambda session: session.execute("SELECT COUNT(*) FROM call_legs"))
    assert legs == [(2 * len(kept),)]
