"""One endpoint on the memory network, whose surface only writes down what it is asked, and a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.task import Clock

from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.observe.trace import Trace
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.session_timer import SessionTimer
from rustalk.sip.timers import Timers
from rustalk.transport.resolve import Resolver
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import Endpoint, ServerTransaction, Verdict
from rustalk.ua.exchange import Exchange
from rustalk.ua.incoming import Incoming
from rustalk.ua.inspect import ALLOW
from rustalk.ua.offer import Offer
from rustalk.ua.outgoing import Invitation, Outgoing
from rustalk.ua.route import Path, Routed, Router
from rustalk.ua.session import Session
from rustalk.ua.timeouts import Timeouts
from tests.fakes.agents import Agent
from tests.fakes.network import MemoryTransport, Network, lookup_nothing, run

__all__ = ["PEER", "SBC", "Ends", "Heard", "Listener"]

SBC, PEER = "192.0.2.10", "198.51.100.7"


class Heard:
    """Listens to a request of ours."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.failures: list[str] = []

    def response_received(self, response: Response, flow: IFlow) -> None:
        self.statuses.append(response.status)

    def request_failed(self, cause: str) -> None:
        self.failures.append(cause)


class Listener:
    """Listens to calls and sessions; ``said`` is what it was told, in order, ``reply`` its answer to
    an UPDATE: b"" refuses it, None waits."""

    trunk = "peer"

    def __init__(self) -> None:
        self.said: list[str] = []
        self.offers: list[Offer] = []
        self.infos: list[ServerTransaction] = []
        self.refers: list[ServerTransaction] = []
        self.notifies: list[ServerTransaction] = []
        self.updates: list[bytes] = []
        self.reply: bytes | None = b""
        self.exchange: Exchange | None = None
        self.session: Session | None = None

    def progressed(self, response: Response, exchange: Exchange | None) -> None:
        self.said.append(str(response.status))
        self.exchange = exchange

    def answered(self, session: Session, exchange: Exchange | None) -> None:
        self.said.append("answered")
        self.session = session

    def refused(self, response: Response) -> None:
        self.said.append(f"refused {response.status}")

    def unanswered(self, cause: str) -> None:
        self.said.append(cause)

    def call_cancelled(self, cancel: Request | None, code: str = "caller_lost") -> None:
        self.said.append("lost" if cancel is None else cancel.method)

    def offer_received(self, offer: Offer) -> None:
        self.offers.append(offer)

    def answer_received(self, body: bytes) -> None:
        self.said.append("described")

    def info_received(self, transaction: ServerTransaction) -> None:
        self.infos.append(transaction)

    def refer_received(self, transaction: ServerTransaction) -> None:
        self.refers.append(transaction)

    def notify_received(self, transaction: ServerTransaction) -> None:
        self.notifies.append(transaction)

    def updated(self, offer: Offer, exchange: Exchange) -> None:
        self.updates.append(offer.body)
        if self.reply is None:
            self.offers.append(offer)
        elif self.reply:
            offer.accept(self.reply)
        else:
            offer.refuse("bad_media")

    def session_ended(self, cause: str, request: Request | None) -> None:
        self.said.append(cause)


class Ends:
    """The endpoint with its surface on our side, ``peer`` on the other."""

    def __init__(self) -> None:
        self.clock = clock = Clock()
        self.network = Network(clock)
        self.counters = Counters()
        self.timeouts = Timeouts(clock)
        self.dialogs = Dialogs(clock)
        self._count = 0
        self.endpoint = Endpoint(
            clock,
            self.timeouts,
            Timers(),
            via=lambda flow: f"{flow.local[0]}:{flow.local[1]}",
            token=self.token,
            product="Switch/1",
            trace=Trace(enabled=False),
            counters=self.counters,
        )
        self.endpoint.surface = self
        self.transport = MemoryTransport(self.network, self.endpoint)
        self.transport.open("inside", (SBC, 5060), ["UDP", "TCP"])
        self.peer = Agent(self.network, "peer", [PEER], switch=(SBC, 5060))
        self.flow = self.network.flow("inside", (SBC, 5060), (PEER, 5060))
        self.asked: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.lost: list[IFlow] = []
        self.verdict: Verdict = "admit"
        self.act: Callable[[ServerTransaction], None] | None = None
        self.resolver = Resolver(lookup_nothing, clock, {"peer.example.com": (PEER,)})

    def token(self) -> str:
        self._count += 1
        return f"token{self._count}"

    def run(self, seconds: float = 0.1) -> None:
        """Let time pass."""
        run(self.clock, seconds)

    # The surface.

    def request_received(self, transaction: ServerTransaction) -> None:
        self.asked.append(transaction)
        usage = self.dialogs.find(transaction.request)
        if usage is not None:
            usage.request_received(transaction)
        elif self.act is not None:
            self.act(transaction)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        self.acks.append(request)
        usage = self.dialogs.find(request)
        if usage is not None:
            usage.ack_received(request)

    def screen(self, flow: IFlow, request: Request | None) -> Verdict:
        return self.verdict

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        self.lost.append(flow)

    # What tests ask for again and again.

    def router(self, protocol: str = "UDP") -> Router:
        """A router of this profile."""
        transport = cast(Any, self.transport)
        return Router(
            transport, self.resolver, profile="inside", protocol=protocol, families=(4,), tls=None, timeout=4.0
        )

    def path(self) -> Path:
        """The way to the peer."""
        return Routed(self.router(), self.flow)

    def request(self, method: str = "OPTIONS", fields: list[Field] | None = None) -> Request:
        """A request to the peer, without Via."""
        tag = self.token()
        own = [
            ("Max-Forwards", "70"),
            ("From", f"<sip:{SBC}>;tag={tag}"),
            ("To", f"<sip:{PEER}>"),
            ("Call-ID", f"{tag}@switch"),
            ("CSeq", f"1 {method}"),
            ("Contact", f"<sip:{SBC}>"),
        ]
        return Request(method, f"sip:{PEER}", [*own, *(fields or [])])

    def call(self, listener: Listener, **changes: Any) -> Outgoing:
        """Call the peer."""
        invitation = Invitation(
            **(
                {
                    "uri": f"sip:bob@{PEER}",
                    "from_": f"<sip:alice@{SBC}>",
                    "to": f"<sip:bob@{PEER}>",
                    "contact": f"<sip:{SBC}:5060>",
                    "body": self.peer.describe(),
                }
                | changes
            )
        )
        return Outgoing(
            self.endpoint,
            self.dialogs,
            self.path(),
            self.flow,
            invitation,
            listener,
            call_id=self.token(),
            timer=SessionTimer(),
        )

    def called(self, listener: Listener, *, allow: str = ALLOW, **parts: Any) -> Incoming:
        """Let the peer call us."""
        found: list[Incoming] = []

        def take(transaction: ServerTransaction) -> None:
            contact = f"<sip:{SBC}:5060>"
            incoming = Incoming(
                transaction, self.dialogs, self.path(), listener, contact=contact, timer=SessionTimer(0), allow=allow
            )
            found.append(incoming)

        self.act = take
        self.peer.call(**parts)
        self.run()
        return found[0]

    def session(self, listener: Listener) -> Session:
        """A call of the peer that we have answered."""
        session = self.called(listener).answer(self.peer.describe(port=9000))
        self.run()
        return session

    def is_clean(self) -> bool:
        """Whether nothing is left once every timer has run out."""
        self.run(4000)
        return not (self.endpoint.transactions or len(self.timeouts) or len(self.dialogs))
