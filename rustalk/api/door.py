"""Who may knock: checks that come before any route, and the headers that every answer carries.

An access list (``api.acl``) is looked at first. While ``api.auth`` is "off" nothing but the loopback address keeps
strangers out, and a web page in the operator's browser stands on that address too. Two rules keep it away. The Host
field must be an address, ``localhost`` or a configured name: a page that had its own name pointed here (DNS rebinding)
cannot send any of these. And a request with an Origin must come from this very host: a page may otherwise POST anywhere
without asking.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from klein import Klein
from klein.resource import KleinResource
from twisted.web.resource import Resource
from twisted.web.server import Request

from .app import address_of, write_problem
from .errors import ApiError

__all__ = ["Door"]

_HEADERS = (
    ("Server", "RusTalk"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)
_METHOD = re.compile(rb"[A-Z]{1,20}")


def _everybody(address: str) -> bool:
    return True


class Door(Resource):
    """The root resource: turns away, or hands on to Klein.

    ``names`` are Host names allowed besides addresses; ``admits(address)`` is the access list.
    """

    def __init__(self, app: Klein, names: Iterable[str] = (), admits: Callable[[str], bool] = _everybody) -> None:
        untyped: Any = super()
        untyped.__init__()
        self.isLeaf = True
        self._inner: KleinResource = app.resource()
        self._names = frozenset(name.lower() for name in names) | {"localhost"}
        self._admits = admits

    def render(self, request: Request) -> bytes | int:
        """Answer a request."""
        for name, value in _HEADERS:
            request.responseHeaders.setRawHeaders(name, [value])
        try:
            self._check(request)
        except ApiError as problem:
            return write_problem(request, problem)
        return cast("bytes | int", self._inner.render(request))

    def _check(self, request: Request) -> None:
        if not self._admits(address_of(request)):
            raise ApiError("address-not-allowed", "The access list that api.acl names does not allow it.")
        if not _METHOD.fullmatch(request.method):
            raise ApiError("bad-request", "The method is not one of HTTP.")
        path = b"/".join(request.postpath or ())
        try:
            path.decode("utf-8")
        except UnicodeDecodeError:
            raise ApiError("bad-request", "The path is not UTF-8.") from None
        if b"\0" in path:
            raise ApiError("bad-request", "The path holds a NUL.")
        hosts = request.requestHeaders.getRawHeaders("Host") or []
        if len(hosts) != 1 or not self._names_us(hosts[0]):
            raise ApiError("host-not-allowed", "Use the address of the API, or localhost, in the URL.")
        origin = request.requestHeaders.getRawHeaders("Origin")
        if origin is not None and [each.partition("://")[2] for each in origin] != hosts:
            raise ApiError("origin-not-allowed", "Call the API from a program, or from a page that this host serves.")

    def _names_us(self, host: str) -> bool:
        match = _AUTHORITY.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower()
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True
