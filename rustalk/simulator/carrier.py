"""A carrier's switch: it places and answers calls over UDP, TCP or TLS, with SRTP keys in the session description.

It forgives everything that RFC 3261 allows; what the SBC did is found in the results. It can ask for credentials, take
registrations and answer OPTIONS, or not answer at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import time
from typing import Literal, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IReactorTCP,
    IReactorTime,
    IReactorUDP,
)

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Message, Request
from rustalk.sip.uri import Uri, format_host

from .agent import Agent
from .call import Judge, Side
from .credentials import Account
from .description import carrier_sdp
from .link import Datagrams, Entrance, Link, StreamLink, UnreachableError, connect
from .media import CARRIER_TONE, DATAGRAM, TEAMS_TONE, SrtpEnd
from .multipart import Part
from .placed import PlacedCall
from .result import CallResult, Plan
from .scripts import Answering, Calling
from .sound import Describe
from .stage import Stage
from .style import Style, hexadecimal
from .taken import TakenCall

__all__ = ["CarrierTls", "Registration", "SimCarrier"]

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, REGISTER"
PRODUCT = "SimulatedCarrier"

Kind = Literal["UDP", "TCP", "TLS"]


@dataclass(frozen=True, slots=True)
class CarrierTls:
    """What a carrier needs to speak TLS: contexts for both roles, and the name to ask the SBC for."""

    server: IOpenSSLServerConnectionCreator
    client: IOpenSSLClientConnectionCreator
    name: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration that was granted: who, where, for how many seconds; 0 when it was taken back."""

    address: str
    contact: str
    expires: int


class SimCarrier:
    """One carrier on one address and port.

    ``account``: who must answer a challenge before an INVITE or REGISTER counts. ``grants``: the longest registration,
    in seconds. ``silent``: nothing is answered from now on. ``hosts`` resolves names in the SBC's Contact, if any.
    ``tones``: the one to send and the one to expect, in Hz. ``contact_host``: a name to put into Contact instead of the
    address. ``describe`` writes the session descriptions. ``plain``: its media is RTP, without SRTP.
    """

    def __init__(
        self,
        reactor: IReactorTCP,
        sbc: tuple[str, int],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        kind: Kind = "UDP",
        tls: CarrierTls | None = None,
        account: Account | None = None,
        grants: int = 60,
        tones: tuple[int, int] = (CARRIER_TONE, TEAMS_TONE),
        hosts: Mapping[str, str] | None = None,
        plain: bool = False,
        plan: Plan | None = None,
        clock: IReactorTime | None = None,
        notice: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.address = address
        self.port = port
        self.kind = kind
        self.sbc = sbc
        self.account = account
        self.grants = grants
        self.tones = tones
        self.silent = False
        self.plain = plain
        self.describe: Describe = carrier_sdp
        self.contact_host = ""
        self.errors: list[str] = []
        self.registrations: list[Registration] = []
        self.seen: dict[str, int] = {}
        self.notice = notice
        self._reactor = reactor
        self._clock = clock or cast(IReactorTime, reactor)
        self._tls = tls
        self._hosts = dict(hosts or {})
        self._links: set[StreamLink] = set()
        self._udp: IListeningPort | None = None
        self.agent = Agent(self._clock, self._arrived)
        self.agent.malformed = self._malformed
        self.agent.style = lambda link: self.style
        self._stage = Stage(self.agent, plan or Plan(), notice)
        self._datagrams = Datagrams(self._taken)
        server = tls.server if tls else None
        self._entrance = Entrance(reactor, "carrier", address, port, self._taken, server)

    def start(self) -> Deferred[None]:
        """Begin to listen."""
        return Deferred.fromCoroutine(self._start())

    def stop(self) -> Deferred[None]:
        """End every call and connection, and give the ports back."""
        return Deferred.fromCoroutine(self._stop())

    @property
    def results(self) -> list[CallResult]:
        """How each call went that has ended, oldest first."""
        return self._stage.results

    @property
    def style(self) -> Style:
        """How this carrier writes its messages."""
        place = f"{format_host(self.contact_host or self.address)}:{self.port}"
        transport = "" if self.kind == "UDP" else f";transport={self.kind.lower()}"
        return Style(
            kind=self.kind,
            host=self.address,
            port=self.port,
            contact=f"<sip:carrier@{place}{transport}>",
            product=PRODUCT,
            allow=ALLOW,
            hexadecimal=hexadecimal,
        )

    def answer_with(self, script: str | Answering, *, number: str = "", plan: Plan | None = None) -> None:
        """Answer calls by this script from now on: all of them, or those to one number."""
        self._stage.answer_with(script, "", number, plan)

    def place_call(
        self,
        to: str,
        from_: str,
        script: str | Calling = "call",
        *,
        plan: Plan | None = None,
        fields: Iterable[Field] = (),
        offer: bool = True,
        parts: Iterable[Part] = (),
        sender: str = "",
    ) -> Deferred[CallResult]:
        """Call a number through the SBC; ``offer`` False sends the INVITE without a session description (HDR-11).

        ``parts`` stand beside the description; ``sender`` is a whole From value that goes instead of ``from_``.
        """
        order = _Order(
            to,
            sender or f"<sip:{from_}@{format_host(self.address)}>",
            self._stage.calling(script),
            plan or self._stage.plan,
            tuple(fields),
            offer,
            tuple(parts),
        )
        self.notice(f"INVITE from {from_} to {to}: {order.script.name}")
        return self._stage.follow(Deferred.fromCoroutine(self._place(order)))

    async def _start(self) -> None:
        if self.kind == "UDP":
            reactor = cast(IReactorUDP, self._reactor)
            self._udp = reactor.listenUDP(self.port, self._datagrams, self.address, DATAGRAM)
            self.port = cast(IPv4Address, self._udp.getHost()).port
            return
        await self._entrance.open()
        self.port = self._entrance.port

    async def _stop(self) -> None:
        await self._stage.close()
        self.agent.close()
        for link in list(self._links):
            link.close()
        await self._entrance.close()
        udp, self._udp = self._udp, None
        if udp is not None:
            await maybeDeferred(udp.stopListening)

    # What comes in.

    def _taken(self, message: Message | RemoteProtocolError, link: Link) -> None:
        if self.silent:
            return
        if isinstance(message, Request):
            self.seen[message.method] = self.seen.get(message.method, 0) + 1
        self.agent.received(message, link)

    def _malformed(self, error: RemoteProtocolError, link: Link) -> None:
        self.errors.append(f"a message from {link.peer[0]}:{link.peer[1]} that cannot be read: {error.reason}")

    def _arrived(self, request: Request, link: Link) -> None:
        account = self.account
        if account and request.method in ("INVITE", "REGISTER") and not account.admits(request):
            self._answer(request, link, account.status, [account.challenge()])
        elif request.method == "INVITE":
            self._invite(request, link)
        elif request.method == "REGISTER":
            self._register(request, link)
        else:
            self._answer(request, link, 200 if request.method == "OPTIONS" else 481, self.style.features(False))

    def _invite(self, request: Request, link: Link) -> None:
        number = request.target.number
        script, plan = self._stage.answering("", number)
        self.notice(f"INVITE to {number}: {script.name}")
        call = TakenCall(self._side(link), self.style, link, request, script.name, plan)
        self._stage.follow(Deferred.fromCoroutine(self._stage.play(call, script.play(call))))

    def _register(self, request: Request, link: Link) -> None:
        contact = request.contact
        asked = contact.param("expires") if contact else None
        wanted = int(asked) if asked and asked.isdecimal() else request.number("Expires")
        granted = min(self.grants if wanted is None else wanted, self.grants)
        place = contact.address if contact else ""
        self.registrations.append(Registration(request.to.address, place, granted))
        self.notice(f"REGISTER of {request.to.address}: {granted} s")
        self._answer(request, link, 200, [("Contact", f"<{place}>;expires={granted}")] if granted else [])

    def _answer(self, request: Request, link: Link, status: int, fields: Iterable[Field]) -> None:
        style = self.style
        self.agent.respond(link, style, request, request.response(status, to_tag=style.tag(), fields=fields))

    # What goes out.

    async def _place(self, order: _Order) -> CallResult:
        try:
            link = await self._dial(*self.sbc)
        except UnreachableError as error:
            return CallResult("", order.script.name, placed=True, cause=str(error))
        style = self.style
        call = PlacedCall(self._side(link), style, link, style.tag(), order.script.name, order.plan)
        place = f"{order.to}@{format_host(self.sbc[0])}:{self.sbc[1]}"
        uri = f"sip:{place}" + ("" if self.kind == "UDP" else f";transport={self.kind.lower()}")
        call.call(uri, order.sender, f"<sip:{place}>", fields=order.fields, offer=order.offer, parts=order.parts)
        return await self._stage.play(call, order.script.play(call))

    def _side(self, link: Link) -> Side:
        async def dial(hop: Uri, style: Style) -> Link:
            if isinstance(link, StreamLink) and link.open:
                return link
            return await self._dial(hop.host, hop.port or 5060)

        return Side(
            agent=self.agent,
            end=self._end,
            describe=self.describe,
            dial=lambda hop, style: Deferred.fromCoroutine(dial(hop, style)),
            judge=Judge(),
        )

    def _end(self) -> SrtpEnd:
        reactor = cast(IReactorUDP, self._reactor)
        tone, expected = self.tones
        return SrtpEnd(reactor, self._clock, self.address, tone=tone, expected=expected, now=time, plain=self.plain)

    async def _dial(self, host: str, port: int) -> Link:
        address = self._hosts.get(host.lower(), host)
        if not (isIPAddress(address) or isIPv6Address(address)):
            raise UnreachableError(
                f"the name {host} in the SBC's Contact does not resolve; the carrier's hosts table lacks it"
            )
        if self.kind == "UDP":
            return self._datagrams.to((address, port))
        tls = self._tls.client if self._tls else None
        link = await connect(
            self._reactor,
            (address, port),
            self._taken,
            source=self.address,
            server_name=self._tls.name if self._tls else "",
            tls=tls,
        )
        self._links.add(link)
        link.on_closed = lambda closed, cause: self._links.discard(closed)
        return link


@dataclass(frozen=True, slots=True)
class _Order:
    """A call to be placed; ``sender`` is the From value without its tag."""

    to: str
    sender: str
    script: Calling
    plan: Plan
    fields: tuple[Field, ...]
    offer: bool
    parts: tuple[Part, ...]
