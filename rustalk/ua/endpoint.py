"""Messages to transactions and back: the endpoint matches what arrives and carries out the transactions' effects.

The transactions are tables without a clock or a socket (rustalk.sip.transaction). Here their effects become writes to
a flow, timers, and calls of the object that asked for the transaction. Whatever a peer sends ends here at the latest:
a RemoteProtocolError raised by something above is answered with the status it carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from hashlib import blake2s
from typing import Literal, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.observe.trace import Trace
from rustalk.sip.errors import LocalProtocolError, RemoteProtocolError
from rustalk.sip.headers import Via, split_list
from rustalk.sip.message import Field, Message, Request, Response
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.client import Client
from rustalk.sip.transaction.effects import Deliver, Effect, Failed, Send, StartTimer, StopTimer
from rustalk.sip.transaction.invite_client import InviteClient
from rustalk.sip.transaction.invite_server import InviteServer
from rustalk.sip.transaction.key import cancel_key, client_key, server_key
from rustalk.sip.transaction.server import Server
from rustalk.sip.uri import find

from .reasons import REASONS, reason_field
from .timeouts import Timeout, Timeouts

__all__ = [
    "ClientListener",
    "ClientTransaction",
    "Endpoint",
    "ServerListener",
    "ServerTransaction",
    "Surface",
    "Unheard",
]

log = Logger()

_MAGIC = "z9hG4bK"
_ASKS_FOR_PORT = re.compile(
    r'([^\s,";]++ [^\s,";]++(?:;(?!rport[;=]|rport\Z|received)[^\s,";]++)*+);rport((?:;(?!received)[^\s,";]++)*+)',
    re.ASCII | re.IGNORECASE,
)
"""One hop with a bare ``rport``, as nearly every phone and trunk writes it."""


Verdict = Literal["admit", "reject", "drop"]


class Surface(Protocol):
    """What stands above the endpoint and decides about requests."""

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request other than ACK and CANCEL; it must be answered, now or later."""

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """An ACK to a 2xx."""

    def screen(self, flow: IFlow, request: Request | None) -> Verdict:
        """Whether requests of this peer are looked at, refused with 403, or met with silence."""

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """A connection is gone."""


class ClientListener(Protocol):
    """Who asked for a request to be sent."""

    def response_received(self, response: Response, flow: IFlow) -> None:
        """A response, provisional or final; a repeated 2xx to INVITE comes again."""

    def request_failed(self, cause: str) -> None:
        """No final response will come: 'timeout' or 'transport'."""


class ServerListener(Protocol):
    """Who is working on an INVITE."""

    def cancelled(self, cancel: Request) -> None:
        """The caller sent CANCEL; it has been answered."""

    def transaction_failed(self, cause: str) -> None:
        """Our final response could not be delivered, or nobody acknowledged it."""


class _Machine(Protocol):
    """What the tables of both sides have in common."""

    def fire(self, timer: str) -> list[Effect]: ...

    def transport_failed(self) -> list[Effect]: ...


class _Transaction:
    """What both sides share: the table, its flow, its running timers."""

    __slots__ = ("_table", "_timers", "call_id", "endpoint", "flow", "key")

    def __init__(self, endpoint: Endpoint, flow: IFlow, key: tuple[str, ...], call_id: str, table: _Machine) -> None:
        self.endpoint = endpoint
        self.flow = flow
        self.key = key
        self.call_id = call_id
        self._table = table
        self._timers: dict[str, Timeout] | None = None

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Do what the table asks for, in its order."""
        for effect in effects:
            if type(effect) is Send:
                self.endpoint.write(effect.data, self.flow, self.call_id)
            elif type(effect) is StartTimer:
                if self._timers is None:
                    self._timers = {}
                self._timers[effect.name] = self.endpoint.timeouts.start(effect.seconds, self._fire, effect.name)
            elif type(effect) is StopTimer:
                timer = self._timers.pop(effect.name, None) if self._timers else None
                if timer is not None:
                    timer.cancel()
            elif type(effect) is Deliver:
                self.deliver(effect.message)
            elif type(effect) is Failed:
                self.failed(effect.cause)
            else:
                self.end()

    def _fire(self, name: str) -> None:
        self.carry_out(self._table.fire(name))

    def flow_lost(self) -> None:
        """The connection that this transaction ran on is gone."""
        self.carry_out(self._table.transport_failed())

    def deliver(self, message: Message) -> None:
        """The table hands a message up."""

    def failed(self, cause: str) -> None:
        """The table gave up."""

    def end(self) -> None:
        """Forget the timers; the endpoint forgets the rest."""
        for timer in (self._timers or {}).values():
            timer.cancel()
        self._timers = None


class ClientTransaction(_Transaction):
    """A request of ours on its way."""

    __slots__ = ("_cancel", "_listener", "_proceeding", "machine")

    def __init__(
        self, endpoint: Endpoint, flow: IFlow, key: tuple[str, ...], request: Request, listener: ClientListener
    ) -> None:
        kind = InviteClient if request.method == "INVITE" else Client
        self.machine = kind(request, flow.reliable, endpoint.timers)
        super().__init__(endpoint, flow, key, request.call_id, self.machine)
        self._listener: ClientListener | None = listener
        self._proceeding = False
        self._cancel: tuple[Field, ...] | None = None

    def deliver(self, message: Message) -> None:
        """Hand a response to who asked; a CANCEL that waited for the first one goes out now (section 9.1)."""
        assert isinstance(message, Response)
        first = not self._proceeding
        self._proceeding = True
        if message.status < 200 and first and self._cancel is not None:
            self._send_cancel(self._cancel)
        listener = self._listener
        if message.status >= 300:  # copies of it are acknowledged by the table; who asked has heard enough
            self._listener = None
        if listener is not None:
            self.endpoint.guard(listener.response_received, message, self.flow)

    def failed(self, cause: str) -> None:
        """Tell who asked that no answer will come."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.request_failed(cause)

    def end(self) -> None:
        super().end()
        self._listener = None
        self.endpoint.forget_client(self)

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        """Ask for an INVITE to be given up: at once when a provisional response has come, else when one comes."""
        if self._cancel is not None:
            return
        self._cancel = tuple(fields)
        if self._proceeding:
            self._send_cancel(self._cancel)

    def _send_cancel(self, fields: tuple[Field, ...]) -> None:
        request = self.machine.request
        if request is None:  # the final response was faster
            return
        copied = [(n, v) for n, v in request.fields if n in ("Via", "Route", "From", "To", "Call-ID", "Max-Forwards")]
        cancel = Request("CANCEL", request.uri, [*copied, ("CSeq", f"{request.cseq.number} CANCEL"), *fields])
        self.endpoint.start_client(cancel, self.flow, (self.key[0], "CANCEL"), Unheard())
        self._timers = self._timers or {}
        self._timers["CANCEL"] = self.endpoint.timeouts.start(64 * self.endpoint.timers.t1, self._give_up)

    def _give_up(self) -> None:
        """The peer has had 64*T1 since the CANCEL and owes us its final response (section 9.1)."""
        if self.machine.request is not None:
            self.carry_out(self.machine.transport_failed())


class Unheard:
    """Listens to a request whose outcome changes nothing: CANCEL, BYE, a digit."""

    def response_received(self, response: Response, flow: IFlow) -> None:
        """Whatever it says."""

    def request_failed(self, cause: str) -> None:
        """Nothing can be done about it."""


class ServerTransaction(_Transaction):
    """A request of a peer that waits for our answer."""

    __slots__ = ("listener", "machine", "merge")

    def __init__(self, endpoint: Endpoint, flow: IFlow, key: tuple[str, ...], request: Request) -> None:
        kind = InviteServer if request.method == "INVITE" else Server
        self.merge = _merge_key(request)
        self.machine = kind(request, flow.reliable, endpoint.timers)
        super().__init__(endpoint, flow, key, request.call_id, self.machine)
        self.listener: ServerListener | None = None

    @property
    def request(self) -> Request:
        """The request; gone once its final response is sent."""
        request = self.machine.request
        if request is None:
            raise LocalProtocolError("the request has been answered")
        return request

    def deliver(self, message: Message) -> None:
        """The request is new: decide about it. Only an old stack gives the ACK of a 2xx the branch of the INVITE."""
        if isinstance(message, Request) and message.method == "ACK":
            self.endpoint.guard(self.endpoint.surface.ack_received, message, self.flow)
        else:
            self.endpoint.decide(self)

    def respond(
        self,
        status: int,
        reason: str = "",
        *,
        to_tag: str = "",
        fields: Iterable[Field] = (),
        body: bytes = b"",
    ) -> None:
        """Answer; a dialog's first answers carry ``to_tag``, others get a tag of their own (8.2.6.2)."""
        if status > 100 and not to_tag:
            to_tag = self.endpoint.tag_for(self.request)
        extra = list(fields)
        if status >= 200:
            extra.append(("Server", self.endpoint.product))
        self.send(self.request.response(status, reason, to_tag=to_tag, fields=extra, body=body))

    def refuse(self, code: str, *, status: int = 0, fields: Iterable[Field] = ()) -> None:
        """Refuse for a cause of the registry, which the Reason header, the log and the counters name alike."""
        status = status or REASONS[code].status
        self.endpoint.refused(code, status, self.request, self.flow)
        self.respond(status, fields=[reason_field(code, status), *fields])

    def send(self, response: Response) -> None:
        """Answer with this response; a 2xx to INVITE may be sent again."""
        self.carry_out(self.machine.respond(response))

    def failed(self, cause: str) -> None:
        """Tell who is working on the request."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.transaction_failed(cause)

    def end(self) -> None:
        super().end()
        self.listener = None
        self.endpoint.forget_server(self)


class Endpoint:
    """One SIP endpoint: every transaction of the switch.

    ``via`` gives our host and port as they stand in a Via on a flow; ``token`` makes unguessable names for branches
    and tags; ``product`` is the one token of Server and User-Agent.
    """

    def __init__(
        self,
        clock: IReactorTime,
        timeouts: Timeouts,
        timers: Timers,
        *,
        via: Callable[[IFlow], str],
        token: Callable[[], str],
        product: str,
        trace: Trace,
        counters: Counters,
    ) -> None:
        self._clock = clock
        self._salt = token().encode()
        self.timeouts = timeouts
        self.timers = timers
        self.token = token
        self.product = product
        self.surface: Surface
        self._via = via
        self._trace = trace
        self._counters = counters
        self._clients: dict[tuple[str, ...], ClientTransaction] = {}
        self._servers: dict[tuple[str, ...], ServerTransaction] = {}
        self._merging: dict[tuple[str, str, int], tuple[str, ...]] = {}

    # What the transport tells us.

    def message_received(self, message: Message, flow: IFlow) -> None:
        """A message that parsed."""
        self._counters.messages_in += 1
        self._trace.record(self._clock.seconds(), False, flow, message.raw, message.call_id)
        if isinstance(message, Request):
            self._request_received(message, flow)
        elif isinstance(message, Response):
            transaction = self._clients.get(client_key(message))
            if transaction is None:
                self._counters.messages_stray += 1
            else:
                transaction.carry_out(transaction.machine.receive(message))

    def malformed(self, error: RemoteProtocolError, flow: IFlow) -> None:
        """Bytes that are no message: a request gets the status of its error where its sender can be told."""
        self._counters.messages_malformed += 1
        if error.method in ("", "ACK") or error.method.upper().startswith("SIP/"):
            return
        if self.surface.screen(flow, None) != "admit":
            return
        self._counters.refuse("bad_request")
        log.info(
            "Refused what {host} sent with {status}: bad_request, {error}",
            host=flow.peer[0],
            status=error.status,
            error=error.reason,
        )
        echoed = [(n, v) for n, v in error.fields if n in ("Via", "From", "To", "Call-ID", "CSeq")]
        if {"Via", "From", "To", "Call-ID", "CSeq"} <= {name for name, _ in echoed}:
            phrase = f"Bad Request - {error.reason[:80]}" if error.status == 400 else ""
            response = Response(error.status, phrase, [*echoed, reason_field("bad_request", error.status)])
            if response.start_line.isprintable():
                self.write(response.to_bytes(), flow, "")

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """A connection closed: its transactions cannot go on, its peers' dialogs can."""
        for transaction in [t for t in self._clients.values() if t.flow is flow]:
            transaction.flow_lost()
        for server in [t for t in self._servers.values() if t.flow is flow]:
            server.flow_lost()
        self.surface.flow_lost(flow, reason)

    # What the layers above ask for.

    def send(self, request: Request, flow: IFlow, listener: ClientListener) -> ClientTransaction:
        """Start a request on this flow; our Via goes on top."""
        branch = _MAGIC + self.token()
        extra = "rport" if flow.transport == "UDP" else "alias"
        via = f"SIP/2.0/{flow.transport} {self._via(flow)};branch={branch};{extra}"
        request.fields.insert(0, ("Via", via))
        return self.start_client(request, flow, (branch, request.method), listener)

    def start_client(
        self, request: Request, flow: IFlow, key: tuple[str, ...], listener: ClientListener
    ) -> ClientTransaction:
        """Start a request whose Via is already there."""
        transaction = self._clients[key] = ClientTransaction(self, flow, key, request, listener)
        transaction.carry_out(transaction.machine.start())
        return transaction

    def send_ack(self, ack: Request, flow: IFlow) -> bytes:
        """Send an ACK to a 2xx, which is no transaction; returns its bytes, to be sent again when the 2xx is."""
        via = f"SIP/2.0/{flow.transport} {self._via(flow)};branch={_MAGIC}{self.token()};rport"
        ack.fields.insert(0, ("Via", via))
        data = ack.to_bytes()
        self.write(data, flow, ack.call_id)
        return data

    def write(self, data: bytes, flow: IFlow, call_id: str) -> None:
        """Put a message on the wire."""
        self._counters.messages_out += 1
        self._trace.record(self._clock.seconds(), True, flow, data, call_id)
        flow.send(data)

    def tag_for(self, request: Request) -> str:
        """A fresh tag for an answer that makes no dialog."""
        return "" if request.to.tag else self.token()

    def guard(self, call: Callable[..., None], *args: object) -> None:
        """Call something that reads what a peer sent: what is wrong with it is the peer's fault and goes no further."""
        try:
            call(*args)
        except RemoteProtocolError as error:
            self._counters.messages_malformed += 1
            log.debug("Ignored a message that SIP does not allow: {reason}", reason=error.reason)

    def refused(self, code: str, status: int, request: Request, flow: IFlow) -> None:
        """Count a refusal and say why it happened."""
        self._counters.refuse(code)
        log.info(
            "Refused {method} of {transport} {host} with {status}: {code}, {text}",
            method=request.method,
            transport=flow.transport,
            host=flow.peer[0],
            status=status,
            code=code,
            text=REASONS[code].text,
            call_id=request.call_id,
        )

    @property
    def transactions(self) -> int:
        """How many transactions are in progress or waiting for stragglers."""
        return len(self._clients) + len(self._servers)

    def forget_client(self, transaction: ClientTransaction) -> None:
        """The transaction has ended."""
        self._clients.pop(transaction.key, None)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """The transaction has ended."""
        self._servers.pop(transaction.key, None)
        if self._merging.get(transaction.merge) == transaction.key:
            del self._merging[transaction.merge]

    # Requests.

    def _request_received(self, request: Request, flow: IFlow) -> None:
        key = server_key(request)
        transaction = self._servers.get(key)
        if transaction is not None:
            transaction.carry_out(transaction.machine.receive(request))
            return
        if request.method == "ACK":  # of a dialog, or of nothing: who sends it is looked at there
            self.guard(self.surface.ack_received, request, flow)
            return
        verdict = "admit" if self._cancels(request) else self.surface.screen(flow, request)
        if verdict != "admit":
            self._counters.refuse("unknown_source")
            if verdict == "reject":
                self._turn_away(request, flow)
            flow.close("a stranger's")
        else:
            _stamp(request, flow)
            flow = _way_back(request, flow)
            transaction = self._servers[key] = ServerTransaction(self, flow, key, request)
            transaction.carry_out(transaction.machine.start())
            if isinstance(transaction.machine, InviteServer):
                transaction.carry_out(transaction.machine.trying())

    def _turn_away(self, request: Request, flow: IFlow) -> None:
        """Refuse a stranger without keeping anything of the request (8.2.7)."""
        _stamp(request, flow)
        flow = _way_back(request, flow)
        response = request.response(403, to_tag=self._salted(request), fields=[reason_field("unknown_source")])
        self.write(response.to_bytes(), flow, request.call_id)

    def _salted(self, request: Request) -> str:
        """The same tag for each copy of a request, and nobody else can tell it beforehand."""
        name = f"{request.call_id} {request.via.branch}".encode("utf-8", "surrogateescape")
        return blake2s(name, key=self._salt, digest_size=8).hexdigest()

    def decide(self, transaction: ServerTransaction) -> None:
        """Hand a new request up; what is wrong with it is answered here."""
        request = transaction.request
        try:
            if request.method == "CANCEL":
                self._cancel(transaction)
            elif request.method == "INVITE" and not request.to.tag and self._merged(transaction):
                transaction.refuse("merged_request")
            else:
                self.surface.request_received(transaction)
        except RemoteProtocolError as error:
            self._counters.messages_malformed += 1
            log.info("What was wrong with the request: {reason}", reason=error.reason, call_id=request.call_id)
            transaction.refuse("bad_request", status=error.status)
        except Exception:
            log.failure("A request could not be handled: {request!r}", request=request)
            if transaction.machine.request is not None:
                transaction.refuse("internal_error")

    def _merged(self, transaction: ServerTransaction) -> bool:
        """Whether the same request has already come another way (8.2.2.2)."""
        return self._merging.setdefault(transaction.merge, transaction.key) != transaction.key

    def _cancels(self, request: Request) -> bool:
        """Whether this is the CANCEL of an INVITE that we are working on: only its sender knows the branch."""
        return request.method == "CANCEL" and cancel_key(request) in self._servers

    def _cancel(self, cancel: ServerTransaction) -> None:
        request = cancel.request
        invite = self._servers.get(cancel_key(request))
        if invite is None:
            cancel.refuse("no_dialog")
            return
        cancel.respond(200)
        if invite.listener is not None:
            invite.listener.cancelled(request)


def _merge_key(request: Request) -> tuple[str, str, int]:
    return request.call_id, request.from_.tag, request.cseq.number


def _way_back(request: Request, flow: IFlow) -> IFlow:
    """Where the answers go: to the source where Via says rport, else to the port that Via names (18.2.2, RFC 3581)."""
    via = request.via
    if flow.transport != "UDP" or find(via.params, "rport") is not None:
        return flow
    port = via.port or 5060
    return flow if port == flow.peer[1] else flow.toward(port)


def _stamp(request: Request, flow: IFlow) -> None:
    """Note in the topmost Via where the request really came from (18.2.1, RFC 3581)."""
    via = request.via
    host, port = flow.peer
    if via.host == host and find(via.params, "rport") is None:
        return
    for position, (name, value) in enumerate(request.fields):
        if name == "Via":
            plain = _ASKS_FOR_PORT.fullmatch(value)
            if plain is not None:
                request.fields[position] = ("Via", f"{plain[1]};received={host};rport={port}{plain[2]}")
                return
            stamped = _stamped(via, host, port)
            rest = split_list(value)[1:]
            request.fields[position] = ("Via", ", ".join([str(stamped), *rest]))
            return


def _stamped(via: Via, host: str, port: int) -> Via:
    params: list[tuple[str, str | None]] = []
    for name, value in via.params:
        if name.lower() == "rport":
            params.append(("rport", str(port)))
        elif name.lower() != "received":
            params.append((name, value))
    return Via(via.transport, via.host, via.port, (*params, ("received", host)))
