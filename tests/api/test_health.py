"""GET /health and GET /ready."""

from __future__ import annotations

from rustalk import __version__
from rustalk.observe.snapshots import Readiness
from tests.fakes.switch import FakeSwitch

from .conftest import Request


def test_health_answers_as_long_as_the_process_does(request_: Request) -> None:
    reply = request_("GET", "/health")
    assert (reply.status, reply.json) == (
        200,
        {"status": "healthy", "service": "rustalk", "version": __version__},
    )


def test_ready_is_200_while_calls_can_be_taken(request_: Request) -> None:
    reply = request_("GET", "/ready")
    assert (reply.status, reply.json) == (200, {"ready": True, "reasons": []})


def test_ready_is_503_with_every_reason(request_: Request, switch: FakeSwitch) -> None:
    switch.readiness = Readiness(False, ("The switch is draining.", "No Teams proxy answers."))
    reply = request_("GET", "/ready")
    assert (reply.status, reply.json["reasons"]) == (503, ["The switch is draining.", "No Teams proxy answers."])


def test_health_does_not_depend_on_ready(request_: Request, switch: FakeSwitch) -> None:
    switch.readiness = Readiness(False)
    assert request_("GET", "/health").status == 200
