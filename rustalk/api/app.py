"""The routes put together on Klein: values in, JSON out, every error a problem object, no HTML anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast
from urllib.parse import parse_qsl

from klein import Klein
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from rustalk.observe.switch import ISwitch

from .calls import Calls
from .certificates import Certificates
from .errors import ApiError
from .health import Health
from .route import Ask, Route
from .status import Status
from .teams import Teams
from .trunks import Trunks

__all__ = ["build_app", "routes", "write_problem"]

_log = Logger()
_PARAMETERS = 20


def routes(switch: ISwitch, clock: IReactorTime) -> list[Route]:
    """Every route of the API."""
    resources = (
        Health(switch),
        Status(switch),
        Calls(switch, clock),
        Teams(switch),
        Trunks(switch),
        Certificates(switch),
    )
    return [route for resource in resources for route in resource.routes()]


def build_app(routes: list[Route]) -> Klein:
    """A Klein application of these routes."""
    app = Klein()
    app.url_map.merge_slashes = False
    for route in routes:
        _add(app, route)
    app.handle_errors(ApiError, HTTPException, Exception)(_answer_failure)
    return app


def _add(app: Klein, route: Route) -> None:
    async def respond(request: IRequest, **path: str) -> bytes:
        answer = await route.answer(Ask(path, _query(cast("Request", request))))
        return _write(cast("Request", request), answer.status, answer.body, "application/json")

    app.route(route.path, methods=[route.method], endpoint=f"{route.method} {route.path}")(respond)


def _query(request: Request) -> dict[str, str]:
    """The query parameters, the last one where a name stands twice; what stands in a body is none."""
    text = request.uri.partition(b"?")[2].decode("ascii", "backslashreplace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_PARAMETERS))
    except ValueError:
        raise ApiError("bad-request", f"No path takes more than {_PARAMETERS} query parameters.") from None


def _answer_failure(request: IRequest, failure: Failure) -> bytes:
    error = failure.value
    if isinstance(error, ApiError):
        problem = error
    elif isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        problem = ApiError("method-not-allowed", f"Use one of: {allowed}.", (("Allow", allowed),))
    elif isinstance(error, HTTPException):
        problem = ApiError("path-not-found", "Look at the list of paths in the API reference.")
    else:
        _log.failure("The API failed at {path}", failure, path=_path(cast("Request", request)))
        problem = ApiError("internal-error", "The cause is in the log of the switch.")
    return write_problem(cast("Request", request), problem)


def write_problem(request: Request, problem: ApiError) -> bytes:
    """Set the head of an error answer and return its body."""
    for name, value in problem.headers:
        request.responseHeaders.setRawHeaders(name, [value])
    return _write(request, problem.status, problem.body(_path(request)), "application/problem+json")


def _write(request: Request, status: int, body: Mapping[str, object], content_type: str) -> bytes:
    data = json.dumps(body).encode("ascii") + b"\n"
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders("Content-Type", [content_type])
    request.responseHeaders.setRawHeaders("Content-Length", [str(len(data))])
    return data


def _path(request: Request) -> str:
    return request.path.decode("ascii", "backslashreplace")
