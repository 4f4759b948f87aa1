"""GET /health and GET /ready."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted

from rustalk import __version__
from rustalk.observe.readiness import REASONS, Reason
from rustalk.observe.snapshots import Readiness
from tests.fakes.desk import Desk
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
    assert (reply.status, reply.json) == (200, {"ready": True, "codes": [], "reasons": []})


def test_ready_is_503_with_every_reason(request_: Request, switch: FakeSwitch) -> None:
    reasons = (Reason("draining", "The switch is draining."), Reason("trunk_down", "No Teams proxy answers."))
    switch.readiness = Readiness(False, reasons)
    reply = request_("GET", "/ready")
    assert (reply.status, reply.json["codes"]) == (503, ["draining", "trunk_down"])
    assert reply.json["reasons"] == ["The switch is draining.", "No Teams proxy answers."]


def test_health_does_not_depend_on_ready(request_: Request, switch: FakeSwitch) -> None:
    switch.readiness = Readiness(False)
    assert request_("GET", "/health").status == 200


@pytest_twisted.ensureDeferred
async def test_without_a_token_the_reasons_are_plain(tmp_path: Path) -> None:
    """The code and its sentence; where the database is, or who, is for those with a token."""
    desk = Desk(tmp_path, auth="token")
    desk.switch.readiness = Readiness(True, (Reason("database_down", "192.0.2.1 cannot be reached"),))
    _, token = await desk.store.tokens.create(name="ci", role="viewer", who="alice")
    plain = (await desk.ask("GET", "/../ready")).json
    known = (await desk.ask("GET", "/../ready", headers={"Authorization": f"Bearer {token}"})).json
    assert plain == {"ready": True, "codes": ["database_down"], "reasons": [REASONS["database_down"]]}
    assert known["reasons"] == ["192.0.2.1 cannot be reached"]
    await desk.stop()
