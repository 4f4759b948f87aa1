"""The NG protocol over a socket in memory, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.media import ng
from rustalk.media.ng import PATIENCE, WINDOW, NgClient, NgRefusedError, NgSilentError
from tests.fakes.network import run
from tests.fakes.ngnode import MemoryNode, MemoryUdp

ADDRESS = ("192.0.2.1", 2223)


class Scene:
    """One client and one node."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.node = MemoryNode()
        self.silences: list[str] = []
        self.client = NgClient(self.clock, on_silent=self.silences.append)
        self.client.listen(MemoryUdp(self.clock, {ADDRESS: self.node}), *ADDRESS)

    def result(self, asked: Deferred[object], seconds: float = 2 * PATIENCE) -> object:
        """What a request comes to in time: an answer, or the exception."""
        results: list[object] = []
        asked.addErrback(lambda failure: failure.value).addCallback(results.append)
        run(self.clock, seconds)
        return results[0] if results else None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_request_is_answered(scene: Scene) -> None:
    assert scene.result(scene.client.request("ping")) == {b"result": b"pong"}
    assert scene.clock.getDelayedCalls() == []


def test_a_request_that_is_lost_on_the_way_is_sent_again_and_done_once(scene: Scene) -> None:
    scene.node.drops = 2
    assert scene.result(scene.client.request("list", {"limit": 1})) == {b"result": b"ok", b"calls": []}
    assert scene.node.commands == ["list"]


def test_a_deaf_node_is_given_up_after_a_second_and_reported_once(scene: Scene) -> None:
    scene.node.deaf = True
    scene.client.request("list", {"limit": 1}).addErrback(lambda _: None)
    assert isinstance(scene.result(scene.client.request("ping"), PATIENCE), NgSilentError)
    assert scene.silences == ["no answer within 1 s"]
    assert scene.clock.getDelayedCalls() == []


def test_what_waits_behind_a_deaf_node_fails_with_it(scene: Scene) -> None:
    scene.node.deaf = True
    asked = [scene.client.request("ping") for _ in range(3 * WINDOW)]
    assert isinstance(scene.result(asked[-1]), NgSilentError)
    for each in asked[:-1]:
        assert isinstance(scene.result(each, 0), NgSilentError)


def test_an_answer_from_elsewhere_is_passed_over(scene: Scene) -> None:
    sent: list[bytes] = []
    scene.node.answer = sent.append
    asked = scene.client.request("ping")
    run(scene.clock, 0.01)
    forged = sent[0].partition(b" ")[0] + b" d6:result4:ponge"
    scene.client.datagramReceived(forged, ("192.0.2.66", 2223))
    assert asked.called is False
    scene.client.datagramReceived(forged, ADDRESS)
    assert scene.result(asked) == {b"result": b"pong"}


def test_one_lost_request_is_not_a_silent_node(scene: Scene) -> None:
    asked = scene.client.request("ping")
    scene.node.deaf = True
    run(scene.clock, 0.6)
    scene.node.deaf = False
    assert scene.result(scene.client.request("ping"), 0.1) == {b"result": b"pong"}
    assert isinstance(scene.result(asked), NgSilentError)
    assert scene.silences == []


def test_a_refusal_carries_the_reason_of_the_node(scene: Scene) -> None:
    scene.node.refuses = {"query": "Unknown call-id"}
    error = scene.result(scene.client.request("query"))
    assert isinstance(error, NgRefusedError)
    assert str(error) == "Unknown call-id"


def test_no_more_than_the_window_is_under_way(scene: Scene) -> None:
    """A hundred answers at once would overflow the receive buffer of our socket."""
    for _ in range(100):
        scene.client.request("ping")
    run(scene.clock, 0.001)
    assert len(scene.node.requests) == WINDOW
    run(scene.clock, 0.1)
    assert len(scene.node.requests) == 100


def test_the_queue_has_an_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ng, "QUEUE", 3)
    scene.node.deaf = True
    for _ in range(WINDOW + 3):
        scene.client.request("ping").addErrback(lambda _: None)
    assert "3 requests wait" in str(scene.result(scene.client.request("ping"), 0))
    run(scene.clock, 2)


def test_a_cancelled_request_leaves_no_timer(scene: Scene) -> None:
    asked = scene.client.request("ping")
    asked.addErrback(lambda _: None)
    asked.cancel()
    run(scene.clock, 0.01)
    assert scene.clock.getDelayedCalls() == []


def test_closing_fails_what_is_under_way(scene: Scene) -> None:
    asked = scene.client.request("ping")
    scene.client.close()
    assert isinstance(scene.result(asked), NgSilentError)


def test_nothing_is_sent_after_the_close(scene: Scene) -> None:
    scene.client.close()
    assert isinstance(scene.result(scene.client.request("ping"), 0), NgSilentError)
    assert scene.clock.getDelayedCalls() == []


@pytest.mark.parametrize("body", [b"", b"x", b"d", b"le", b"i1e", b"de", b"d6:resulti1ee", b"d6:result4:oops", b"\xff"])
def test_an_answer_that_is_none_refuses_the_request(scene: Scene, body: bytes) -> None:
    sent: list[bytes] = []
    scene.node.answer = lambda datagram: sent.append(datagram) or datagram.partition(b" ")[0] + b" " + body
    assert isinstance(scene.result(scene.client.request("ping")), NgRefusedError)
    assert len(sent) == 1


@given(some.binary(max_size=60))
def test_any_datagram_is_taken_or_passed_over(datagram: bytes) -> None:
    scene = Scene()
    asked = scene.client.request("ping")
    scene.client.datagramReceived(datagram, ADDRESS)
    assert scene.result(asked) == {b"result": b"pong"}
