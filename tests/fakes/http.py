"""HTTP in memory: octets into a server factory, octets out, under virtual time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransportWithDisconnection


@dataclass(frozen=True)
class Reply:
    """One answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Connection:
    """One connection to the server."""

    def __init__(self, factory: IProtocolFactory) -> None:
        self.protocol = factory.buildProtocol(None)
        self.transport = StringTransportWithDisconnection()
        if self.protocol is None:
            self.transport.connected = False
            return
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    @property
    def open(self) -> bool:
        """Whether the server keeps the connection."""
        return self.transport.connected and not self.transport.disconnecting

    def send(self, data: bytes) -> bytes:
        """Send octets; return what came back for them."""
        self.transport.clear()
        self.protocol.dataReceived(data)
        return self.transport.value()


def exchange(
    factory: IProtocolFactory,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """One request on a connection of its own."""
    fields = {"Host": "127.0.0.1:8080", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return parse(
        Connection(factory).send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body)
    )


def parse(data: bytes) -> Reply:
    """The octets of one answer as a value."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("ascii").split("\r\n")
    fields = (line.partition(": ") for line in lines)
    return Reply(int(start.split(" ")[1]), {name.lower(): value for name, _, value in fields}, body)
