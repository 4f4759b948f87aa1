"""Provisional responses that the caller acknowledges (RFC 3262), as who sends them and as who gets them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from zlib import crc32

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import parse_number
from rustalk.sip.message import Field, Request, Response

from .endpoint import ServerTransaction
from .timeouts import Timeout

__all__ = ["ReliableRing", "is_reliable", "wants_reliable"]

_WAITING = 16


def wants_reliable(invite: Request) -> bool:
    """Whether the caller insists on acknowledging what rings; who merely could is spared the trouble."""
    return invite.get("Require") is not None and "100rel" in invite.tokens("Require")


def is_reliable(response: Response) -> bool:
    """Whether this 18x waits for a PRACK."""
    return response.get("RSeq") is not None and "100rel" in response.tokens("Require")


class ReliableRing:
    """The 18x of one INVITE, one at a time: each is repeated until its PRACK comes (section 3).

    ``lost`` is called when none comes within 64*T1. What is to be sent after them, the 2xx, waits in ``settle``.
    ``described`` tells whether one with a session description has been acknowledged.
    """

    __slots__ = (
        "_again",
        "_describes",
        "_interval",
        "_limit",
        "_lost",
        "_next",
        "_number",
        "_queue",
        "_ring",
        "_transaction",
        "described",
    )

    def __init__(self, transaction: ServerTransaction, lost: Callable[[], None]) -> None:
        self._transaction = transaction
        self._lost = lost
        self._number = crc32(transaction.endpoint.token().encode()) % 0x7FFFFFFF + 1
        self._queue: deque[tuple[int, tuple[Field, ...], bytes]] = deque(maxlen=_WAITING)
        self._ring: Callable[[], None] | None = None
        self._next: Callable[[], None] | None = None
        self._again: Timeout | None = None
        self._limit: Timeout | None = None
        self._interval = 0.0
        self._describes = False
        self.described = False

    def send(self, status: int, to_tag: str, fields: Iterable[Field], body: bytes) -> None:
        """Ring now, or once what went before is acknowledged."""
        extra = (*fields, ("Require", "100rel"), ("RSeq", str(self._number)))

        def ring() -> None:
            self._transaction.respond(status, to_tag=to_tag, fields=extra, body=body)

        if self._ring is not None:
            self._queue.append((status, tuple(fields), body))
            return
        self._ring, self._describes = ring, bool(body)
        endpoint = self._transaction.endpoint
        self._interval = endpoint.timers.t1
        self._limit = endpoint.timeouts.start(64 * endpoint.timers.t1, self._give_up)
        self._repeat()

    def acknowledged(self, prack: Request, to_tag: str) -> bool:
        """Whether this PRACK is for what rings now; then what waited goes out."""
        number, _, rest = (prack.get("RAck") or "").partition(" ")
        invite, _, method = rest.strip(" \t").partition(" ")
        asked = parse_number("RAck", number, 0xFFFFFFFF), parse_number("RAck", invite, 0xFFFFFFFF)
        if method.strip(" \t") != "INVITE":
            raise RemoteProtocolError("RAck is not about an INVITE")
        if self._ring is None or asked != (self._number, self._transaction.request.cseq.number):
            return False
        self._rest()
        self._number += 1
        self.described |= self._describes
        if self._queue:
            status, fields, body = self._queue.popleft()
            self.send(status, to_tag, fields, body)
        elif self._next is not None:
            # After the answer to this PRACK, which is on its way: the 2xx must not overtake it.
            self._transaction.endpoint.timeouts.start(0, self._proceed)
        return True

    def settle(self, then: Callable[[], None]) -> None:
        """Call ``then`` when nothing waits for a PRACK any more; what still waited to ring is passed over."""
        self._queue.clear()
        if self._ring is None:
            then()
        else:
            self._next = then

    def _proceed(self) -> None:
        then, self._next = self._next, None
        if then is not None:
            then()

    def stop(self) -> None:
        """Nobody rings any more."""
        self._rest()
        self._queue.clear()
        self._next = None
        self._lost = _nothing  # who waits for us knows us, and would have to wait for the garbage collector

    def _repeat(self) -> None:
        if self._ring is not None:
            self._again = self._transaction.endpoint.timeouts.start(self._interval, self._repeat)
            self._interval *= 2
            self._ring()

    def _rest(self) -> None:
        for timeout in (self._again, self._limit):
            if timeout is not None:
                timeout.cancel()
        self._ring = self._again = self._limit = None

    def _give_up(self) -> None:
        lost = self._lost
        self.stop()
        lost()


def _nothing() -> None:
    """Nobody waits any more."""
