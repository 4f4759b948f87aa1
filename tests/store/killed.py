"""A program that is killed again and again while it writes records: ``killed DIRECTORY URL ROUNDS SEED``.

Each round forks a process that takes calls, appends records and sends them to the database as the product does, and
kills it with SIGKILL at a random moment. A call counts once `begin` has returned, and a record once `append` has, with
nothing held in memory; the ids of those are printed, one a line, that of a call with ``up:`` before it. Every fifth
call goes on for ever. The last round is not killed: it sends what is left.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet import epollreactor, threads
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from rustalk.observe.figures import Figures
from rustalk.pbx.ledger import Ledger
from rustalk.store.database import Database, backend_of
from rustalk.store.journal import Journal
from rustalk.store.record import record_of
from rustalk.store.records import insert
from rustalk.store.sender import Sender
from rustalk.store.unfinished import Unfinished
from tests.fakes.switch import START, make_call

_MOST = 60
_LONGEST = 0.004


class Parts(NamedTuple):
    """What takes calls and their records, as the product has it."""

    journal: Journal
    unfinished: Unfinished
    sender: Sender


class Writer:
    """Appends some records at a time, and says so through a pipe; also which calls have been noted as being up."""

    def __init__(self, unfinished: Unfinished, journal: Journal, round: int, pipe: int) -> None:
        self._unfinished = unfinished
        self._journal = journal
        self._round = round
        self._pipe = pipe
        self._count = 0
        self._up: str = ""

    def write(self) -> None:
        """Begin five calls and end four of them, which leave records of different lengths."""
        if self._up:
            os.write(self._pipe, f"up:{self._up}\n".encode())
        for _ in range(5):
            self._count += 1
            self._up = f"{self._round}-{self._count}"
            self._unfinished.begin(self._up, partial(_noted, self._up))
            if self._count % 5:
                self._end(self._up)

    def _end(self, name: str) -> None:
        said = "x" * (self._count * 97 % 500)
        call = make_call(id=name, said=said, reason="normal", ended=START + timedelta(minutes=1))
        self._unfinished.append(name, record_of(call))
        if not self._journal.held:
            os.write(self._pipe, f"{name}\n".encode())


def _noted(name: str) -> dict[str, Any]:
    return record_of(make_call(id=name))


def run(directory: Path, url: str, work: Callable[[Any, Database, Parts], object]) -> None:
    """Run the parts as the product puts them together, until the reactor is stopped."""
    reactor: Any = epollreactor.EPollReactor()
    database = Database.open(url, reactor)

    def in_thread(sync: Callable[[], None]) -> Deferred[None]:
        return threads.deferToThreadPool(reactor, reactor.getThreadPool(), sync)

    journal = Journal(directory, reactor, in_thread)
    unfinished = Unfinished(journal, reactor, in_thread, moment=0)
    unfinished.recover(Ledger(None, Figures(), None).interrupted)
    work(reactor, database, Parts(journal, unfinished, Sender(journal, database, insert, reactor, gather=0.002)))
    reactor.run()


def killed(directory: Path, url: str, round: int, chance: random.Random) -> None:
    """Let a process write until it has printed some ids and then a moment longer."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:

        def write(reactor: Any, database: Database, parts: Parts) -> None:
            parts.sender.start()
            loop = LoopingCall(Writer(parts.unfinished, parts.journal, round, writing).write)
            loop.clock = reactor
            loop.start(0.0005).addErrback(lambda _: os._exit(1))

        run(directory, url, write)
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as lines:
        for _, line in zip(range(chance.randrange(1, _MOST)), lines, strict=False):
            sys.stdout.write(line)
        time.sleep(chance.uniform(0, _LONGEST))
        os.kill(child, signal.SIGKILL)
        sys.stdout.write(lines.read())
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"round {round} ended by itself")


def main() -> None:
    """Kill and kill again, then let the rest be sent."""
    directory, url, rounds, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    backend_of(url)  # imports the driver once, and not in each child
    chance = random.Random(seed)
    for round in range(rounds):
        killed(directory, url, round, chance)

    def finish(reactor: Any, database: Database, parts: Parts) -> None:
        def stop_when_sent() -> None:
            if not parts.journal.waiting:
                loop.stop()
                parts.unfinished.close()
                parts.sender.stop().addCallback(lambda _: database.close()).addCallback(lambda _: reactor.stop())

        parts.sender.start()
        loop = LoopingCall(stop_when_sent)
        loop.clock = reactor
        loop.start(0.05)

    run(directory, url, finish)


if __name__ == "__main__":
    main()
