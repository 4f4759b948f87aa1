"""rtpengine nodes in memory, and a reactor whose UDP reaches them; all on a virtual clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock

from rustalk.media.bencode import decode, encode

__all__ = ["MemoryNode", "MemoryUdp"]

WAY = 0.001
"""Seconds that a datagram is on its way."""


class MemoryNode:
    """Does with calls what rtpengine does, as far as the relay sees it. ``calls`` has their figures by side.

    ``deaf`` hears nothing; ``refuses`` answers these commands with the reason; ``drops``
    loses so many answers.
    """

    def __init__(self, host: str = "192.0.2.1") -> None:
        self.host = host
        self.calls: dict[str, dict[str, dict[str, Any]]] = {}
        self.requests: list[dict[bytes, Any]] = []
        self.deaf = False
        self.drops = 0
        self.refuses: dict[str, str] = {}
        self._answers: dict[bytes, bytes] = {}
        self._next_port = 30000

    @property
    def commands(self) -> list[str]:
        """What was asked for, pings left out."""
        names = [request[b"command"].decode() for request in self.requests]
        return [name for name in names if name != "ping"]

    def answer(self, datagram: bytes) -> bytes | None:
        """The answer, if it gets out; the same cookie gets the same answer again."""
        cookie, _, body = datagram.partition(b" ")
        if cookie not in self._answers:
            request: Any = decode(body)
            self.requests.append(request)
            self._answers[cookie] = cookie + b" " + encode(self._do(request))
        if self.drops:
            self.drops -= 1
            return None
        return self._answers[cookie]

    def forget(self) -> None:
        """Start anew, without any call."""
        self.calls.clear()

    def hear(self, call: str, side: str, packets: int, *, stream: str = "RTP") -> None:
        """Count packets of a side: "caller" or "callee"."""
        self.calls[call][side][stream] += packets

    def _do(self, request: dict[bytes, Any]) -> dict[str, Any]:
        command, call = request[b"command"].decode(), request.get(b"call-id", b"").decode()
        if command in self.refuses:
            return {"result": "error", "error-reason": self.refuses[command]}
        if command == "ping":
            return {"result": "pong"}
        if command == "list":
            return {"result": "ok", "calls": list(self.calls)[: request[b"limit"]]}
        if command in ("offer", "answer"):
            return self._describe(request, call)
        if call not in self.calls:
            return {"result": "error", "error-reason": "Unknown call-id"}
        tags = self._figures(call)
        if command == "delete":
            del self.calls[call]
        return {"result": "ok", "tags": tags}

    def _describe(self, request: dict[bytes, Any], call: str) -> dict[str, Any]:
        """Our ports towards the side that the description goes to."""
        if call not in self.calls:
            ports = self._next_port, self._next_port + 2
            self._next_port += 4
            sides = zip(("caller", "callee"), ports, strict=True)
            self.calls[call] = {side: {"port": port, "RTP": 0, "RTCP": 0} for side, port in sides}
        tag = request[b"to-tag" if request[b"command"] == b"answer" else b"from-tag"].decode()
        port = self.calls[call]["callee" if tag == "caller" else "caller"]["port"]
        family = request[b"address family"].decode()
        host = self.host if family == "IP4" else "2001:db8::1"
        lines = ["v=0", f"o=- 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP 0", f"a=rtcp:{port + 1}", ""]
        return {"result": "ok", "sdp": "\r\n".join(lines)}

    def _figures(self, call: str) -> dict[str, Any]:
        def stream(kind: str, packets: int) -> dict[str, Any]:
            return {"flags": [kind], "SSRC": 7, "stats": {"packets": packets, "bytes": packets * 172, "errors": 0}}

        return {
            side: {"medias": [{"streams": [stream("RTP", figures["RTP"]), stream("RTCP", figures["RTCP"])]}]}
            for side, figures in self.calls[call].items()
        }


class MemoryUdp:
    """The reactor's ``listenUDP``: each socket reaches the nodes by their addresses."""

    def __init__(self, clock: Clock, nodes: dict[tuple[str, int], MemoryNode]) -> None:
        self.clock = clock
        self.nodes = nodes
        self.open = 0

    def listenUDP(self, port: int, protocol: DatagramProtocol, **settings: object) -> None:
        """Open a socket."""
        self.open += 1
        protocol.makeConnection(_Socket(self, protocol))


class _Socket:
    def __init__(self, network: MemoryUdp, protocol: DatagramProtocol) -> None:
        self._network = network
        self._protocol = protocol
        self._later: Callable[..., object] = network.clock.callLater

    def write(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Have the node answer, after the way there and back."""
        assert re.match(rb"\w+ d", datagram)
        self._later(WAY, self._arrive, datagram, address)

    def stopListening(self) -> Deferred[None]:
        """Close."""
        self._network.open -= 1
        self._protocol.transport = None
        return succeed(None)

    def _arrive(self, datagram: bytes, address: tuple[str, int]) -> None:
        node = self._network.nodes[address]
        if not node.deaf and (answer := node.answer(datagram)) is not None:
            self._later(WAY, self._deliver, answer, address)

    def _deliver(self, answer: bytes, address: tuple[str, int]) -> None:
        if self._protocol.transport is not None:
            self._protocol.datagramReceived(answer, address)
