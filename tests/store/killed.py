"""A program that is killed again and again while it writes records: ``killed DIRECTORY URL ROUNDS SEED``.

Each round forks a process that appends records and sends them to the database as the product does, and kills it with
SIGKILL at a random moment. A record counts once `append` has returned with nothing held in memory; the ids of those are
printed, one a line. The last round is not killed: it sends what is left.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import epollreactor, threads
from twisted.internet.task import LoopingCall

from rustalk.store.database import Database, backend_of
from rustalk.store.journal import Journal
from rustalk.store.record import record_of
from rustalk.store.records import insert
from rustalk.store.sender import Sender
from tests.fakes.switch import make_call

_MOST = 60
_LONGEST = 0.004


class Writer:
    """Appends some records at a time, and says so through a pipe."""

    def __init__(self, journal: Journal, round: int, pipe: int) -> None:
        self._journal = journal
        self._round = round
        self._pipe = pipe
        self._count = 0

    def write(self) -> None:
        """Write five records of different lengths."""
        for _ in range(5):
            self._count += 1
            name = f"{self._round}-{self._count}"
            self._journal.append(name, record_of(make_call(id=name, said="x" * (self._count * 97 % 500))))
            if not self._journal.held:
                os.write(self._pipe, f"{name}\n".encode())


def run(directory: Path, url: str, work: Callable[[Any, Database, Journal, Sender], object]) -> None:
    """Run the parts as the product puts them together, until the reactor is stopped."""
    reactor: Any = epollreactor.EPollReactor()
    database = Database.open(url, reactor)
    journal = Journal(
        directory, reactor, lambda sync: threads.deferToThreadPool(reactor, reactor.getThreadPool(), sync)
    )
    work(reactor, database, journal, Sender(journal, database, insert, reactor, gather=0.002))
    reactor.run()


def killed(directory: Path, url: str, round: int, chance: random.Random) -> None:
    """Let a process write until it has printed some ids and then a moment longer."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:

        def write(reactor: Any, database: Database, journal: Journal, sender: Sender) -> None:
            sender.start()
            loop = LoopingCall(Writer(journal, round, writing).write)
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

    def finish(reactor: Any, database: Database, journal: Journal, sender: Sender) -> None:
        def stop_when_sent() -> None:
            if not journal.waiting:
                loop.stop()
                sender.stop().addCallback(lambda _: database.close()).addCallback(lambda _: reactor.stop())

        sender.start()
        loop = LoopingCall(stop_when_sent)
        loop.clock = reactor
        loop.start(0.05)

    run(directory, url, finish)


if __name__ == "__main__":
    main()
