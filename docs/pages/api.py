"""docs/api.md: every route of the API with its summary and an answer, from the routes themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.api.app import routes
from rustalk.api.errors import PROBLEMS
from rustalk.api.route import Answer, Ask, Route
from rustalk.interfaces import IFlow
from rustalk.observe.snapshots import LegSnapshot, MediaSnapshot
from tests.fakes.switch import START, FakeFlow, FakeSwitch, make_call

__all__ = ["page"]

_HEAD = """\
# API

<!-- Written by `python -m docs.generate` from rustalk/api; change the routes there instead. -->

JSON over HTTP, on 127.0.0.1 port 8080 unless `api` in the configuration says otherwise. There is no authentication in
this version, so the API can be bound to loopback only. The Host field of a request must be an address or `localhost`,
and a request with an Origin must come from this very host; so a web page in a browser on the same machine cannot use
the API.

Times are UTC, in RFC 3339 with milliseconds. A field that cannot be known is `null`: `mos` is until
there is something to measure.
Calls are listed newest first; `next` is the cursor of the next page, `null` on the last one. The switch remembers the
last 500 calls that ended.

"""

_ERRORS = """\
## Errors

Errors are problem objects (RFC 9457), of type `application/problem+json`. `code` stays the same between versions; the
words of `title` and `detail` may improve.

"""


def page() -> str:
    """The whole page."""
    switch = _switch()
    clock = Clock()
    clock.advance(START.timestamp() + 60)
    parts = [_route(route, _answer(route)) for route in routes(switch, clock)]
    return _HEAD + "\n".join(parts) + "\n" + _ERRORS + _problems()


def _switch() -> FakeSwitch:
    """A switch with a call to show."""
    received = MediaSnapshot(2900, 498800, lost=2, jitter_ms=0.4), MediaSnapshot(2898, 498456, jitter_ms=0.1)
    caller = LegSnapshot("a@carrier", "in", "carrier", "192.0.2.7:5060", "UDP", (), received[0])
    callee = LegSnapshot("b@sbc", "out", "teams", "52.114.0.1:5061", "TLS", (), received[1])
    switch = FakeSwitch(make_call("c1", legs=(caller, callee)))
    switch.figures = replace(switch.figures, total_calls=7, refused={"no_route": 2})
    invite = b"INVITE sip:+15551230002@192.0.2.1 SIP/2.0\r\nCall-ID: a@carrier\r\nCSeq: 1 INVITE\r\n\r\n"
    switch.log.record(START.timestamp(), False, cast("IFlow", FakeFlow()), invite, "a@carrier")
    return switch


def _answer(route: Route) -> Answer:
    """What this route says about the call."""
    answers: list[Answer] = []
    question = Ask({"call_id": "c1"}, {"limit": "1"} if route.path.endswith("calls") else {})

    async def ask() -> None:
        answers.append(await route.answer(question))

    Deferred.fromCoroutine(ask())
    return answers[0]


def _route(route: Route, answer: Answer) -> str:
    path = route.path.replace("<", "{").replace(">", "}")
    body = json.dumps(answer.body, indent=2)
    return f"## {route.method} {path}\n\n{route.summary}\n\n```json\n{body}\n```\n"


def _problems() -> str:
    rows = ["| code | status | title |", "|---|---|---|"]
    rows += [f"| `{code}` | {kind.status} | {kind.title} |" for code, kind in PROBLEMS.items()]
    return "\n".join(rows) + "\n"
