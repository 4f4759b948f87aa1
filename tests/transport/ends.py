"""What the transport tests put above and below the layer: a receiver that remembers, and messages."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from rustalk.interfaces import IFlow
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message


class Ear:
    """A receiver that keeps what it is given, and answers each request when ``answers`` says so."""

    def __init__(self, *, answers: bool = False) -> None:
        self.messages: list[tuple[Message, IFlow]] = []
        self.broken: list[tuple[RemoteProtocolError, IFlow]] = []
        self.lost: list[tuple[IFlow, str]] = []
        self.answers = answers

    def message_received(self, message: Message, flow: IFlow) -> None:
        self.messages.append((message, flow))
        if self.answers and hasattr(message, "response"):
            flow.send(message.response(200, "OK").to_bytes())

    def malformed(self, error: RemoteProtocolError, flow: IFlow) -> None:
        self.broken.append((error, flow))

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        self.lost.append((flow, reason))

    @property
    def call_ids(self) -> list[str]:
        """Which messages came, in order."""
        return [message.call_id for message, _ in self.messages]


def options(call_id: str = "1", body: bytes = b"", transport: str = "TCP") -> bytes:
    """An OPTIONS request."""
    head = (
        "OPTIONS sip:sbc.example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} 127.0.0.1:5070;branch=z9hG4bK{call_id}\r\n"
        "From: <sip:peer.example.com>;tag=a\r\nTo: <sip:sbc.example.com>\r\n"
        f"Call-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def until(reactor: IReactorTime, true, seconds: float = 5.0) -> None:
    """Let the reactor run until something is true; fail when it does not come true."""
    for _ in range(int(seconds / 0.005)):
        if true():
            return
        await pause(reactor, 0.005)
    raise AssertionError("it did not come true in time")


def pause(reactor: IReactorTime, seconds: float) -> Deferred[None]:
    """Let the reactor run for a moment."""
    return deferLater(reactor, seconds, lambda: None)


def anyone(address: str, profile: str) -> bool:
    """Admit everybody."""
    return True
