"""Asks a running switch over its API."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlsplit

from rustalk.observe.printable import printable

from .command import CommandError, Exit

__all__ = ["DEFAULT_SERVER", "ApiClient", "add_server_argument", "client_for", "segment"]

DEFAULT_SERVER = "http://127.0.0.1:8080"
_TIMEOUT = 10.0
_LARGEST = 64 * 1024 * 1024


class ApiClient:
    """One API, by its base URL. Every failure is a CommandError that says what to do."""

    def __init__(self, server: str) -> None:
        try:
            parts = urlsplit(server)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme != "http" or parts.path.strip("/"):
            raise CommandError(
                f"--server is {server!r}: give the address of the API, such as {DEFAULT_SERVER}.", Exit.USAGE
            )
        self._server = server
        self._host = host
        self._port = port or 80

    def get(self, path: str) -> dict[str, object]:
        """The JSON object at a path."""
        return self.request("GET", path)

    def request(self, method: str, path: str) -> dict[str, object]:
        """Send a request without a body; return the JSON object of the answer."""
        connection = HTTPConnection(self._host, self._port, timeout=_TIMEOUT)
        try:
            connection.request(method, path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            status, data = response.status, response.read(_LARGEST)
        except (OSError, HTTPException) as error:
            raise CommandError(
                f"The switch at {self._server} cannot be reached: {printable(str(error))}.\n"
                "Is it running? `rustalk start` starts one; --server names another address.",
                Exit.UNREACHABLE,
            ) from None
        finally:
            connection.close()
        body = self._object(data)
        if status >= 300:
            raise CommandError(_reason(status, body))
        return body

    def _object(self, data: bytes) -> dict[str, object]:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise CommandError(
                f"What answers at {self._server} is not the API of RusTalk. --server names another address.",
                Exit.UNREACHABLE,
            )
        return body


def add_server_argument(parser: ArgumentParser) -> None:
    """Give a command the options of all commands that talk to a switch."""
    parser.add_argument("--server", "-s", default=DEFAULT_SERVER, metavar="URL", help="the API (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="write JSON for programs")


def client_for(arguments: Namespace) -> ApiClient:
    """The client that the arguments ask for."""
    return ApiClient(arguments.server)


def segment(text: str) -> str:
    """A value as one segment of a path."""
    return quote(text, safe="")


def _reason(status: int, body: Mapping[str, object]) -> str:
    title, detail = body.get("title"), body.get("detail")
    return printable(f"{title or f'The API answered {status}'}. {detail or ''}".strip())
