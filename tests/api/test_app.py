"""What holds for every route."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from rustalk.api.app import build_app, routes
from rustalk.api.door import Door
from rustalk.api.route import Answer, Ask, Route
from rustalk.api.site import build_site
from tests.fakes.http import exchange
from tests.fakes.switch import FakeSwitch

from .conftest import Request


@pytest.mark.parametrize("route", routes(FakeSwitch(), Clock()), ids=lambda route: f"{route.method} {route.path}")
def test_every_route_answers_json_and_has_a_summary(route: Route, request_: Request) -> None:
    reply = request_(route.method, route.path.replace("<call_id>", "c1"))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert route.summary.endswith(".")


@pytest.mark.parametrize("path", ["/", "/nope", "/api/v1", "/api/v1/calls/", "/api/v1/calls/c1/x", "/%3Cscript%3E"])
def test_an_unknown_path_is_a_problem_object(path: str, request_: Request) -> None:
    reply = request_("GET", path)
    assert (reply.status, reply.json["code"], reply.json["instance"]) == (404, "path-not-found", path)
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_405_with_the_right_ones(request_: Request) -> None:
    reply = request_("PUT", "/api/v1/calls/c1")
    assert (reply.status, reply.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert reply.json["code"] == "method-not-allowed"


def test_head_is_get_without_the_body(request_: Request) -> None:
    head, get = request_("HEAD", "/health"), request_("GET", "/health")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)
    assert int(head.headers["content-length"]) == len(get.body)


def test_a_fault_of_ours_tells_the_peer_nothing_and_the_log_all() -> None:
    events: list[Failure] = []

    async def break_down(ask: Ask) -> Answer:
        raise KeyError("CANARY of the inside")

    def keep(event: dict[str, object]) -> None:
        if event.get("log_level") is LogLevel.critical:
            events.append(event["log_failure"])

    globalLogPublisher.addObserver(keep)
    try:
        reply = exchange(_site(Route("GET", "/broken", break_down, "Breaks.")), "GET", "/broken")
    finally:
        globalLogPublisher.removeObserver(keep)
    assert (reply.status, reply.json["code"]) == (500, "internal-error")
    assert b"CANARY" not in reply.body
    assert [failure.type for failure in events] == [KeyError]


def test_parameters_come_from_the_query_and_not_from_a_form() -> None:
    async def repeat(ask: Ask) -> Answer:
        return Answer(dict(ask.query))

    site = _site(Route("POST", "/x", repeat, "Repeats."))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert exchange(site, "POST", "/x?a=1&a=%32&b=", form, b"c=3").json == {"a": "2", "b": ""}


def test_too_many_parameters_are_refused(request_: Request) -> None:
    reply = request_("GET", "/api/v1/calls?" + "a=1&" * 500)
    assert (reply.status, reply.json["code"]) == (400, "bad-request")


def _site(*own: Route) -> object:
    return build_site(Door(build_app(list(own))), Clock())
