"""Phones, carriers and Teams proxies that a test steers: they speak SIP over the memory network, without rustalk.ua.

An agent answers by itself what no test is about: BYE, CANCEL, OPTIONS, a re-INVITE. Everything else the test says.
Transactions are those of rustalk.sip.transaction, so that messages are repeated over UDP as a real peer would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Message, Request, Response
from rustalk.sip.parse import Limits, parse_datagram
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.client import Client
from rustalk.sip.transaction.effects import Deliver, Ended, Failed, Send, StartTimer, StopTimer
from rustalk.sip.transaction.invite_client import InviteClient
from rustalk.sip.transaction.invite_server import InviteServer
from rustalk.sip.transaction.key import client_key, server_key
from rustalk.sip.transaction.machine import State
from rustalk.sip.transaction.server import Server
from tests.fakes.network import Certificate, Network, StreamFlow

__all__ = ["Agent", "Exchange", "Leg", "describe"]

TIMERS = Timers()
LIMITS = Limits()
CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^31"
SDP = ("Content-Type", "application/sdp")
FINAL = (State.ACCEPTED, State.COMPLETED, State.CONFIRMED, State.TERMINATED)


def describe(
    host: str, port: int = 4000, *, version: int = 1, lines: Iterable[str] = (), profile: str = "RTP/AVP"
) -> bytes:
    """A session description with one audio line."""
    text = (
        "v=0",
        f"o=- 1 {version} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} {profile} 0 8 101",
        "a=rtpmap:101 telephone-event/8000",
        *([CRYPTO] if "SAVP" in profile else []),
        *lines,
    )
    return "".join(f"{line}\r\n" for line in text).encode()


class Exchange:
    """One transaction of an agent."""

    def __init__(self, agent: Agent, flow: IFlow, machine: Any, heard: Callable[[Any], None] | None = None) -> None:
        self.agent, self.flow, self.machine = agent, flow, machine
        self.request: Request = machine.request
        self.heard = heard
        self.tag = ""
        self._timers: dict[str, IDelayedCall] = {}

    @property
    def is_answered(self) -> bool:
        """Whether the final response has been sent or received."""
        return self.machine.state in FINAL

    def respond(
        self,
        status: int,
        *,
        tag: str = "",
        fields: Iterable[Field] = (),
        body: bytes = b"",
        without: Iterable[str] = (),
    ) -> None:
        """Answer; ``without`` names header fields of our own to leave out."""
        self.tag = tag or self.tag or self.agent.token()
        own = [field for field in [("Contact", self.agent.contact(self.flow))] if field[0] not in without]
        own += [*fields, *([SDP] if body else [])]
        response = self.request.response(status, to_tag="" if status == 100 else self.tag, fields=own, body=body)
        self.carry_out(self.machine.respond(response))

    def carry_out(self, effects: Iterable[object]) -> None:
        """Do what the table asks for."""
        for effect in effects:
            match effect:
                case Send():
                    self.flow.send(effect.data)
                case StartTimer():
                    self._timers[effect.name] = self.agent.network.clock.callLater(
                        effect.seconds, self._fire, effect.name
                    )
                case StopTimer():
                    self._stop(effect.name)
                case Deliver():
                    if self.heard is not None:
                        self.heard(effect.message)
                case Failed():
                    self.agent.failures.append(self.request)
                case Ended():
                    for name in list(self._timers):
                        self._stop(name)
                    self.agent.forget(self)

    def _fire(self, name: str) -> None:
        del self._timers[name]
        self.carry_out(self.machine.fire(name))

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()


class Agent:
    """Somebody with addresses of its own who calls the switch and is called by it.

    ``plan`` is told of each call that comes in. ``answers`` says by method how requests outside a call, and UPDATE and
    INFO inside one, are answered; 0 leaves them unanswered. ``deaf`` agents hear nothing. ``kind`` are its calls;
    an agent that does not ``remember`` keeps no ``messages``.
    """

    def __init__(
        self,
        network: Network,
        name: str,
        hosts: Iterable[str],
        *,
        transport: str = "UDP",
        port: int = 5060,
        switch: tuple[str, int],
        names: Iterable[str] = (),
    ) -> None:
        self.network, self.name, self.hosts = network, name, list(hosts)
        self.transport, self.port, self.switch = transport, port, switch
        self.profile = name
        self.certificate = Certificate(frozenset(names)) if names else None
        self.record_route = self.contact_uri = ""
        self.domain = self.hosts[0]
        self.deaf = False
        self.kind: type[Leg] = Leg
        self.remembers = True
        self.acks = True
        self.media_profile = "RTP/AVP"
        self.plan: Callable[[Leg], None] | None = None
        self.registrar: Callable[[Exchange], None] | None = None
        self.answers: dict[str, int] = {
            "OPTIONS": 200,
            "UPDATE": 200,
            "INFO": 200,
            "INVITE": 200,
            "NOTIFY": 200,
            "PRACK": 200,
        }
        self.calls: list[Leg] = []
        self.messages: list[Message] = []
        self.flows: list[IFlow] = []
        self.failures: list[Request] = []
        self.unreadable: list[bytes] = []
        self._legs: dict[str, Leg] = {}
        self._exchanges: dict[tuple[str, ...], Exchange] = {}
        self._stream: StreamFlow | None = None
        self._count = 0
        for host in self.hosts:
            network.open(self, transport, (host, port))

    def token(self) -> str:
        """A name never used before."""
        self._count += 1
        return f"{self.name}{self._count}"

    def contact(self, flow: IFlow) -> str:
        """Our Contact value."""
        return f"<{self.contact_uri or f'sip:{self.hosts[0]}:{self.port}{self._parameter}'}>"

    @property
    def _parameter(self) -> str:
        return "" if self.transport == "UDP" else f";transport={self.transport.lower()}"

    @property
    def last(self) -> Leg:
        """The call that came or went last."""
        return self.calls[-1]

    def describe(self, **changes: Any) -> bytes:
        """Our own session description."""
        return describe(self.hosts[0], **({"profile": self.media_profile} | changes))

    def requests(self, method: str) -> list[Request]:
        """The requests of this method that came, copies included."""
        return [m for m in self.messages if isinstance(m, Request) and m.method == method]

    # The wire.

    def flow(self, host: str = "") -> IFlow:
        """A flow to the switch, from the first of our hosts unless told otherwise."""
        source = host or self.hosts[0]
        if self.transport == "UDP":
            return self.network.flow(self.name, (source, self.port), self.switch)
        if self._stream is None or not self._stream.is_open or self._stream.local[0] != source:
            self._stream = self.network.join(self, self.transport, source, self.switch)
        return self._stream

    def arrived(self, data: bytes, flow: IFlow) -> None:
        """A message came."""
        try:
            message = parse_datagram(data, LIMITS)
        except RemoteProtocolError:
            message = None
        if message is None:
            self.unreadable.append(data)
            return
        if self.remembers:
            self.messages.append(message)
            self.flows.append(flow)
        if self.deaf:
            return
        if isinstance(message, Response):
            exchange = self._exchanges.get(("client", *client_key(message)))
            if exchange is not None:
                exchange.carry_out(exchange.machine.receive(message))
        elif isinstance(message, Request):
            self._request_arrived(message, flow)

    def lost(self, flow: IFlow) -> None:
        """A connection is gone; what was on its way is lost."""
        for exchange in [one for one in self._exchanges.values() if one.flow is flow]:
            exchange.carry_out(exchange.machine.transport_failed())

    def _request_arrived(self, request: Request, flow: IFlow) -> None:
        key = ("server", *server_key(request))
        exchange = self._exchanges.get(key)
        if exchange is not None:
            exchange.carry_out(exchange.machine.receive(request))
        elif request.method == "ACK":
            leg = self._legs.get(request.call_id)
            if leg is not None:
                leg.ack_received(request)
        else:
            kind = InviteServer if request.method == "INVITE" else Server
            exchange = self._exchanges[key] = Exchange(self, flow, kind(request, flow.reliable, TIMERS))
            exchange.heard = lambda _: self._asked(exchange)
            exchange.carry_out(exchange.machine.start())
            if isinstance(exchange.machine, InviteServer):
                exchange.carry_out(exchange.machine.trying())
            if isinstance(exchange.machine, InviteServer):
                exchange.carry_out(exchange.machine.trying())

    def forget(self, exchange: Exchange) -> None:
        """A transaction is over."""
        for key in [key for key, one in self._exchanges.items() if one is exchange]:
            del self._exchanges[key]

    def send(self, request: Request, flow: IFlow, heard: Callable[[Response], None] | None = None) -> Exchange:
        """Start a transaction; our Via goes on top."""
        host, port = flow.local
        via = f"SIP/2.0/{flow.transport} {host}:{port};branch=z9hG4bK{self.token()};rport"
        request.fields.insert(0, ("Via", via))
        kind = InviteClient if request.method == "INVITE" else Client
        exchange = Exchange(self, flow, kind(request, flow.reliable, TIMERS), heard)
        self._exchanges["client", *client_key(request)] = exchange
        exchange.carry_out(exchange.machine.start())
        return exchange

    def ask(self, method: str, *, flow: IFlow | None = None, **parts: Any) -> list[Response]:
        """Send a request outside any call; the list fills with its responses."""
        responses: list[Response] = []
        self.send(self.request(method, **parts), flow or self.flow(), responses.append)
        return responses

    def request(
        self,
        method: str,
        *,
        uri: str = "",
        called: str = "+15551230002",
        caller: str = "+15551230001",
        to_tag: str = "",
        fields: Iterable[Field] = (),
        replace: Mapping[str, str | None] | None = None,
        body: bytes = b"",
        call_id: str = "",
    ) -> Request:
        """A request outside any call; ``replace`` changes header fields, or drops them with None."""
        host, port = self.switch
        number = "" if method == "OPTIONS" else f"{called}@"
        tag = f";tag={to_tag}" if to_tag else ""
        made: list[Field] = [
            ("Max-Forwards", "70"),
            ("From", f"<sip:{caller}@{self.domain}>;tag={self.token()}"),
            ("To", f"<sip:{number}{host}>{tag}"),
            ("Call-ID", call_id or f"{self.token()}@{self.name}"),
            ("CSeq", f"1 {method}"),
            ("Contact", self.contact(self.flow())),
            *([("Record-Route", self.record_route)] if self.record_route else []),
            *fields,
            *([SDP] if body else []),
        ]
        replace = dict(replace or {})
        kept = [(name, replace.pop(name, value)) for name, value in made]
        kept += list(replace.items())
        wanted = [(name, value) for name, value in kept if value is not None]
        return Request(method, uri or f"sip:{number}{host}:{port}{self._parameter}", wanted, body)

    # Calls.

    def call(self, called: str = "+15551230002", *, body: bytes | None = None, host: str = "", **parts: Any) -> Leg:
        """Call somebody through the switch."""
        flow = self.flow(host)
        request = self.request("INVITE", called=called, body=self.describe() if body is None else body, **parts)
        leg = self.kind(self, flow, request, is_caller=True)
        self._keep(leg)
        leg.exchange = self.send(request, flow, leg.response_received)
        return leg

    def _keep(self, leg: Leg) -> None:
        self.calls.append(leg)
        self._legs[leg.call_id] = leg

    def _asked(self, exchange: Exchange) -> None:
        """A new request."""
        request = exchange.request
        leg = self._legs.get(request.call_id)
        if leg is not None and (request.to.tag or request.method == "CANCEL"):
            leg.request_received(exchange)
        elif request.method == "INVITE":
            leg = self.kind(self, exchange.flow, request, is_caller=False)
            leg.exchange = exchange
            self._keep(leg)
            if self.plan is not None:
                self.plan(leg)
        elif request.method == "REGISTER" and self.registrar is not None:
            self.registrar(exchange)
        elif request.to.tag:
            exchange.respond(481)
        elif self.answers.get(request.method, 405):
            exchange.respond(self.answers.get(request.method, 405))


class Leg:
    """One call as its agent sees it, from the first INVITE until ``over``.

    ``asked`` is our last request, ``asking`` its transaction where it was sent inside the call. ``responses`` are those
    to our INVITE; ``requests`` are those of the switch inside the call, ``acks`` its ACKs.
    """

    def __init__(self, agent: Agent, flow: IFlow, invite: Request, *, is_caller: bool) -> None:
        self.agent, self.flow, self.invite, self.is_caller = agent, flow, invite, is_caller
        self.call_id = invite.call_id
        self.exchange: Exchange
        self.responses: list[Response] = []
        self.requests: list[Request] = []
        self.waiting: list[Exchange] = []
        self.acks: list[Request] = []
        self.dialogs: dict[str, Dialog] = {}
        self.local = invite.body if is_caller else b""
        self.remote = b"" if is_caller else invite.body
        self.cancelled: Request | None = None
        self.asked = invite
        self.asking: Exchange | None = None
        self.over = False
        self._gives_up = False
        self._ack: Request | None = None
        self._repeating: IDelayedCall | None = None
        self._accepted: dict[int, Exchange] = {}

    @property
    def statuses(self) -> list[int]:
        """What our INVITE was answered, 100 left out."""
        return [response.status for response in self.responses if response.status > 100]

    @property
    def dialog(self) -> Dialog:
        """The dialog of the call, the last one where it forked."""
        return list(self.dialogs.values())[-1]

    def received(self, method: str) -> list[Request]:
        """The requests of this method inside the call."""
        return [request for request in self.requests if request.method == method]

    # We called.

    def response_received(self, response: Response) -> None:
        """Follow our INVITE."""
        self.responses.append(response)
        if 200 <= response.status < 300:
            self._accept(response)
        elif response.status >= 300:
            self.over = True

    def _accept(self, response: Response) -> None:
        tag = response.to.tag
        if tag not in self.dialogs:
            self.dialogs[tag] = Dialog.as_client(response, self.invite.get("From") or "", self.invite.from_.tag)
        if response.body:
            self.remote = response.body
        if self.agent.acks:
            self.ack(response.cseq.number)
            if self._gives_up and not self.over:
                self.bye()

    def ack(self, number: int = 1, body: bytes = b"") -> None:
        """Acknowledge the answer to our INVITE."""
        request = self.dialog.request("ACK", [SDP] if body else [], body, number=number)
        flow = self._way()
        host, port = flow.local
        request.fields.insert(0, ("Via", f"SIP/2.0/{flow.transport} {host}:{port};branch=z9hG4bK{self.agent.token()}"))
        flow.send(request.to_bytes())

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        """Give up."""
        self._gives_up = True
        if self.exchange.is_answered:
            return
        copied = [f for f in self.invite.fields if f[0] in ("Via", "From", "To", "Call-ID", "Max-Forwards")]
        request = Request("CANCEL", self.invite.uri, [*copied, ("CSeq", "1 CANCEL"), *fields])
        exchange = Exchange(self.agent, self.flow, Client(request, self.flow.reliable, TIMERS))
        self.agent._exchanges["client", *client_key(request)] = exchange
        exchange.carry_out(exchange.machine.start())

    # We are called.

    def ring(self, status: int = 180, *, tag: str = "", body: bytes = b"", fields: Iterable[Field] = ()) -> None:
        """Send a provisional response."""
        self.exchange.respond(status, tag=tag, body=body, fields=self._fields(fields))

    def answer(self, *, tag: str = "", body: bytes | None = None, fields: Iterable[Field] = (), **more: Any) -> None:
        """Take the call, and repeat that until the ACK is here."""
        self.local = self.agent.describe() if body is None else body
        self.exchange.respond(200, tag=tag, fields=self._fields(fields), body=self.local, **more)
        tag = self.exchange.tag
        self.dialogs[tag] = Dialog.as_server(self.invite, tag)
        self._repeat(self.exchange, tag, self._fields(fields), more, TIMERS.t1, 64 * TIMERS.t1)

    def refuse(self, status: int, fields: Iterable[Field] = (), *, tag: str = "") -> None:
        """Do not take it."""
        self.exchange.respond(status, tag=tag, fields=fields)
        self.over = True

    def _fields(self, fields: Iterable[Field]) -> list[Field]:
        routes = [("Record-Route", value) for value in self.exchange.request.all("Record-Route")]
        return [*routes, *([("Record-Route", self.agent.record_route)] if self.agent.record_route else []), *fields]

    def _repeat(
        self, exchange: Exchange, tag: str, fields: list[Field], more: dict[str, Any], after: float, left: float
    ) -> None:
        number = exchange.request.cseq.number
        self._accepted[number] = exchange

        def again() -> None:
            if number not in self._accepted:
                return
            if left <= after:
                self.bye()
                return
            exchange.respond(200, tag=tag, fields=fields, body=self.local, **more)
            self._repeat(exchange, tag, fields, more, min(2 * after, TIMERS.t2), left - after)

        self._repeating = self.agent.network.clock.callLater(after, again)

    def ack_received(self, request: Request) -> None:
        """Our answer has arrived."""
        self.acks.append(request)
        self._accepted.pop(request.cseq.number, None)
        if not self._accepted:
            self._rest()
        if request.body:
            self.remote = request.body

    def _rest(self) -> None:
        if self._repeating is not None and self._repeating.active():
            self._repeating.cancel()
        self._repeating = None

    # In the call.

    def request_received(self, exchange: Exchange) -> None:
        """A request of the switch."""
        request = exchange.request
        self.requests.append(request)
        if request.method == "CANCEL":
            self._cancel_received(exchange)
        elif request.method == "BYE":
            exchange.respond(200)
            self._end()
        elif request.method == "INVITE" and self.agent.answers["INVITE"] == 200:
            self.agree(exchange)
        elif self.agent.answers.get(request.method, 405):
            exchange.respond(self.agent.answers.get(request.method, 405))
        else:
            self.waiting.append(exchange)

    def _cancel_received(self, exchange: Exchange) -> None:
        self.cancelled = exchange.request
        exchange.respond(200)
        if not self.exchange.is_answered:
            self.refuse(487)

    def agree(self, exchange: Exchange, body: bytes | None = None, fields: Iterable[Field] = ()) -> None:
        """Accept a re-INVITE."""
        if exchange.request.body:
            self.remote = exchange.request.body
        self.local = body or self.local or self.agent.describe()
        timer = [("Supported", "timer"), *self._timer_answer(exchange.request)]
        exchange.respond(200, fields=[*timer, *fields], body=self.local)
        self._repeat(exchange, exchange.tag, [*timer, *fields], {}, TIMERS.t1, 64 * TIMERS.t1)

    @staticmethod
    def _timer_answer(request: Request) -> list[Field]:
        asked = request.get("Session-Expires")
        return [("Session-Expires", asked if "refresher" in asked else f"{asked};refresher=uac")] if asked else []

    def ask(
        self, method: str, body: bytes = b"", fields: Iterable[Field] = (), *, content: Field = SDP
    ) -> list[Response]:
        """Send a request inside the call; the list fills with its responses. A 2xx to INVITE is acknowledged."""
        responses: list[Response] = []
        own = [("Contact", self.agent.contact(self.flow)), *fields, *([content] if body else [])]
        request = self.dialog.request(method, own, body)

        def heard(response: Response) -> None:
            responses.append(response)
            if method == "INVITE" and 200 <= response.status < 300 and self.agent.acks:
                if body:
                    self.local, self.remote = body, response.body
                self.ack(request.cseq.number, b"" if body else self.local)

        self.asking = self.agent.send(request, self._way(), heard)
        self.asked = self.asking.request
        return responses

    def bye(self, fields: Iterable[Field] = ()) -> list[Response]:
        """Hang up."""
        responses = self.ask("BYE", fields=fields)
        self._end()
        return responses

    def _end(self) -> None:
        self.over = True
        self._accepted.clear()
        self._rest()

    def _way(self, dialog: Dialog | None = None) -> IFlow:
        """Where requests inside the call go: the switch's Contact, over a connection of our own."""
        if self.agent.transport != "UDP":
            return self.agent.flow(self.flow.local[0])
        hop = (dialog or self.dialog).next_hop
        host = self.agent.network.names.get(hop.host, hop.host)
        return self.agent.network.flow(self.agent.name, (self.flow.local[0], self.agent.port), (host, hop.port or 5060))
