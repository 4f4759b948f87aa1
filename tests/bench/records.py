"""How fast call records are written and found: ``python tests/bench/records.py [--records 1000000] [--url URL]``.

Fills a database (SQLite in a temporary directory unless a URL is given, whose records are kept and used again) with
calls of three months as a company has them, then asks each query of the list many times, for numbers and times chosen
at random with a seed, page by page as a person would, and prints the percentiles in milliseconds. What is timed is the
work in the thread of the database.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot, MediaSnapshot
from rustalk.store import records
from rustalk.store.database import backend_of
from rustalk.store.journal import Entry
from rustalk.store.migrate import upgrade
from rustalk.store.record import record_of
from rustalk.store.records import Filter, insert

_START = datetime(2026, 8, 1, tzinfo=UTC)
_BATCH = 250


def number(chance: random.Random) -> str:
    """One of 20,000 numbers, some of which call far more than others."""
    return f"+1555{int(chance.paretovariate(0.7)) % 20_000:07}"


def call(place: int, of: int, chance: random.Random) -> CallSnapshot:
    """The call at this place among all."""
    started = _START + timedelta(seconds=90 * 86400 * place / of, milliseconds=chance.randrange(1000))
    answered = started + timedelta(seconds=chance.uniform(2, 20)) if chance.random() < 0.7 else None
    ended = (answered or started) + timedelta(seconds=chance.expovariate(1 / 180) if answered else 15)
    caller, called = number(chance), number(chance)
    trunk = f"carrier-{min(int(chance.paretovariate(1)), 30)}"
    phone = f"extension:{chance.randrange(2000)}"
    legs = (
        LegSnapshot(
            f"{place}@a", "in", trunk, "192.0.2.7:5060", "UDP", ("PCMU",), MediaSnapshot(5000, 860000, mos=4.2)
        ),
        LegSnapshot(f"{place}@b", "out", phone, "198.51.100.9:5060", "TLS", ("PCMU",), MediaSnapshot(5000, 860000)),
    )
    return CallSnapshot(
        id=f"{chance.getrandbits(128):032x}",
        state=CallState.ENDED if answered else CallState.FAILED,
        caller=caller,
        called=called,
        started=started,
        source_trunk=trunk,
        destination_trunk=phone,
        answered=answered,
        ended=ended,
        legs=legs,
        reason="normal" if answered else chance.choice(("far_end", "caller_cancelled", "ring_timeout")),
        sip_status=200 if answered else 486,
        hung_up_by="caller",
        route="to-phones",
        original_called=called[2:] if chance.random() < 0.3 else "",
    )


def fill(connection: Any, count: int, chance: random.Random) -> None:
    """Insert the records that are missing, in transactions such as the sender's, and print what one costs."""
    there = connection.transact(lambda session: session.execute("SELECT COUNT(*) FROM call_records"))[0][0]
    seconds = processor = 0.0
    for first in range(there, count, _BATCH):
        some = [call(place, count, chance) for place in range(first, min(first + _BATCH, count))]
        entries = [Entry(each.id, record_of(each)) for each in some]
        began, used = time.perf_counter(), time.thread_time()
        connection.transact(partial(insert, entries=entries))
        seconds += time.perf_counter() - began
        processor += time.thread_time() - used
    if made := count - there:
        print(
            f"insert: {made} records with 2 legs each, {_BATCH} a transaction: {1e6 * seconds / made:.0f} us a record, "
            f"{1e6 * processor / made:.0f} us of a processor",
            flush=True,
        )


def queries(chance: random.Random, count: int) -> Iterator[tuple[str, Callable[[], Filter]]]:
    """The filters by name; each call gives another one."""

    def day() -> datetime:
        return _START + timedelta(days=chance.randrange(90))

    yield "no filter", Filter
    yield "one day", lambda: Filter(start_date=(first := day()), end_date=first + timedelta(days=1))
    yield "number", lambda: Filter(number=number(chance))
    yield "number, unknown", lambda: Filter(number="+4930123")
    yield (
        "caller, one day",
        lambda: Filter(caller=number(chance), start_date=(first := day()), end_date=first + timedelta(1)),
    )
    yield "extension", lambda: Filter(extension=str(chance.randrange(2000)))
    yield "trunk", lambda: Filter(trunk=f"carrier-{chance.randrange(1, 31)}")
    yield "trunk and extension", lambda: Filter(trunk="carrier-1", extension=str(chance.randrange(2000)))
    yield "trunk and reason", lambda: Filter(trunk=f"carrier-{chance.randrange(1, 31)}", reason="ring_timeout")
    yield "status", lambda: Filter(status="failed")
    yield "reason, never", lambda: Filter(reason="no_media")
    yield "min_duration 60", lambda: Filter(min_duration=60)
    yield "min_duration 1800", lambda: Filter(min_duration=1800)
    yield "status and min_duration", lambda: Filter(status="failed", min_duration=1)
    yield "sip_call_id", lambda: Filter(sip_call_id=f"{chance.randrange(count)}@a")
    yield "text", lambda: Filter(text=number(chance)[-4:])
    yield "text, nowhere", lambda: Filter(text="nobody of that name")


def measure(connection: Any, name: str, make: Callable[[], Filter], rounds: int) -> float:
    """Ask ``rounds`` times for five pages of 50; print and return the 95th percentile."""
    times = []
    for _ in range(rounds):
        filter, start = make(), None
        for _ in range(5):
            began = time.perf_counter()
            page = connection.transact(lambda session, f=filter, s=start: records._page(session, f, 50, s))
            times.append(time.perf_counter() - began)
            if page.next is None:
                break
            start = records._read_cursor(page.next, filter)
    times.sort()
    middle, high, most = times[len(times) // 2], times[int(len(times) * 0.95)], times[-1]
    figures = f"p50 {1e3 * middle:7.2f}  p95 {1e3 * high:7.2f}  max {1e3 * most:7.2f} ms  ({len(times)} pages)"
    print(f"{name:26} {figures}", flush=True)
    return high


def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--url", default="")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as directory:
        url = given.url or f"sqlite://{directory}/records.sqlite3"
        connection = backend_of(url).connect(read_only=False)
        connection.transact(upgrade)
        fill(connection, given.records, chance)
        if not given.url:
            size = sum(path.stat().st_size for path in Path(directory).iterdir())
            print(f"size: {size / given.records:.0f} octets a record")
        reader = backend_of(url).connect(read_only=True)
        worst = max(measure(reader, name, make, given.rounds) for name, make in queries(chance, given.records))
        print(f"worst p95: {1e3 * worst:.1f} ms; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
