"""The queue that scripts wait on."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.simulator.inbox import Inbox


def test_what_came_before_is_taken_at_once() -> None:
    inbox = Inbox[str](Clock())
    inbox.put("a")
    inbox.put("b")
    got: list[str | None] = []
    inbox.take(1).addCallback(got.append)
    inbox.take(1).addCallback(got.append)
    assert got == ["a", "b"]


def test_what_comes_later_ends_the_wait_and_its_timer() -> None:
    clock = Clock()
    inbox = Inbox[str](clock)
    got: list[str | None] = []
    inbox.take(1).addCallback(got.append)
    inbox.put("a")
    assert got == ["a"]
    assert clock.getDelayedCalls() == []


def test_none_says_that_the_time_is_over() -> None:
    clock = Clock()
    inbox = Inbox[str](clock)
    got: list[str | None] = []
    inbox.take(1).addCallback(got.append)
    clock.advance(1)
    assert got == [None]


def test_a_cancelled_wait_takes_nothing_away() -> None:
    clock = Clock()
    inbox = Inbox[str](clock)
    inbox.take(1).addErrback(lambda failure: None).cancel()
    got: list[str | None] = []
    inbox.put("a")
    inbox.take(1).addCallback(got.append)
    assert got == ["a"]
    assert clock.getDelayedCalls() == []
