"""Two calls joined: each keeps its media and the side that stays; in place of its other side it leads into the other.

Neither of the two peers learns a new address, which Teams would not follow (HLD-04); the price is that a packet passes
the relay twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from rustalk.interfaces import IFlow
from rustalk.sip.message import Field, Request, Response
from rustalk.ua.endpoint import ClientListener
from rustalk.ua.reasons import REASONS

from .events import Ended, Informed, Offered
from .leg import Leg

__all__ = ["Hairpin"]


class Junction(Protocol):
    """What a way needs of the call that it begins in: how that ended, and who is on the other side of a leg."""

    code: str | None
    hung_up_by: str | None

    def other(self, leg: Leg) -> Leg | None:
        """Who is on the other side of a leg of it."""


class Hairpin:
    """What stands for the session of a leg that leads into another call, the call of ``twin``.

    ``local`` is what our call told it last, ``remote`` what the other call said last. ``call`` is our call, whose end
    is that of the other one too; from then on there is no ``twin``.
    """

    __slots__ = ("_asking", "_call", "_flow", "ended", "leg", "local", "remote", "twin")

    def __init__(self, leg: Leg, flow: IFlow, call: Junction) -> None:
        self.leg = leg
        self._call = call
        self.twin: Hairpin
        self.local = b""
        self.remote = b""
        self.ended = False
        self._flow = flow
        self._asking = False

    @property
    def end(self) -> Leg | None:
        """Who is at the far end, however many calls are joined."""
        way: Hairpin = self
        while (leg := way.twin._call.other(way.twin.leg)) is not None and isinstance(leg.session, Hairpin):
            way = leg.session
        return leg

    def offer(self, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Our call wants other media: the other call hears it as an offer of its own leg."""
        if self.ended or self._asking or self.twin._asking:
            return False
        self._asking = True
        previous, self.local = self.local, body

        def settled(status: int, answer: bytes) -> None:
            self._asking = False
            if 200 <= status < 300 and not self.ended:
                self.remote = answer
                self.twin.local, self.twin.remote = answer, body
            else:
                self.local = previous
            done(status, answer)

        twin = self.twin.leg
        twin.hear(twin, Offered(_CrossingOffer(body, settled)))
        return True

    def ask(self, method: str, fields: Iterable[Field], body: bytes, listener: ClientListener) -> None:
        """INFO crosses; what concerns one call only ends here."""
        if method == "INFO" and not self.ended:
            twin = self.twin.leg
            twin.hear(
                twin, Informed(_CrossingRequest(Request(method, "sip:hairpin", fields, body), listener, self._flow))
            )
        else:
            listener.response_received(Response(481), self._flow)

    def bye(self, fields: Iterable[Field] = ()) -> None:
        """Our call is over, so is the other one."""
        if self.ended:
            return
        far, twin = self.twin, self.twin.leg
        self.ended = far.ended = True
        del self.twin, far.twin  # what knows each other would have to wait for the garbage collector
        reason = next((value for name, value in fields if name == "Reason"), "")
        twin.hear(twin, Ended(self._call.code or "normal", reason, self._call.hung_up_by == "switch"))


class _CrossingOffer:
    """An offer that no network brought."""

    __slots__ = ("_settled", "body", "withdrawn")

    def __init__(self, body: bytes, settled: Callable[[int, bytes], None]) -> None:
        self.body = body
        self.withdrawn = False
        self._settled: Callable[[int, bytes], None] | None = settled

    def accept(self, body: bytes) -> None:
        self._settle(200, body)

    def refuse(self, code: str, status: int = 0) -> None:
        self._settle(status or REASONS[code].status, b"")

    def _settle(self, status: int, body: bytes) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled(status, body)


class _CrossingRequest:
    """A request that no network brought."""

    __slots__ = ("_flow", "_listener", "request")

    def __init__(self, request: Request, listener: ClientListener, flow: IFlow) -> None:
        self.request = request
        self._listener = listener
        self._flow = flow

    def respond(self, status: int, *, fields: Iterable[Field] = ()) -> None:
        self._listener.response_received(Response(status, fields=fields), self._flow)

    def refuse(self, code: str, *, status: int = 0, fields: Iterable[Field] = ()) -> None:
        self.respond(status or REASONS[code].status, fields=fields)
