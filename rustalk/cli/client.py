"""Asks a running switch over its API."""

from __future__ import annotations

import json
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from rustalk.observe.printable import printable

from .command import CommandError, Exit

__all__ = ["DEFAULT_SERVER", "ApiClient", "add_server_argument", "client_for", "query", "segment", "server_of"]

DEFAULT_SERVER = "http://127.0.0.1:8080"
_TIMEOUT = 10.0
_LONG_TIMEOUT = 120.0
_LARGEST = 64 * 1024 * 1024
_PIECE = 65536
_TOKEN_FILE = "~/.config/rustalk/token"


_PATH = re.compile(r"/api/v1/([a-z][a-z/-]*[a-z])")
_COMMANDS = {
    "calls": "list-calls",
    "config": "config show",
    "config/revisions": "config revisions",
    "frequency-limits": "limits list",
    "logins/failed": "logins failed",
    "voicemail/mailboxes": "mailboxes list",
}
_TITLES = {
    "invalid-body": "What was given cannot be used",
    "invalid-parameter": "An option has an impossible value",
    "path-not-found": "The switch does not know this command; is it of another version",
    "method-not-allowed": "The switch does not know this command; is it of another version",
    "body-too-large": "The file is too large",
    "changed-since": "Somebody else has changed it since",
    "host-not-allowed": "The switch does not go by this name; give --server its address",
}
"""For those problems whose own titles speak of HTTP."""


class ApiClient:
    """One API, by its base URL, and the token for it. Every failure is a CommandError that says what to do."""

    def __init__(self, server: str, token: str = "") -> None:
        try:
            parts = urlsplit(server)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme != "http" or parts.path.strip("/"):
            raise CommandError(
                f"--server (or RUSTALK_SERVER) is {server!r}: give the address of the API, such as {DEFAULT_SERVER}.",
                Exit.USAGE,
            )
        if not (token.isascii() and token.isprintable()):
            raise CommandError("The token is not one that `rustalk token create` printed.", Exit.USAGE)
        self._server = server
        self._host = host
        self._port = port or 80
        self._token = token

    def get(self, path: str) -> dict[str, object]:
        """The JSON object at a path."""
        return self.request("GET", path)

    def request(
        self, method: str, path: str, body: object = None, *, content_type: str = "application/json"
    ) -> dict[str, object]:
        """Send a request; return the JSON object of the answer. A ``body`` that is no bytes is sent as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with self._answer(method, path, data, content_type, _LONG_TIMEOUT) as response:
            return self._object(response.read(_LARGEST))

    def pieces(self, method: str, path: str, body: object = None) -> Iterator[bytes]:
        """Send a request; yield what is answered as it comes, a file of any size or a feed without end."""
        data = None if body is None else json.dumps(body).encode()
        with self._answer(method, path, data, "application/json", None if body is None else _LONG_TIMEOUT) as response:
            try:
                while piece := response.read1(_PIECE):
                    yield piece
            except (OSError, HTTPException) as error:
                raise CommandError(f"The answer broke off: {printable(str(error))}.", Exit.UNREACHABLE) from None

    @contextmanager
    def _answer(
        self, method: str, path: str, data: bytes | None, content_type: str, timeout: float | None
    ) -> Iterator[HTTPResponse]:
        connection = HTTPConnection(self._host, self._port, timeout=_TIMEOUT)
        headers = {"Accept": "*/*", **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        if data is not None:
            headers["Content-Type"] = content_type
        try:
            try:
                connection.connect()
                if connection.sock is not None:
                    connection.sock.settimeout(timeout)
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                if response.status >= 300:
                    raise CommandError(_reason(response.status, self._object(response.read(_LARGEST))))
            except (OSError, HTTPException) as error:
                raise CommandError(
                    f"The switch at {self._server} cannot be reached: {printable(str(error))}.\n"
                    "Is it running? `rustalk start` starts one; --server names another address.",
                    Exit.UNREACHABLE,
                ) from None
            yield response
        finally:
            connection.close()

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
    parser.add_argument(
        "--server", "-s", metavar="URL", help=f"the API; default: $RUSTALK_SERVER, else {DEFAULT_SERVER}"
    )
    parser.add_argument(
        "--token", metavar="TOKEN", help=f"for the API; default: $RUSTALK_TOKEN, else what {_TOKEN_FILE} holds"
    )
    parser.add_argument("--token-file", metavar="FILE", help="a file that holds the token")
    parser.add_argument("--json", action="store_true", help="write JSON for programs")


def client_for(arguments: Namespace) -> ApiClient:
    """The client that the arguments ask for."""
    return ApiClient(server_of(arguments) or DEFAULT_SERVER, _token(arguments))


def server_of(arguments: Namespace) -> str:
    """The server that was named, on the command line or in the environment; '' for none."""
    return str(arguments.server or os.environ.get("RUSTALK_SERVER", "").strip())


def _token(arguments: Namespace) -> str:
    """The token that was given, on the command line, in a file or in the environment; '' for none."""
    if arguments.token:
        return str(arguments.token)
    named = arguments.token_file or (None if os.environ.get("RUSTALK_TOKEN") else os.environ.get("RUSTALK_TOKEN_FILE"))
    path = Path(named or _TOKEN_FILE).expanduser()
    if named is None and os.environ.get("RUSTALK_TOKEN"):
        return os.environ["RUSTALK_TOKEN"].strip()
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        if named is None:
            return ""
        raise CommandError(f"The token file {path} cannot be read: {error}.", Exit.USAGE) from None


def _command(path: re.Match[str]) -> str:
    """The command that shows what a path of the API shows."""
    return f"`rustalk {_COMMANDS.get(path[1], f'{path[1]} list')}`"


def segment(text: str) -> str:
    """A value as one segment of a path."""
    return quote(text, safe="")


def query(**parameters: object) -> str:
    """Parameters behind a path; those that are None or empty are left out."""
    given = {name: value for name, value in parameters.items() if value not in (None, "", False)}
    return "?" + urlencode({name: "true" if value is True else value for name, value in given.items()}) if given else ""


def _reason(status: int, body: Mapping[str, object]) -> str:
    """A refusal in the words of who types commands, who knows fields and options but no paths, bodies and methods."""
    title = _TITLES.get(str(body.get("code")), body.get("title") or "The switch refused, and did not say why")
    lines = [_PATH.sub(_command, f"{title}. {body.get('detail') or ''}".strip())]
    errors: Any = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, Mapping):
            place = str(error.get("path", "")).removeprefix("$.").removeprefix("?")
            lines.append(f"  {place}: {_PATH.sub(_command, str(error.get('message')))}")
    if status == 401:
        lines.append("--token, RUSTALK_TOKEN or --token-file gives the token.")
    return "\n".join(printable(line) for line in lines)
