"""docs/api.md: every route of the API with who may use it, what it takes and an answer, from the routes themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.api.authorize import ATTEMPTS, LOCAL, WINDOW
from rustalk.api.errors import PROBLEMS
from rustalk.api.events import HEARTBEAT, MOST_FEEDS
from rustalk.api.openapi import template
from rustalk.api.resources import routes
from rustalk.api.route import Answer, Ask, Route, Stream
from rustalk.api.site import MAX_BODY, MAX_TABLE
from rustalk.api.sources import Sources
from rustalk.config.model import Extension
from rustalk.interfaces import IFlow
from rustalk.observe.events import KINDS, Events
from rustalk.observe.snapshots import LegSnapshot, MediaSnapshot
from rustalk.store.records import Records
from tests.fakes.desk import store_unopened
from tests.fakes.switch import START, FakeFlow, FakeSwitch, make_call

__all__ = ["page"]

_HEAD = f"""\
# API

<!-- Written by `python -m docs.generate` from rustalk/api; change the routes there instead. -->

JSON over HTTP, on 127.0.0.1 port 8080 unless `api` in the [configuration](configuration.md) says otherwise. Programs
read the same as OpenAPI 3.1 at `/api/v1/openapi.json`. `rustalk` on the command line does all of it, too:
`rustalk extensions list`, `rustalk trunks show carrier --json`, `rustalk help`.

## Who may use it

Each request shows a token: `Authorization: Bearer TOKEN`. The first one, for an admin, is printed at the first start;
`rustalk token create --config FILE --role ROLE --name NAME` prints another one at any time, and `POST /api/v1/tokens`
makes one over HTTP. Of a token only a hash is kept. With `api.auth` `"off"`, which is allowed on loopback only, nobody
is asked.

| role | may |
|---|---|
| viewer | see everything but the audit log and the tokens |
| operator | the same; and hang up calls, end registrations, lift bans, clear counters, take up certificates, change \
extensions, DIDs, ring groups and mailboxes |
| admin | everything |
| auditor | read records, configuration and the audit log, and change nothing |

A token may have scopes, which narrow its role: `extensions` or `extensions:write` for all that the role may do there,
`extensions:read` for reading alone. The scope of each path is in the tables below.

After {ATTEMPTS} wrong tokens within {WINDOW:g} seconds an address gets 429 with Retry-After; tokens that were right
before go on working there. Wrong tokens count as failed logins of the account `api`, and may lead to a ban.

The Host field of a request must be an address or `localhost`, and a request with an Origin must come from this very
host; so a web page in a browser on the same machine cannot use the API. `api.acl` names an ACL that an address must
pass.

## What holds for all paths

- **Lists** answer `{{"<name>": [...], "total": n, "next": cursor}}`. `limit` is how many at most, `cursor` the `next`
  of the page before; `next` is `null` on the last page. A cursor that no page has given is refused.
- **Filters**: each plain field of an item is one (`?enabled=false&department=Sales`), and `q` finds text in any field.
  A value that no item can have is 400, with the filter as `path` in `errors` (`?enabled`).
- **Making** an item answers 201 with the item, replacing and deleting one 200. Secrets are taken and never given: a
  password that is left out is made, and shown in that one answer. Where a secret is left out of a change, it stays.
- **`?dry_run=true`** on a change answers what would be, and changes nothing.
- **ETag and If-Match**: each item has an ETag; a change with another one in If-Match is answered 412.
- **PATCH** is a JSON Merge Patch (RFC 7396): `null` takes a key back to its default.
- A change is in force when it is answered, on all nodes within a second, and is a revision that can be restored. It is
  in the audit log: who, from where, what, what came of it, and which items it changed.
- What is allowed but looks like a mistake comes back in `warnings`, and so does a key that counts from the next start.
- Parameters and keys that a path does not know are refused. A body may have {MAX_BODY} bytes, a table \
{MAX_TABLE // 1024**2} MiB.
- Times are UTC, in RFC 3339 with milliseconds. A field that cannot be known is `null`.

"""

_FEED = f"""\
## The feed of events

`GET /api/v1/events` stays open and sends Server-Sent Events: `id`, `event` (its kind) and `data` (a JSON object with
its `time`). A reader that comes back with `Last-Event-ID` gets what it missed; where that is not known any more, or the
reader was too slow, an event `missed` says so: read the state anew. Every {HEARTBEAT:g} seconds without an event a
comment is sent. At most {MOST_FEEDS} may follow at the same time.

| kind | tells |
|---|---|
"""

_ERRORS = """\
## Errors

Errors are problem objects (RFC 9457), of type `application/problem+json`: `type`, `title`, `status`, `detail`, `code`
and, where several things are wrong, `errors` with a `path` and a `message` each. `code` stays the same between
versions; the words of `title` and `detail` may improve.

"""

_TITLES = {"status": "Health and figures", "dids": "DIDs", "acls": "ACLs", "sip_profiles": "SIP profiles"}
_EXAMPLES = (
    "/ready",
    "/api/v1/status",
    "/api/v1/stats",
    "/api/v1/calls",
    "/api/v1/calls/<call_id>",
    "/api/v1/calls/<call_id>/trace",
    "/api/v1/teams/status",
    "/api/v1/extensions",
    "/api/v1/trunks",
    "/api/v1/routes/test",
    "/api/v1/rates/quote",
)
_BODIES: Mapping[str, object] = {
    "/api/v1/routes/test": {"caller_id": "1001", "destination": "+15551230002", "at": "2026-12-24T18:00:00Z"},
    "/api/v1/rates/quote": {"number": "447700900123", "duration_seconds": 120, "at": "2026-12-24T18:00:00Z"},
}


def page() -> str:
    """The whole page."""
    found = routes(_sources())
    areas = dict.fromkeys(route.area for route in found)
    parts = [_area(area, [route for route in found if route.area == area]) for area in areas]
    kinds = "".join(f"| `{kind}` | {meaning} |\n" for kind, meaning in KINDS.items())
    return _HEAD + "\n".join(parts) + "\n" + _FEED + kinds + "\n" + _ERRORS + _problems()


def _sources() -> Sources:
    """A switch with a call and an extension to show."""
    clock = Clock()
    clock.advance(START.timestamp() + 60)
    store = store_unopened(Path("/var/lib/rustalk"), clock)
    extension = Extension(extension="1001", display_name="Alice Archer", department="Sales")
    store.live.settings = replace(store.live.settings, extensions=(extension,))
    switch = _switch()
    switch.seen["1001"] = START
    return Sources(
        switch=switch, store=store, records=Records(store.database), events=Events(clock.seconds), clock=clock
    )


def _switch() -> FakeSwitch:
    received = MediaSnapshot(2900, 498800, lost=2, jitter_ms=0.4), MediaSnapshot(2898, 498456, jitter_ms=0.1)
    caller = LegSnapshot("a@carrier", "in", "carrier", "192.0.2.7:5060", "UDP", (), received[0])
    callee = LegSnapshot("b@sbc", "out", "teams", "52.114.0.1:5061", "TLS", (), received[1])
    switch = FakeSwitch(make_call("c1", legs=(caller, callee)))
    switch.totals = replace(switch.totals, total_calls=7, refused={"no_route": 2})
    invite = b"INVITE sip:+15551230002@192.0.2.1 SIP/2.0\r\nCall-ID: a@carrier\r\nCSeq: 1 INVITE\r\n\r\n"
    switch.log.record(START.timestamp(), False, cast("IFlow", FakeFlow()), invite, "a@carrier")
    return switch


def _area(area: str, found: Iterable[Route]) -> str:
    """The table of one area, and the answers of those that can be shown without a database."""
    found = list(found)
    title = _TITLES.get(area, area.replace("_", " ").capitalize())
    scope = "" if all(route.least is None for route in found) else f"Scope: `{area}`.\n\n"
    rows = ["| path | role | what it does |", "|---|---|---|"]
    rows += [f"| `{route.method} {template(route.path)}` | {_role(route)} | {_what(route)} |" for route in found]
    parts = [f"## {title}\n\n{scope}" + "\n".join(rows) + "\n"]
    parts += [_example(route) for route in found if route.path in _EXAMPLES and _is_shown(route)]
    return "\n".join(parts)


def _is_shown(route: Route) -> bool:
    return route.method == "GET" or route.path in _BODIES


def _role(route: Route) -> str:
    if route.least is None:
        return "all"
    return f"{route.least}, auditor" if route.auditor else route.least


def _what(route: Route) -> str:
    own = [each for each in route.query if each.name not in ("limit", "cursor", "dry_run", "q")]
    told = [f"`{each.name}`" for each in own] if len(own) < 8 else []
    text = route.summary + (f" Parameters: {', '.join(told)}." if told else "")
    body = "" if route.takes is None else _keys(route.takes)
    return (text + body).replace("|", "\\|")


def _keys(schema: Mapping[str, Any]) -> str:
    """What a body holds."""
    if "$ref" in schema:
        return " Body: its fields, as in the [configuration](configuration.md)."
    names = [f"`{name}`" for name in schema.get("properties", ())]
    return f" Body: {', '.join(names)}." if names else ""


def _example(route: Route) -> str:
    body = _BODIES.get(route.path)
    asked = "" if body is None else f"\n{json.dumps(body)}\n"
    answer = json.dumps(_answer(route, body).body, indent=2)
    return f"```\n{route.method} {template(route.path)}{asked}\n```\n\n```json\n{answer}\n```\n"


def _answer(route: Route, body: object) -> Answer:
    """What this route says about the call."""
    answers: list[Answer | Stream] = []
    query = {"limit": "1"} if route.path.endswith("calls") else {}
    question = Ask({"call_id": "c1"}, query, json.dumps(body).encode(), LOCAL)

    async def ask() -> None:
        answers.append(await route.answer(question))

    Deferred.fromCoroutine(ask())
    return cast("Answer", answers[0])


def _problems() -> str:
    rows = ["| code | status | title |", "|---|---|---|"]
    rows += [f"| `{code}` | {kind.status} | {kind.title} |" for code, kind in PROBLEMS.items()]
    return "\n".join(rows) + "\n"
