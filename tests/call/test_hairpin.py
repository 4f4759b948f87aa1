"""The way from one call of ours into another."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.call.course import Course
from rustalk.call.events import Ended, Event, Informed, Offered
from rustalk.call.hairpin import Hairpin
from rustalk.call.leg import Leg
from rustalk.sip.message import Response
from rustalk.ua.timeouts import Timeouts


class Wire:
    """Where a leg leads."""

    peer = ("198.51.100.7", 5060)
    transport = "UDP"


class Junction:
    """A call that we have ended."""

    code: str | None = "operator"
    hung_up_by: str | None = "switch"


class Pair:
    """Two calls joined; ``heard`` is what the second one hears of the first."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.first, self.second = self.way([]), self.way(self.heard)
        self.first.twin, self.second.twin = self.second, self.first
        self.outcomes: list[tuple[int, bytes]] = []

    @staticmethod
    def way(heard: list[Event]) -> Hairpin:
        """One end."""
        leg = Leg(
            "carrier",
            Wire(),
            "call",
            lambda leg, event: heard.append(event),
            Course(Timeouts(cast(Any, Clock())).now),
            0,
        )
        return Hairpin(leg, cast(Any, None), Junction())

    def offer(self, body: bytes) -> bool:
        """The first call wants other media."""
        return self.first.offer(body, lambda status, answer: self.outcomes.append((status, answer)))

    def proposal(self) -> Any:
        """What the second call was asked."""
        event = self.heard[-1]
        assert isinstance(event, Offered)
        return event.offer


@pytest.fixture
def pair() -> Pair:
    """Two calls joined."""
    return Pair()


def test_an_offer_crosses_and_its_answer_comes_back(pair: Pair) -> None:
    """Both ends remember what was agreed."""
    assert pair.offer(b"new")
    assert pair.proposal().body == b"new"
    pair.proposal().accept(b"answer")
    assert pair.outcomes == [(200, b"answer")]
    assert (pair.first.local, pair.first.remote) == (b"new", b"answer")
    assert (pair.second.local, pair.second.remote) == (b"answer", b"new")


def test_a_refusal_leaves_everything_as_it_was(pair: Pair) -> None:
    """With the status of its reason; a second word changes nothing."""
    pair.offer(b"new")
    pair.proposal().refuse("glare")
    pair.proposal().accept(b"late")
    assert pair.outcomes == [(491, b"")]
    assert pair.first.local == b""


def test_one_offer_at_a_time(pair: Pair) -> None:
    """HLD-06: neither end may ask while the other waits for an answer."""
    pair.offer(b"new")
    assert not pair.offer(b"newer")
    assert not pair.second.offer(b"crossed", lambda status, answer: None)


class Listener:
    """Who asked."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def response_received(self, response: Response, flow: Any) -> None:
        self.statuses.append(response.status)

    def request_failed(self, cause: str) -> None:
        raise AssertionError(cause)


def test_info_crosses(pair: Pair) -> None:
    """What concerns one dialog only does not."""
    listener = Listener()
    pair.first.ask("INFO", [("Content-Type", "application/dtmf-relay")], b"Signal=5", listener)
    event = pair.heard[-1]
    assert isinstance(event, Informed)
    assert event.transaction.request.body == b"Signal=5"
    event.transaction.respond(200)
    pair.first.ask("NOTIFY", [], b"", listener)
    assert listener.statuses == [200, 481]


def test_the_end_crosses_once(pair: Pair) -> None:
    """With the reason it came with, and what our call says of it."""
    pair.first.bye([("Reason", "Q.850;cause=16")])
    pair.second.bye()
    pair.first.bye()
    assert pair.heard == [Ended("operator", "Q.850;cause=16", by_switch=True)]
    assert not pair.offer(b"late")
