"""Which routes take the shortcut, with the table at the ingress in memory and next hops as they are set."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from rustalk.media import shortcuts as subject
from rustalk.media.ingress import Passage
from rustalk.media.netlink import Hop, Netlink
from rustalk.media.offload import Route
from rustalk.media.rules import Carried
from rustalk.media.shortcuts import Shortcuts, open_shortcuts

ROUTE = Route(("192.0.2.2", 4000), ("203.0.113.1", 20000), ("203.0.113.1", 20002), ("198.51.100.2", 5000))
NEAR, FAR = Hop(2, b"near"), Hop(3, b"far.")
PASSAGE = Passage(2, 3, b"far.")


class System:
    """The table, what routing says and what has changed; ``fault`` is what the table answers while it is set."""

    def __init__(self) -> None:
        self.hops: dict[str, Hop | None] = {"192.0.2.2": NEAR, "198.51.100.2": FAR}
        self.changed = False
        self.protected = False
        self.fault: int | None = None
        self.held: dict[tuple[Route, Passage], Carried] = {}
        self.closed = 0

    def _check(self) -> None:
        if self.fault is not None:
            raise OSError(self.fault, os.strerror(self.fault))

    def add(self, route: Route, passage: Passage) -> None:
        self._check()
        self.held[route, passage] = Carried()

    def remove(self, route: Route, passage: Passage) -> None:
        self._check()
        del self.held[route, passage]

    def passed(self, route: Route, passage: Passage) -> Carried:
        self._check()
        return self.held[route, passage]

    def passages(self) -> Iterator[list[tuple[bytes, Carried]]]:
        self._check()
        yield [(b"name", carried) for carried in self.held.values()]

    def seen(self) -> bool:
        seen, self.changed = self.changed, False
        return seen

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(subject, "next_hop", lambda routing, host, source: made.hops[host])
    monkeypatch.setattr(subject, "protects", lambda policies: made.protected)
    return made


@pytest.fixture
def shortcuts(system: System) -> Iterator[Shortcuts]:
    routing = Netlink(socket.NETLINK_ROUTE)
    made = Shortcuts(system, routing, system, routing)
    yield made
    made.close()


@pytest.fixture
def said() -> Iterator[Callable[[], list[str]]]:
    """What was logged, as text."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: [formatEvent(event) for event in events]
    globalLogPublisher.removeObserver(events.append)


def counts(shortcuts: Shortcuts) -> list[tuple[bytes, Carried]]:
    return [each for part in shortcuts.counts() for each in part]


def test_a_route_is_led_in_where_its_source_is_and_out_where_its_target_is(
    shortcuts: Shortcuts, system: System
) -> None:
    shortcuts.look(b"name", ROUTE)
    assert set(system.held) == {(ROUTE, PASSAGE)}


@pytest.mark.parametrize("hop", [None, Hop(3, None)])
def test_where_no_neighbour_is_known_there_is_no_shortcut(
    shortcuts: Shortcuts, system: System, hop: Hop | None
) -> None:
    system.hops["198.51.100.2"] = hop
    shortcuts.look(b"name", ROUTE)
    assert system.held == {}


def test_a_changed_way_is_followed_and_nothing_counted_is_lost(shortcuts: Shortcuts, system: System) -> None:
    shortcuts.look(b"name", ROUTE)
    system.held[ROUTE, PASSAGE] = Carried(5, 860)
    system.hops["198.51.100.2"], system.changed = Hop(4, b"else"), True
    assert counts(shortcuts) == [(b"name", Carried(5, 860))]
    shortcuts.look(b"name", ROUTE)
    system.held[ROUTE, Passage(2, 4, b"else")] = Carried(2, 344)
    assert counts(shortcuts) == [(b"name", Carried(7, 1204))]
    assert shortcuts.end(b"name", ROUTE) == Carried(7, 1204)
    assert system.held == {}


def test_a_change_that_does_not_concern_a_route_leaves_it_where_it_is(shortcuts: Shortcuts, system: System) -> None:
    shortcuts.look(b"name", ROUTE)
    system.held[ROUTE, PASSAGE] = Carried(5, 860)
    system.changed = True
    counts(shortcuts)
    shortcuts.look(b"name", ROUTE)
    assert system.held == {(ROUTE, PASSAGE): Carried(5, 860)}


def test_under_a_policy_of_ipsec_nothing_takes_a_shortcut(shortcuts: Shortcuts, system: System) -> None:
    """What has to be wrapped up would go out bare."""
    shortcuts.look(b"name", ROUTE)
    for protected, held in ((True, set()), (False, {(ROUTE, PASSAGE)})):
        system.protected = protected
        counts(shortcuts)
        shortcuts.look(b"name", ROUTE)
        assert set(system.held) == held


@pytest.mark.parametrize("fault", [errno.ENFILE, errno.ENODEV, errno.EOPNOTSUPP])
def test_a_route_that_has_no_place_there_goes_the_normal_way(
    shortcuts: Shortcuts, system: System, said: Callable[[], list[str]], fault: int
) -> None:
    system.fault = fault
    shortcuts.look(b"name", ROUTE)
    system.fault = None
    shortcuts.look(b"other", ROUTE)
    assert set(system.held) == {(ROUTE, PASSAGE)}
    assert shortcuts.end(b"name", ROUTE) == Carried()
    assert said() == []


def test_a_table_that_fails_is_taken_away_with_one_warning(
    shortcuts: Shortcuts, system: System, said: Callable[[], list[str]]
) -> None:
    """All goes the longer way then, which is still past userspace."""
    shortcuts.look(b"name", ROUTE)
    system.fault = errno.ENOBUFS
    assert counts(shortcuts) == []
    assert shortcuts.end(b"name", ROUTE) == Carried()
    shortcuts.look(b"other", ROUTE)
    (warning,) = said()
    assert "takes no shortcuts" in warning
    assert system.closed


def test_where_the_kernel_has_no_such_table_there_are_no_shortcuts(
    monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[str]]
) -> None:
    def refuse(*sockets: Netlink) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(subject, "Ingress", refuse)
    assert open_shortcuts() is None
    assert len(said()) == 1
