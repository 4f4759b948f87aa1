"""The Teams side of Direct Routing on loopback: three proxies, their pings, their calls and their refusals.

The names resolve through the SBC's own hosts table: ``SimTeams.hosts`` gives it what to put there. Everything the SBC
does against the document is kept in ``violations``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from time import time
from typing import Literal, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP, IReactorTime, IReactorUDP

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.uri import Uri

from .agent import Agent
from .call import Call, CallError, Judge, Side
from .description import Facts, teams_sdp
from .ice import IceAgent
from .link import Entrance, Link, Mode, StreamLink, UnreachableError, connect
from .media import CARRIER_TONE, TEAMS_TONE, SrtpEnd
from .multipart import Part
from .options import RegionHealth, Watch
from .pki import Pki
from .placed import PlacedCall
from .rejects import Described, Seen, Violation, check_description, check_request, check_response
from .result import CallResult, Plan
from .scripts import Answering, Calling, Story
from .sound import Describe
from .stage import Stage
from .style import Style, guid, hexadecimal, teams_style, with_call
from .taken import TakenCall
from .tenants import Refusal, TenantTable

__all__ = ["ANONYMOUS", "IN_DIALOG_HOST", "PROXIES", "TRAP_HOST", "Addresses", "SimTeams"]

PROXIES = ("sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com")
IN_DIALOG_HOST = "sip-du-a-eu.pstnhub.microsoft.com"
TRAP_HOST = "api-du-a-uswe2.pstnhub.microsoft.com"

FAILOVER_CODES = frozenset((408, 503, 504))
FAILOVER_SECONDS = 10.0
PING_PATIENCE = 10.0
ANONYMOUS = "sip:anonymous@anonymous.invalid"
KEPT = 1000


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the simulator listens: one address per proxy, the host that serves dialogs, the trap.

    ``unlisted`` is an address that no name leads to; calls can be placed from it (NET-06). Port 0 takes a free one.
    """

    proxies: tuple[str, str, str] = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    ports: tuple[int, int, int] = (0, 0, 0)
    in_dialog: tuple[str, int] = ("127.0.0.6", 0)
    trap: tuple[str, int] = ("127.0.0.7", 0)
    unlisted: str = "127.0.0.5"


class _Strict(Judge):
    """Holds the SBC to the document in everything it answers."""

    def __init__(self, note: Callable[[Violation], None]) -> None:
        self._note = note

    def response(self, call: Call, invite: Request, response: Response) -> None:
        for violation in check_response(response, invite):
            self._note(violation)

    def description(self, call: Call, found: Facts | None, place: str) -> None:
        answer = place[:1].isdigit()
        ice = "must" if answer and call.sound.end.ice else "none" if answer else "may"
        for violation in check_description(Described(found, call.sound.first_place, answer, ice), place):
            self._note(replace(violation, status=0))

    def unacknowledged(self, call: Call) -> None:
        self._note(Violation("RNG-08", "no ACK came for the 200", f"Call-ID {call.call_id}"))


class SimTeams:
    """A Teams cloud of three regions. Calls that come are answered by the script ``answer_with`` has set.

    ``hosts`` is the simulator's DNS: the names of the SBC and their addresses. ``notice`` gets a line for people about
    each thing that happens. With ``silent_on_unknown`` an OPTIONS of an unknown FQDN gets no answer instead of 403;
    ``failover_seconds`` is how long a trunk may be silent before the next one is tried (FO-07). ``describe`` writes the
    session descriptions; another one can hold what the media processors are allowed to say as well (MED-03).

    ``bypass``: the trunk is paired with media bypass, so the SBC offers ICE. ``media`` says who speaks and listens in
    the next calls: a media processor without ICE, a Teams client with it, or another SBC, which is ICE-lite as well
    (ICE-06). ``referred`` are the Refer-To URIs of our REFERs: an INVITE to one of them needs no number of a user.
    """

    def __init__(
        self,
        reactor: IReactorTCP,
        pki: Pki,
        tenants: TenantTable,
        hosts: Mapping[str, str],
        *,
        addresses: Addresses | None = None,
        plan: Plan | None = None,
        clock: IReactorTime | None = None,
        notice: Callable[[str], None] = lambda line: None,
        silent_on_unknown: bool = False,
        bypass: bool = False,
    ) -> None:
        self.addresses = addresses or Addresses()
        self.plan = plan or Plan()
        self.violations: list[Violation] = []
        self.notice = notice
        self.silent_on_unknown = silent_on_unknown
        self.failover_seconds = FAILOVER_SECONDS
        self.describe: Describe = teams_sdp
        self.bypass = bypass
        self.media: Literal["processor", "client", "sbc"] = "processor"
        self.referred: set[str] = set()
        self._reactor = reactor
        self._clock = clock or cast(IReactorTime, reactor)
        self._pki = pki
        self._tenants = tenants
        self._hosts = dict(hosts)
        self._links: set[StreamLink] = set()
        self._judge = _Strict(self._note)
        self.agent = Agent(self._clock, self._arrived)
        self._stage = Stage(self.agent, self.plan, notice)
        self.agent.screen = self._screen
        self.agent.malformed = self._malformed
        self.agent.style = self._style_of
        self._watches = {name: Watch(name, self._clock, self._ping, self._faulted) for name in PROXIES}
        tls = pki.server()
        self.entrances = {
            name: Entrance(reactor, name, address, port, self.agent.received, tls)
            for name, address, port in zip(PROXIES, self.addresses.proxies, self.addresses.ports, strict=True)
        }
        self.inside = Entrance(reactor, IN_DIALOG_HOST, *self.addresses.in_dialog, self.agent.received, tls)
        self.trap = Entrance(reactor, TRAP_HOST, *self.addresses.trap, self.agent.received)
        self.trap.mode = Mode.STALLED
        self.trap.on_touch = self._trapped
        for entrance in (*self.entrances.values(), self.inside):
            entrance.trouble = lambda name, cause: self.notice(f"TLS handshake on {name} failed: {cause}")

    def start(self) -> Deferred[None]:
        """Begin to listen on every address."""
        return Deferred.fromCoroutine(self._start())

    @property
    def results(self) -> list[CallResult]:
        """How each call went that has ended, oldest first."""
        return self._stage.results

    def stop(self) -> Deferred[None]:
        """End every call and connection, and give the ports back."""
        return Deferred.fromCoroutine(self._stop())

    @property
    def sip_proxies(self) -> list[str]:
        """The three proxies as ``host:port``, as they stand in the SBC's configuration."""
        return [f"{name}:{entrance.port}" for name, entrance in self.entrances.items()]

    @property
    def hosts(self) -> dict[str, str]:
        """The simulated Microsoft names and their addresses, for the SBC's hosts table."""
        return {entrance.name: entrance.address for entrance in (*self.entrances.values(), self.inside, self.trap)}

    @property
    def regions(self) -> dict[str, RegionHealth]:
        """What each region knows of the SBC, by the proxy's name."""
        return {name: watch.health for name, watch in self._watches.items()}

    def answer_with(
        self, script: str | Answering, *, region: str = "", number: str = "", plan: Plan | None = None
    ) -> None:
        """Answer calls by this script from now on: all of them, or those to one region (its name) or one number."""
        self._stage.answer_with(script, region, number, plan)

    def learn_host(self, name: str, address: str) -> None:
        """Let a name resolve to this address from now on, in the simulator's DNS."""
        self._hosts[name.lower()] = address

    def forget_host(self, name: str) -> None:
        """Let a name resolve no more."""
        self._hosts.pop(name.lower(), None)

    async def set_mode(self, region: str, mode: Mode | None) -> None:
        """How a proxy behaves from now on; None: it refuses connections."""
        entrance = self.entrances[region]
        if mode is None:
            await entrance.close()
            return
        entrance.mode = mode
        await entrance.open()

    def place_call(
        self,
        to: str,
        from_: str,
        script: str | Calling = "call",
        *,
        trunks: Iterable[str],
        region: str = PROXIES[0],
        source: str = "",
        plan: Plan | None = None,
        fields: Iterable[Field] = (),
        parts: Iterable[Part] = (),
        parameters: str = "",
    ) -> Deferred[CallResult]:
        """Call a number behind the SBC from a Teams user.

        ``trunks`` are FQDNs of SBCs, each with a port if it is not 5061, in the order in which Teams tries them
        (FO-06). ``source`` is the address to call from if it is not the region's. ``parts`` stand beside the session
        description (EMG-01), ``parameters`` behind the Request-URI (``;cause=302``, HDR-13).
        """
        order = _Order(
            to, from_, self._stage.calling(script), plan or self.plan, tuple(fields), tuple(parts), parameters
        )
        origins = self._origins(region, source)
        return self._stage.follow(Deferred.fromCoroutine(self._place(order, tuple(trunks), origins)))

    # Life.

    async def _start(self) -> None:
        for entrance in (*self.entrances.values(), self.inside, self.trap):
            await entrance.open()

    async def _stop(self) -> None:
        for watch in self._watches.values():
            watch.stop()
        await self._stage.close()
        self.agent.close()
        for link in list(self._links):
            link.close()
        for entrance in (*self.entrances.values(), self.inside, self.trap):
            await entrance.close()

    # What comes in.

    def _note(self, violation: Violation) -> None:
        if violation.fault and len(self.violations) < KEPT:
            self.violations.append(violation)
            self.notice(f"VIOLATION {violation}")

    def _faulted(self, row: str, cause: str) -> None:
        self._note(Violation(row, cause, "OPTIONS"))

    def _trapped(self, name: str) -> None:
        self._note(Violation("HDR-08", "a connection to the port in our Contact, which is never to be dialled", name))

    def _malformed(self, error: RemoteProtocolError, link: Link) -> None:
        self._note(Violation("HDR-20", f"a message that cannot be read: {error.reason}", f"from {link.peer[0]}"))

    def _screen(self, request: Request, link: Link) -> Response | None:
        call = self.agent.calls.get(request.call_id)
        target = route = ""
        first_place = None
        refused = isinstance(call, Call) and call.status >= 300  # its ACK belongs to the INVITE, not to a dialog
        if isinstance(call, Call) and not (refused and request.method == "ACK"):
            target, route = call.style.contact[1:-1], call.style.record_route
            first_place = call.sound.first_place
        referred = request.uri in self.referred
        seen = Seen(request, link.names, link.entrance, IN_DIALOG_HOST, target, route, referred)
        ice = "none" if not self.bypass else "must" if seen.initial else "may"
        refusal: Violation | None = None
        for violation in check_request(seen, first_place, ice):
            self._note(violation)
            refusal = violation if violation.status else refusal
        if refusal is None:
            return None
        style = self._style_of(link)
        fields = [*refusal.fields, ("Reason", _reason(style, refusal.cause)), *style.features(False)]
        return request.response(refusal.status, to_tag=style.tag(), fields=fields)

    def _arrived(self, request: Request, link: Link) -> None:
        if request.method == "OPTIONS":
            self._options(request, link)
        elif request.method == "INVITE":
            self._invite(request, link)
        else:
            self._answer(request, link, 481)

    def _options(self, request: Request, link: Link) -> None:
        fqdn = self._identity(request)
        if self._tenants.tenant(fqdn) is None:
            self.notice(f"OPTIONS of the unknown {fqdn}")
            if not self.silent_on_unknown:
                self._answer(request, link, 403)
            return
        self._answer(request, link, 200, fields=self._style_of(link).features(False), tag=False)
        watch = self._watches.get(link.entrance)
        if watch is not None:
            watch.accepted(request)
            self.notice(f"OPTIONS of {fqdn} to {link.entrance}: 200")

    def _invite(self, request: Request, link: Link) -> None:
        found = self._tenants.find(self._identity(request), request.target.number)
        if isinstance(found, Refusal) and not (found.status == 404 and request.uri in self.referred):
            style = self._style_of(link)
            reason = ("Reason", found.reason(guid(style.hexadecimal)))
            self._answer(request, link, found.status, fields=[reason, *style.features(False)])
            self.notice(f"INVITE to {request.target.number}: {found.status} {found.text}")
            return
        script, plan = self._stage.answering(link.entrance, request.target.number)
        style = with_call(self._style_of(link), (TRAP_HOST, self.trap.port))
        dialled: list[StreamLink] = []
        call = TakenCall(self._side(dialled), style, link, request, script.name, plan)
        self.notice(f"INVITE to {request.target.number} at {link.entrance}: {script.name}")
        self._stage.follow(Deferred.fromCoroutine(self._run(call, script.play(call), dialled)))

    def _identity(self, request: Request) -> str:
        """The FQDN that names the trunk: the top Record-Route if there is one, else Contact (OPT-08, HDR-07)."""
        routes = request.addresses("Record-Route")
        if routes:
            return routes[0].uri.host
        return request.contact.uri.host if request.contact else ""

    def _answer(
        self, request: Request, link: Link, status: int, *, fields: Iterable[Field] = (), tag: bool = True
    ) -> None:
        style = self._style_of(link)
        response = request.response(status, to_tag=style.tag() if tag else "", fields=fields)
        self.agent.respond(link, style, request, response)

    # What goes out.

    def _style_of(self, link: Link) -> Style:
        entrance = self.entrances.get(link.entrance)
        place = (entrance.address, entrance.port) if entrance else (link.local[0], self.inside.port)
        return self._style(*place)

    def _style(self, address: str, port: int) -> Style:
        return teams_style(address, port, in_dialog=(IN_DIALOG_HOST, self.inside.port), hexadecimal=hexadecimal)

    def _side(self, dialled: list[StreamLink]) -> Side:
        async def dial(hop: Uri, style: Style) -> Link:
            link = await self._dial(hop.host, hop.port or 5061, style.host)
            dialled.append(link)
            return link

        return Side(
            agent=self.agent,
            end=self._end,
            describe=self.describe,
            dial=lambda hop, style: Deferred.fromCoroutine(dial(hop, style)),
            judge=self._judge,
        )

    def _end(self) -> SrtpEnd:
        reactor = cast(IReactorUDP, self._reactor)
        address = self.addresses.in_dialog[0]
        end = SrtpEnd(reactor, self._clock, address, tone=TEAMS_TONE, expected=CARRIER_TONE, now=time)
        if self.media != "processor":
            end.ice = IceAgent(self._clock, (address, end.port), end.transmit, lite=self.media == "sbc")
        return end

    async def _dial(self, host: str, port: int, source: str) -> StreamLink:
        """A new TLS connection to the SBC by its name, in which Teams is the client (HDR-07, OPT-12)."""
        address = self._hosts.get(host.lower())
        if address is None:
            raise CallError(f"the name {host} of the SBC does not resolve; the simulator knows {sorted(self._hosts)}")
        tls = self._pki.client(host)
        link = await connect(
            self._reactor, (address, port), self.agent.received, source=source, server_name=host, tls=tls
        )
        self._links.add(link)
        link.on_closed = lambda closed, cause: self._links.discard(closed)
        return link

    def _ping(self, region: str, contact: Uri) -> Deferred[Response]:
        return Deferred.fromCoroutine(self._send_options(region, contact))

    async def _send_options(self, region: str, contact: Uri) -> Response:
        entrance = self.entrances[region]
        style = self._style(entrance.address, entrance.port)
        port = contact.port or 5061
        link = await self._dial(contact.host, port, entrance.address)
        fields: list[Field] = [
            ("From", f"{style.contact};tag={guid(style.hexadecimal)}"),
            ("To", f"<sip:{contact.host}>"),
            ("CSeq", "1 OPTIONS"),
            ("Call-ID", guid(style.hexadecimal)),
            ("Contact", style.contact),
            *style.features(True),
        ]
        sent = self.agent.send(
            link, style, style.request("OPTIONS", f"sip:{contact.host}:{port};transport=tls", fields)
        )
        response = await sent.responses.take(PING_PATIENCE)
        link.close()
        if response is None:
            raise CallError(f"no answer to our OPTIONS within {PING_PATIENCE:g} s")
        self.notice(f"OPTIONS from {region} to {contact.host}: {response.status}")
        return response

    async def _place(self, order: _Order, trunks: tuple[str, ...], origins: list[str]) -> CallResult:
        """Try the trunks in their order; the same one from another region when the network fails (FO-06, FO-08)."""
        tried: list[str] = []
        result = CallResult("", order.script.name, placed=True, cause="no trunk was given")
        for trunk in trunks:
            for origin in origins:
                tried.append(trunk)
                result = await self._attempt(order, trunk, origin)
                if result.call_id:
                    break
            if result.progress or (result.call_id and result.status not in FAILOVER_CODES):
                break
        return replace(result, trunks=tuple(tried))

    def _origins(self, region: str, source: str) -> list[str]:
        """The addresses to call from: the region's, or the one given, then another region's."""
        first = source or self.entrances[region].address
        others = [one.address for one in self.entrances.values() if one.address != first]
        return [first, *others[:1]]

    async def _attempt(self, order: _Order, trunk: str, origin: str) -> CallResult:
        host, _, port = trunk.partition(":")
        try:
            link = await self._dial(host, int(port or 5061), origin)
        except (CallError, UnreachableError) as error:
            self.notice(f"INVITE from {order.from_} to {order.to}: {error}")
            return CallResult("", order.script.name, placed=True, cause=str(error))
        style = with_call(self._style(origin, 5061), (TRAP_HOST, self.trap.port))
        dialled = [link]
        call = PlacedCall(self._side(dialled), style, link, style.tag(), order.script.name, order.plan)
        target = f"{order.to}@{host}:{port or 5061};user=phone"
        uri = f"sip:{target};transport=tls{order.parameters}"
        call.call(uri, order.sender, f"<sip:{target}>", fields=order.fields, parts=order.parts)
        self.notice(f"INVITE from {order.from_} to {order.to} by {trunk}: {order.script.name}")
        expiry = self._clock.callLater(self.failover_seconds, call.expire)
        try:
            return await self._run(call, order.script.play(call), dialled)
        finally:
            if expiry.active():
                expiry.cancel()

    async def _run(self, call: Call, story: Story, dialled: list[StreamLink]) -> CallResult:
        """Play a script, then close the connections that its call has opened."""
        try:
            return await self._stage.play(call, story)
        finally:
            for link in dialled:
                link.close()


@dataclass(frozen=True, slots=True)
class _Order:
    """A call to be placed. ``from_`` is a number, or a name and a number: ``John Doe<+441273652002>``."""

    to: str
    from_: str
    script: Calling
    plan: Plan
    fields: tuple[Field, ...]
    parts: tuple[Part, ...]
    parameters: str

    @property
    def sender(self) -> str:
        """The From value as Teams writes it: the name unquoted and glued to the bracket (HDR-20)."""
        if self.from_.startswith(ANONYMOUS):
            return f"<{ANONYMOUS}>"
        name, bracket, rest = self.from_.partition("<")
        number = rest.rstrip(">") if bracket else name
        return f"{name if bracket else ''}<sip:{number}@{PROXIES[0]}:5061;user=phone>"


def _reason(style: Style, text: str) -> str:
    return Refusal(0, 21, text).reason(guid(style.hexadecimal))
