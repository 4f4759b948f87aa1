"""The routes put together on Klein: values in, JSON out, every error a problem object, no HTML anywhere.

What holds for all routes is done here once: who asks is found out before anything else, what the route does not know
is refused, and whatever was meant to change something is written to the audit log with what came of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from klein import Klein
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from rustalk.config.problem import ConfigError
from rustalk.store.audit import Entry
from rustalk.store.live import ConflictError
from rustalk.store.records import CursorError
from rustalk.store.session import DatabaseDownError

from .authorize import Authorizer, permit
from .errors import ApiError
from .faults import refused
from .route import NOBODY, Answer, Ask, Route, Stream, Who
from .stream import send

__all__ = ["Log", "address_of", "build_app", "write_problem"]

_log = Logger()
_PARAMETERS = 40
_GLANCE = 0.5
_JSON = ("application/json", "application/merge-patch+json")


class Log(Protocol):
    """As much of `rustalk.store.audit.Audit` as is needed here."""

    def append(self, entry: Entry) -> None:
        """Add an entry."""


def build_app(routes: Iterable[Route], authorizer: Authorizer, audit: Log | None, clock: IReactorTime) -> Klein:
    """A Klein application of these routes; without an ``audit`` log nothing is written down."""
    app = Klein()
    app.url_map.merge_slashes = False
    for route in routes:
        _add(app, _Desk(route, authorizer, audit, clock))
    app.handle_errors(Exception)(_answer_failure)
    return app


def _add(app: Klein, desk: _Desk) -> None:
    async def respond(request: IRequest, **path: str) -> bytes:
        return await desk.respond(cast("Request", request), path)

    app.route(desk.route.path, methods=[desk.route.method], endpoint=f"{desk.route.method} {desk.route.path}")(respond)


class _Desk:
    """Where the requests for one route arrive."""

    def __init__(self, route: Route, authorizer: Authorizer, audit: Log | None, clock: IReactorTime) -> None:
        self.route = route
        self._authorizer = authorizer
        self._audit = audit
        self._clock = clock

    async def respond(self, request: Request, path: Mapping[str, str]) -> bytes:
        """Answer one request; the bytes are those that are not written yet."""
        who = await self._identified(request)
        answer = await self._answered(request, path, who)
        if isinstance(answer, Stream):
            await send(request, answer, self._clock)
            return b""
        for name, value in answer.headers:
            request.responseHeaders.setRawHeaders(name, [value])
        return _write(request, answer.status, answer.body, "application/json")

    async def _identified(self, request: Request) -> Who:
        fields = [str(field) for field in request.requestHeaders.getRawHeaders("Authorization") or ()]
        if self.route.least is None and self._authorizer.asks:
            return await self._recognised(request, fields) if fields else NOBODY
        return await self._authorizer.identify(address_of(request), fields)

    async def _recognised(self, request: Request, fields: list[str]) -> Who:
        """Who asks for what everybody may have: one whom it would take long to know is nobody."""
        asked = Deferred.fromCoroutine(self._authorizer.identify(address_of(request), fields))
        try:
            return await asked.addTimeout(_GLANCE, self._clock)
        except (ApiError, TimeoutError):
            return NOBODY

    async def _answered(self, request: Request, path: Mapping[str, str], who: Who) -> Answer | Stream:
        try:
            permit(who, self.route)
            ask = _ask(self.route, request, path, who)
            answer = await self.route.answer(ask)
        except CancelledError:
            raise
        except Exception as error:
            self._note(request, who, _problem(error).code, {})
            raise
        if not (isinstance(answer, Answer) and "dry_run" in ask.query and ask.flag("dry_run")):
            self._note(request, who, "done", answer.note if isinstance(answer, Answer) else {})
        return answer

    def _note(self, request: Request, who: Who, outcome: str, detail: Mapping[str, object]) -> None:
        """Write to the audit log what somebody did, or tried to do."""
        if self._audit is not None and self.route.changes and who.role is not None:
            entry = Entry(
                who=who.name,
                role=who.role,
                address=who.address,
                action=f"{self.route.method} {_template(self.route.path)}",
                target=_path(request),
                outcome=outcome,
                detail=detail,
            )
            self._audit.append(entry)


def _ask(route: Route, request: Request, path: Mapping[str, str], who: Who) -> Ask:
    return Ask(
        path,
        _query(route, request),
        _body(route, request),
        who,
        if_match=_field(request, "If-Match"),
        last_event_id=_field(request, "Last-Event-ID"),
    )


def _query(route: Route, request: Request) -> dict[str, str]:
    """The query parameters, the last one where a name stands twice; what stands in a body is none."""
    text = request.uri.partition(b"?")[2].decode("ascii", "backslashreplace")
    try:
        query = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_PARAMETERS))
    except ValueError:
        raise ApiError("bad-request", f"No path takes more than {_PARAMETERS} query parameters.") from None
    known = [parameter.name for parameter in route.query]
    for name, value in query.items():
        if name not in known:
            raise ApiError("invalid-parameter", f"{name[:64]!r} is none of the parameters here: {known or 'none'}.")
        if "\0" in value:
            raise ApiError("invalid-parameter", f"{name} holds a NUL, which no text here has.")
    return query


def _body(route: Route, request: Request) -> bytes:
    content = request.content
    if route.takes is None or content is None:
        return b""
    named = _field(request, "Content-Type").partition(";")[0].strip().lower()
    wanted = _JSON if route.takes_type == "application/json" else (route.takes_type,)
    if named and named not in wanted:
        raise ApiError("wrong-content-type", f"Send {route.takes_type}, and say so in Content-Type.")
    return bytes(content.read())


def _answer_failure(request: IRequest, failure: Failure) -> bytes:
    problem = _problem(failure.value)
    if problem.code == "internal-error":
        _log.failure("The API failed at {path}", failure, path=_path(cast("Request", request)))
    return write_problem(cast("Request", request), problem)


def _problem(error: BaseException | None) -> ApiError:
    """What a failure is told as."""
    match error:
        case ApiError():
            return error
        case ConfigError():
            return refused(error)
        case ConflictError():
            return ApiError("changed-meanwhile", "Read the item again, then repeat the change.")
        case CursorError():
            return ApiError("invalid-parameter", f"cursor: {error}.")
        case DatabaseDownError():
            detail = "Calls go on, and so does what needs no database; try again."
            return ApiError("database-down", detail, (("Retry-After", "5"),))
        case MethodNotAllowed():
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return ApiError("method-not-allowed", f"Use one of: {allowed}.", (("Allow", allowed),))
        case HTTPException():
            return ApiError("path-not-found", "Look at the list of paths in the API reference.")
    return ApiError("internal-error", "The cause is in the log of the switch.")


def write_problem(request: Request, problem: ApiError) -> bytes:
    """Set the head of an error answer and return its body."""
    for name, value in problem.headers:
        request.responseHeaders.setRawHeaders(name, [value])
    return _write(request, problem.status, problem.body(_path(request)), "application/problem+json")


def address_of(request: Request) -> str:
    """The address that a request comes from."""
    untyped: Any = request
    return str(getattr(untyped.getClientAddress(), "host", ""))


def _write(request: Request, status: int, body: Mapping[str, object], content_type: str) -> bytes:
    data = json.dumps(body).encode("ascii") + b"\n"
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders("Content-Type", [content_type])
    request.responseHeaders.setRawHeaders("Content-Length", [str(len(data))])
    return data


def _field(request: Request, name: str) -> str:
    fields = request.requestHeaders.getRawHeaders(name) or ()
    return str(fields[-1]) if fields else ""


def _template(path: str) -> str:
    return path.replace("<path:", "{").replace("<", "{").replace(">", "}")


def _path(request: Request) -> str:
    return request.path.decode("ascii", "backslashreplace")
