"""The API described for programs: an OpenAPI 3.1 document, made from the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rustalk import __version__
from rustalk.config.collections import COLLECTIONS

from . import schema
from .errors import PROBLEMS
from .route import Answer, Ask, Parameter, Route

__all__ = ["Document", "document", "template"]

_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")
_ALWAYS = ("bad-request", "invalid-parameter", "address-not-allowed", "host-not-allowed", "internal-error")
_GUARDED = ("token-missing", "token-refused", "not-allowed", "too-many-attempts", "database-down")
_PROBLEM = schema.record(
    {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": list(PROBLEMS)},
    },
    instance={"type": "string"},
    errors=schema.array(schema.record({"path": {"type": "string"}, "message": {"type": "string"}})),
)


class Document:
    """``/api/v1/openapi.json``."""

    def __init__(self, routes: Iterable[Route]) -> None:
        own = Route(
            "GET",
            "/api/v1/openapi.json",
            self.show,
            "This description of the API (OpenAPI 3.1).",
            least=None,
        )
        self._own = own
        self._document = document((*routes, own))

    def routes(self) -> list[Route]:
        """The route of the document."""
        return [self._own]

    async def show(self, ask: Ask) -> Answer:
        """Give the document."""
        return Answer(self._document)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document that describes these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(template(route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RusTalk",
            "version": __version__,
            "description": "Session border controller and PBX for Microsoft Teams Direct Routing.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def template(path: str) -> str:
    """A path with its variables in braces."""
    return _VARIABLE.sub(r"{\2}", path)


def _schemas() -> dict[str, Any]:
    kinds = [collection.kind for collection in COLLECTIONS.values()]
    found = schema.components(*kinds)
    shown = {f"Shown{kind.__name__}": _shown(found[kind.__name__]) for kind in kinds}
    return {**found, **shown, "Problem": _PROBLEM}


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it is shown: all of it but secrets, and perhaps more."""
    properties = {name: inner for name, inner in item["properties"].items() if not inner.get("writeOnly")}
    return {**item, "properties": properties, "required": list(properties), "additionalProperties": True}


def _operation(route: Route) -> dict[str, Any]:
    roles = "everybody" if route.least is None else f"{route.least} or more" + (", auditor" if route.auditor else "")
    operation: dict[str, Any] = {
        "operationId": _name(route),
        "summary": route.summary,
        "description": f"For {roles}." + ("" if route.least is None else f" Scope: {_scope(route)}."),
        "tags": [route.area],
        "parameters": [*_variables(route.path), *(_parameter(each) for each in route.query)],
        "responses": {str(status): answer for status, answer in sorted(_responses(route).items())},
        "security": [] if route.least is None else [{"token": []}],
    }
    if route.takes is not None:
        optional = "restore" in route.path
        operation["requestBody"] = {"required": not optional, "content": {route.takes_type: {"schema": route.takes}}}
    return operation


def _scope(route: Route) -> str:
    return f"{route.area}:{'write' if route.changes else 'read'}"


def _name(route: Route) -> str:
    path = template(route.path)
    path = path.removeprefix("/api/v1") if path.startswith("/api/") else f"/root{path}"
    return "_".join([route.method.lower(), *re.findall(r"[a-z]+", path.lower())])


def _variables(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1} if kind == "int" else {"type": "string", "minLength": 1},
        }
        for kind, name in _VARIABLE.findall(path)
    ]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "schema": dict(parameter.schema),
    }


def _responses(route: Route) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {
        route.status: {"description": "Done.", "content": {route.gives_type: {"schema": route.gives}}}
    }
    if any(each.name == "dry_run" for each in route.query) and route.status != 200:
        found[200] = {**found[route.status], "description": "What would be."}
    if route.path == "/ready":
        found[503] = {**found[200], "description": "No call can be taken now."}
    takes = () if route.takes is None else ("body-too-large", "wrong-content-type", "invalid-body")
    guarded = () if route.least is None else _GUARDED
    for code in dict.fromkeys((*_ALWAYS, *guarded, *takes, *route.problems)):
        found.setdefault(PROBLEMS[code].status, _refusal(route, PROBLEMS[code].status))
    return found


def _refusal(route: Route, status: int) -> dict[str, Any]:
    titles = dict.fromkeys(kind.title for kind in PROBLEMS.values() if kind.status == status)
    return {
        "description": "; ".join(titles) + ".",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
