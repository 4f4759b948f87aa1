"""The NG protocol of rtpengine: a request and its answer are a datagram each, a cookie before a bencoded dictionary.

A request is sent again with the same cookie until it is answered; rtpengine remembers its answers by cookie, so that
nothing is done twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from secrets import token_hex
from typing import TypeAlias

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol

from rustalk.media.bencode import LONGEST, BencodeError, Encodable, Value, decode, encode

__all__ = ["PATIENCE", "QUEUE", "WINDOW", "Answer", "NgClient", "NgRefusedError", "NgSilentError"]

Answer: TypeAlias = dict[bytes, Value]

RESENDS = (0.15, 0.35)
"""Seconds until a request is sent again: the first time, the second time."""

PATIENCE = 1.0
"""Seconds from the first sending of a request until it counts as not answered."""

WINDOW = 16
"""Requests under way at once; the rest wait, so that a burst of answers does not overflow our socket."""

QUEUE = 20_000
"""Requests that may wait; more are refused."""


class NgRefusedError(Exception):
    """The node answered that it cannot or will not; the message is its reason."""


class NgSilentError(Exception):
    """The node did not answer in time, or cannot be asked; the message says which."""


@dataclass(slots=True, eq=False)
class _Request:
    cookie: bytes
    datagram: bytes
    answer: Deferred[Answer]
    first_sent: float = 0.0
    sent: int = 0
    timer: IDelayedCall | None = None


class NgClient(DatagramProtocol):
    """The requests to one node. ``on_silent(reason)`` is called when nothing at all is heard from it any more."""

    noisy = False

    def __init__(self, clock: IReactorTime, *, on_silent: Callable[[str], None]) -> None:
        """Nothing can be asked before ``listen``, and nothing after ``close``."""
        self._peer = ("", 0)
        self._clock = clock
        self._on_silent = on_silent
        self._waiting: deque[_Request] = deque()
        self._under_way: dict[bytes, _Request] = {}
        self._heard = float("-inf")
        self.listening = False

    def listen(self, reactor: IReactorUDP, host: str, port: int) -> None:
        """Open a socket towards the node at this IP address. Raises CannotListenError.

        It is not connected to the node: Twisted closes a connected socket as soon as the system of the node says that
        nobody listens there.
        """
        self._peer = (ip_address(host).compressed, port)
        reactor.listenUDP(0, self, interface="::" if ":" in host else "0.0.0.0", maxPacketSize=LONGEST + 1)
        self.listening = True

    def close(self) -> Deferred[None] | None:
        """Close the socket; what was not answered fails with NgSilentError."""
        self.listening = False
        self._give_up("the switch stops")
        return None if self.transport is None else self.transport.stopListening()

    def request(self, command: str, fields: Mapping[str, Encodable] | None = None) -> Deferred[Answer]:
        """Send a command; its answer. Fails with NgRefusedError or NgSilentError."""
        if not self.listening:
            return fail(NgSilentError("its socket is not open"))
        if len(self._waiting) >= QUEUE:
            return fail(NgSilentError(f"{QUEUE} requests wait for the node already"))
        cookie = token_hex(8).encode()
        datagram = b"%b %b" % (cookie, encode({"command": command, **(fields or {})}))
        answer: Deferred[Answer] = Deferred(lambda _: self._forget(cookie))
        self._waiting.append(_Request(cookie, datagram, answer))
        self._send_waiting()
        return answer

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Hand an answer to who waits for it; anything else, and anything from elsewhere, is passed over."""
        cookie, _, body = datagram.partition(b" ")
        request = self._under_way.get(cookie)
        if request is None or addr != self._peer:
            return
        self._heard = self._clock.seconds()
        self._forget(cookie)
        try:
            answer = decode(body)
        except BencodeError as error:
            request.answer.errback(NgRefusedError(f"its answer cannot be read: {error}"))
        else:
            _settle(request.answer, answer)
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and len(self._under_way) < WINDOW:
            request = self._waiting.popleft()
            if not request.answer.called:
                self._under_way[request.cookie] = request
                request.first_sent = self._clock.seconds()
                self._send(request)

    def _send(self, request: _Request) -> None:
        """Send once more, or stop waiting for the answer."""
        waited = self._clock.seconds() - request.first_sent
        if request.sent > len(RESENDS):
            self._miss(request)
            return
        delay = RESENDS[request.sent] if request.sent < len(RESENDS) else PATIENCE - waited
        request.sent += 1
        request.timer = self._clock.callLater(delay, self._send, request)
        assert self.transport is not None
        try:
            self.transport.write(request.datagram, self._peer)
        except OSError:
            return  # No route at the moment, or no buffer: as good as lost on the way. The timer sends again.

    def _miss(self, request: _Request) -> None:
        if self._heard < request.first_sent:
            self._fall_silent(f"no answer within {PATIENCE:g} s")
            return
        self._forget(request.cookie)
        request.answer.errback(NgSilentError("this request was not answered, others were"))
        self._send_waiting()

    def _fall_silent(self, reason: str) -> None:
        """Say so before anything fails, so that nobody asks the same node again because of it."""
        self._on_silent(reason)
        self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        requests = [*self._under_way.values(), *self._waiting]
        self._waiting.clear()
        for request in requests:
            self._forget(request.cookie)
        for request in requests:
            if not request.answer.called:
                request.answer.errback(NgSilentError(reason))

    def _forget(self, cookie: bytes) -> None:
        request = self._under_way.pop(cookie, None)
        if request is not None and request.timer is not None and request.timer.active():
            request.timer.cancel()


def _settle(waiting: Deferred[Answer], answer: Value) -> None:
    """Callback or errback, as the answer says."""
    result = answer.get(b"result") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and result in (b"ok", b"pong"):
        waiting.callback(answer)
        return
    reason = answer.get(b"error-reason", result) if isinstance(answer, dict) else None
    text = reason.decode("ascii", "replace")[:200] if isinstance(reason, bytes) else "an answer without a reason"
    waiting.errback(NgRefusedError(text))
