"""What is given to the kernel and taken back, with a table in memory. Packets: tests/live/test_kernel.py."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from rustalk.media import kernel as subject
from rustalk.media.kernel import PROOF, READ_INTERVAL, Kernel, forwards, open_kernel
from rustalk.media.netlink import Netlink
from rustalk.media.offload import Route
from rustalk.media.rules import Carried

HERE = ("203.0.113.1", 20000), ("203.0.113.1", 20002)
THERE = Route(("192.0.2.2", 4000), *HERE, ("198.51.100.2", 5000))
BACK = Route(("198.51.100.2", 5000), *reversed(HERE), ("192.0.2.2", 4000))


class Stream:
    """Routes as they are set, and what was told by side."""

    def __init__(self, *routes: Route | None) -> None:
        self.routes = list(routes)
        self.told: list[tuple[int, int, int]] = []

    def route(self, side: int) -> Route | None:
        return self.routes[side]

    def passed(self, side: int, packets: int, size: int) -> None:
        self.told.append((side, packets, size))


class MemoryTable:
    """What the kernel would hold; ``fault`` is what it answers to everything while it is set."""

    def __init__(self) -> None:
        self.held: dict[Route, Carried] = {}
        self.left: dict[Route, int] = {}
        self.fault: int | None = None
        self.closed = False

    def _check(self) -> None:
        if self.fault is not None:
            raise OSError(self.fault, os.strerror(self.fault))

    def add(self, route: Route) -> bytes:
        self._check()
        if any((each.source, each.target) == (route.source, route.target) for each in self.held):
            raise OSError(errno.EEXIST, "File exists")
        self.held[route] = Carried()
        return repr(route).encode()

    def remove(self, route: Route) -> None:
        self._check()
        del self.held[route]

    def arrived(self, route: Route) -> Carried:
        self._check()
        return self.held[route]

    def departed(self, route: Route) -> Carried:
        self._check()
        return Carried(self.left.get(route, 0))

    def arrivals(self) -> Iterator[list[tuple[bytes, Carried]]]:
        self._check()
        yield [(repr(route).encode(), carried) for route, carried in self.held.items()]

    def close(self) -> None:
        self.closed = True
        self.held.clear()


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kernel(table: MemoryTable, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """All addresses but 127.0.0.1 are those of other hosts. At the end no timer is left."""
    monkeypatch.setattr(subject, "next_hop", lambda routing, host, source: host != "127.0.0.1" or None)
    made = Kernel(table, Netlink(socket.NETLINK_ROUTE), {4, 6}, clock)
    yield made
    made.close()
    assert clock.getDelayedCalls() == []


@pytest.fixture
def said() -> Iterator[Callable[[], list[str]]]:
    """What was logged, as text."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: [formatEvent(event) for event in events]
    globalLogPublisher.removeObserver(events.append)


def read(clock: Clock) -> None:
    """Let all counters be read once."""
    clock.pump([READ_INTERVAL / 16] * 33)


def test_both_directions_are_taken_over_once_settled(kernel: Kernel, table: MemoryTable) -> None:
    stream = Stream(None, None)
    kernel.look(stream)
    assert table.held == {}
    stream.routes = [THERE, BACK]
    kernel.look(stream)
    assert set(table.held) == {THERE, BACK}


def test_a_side_that_receives_nothing_is_not_sent_to(kernel: Kernel, table: MemoryTable) -> None:
    """HLD-01: on hold in one direction only the other one is carried."""
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    stream.routes = [THERE, None]
    kernel.moved(stream)
    assert set(table.held) == {THERE}


def test_a_changed_route_is_given_back_at_once_and_the_new_one_taken_at_the_next_look(
    kernel: Kernel, table: MemoryTable
) -> None:
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    moved = Route(THERE.source, *HERE, ("198.51.100.2", 6000))
    stream.routes = [moved, None]
    kernel.moved(stream)
    assert set(table.held) == set()
    kernel.look(stream)
    assert set(table.held) == {moved}


def test_the_same_description_again_leaves_routes_where_they_are(kernel: Kernel, table: MemoryTable) -> None:
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    table.held[THERE] = Carried(5, 50)
    kernel.moved(stream)
    assert table.held[THERE] == Carried(5, 50)


def test_a_closed_stream_leaves_nothing_and_is_told_the_last_figures(kernel: Kernel, table: MemoryTable) -> None:
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    table.held[THERE], table.held[BACK] = Carried(5, 860), Carried(2, 344)
    kernel.closed(stream)
    assert (table.held, kernel.routes) == ({}, 0)
    assert stream.told == [(0, 5, 860), (1, 2, 344)]


def test_counters_are_read_every_second_and_only_what_is_new_is_told(
    kernel: Kernel, table: MemoryTable, clock: Clock
) -> None:
    stream = Stream(THERE, None)
    kernel.look(stream)
    table.held[THERE] = Carried(5, 860)
    read(clock)
    table.held[THERE] = Carried(7, 1204)
    read(clock)
    assert stream.told == [(0, 5, 860), (0, 2, 344)]


@pytest.mark.parametrize(
    "route",
    [
        Route(("192.0.2.2", 4000), *HERE, ("2001:db8::2", 5000)),
        Route(("127.0.0.1", 4000), *HERE, ("198.51.100.2", 5000)),
        Route(("192.0.2.2", 4000), *HERE, ("127.0.0.1", 5000)),
    ],
    ids=["two versions", "a source here", "a target here"],
)
def test_what_cannot_be_carried_is_let_be(kernel: Kernel, table: MemoryTable, route: Route) -> None:
    kernel.look(Stream(route, None))
    assert table.held == {}


@pytest.mark.parametrize("fault", [errno.EEXIST, errno.ENFILE])
def test_a_stream_that_the_table_has_no_place_for_stays_in_userspace(
    kernel: Kernel, table: MemoryTable, fault: int
) -> None:
    """It is not tried at every look, but after the next description."""
    stream = Stream(THERE, None)
    table.fault = fault
    kernel.look(stream)
    table.fault = None
    kernel.look(stream)
    assert table.held == {}
    kernel.moved(stream)
    kernel.look(stream)
    assert set(table.held) == {THERE}


def test_packets_that_come_in_but_do_not_go_out_bring_the_stream_back(
    kernel: Kernel, table: MemoryTable, clock: Clock
) -> None:
    """A firewall drops what is forwarded, say. The other direction, which gets through, stays."""
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    table.held[THERE] = table.held[BACK] = Carried(PROOF, PROOF * 172)
    table.left[BACK] = PROOF
    read(clock)
    kernel.look(stream)
    kernel.look(stream)
    assert set(table.held) == {BACK}


class CutOff(Stream):
    """Its socket was closed, or taken from its peer."""

    def route(self, side: int) -> Route | None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def test_a_stream_whose_socket_is_gone_is_no_fault_of_the_kernel(
    kernel: Kernel, table: MemoryTable, said: Callable[[], list[str]]
) -> None:
    """A call may end between two looks at all streams: the other calls are carried on."""
    kernel.look(Stream(THERE, BACK))
    gone = CutOff()
    kernel.look(gone)
    kernel.moved(gone)
    assert set(table.held) == {THERE, BACK}
    assert said() == []


def test_a_carried_stream_whose_socket_is_gone_is_given_back(kernel: Kernel, table: MemoryTable) -> None:
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    stream.__class__ = CutOff
    kernel.moved(stream)
    assert table.held == {}


def test_a_kernel_that_fails_is_used_no_more(kernel: Kernel, table: MemoryTable) -> None:
    """Its table goes, and with it all routes: userspace has every packet again."""
    stream = Stream(THERE, BACK)
    kernel.look(stream)
    table.fault = errno.ENOBUFS
    kernel.closed(stream)
    assert table.closed
    table.fault = None
    kernel.look(Stream(THERE, BACK))
    assert (table.held, kernel.routes) == ({}, 0)


def test_a_reading_that_fails_is_the_end_too(kernel: Kernel, table: MemoryTable, clock: Clock) -> None:
    kernel.look(Stream(THERE, BACK))
    table.fault = errno.EPERM
    read(clock)
    assert table.closed
    assert kernel.routes == 0


def settings(directory: Path, **interfaces: str) -> Path:
    """A directory such as /proc/sys/net, with these interfaces."""
    for name, value in interfaces.items():
        (directory / "ipv4" / "conf" / name).mkdir(parents=True)
        (directory / "ipv4" / "conf" / name / "forwarding").write_text(value + "\n")
    return directory


def test_one_interface_that_forwards_is_enough(tmp_path: Path) -> None:
    assert forwards(4, settings(tmp_path, all="0", eth0="0", media="1"))


def test_without_one_nothing_is_forwarded(tmp_path: Path) -> None:
    assert not forwards(4, settings(tmp_path, all="0", eth0="0"))
    assert not forwards(6, tmp_path)


@pytest.mark.parametrize(
    ("fault", "told"),
    [(errno.EPERM, "AmbientCapabilities=CAP_NET_ADMIN"), (errno.EOPNOTSUPP, "Linux 5.12")],
)
def test_where_there_is_no_table_a_warning_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, said: Callable[[], list[str]], fault: int, told: str
) -> None:
    def refuse(*sockets: Netlink) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(subject, "Table", refuse)
    monkeypatch.setattr(subject, "forwards", lambda family: True)
    assert open_kernel([4], clock) is None
    (warning,) = said()
    assert told in warning
    assert "Media goes through the userspace relay" in warning


def test_where_nothing_is_forwarded_a_warning_names_the_settings(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, said: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(subject, "forwards", lambda family: False)
    assert open_kernel([4, 6], clock) is None
    (warning,) = said()
    assert "net.ipv4.conf.all.forwarding=1 and net.ipv6.conf.all.forwarding=1" in warning
