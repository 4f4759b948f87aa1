"""A small user agent for scripts: it pairs responses with requests, absorbs retransmissions and finds the call.

It is written anew beside the switch's own, so that no mistake is made twice. Retransmission follows RFC 3261 section 17
in its simplest form: every 0.5, 1, 2, 4, 4 ... seconds, for 32 seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Message, Request, Response

from .inbox import Inbox
from .link import Link
from .style import Style

__all__ = ["Agent", "Member", "Sent"]

T1, T2, LIMIT = 0.5, 4.0, 32.0
REMEMBERED = 4096

ServerKey = tuple[str, str, str]
K = TypeVar("K")
V = TypeVar("V")


class Member(Protocol):
    """A call as the agent sees it."""

    tags: set[str]

    def request_received(self, request: Request, link: Link) -> None:
        """Take a request inside the dialog (not ACK, not CANCEL)."""

    def ack_received(self, request: Request, link: Link) -> None:
        """Take an ACK, whether for a 2xx or for a refusal."""

    def cancel_received(self, request: Request) -> None:
        """Take a CANCEL of the INVITE; the CANCEL itself has been answered."""


class Sent:
    """A request on its way: ``responses`` gets each response, unless ``deliver`` is set to take them."""

    def __init__(self, request: Request, link: Link, style: Style, clock: IReactorTime) -> None:
        self.request = request
        self.link = link
        self.style = style
        self.responses: Inbox[Response] = Inbox(clock)
        self.deliver: Callable[[Response], None] = self.responses.put
        self.repeat: Repeat | None = None


class Repeat:
    """Sends the same bytes again and again until stopped or 32 seconds have passed."""

    def __init__(self, clock: IReactorTime, link: Link, data: bytes, *, ceiling: float = T2) -> None:
        self._clock = clock
        self._link = link
        self._data = data
        self._ceiling = ceiling
        self._interval = T1
        self._left = LIMIT
        self._timer: IDelayedCall | None = clock.callLater(T1, self._again)

    def _again(self) -> None:
        self._timer = None
        self._left -= self._interval
        if self._left <= 0:
            return
        self._link.send(self._data)
        self._interval = min(self._interval * 2, self._ceiling)
        self._timer = self._clock.callLater(self._interval, self._again)

    def stop(self) -> None:
        """Send no more. Stopping twice is harmless."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


class Agent:
    """The transactions of one simulated peer, over any number of links.

    ``arrive`` gets each new request outside a call. ``screen`` looks at every request first and may return a response
    to send instead of going on. ``watch`` sees each message in either direction: (sent, message, link).
    """

    def __init__(self, clock: IReactorTime, arrive: Callable[[Request, Link], None]) -> None:
        self.clock = clock
        self.calls: dict[str, Member] = {}
        self.screen: Callable[[Request, Link], Response | None] = lambda request, link: None
        self.malformed: Callable[[RemoteProtocolError, Link], None] = lambda error, link: None
        self.watch: Callable[[bool, Message, Link], None] = lambda sent, message, link: None
        self.style: Callable[[Link], Style] | None = None
        self._arrive = arrive
        self._sent: OrderedDict[tuple[str, str], Sent] = OrderedDict()
        self._answered: OrderedDict[ServerKey, bytes] = OrderedDict()
        self._repeats: dict[ServerKey, Repeat] = {}

    def send(self, link: Link, style: Style, request: Request) -> Sent:
        """Send a request and return where its responses arrive. An ACK gets none."""
        sent = Sent(request, link, style, self.clock)
        data = self._write(link, style, request)
        if request.method == "ACK":
            return sent
        _remember(self._sent, (request.via.branch, request.method), sent)
        if not link.reliable:
            sent.repeat = Repeat(self.clock, link, data, ceiling=LIMIT if request.method == "INVITE" else T2)
        return sent

    def respond(self, link: Link, style: Style, request: Request, response: Response) -> None:
        """Send a response; a final one to an INVITE is repeated until its ACK comes."""
        data = self._write(link, style, response)
        key = _server_key(request)
        _remember(self._answered, key, data)
        if request.method == "INVITE" and response.status >= 200 and (response.status < 300 or not link.reliable):
            self._silence(key)
            self._repeats[key] = Repeat(self.clock, link, data)

    def received(self, message: Message | RemoteProtocolError, link: Link) -> None:
        """Take what a link has received."""
        if isinstance(message, RemoteProtocolError):
            self.malformed(message, link)
            return
        self.watch(False, message, link)
        try:
            if isinstance(message, Response):
                self._response(message, link)
            elif isinstance(message, Request):
                self._request(message, link)
        except RemoteProtocolError as error:
            self.malformed(error, link)
            if isinstance(message, Request) and message.method != "ACK":
                self._answer(link, message, message.response(error.status, to_tag="malformed"))

    def close(self) -> None:
        """Stop every retransmission."""
        for repeat in [*self._repeats.values(), *(sent.repeat for sent in self._sent.values() if sent.repeat)]:
            repeat.stop()
        self._repeats.clear()

    def acknowledged(self, invite: Request) -> None:
        """Stop repeating the final response to this INVITE."""
        self._silence(_server_key(invite))

    def _write(self, link: Link, style: Style, message: Message) -> bytes:
        data = style.encode(message)
        self.watch(True, message, link)
        link.send(data)
        return data

    def _response(self, response: Response, link: Link) -> None:
        sent = self._sent.get((response.via.branch, response.cseq.method))
        if sent is None:
            return
        if sent.repeat is not None and (response.status >= 200 or sent.request.method == "INVITE"):
            sent.repeat.stop()
        if sent.request.method == "INVITE" and response.status >= 300:
            self._write(sent.link, sent.style, _refusal_ack(sent.request, response))
        sent.deliver(response)

    def _request(self, request: Request, link: Link) -> None:
        call = self.calls.get(request.call_id)
        if request.method == "ACK":
            self._silence(_server_key(request))
            self.screen(request, link)
            if call is not None:
                call.ack_received(request, link)
            return
        key = _server_key(request)
        if key in self._answered:
            if earlier := self._answered[key]:
                link.send(earlier)
            return
        _remember(self._answered, key, b"")
        refusal = self.screen(request, link)
        if refusal is not None:
            self._answer(link, request, refusal)
        elif request.method == "CANCEL":
            self._cancel(request, link, call)
        elif not request.to.tag:
            self._arrive(request, link)
        elif call is not None and request.to.tag in call.tags:
            call.request_received(request, link)
        else:
            self._answer(link, request, request.response(481))

    def _cancel(self, request: Request, link: Link, call: Member | None) -> None:
        known = call is not None and (request.via.branch, request.via.sent_by, "INVITE") in self._answered
        self._answer(link, request, request.response(200 if known else 481, to_tag="cancelled"))
        if call is not None and known:
            call.cancel_received(request)

    def _answer(self, link: Link, request: Request, response: Response) -> None:
        if self.style is not None:
            self.respond(link, self.style(link), request, response)

    def _silence(self, key: ServerKey) -> None:
        repeat = self._repeats.pop(key, None)
        if repeat is not None:
            repeat.stop()


def _server_key(request: Request) -> ServerKey:
    method = "INVITE" if request.method == "ACK" else request.method
    return request.via.branch, request.via.sent_by, method


def _refusal_ack(invite: Request, response: Response) -> Request:
    """The ACK of a refusal belongs to the INVITE's transaction (section 17.1.1.3)."""
    fields: list[Field] = [("Via", str(invite.via)), ("Max-Forwards", "70")]
    fields += [(name, value) for name, value in invite.fields if name in ("From", "Call-ID", "Route")]
    fields += [("To", response.get("To") or ""), ("CSeq", f"{invite.cseq.number} ACK")]
    return Request("ACK", invite.uri, fields)


def _remember(store: OrderedDict[K, V], key: K, value: V) -> None:
    store[key] = value
    while len(store) > REMEMBERED:
        store.popitem(last=False)
