"""The smallest SBC that pleases Teams: real sockets and real TLS, calls played by the simulator's own scripts."""

from __future__ import annotations

from dataclasses import replace
from time import time
from typing import Any

from twisted.internet.defer import Deferred

from rustalk.simulator.agent import Agent
from rustalk.simulator.call import Judge, Side
from rustalk.simulator.description import carrier_sdp
from rustalk.simulator.link import Entrance, Link, StreamLink, connect
from rustalk.simulator.media import CARRIER_TONE, TEAMS_TONE, SrtpEnd
from rustalk.simulator.pki import ClientTls, Pki, ServerTls, context
from rustalk.simulator.placed import PlacedCall
from rustalk.simulator.result import CallResult, Plan
from rustalk.simulator.stage import Stage
from rustalk.simulator.style import Style, hexadecimal
from rustalk.simulator.taken import TakenCall
from rustalk.simulator.teams import SimTeams
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.uri import Uri

FQDN = "sbc1.example.test"
NUMBER = "+441273652002"
QUICK = Plan(ring=0.02, talk=0.2, patience=3.0)


class Sbc:
    """An SBC on one loopback address that speaks TLS with the simulator."""

    def __init__(self, reactor: Any, pki: Pki, teams: SimTeams, *, address: str = "127.0.0.1") -> None:
        self.reactor, self.pki, self.teams = reactor, pki, teams
        self.agent = Agent(reactor, self._arrived)
        self.stage = Stage(self.agent, QUICK, lambda line: None)
        self.options_answer: int = 200
        self.options_contact = True
        self.links: list[StreamLink] = []
        self.entrance = Entrance(reactor, FQDN, address, 0, self.agent.received, ServerTls(context(pki.sbc, None)))
        self.agent.style = lambda link: self.style

    @property
    def style(self) -> Style:
        contact = f"<sip:{NUMBER}@{FQDN}:{self.entrance.port};transport=tls>"
        allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY"
        return Style("TLS", FQDN, self.entrance.port, contact, "TestSbc", allow, hexadecimal)

    async def start(self) -> None:
        await self.entrance.open()

    async def stop(self) -> None:
        await self.stage.close()
        self.agent.close()
        for link in self.links:
            link.close()
        await self.entrance.close()

    async def dial(self, host: str, port: int) -> StreamLink:
        """A connection with our certificate to one of the simulated Microsoft names."""
        tls = ClientTls(context(self.pki.sbc, self.pki.teams_root), host)
        place = (self.teams.hosts[host], port)
        link = await connect(self.reactor, place, self.agent.received, server_name=host, tls=tls)
        self.links.append(link)
        return link

    async def ask(self, proxy: str, request: Request, seconds: float = 3.0) -> Response | None:
        """Send one request to a proxy and return its response, None when there is none in time."""
        link = await self.dial(proxy, self.teams.entrances[proxy].port)
        return await self.agent.send(link, self.style, request).responses.take(seconds)

    def options(self, proxy: str, **changes: str) -> Request:
        """A right OPTIONS for a proxy; ``changes`` replace fields (underscores for dashes) or drop them when ''."""
        fields: list[Field] = [
            ("From", f"<sip:{FQDN}>;tag={hexadecimal(8)}"),
            ("To", f"<sip:{proxy}:5061>"),
            ("Call-ID", hexadecimal(16)),
            ("CSeq", "1 OPTIONS"),
            ("Contact", f"<sip:{FQDN}:{self.entrance.port};transport=tls>"),
            *self.style.features(True),
        ]
        request = self.style.request("OPTIONS", f"sip:{proxy}:5061;transport=tls", fields)
        for name, value in changes.items():
            request.fields = [field for field in request.fields if field[0] != name.replace("_", "-")]
            if value:
                request.fields.append((name.replace("_", "-"), value))
        return request

    def place_call(self, proxy: str, to: str, script: str = "call", plan: Plan = QUICK) -> Deferred[CallResult]:
        return self.stage.follow(Deferred.fromCoroutine(self._place(proxy, to, script, plan)))

    async def _place(self, proxy: str, to: str, script: str, plan: Plan) -> CallResult:
        link = await self.dial(proxy, self.teams.entrances[proxy].port)
        call = PlacedCall(self._side(), self.style, link, hexadecimal(16), script, plan)
        target = f"sip:{to}@{proxy}:5061;user=phone"
        call.call(f"{target};transport=tls", f"<sip:{NUMBER}@{FQDN}>", f"<{target}>")
        return await self.stage.play(call, self.stage.calling(script).play(call))

    def _side(self) -> Side:
        async def dial(hop: Uri, style: Style) -> Link:
            return await self.dial(hop.host, hop.port or 5061)

        return Side(
            self.agent, self._end, carrier_sdp, lambda hop, style: Deferred.fromCoroutine(dial(hop, style)), Judge()
        )

    def _end(self) -> SrtpEnd:
        return SrtpEnd(self.reactor, self.reactor, "127.0.0.1", tone=CARRIER_TONE, expected=TEAMS_TONE, now=time)

    def _arrived(self, request: Request, link: Link) -> None:
        if request.method == "INVITE":
            script, plan = self.stage.answering("", request.target.number)
            call = TakenCall(self._side(), self.style, link, request, script.name, plan)
            self.stage.follow(Deferred.fromCoroutine(self.stage.play(call, script.play(call))))
            return
        style = self.style if self.options_contact else replace(self.style, contact="")
        contacts = style.contacts() if style.contact else []
        fields = [*contacts, *style.features(False)]
        self.agent.respond(link, style, request, request.response(self.options_answer, to_tag="x", fields=fields))
