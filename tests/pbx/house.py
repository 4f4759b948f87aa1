"""A registrar on the memory network, and phones that register there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from rustalk.config.extension import Extension
from rustalk.config.secret import Secret
from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.observe.trace import Trace
from rustalk.pbx.authenticate import Authenticator, Why
from rustalk.pbx.bindings import Binding, Bounds
from rustalk.pbx.locate import Locator
from rustalk.pbx.registrar import Registrar
from rustalk.sip.digest import Credentials, parse_challenges
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.timers import Timers
from rustalk.sip.uri import Uri
from rustalk.transport.errors import TransportError
from rustalk.ua.endpoint import Endpoint, ServerTransaction, Verdict
from rustalk.ua.timeouts import Timeouts
from tests.fakes.agents import Agent
from tests.fakes.network import Certificate, MemoryTransport, Network, run

__all__ = ["EPOCH", "PASSWORD", "REALM", "SBC", "House", "Phone", "value"]

SBC = "192.0.2.10"
REALM = "sip.example.com"
PASSWORD = "correct horse battery"
EPOCH = 1_800_000_000.0
"""Seconds since the epoch when the virtual clock is at 0."""


def value(response: Response, name: str) -> str:
    """The field of a response that must be there."""
    found = response.get(name)
    assert found is not None, f"no {name} in {response}"
    return found


class House:
    """Extensions 1001 to 1003, and whatever a test adds to ``extensions``."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.counters = Counters()
        self.extensions = {
            number: Extension(extension=number, password=Secret(PASSWORD)) for number in ("1001", "1002", "1003")
        }
        self.saved: list[tuple[str, tuple[Binding, ...]]] = []
        self.told: list[tuple[str, str]] = []
        self.logins: list[tuple[str, ...]] = []
        self.authenticated: list[str] = []
        self.sought: list[str] = []
        self.connections: dict[str, IFlow] = {}
        self._count = 0
        self.endpoint = Endpoint(
            self.clock,
            Timeouts(self.clock),
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
        self.transport.open("secure", (SBC, 5061), ["TLS"])
        self.locator = Locator(
            self.clock,
            self.now,
            node="a",
            datagrams=self.transport.datagram_flow,
            find=self.find,
            saved=lambda number, bindings: self.saved.append((number, bindings)),
            told=lambda event, binding: self.told.append((event, binding.extension)),
        )
        self.registrar = Registrar(self.locator, bounds)
        self.authenticator = self.make_authenticator(b"k" * 32)

    def make_authenticator(self, key: bytes) -> Authenticator:
        """What checks logins; its nonces are good where the key is the same."""
        return Authenticator(
            REALM,
            self.extensions.get,
            key=key,
            clock=self.clock,
            counters=self.counters,
            logins=self,
            proven=self.locator.knows,
        )

    def token(self) -> str:
        """A name never used before."""
        self._count += 1
        return f"house{self._count}"

    def now(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + self.clock.seconds()

    def find(self, profile: str, uri: Uri) -> Deferred[IFlow]:
        """Connect to a URI where a test has put a flow."""
        self.sought.append(str(uri))
        flow = self.connections.get(str(uri))
        found: Deferred[IFlow] = Deferred()
        if flow is None:
            return fail(TransportError("refused", "nothing listens there"))
        found.callback(flow)
        return found

    def run(self, seconds: float = 0.5) -> None:
        """Let time pass."""
        run(self.clock, seconds)

    def phone(self, number: str, host: str = "198.51.100.7", **parts: Any) -> Phone:
        """A phone of an extension."""
        return Phone(self, number, host, **parts)

    # The surface.

    def request_received(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        extension = self.authenticator.authenticate(transaction)
        if extension is None:
            return
        self.authenticated.append(extension.extension)
        if request.method == "REGISTER":
            self.registrar.register_received(transaction, extension)
        else:
            transaction.respond(200)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """Of a refusal that nobody remembers."""

    def screen(self, flow: IFlow, request: Request | None = None) -> Verdict:
        return "admit"

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        self.locator.flow_lost(flow)

    # The logins.

    def on_challenge(self, address: str, account: str) -> None:
        self.logins.append(("challenge", address, account))

    def on_failure(self, address: str, account: str, why: Why) -> None:
        self.logins.append((why, address, account))

    def on_success(self, address: str, account: str) -> None:
        self.logins.append(("success", address, account))


class Phone:
    """A phone: an agent with credentials and one Call-ID."""

    def __init__(
        self,
        house: House,
        number: str,
        host: str,
        *,
        transport: str = "UDP",
        port: int = 5060,
        password: str = PASSWORD,
        username: str = "",
    ) -> None:
        local = (SBC, 5061) if transport == "TLS" else (SBC, 5060)
        self.agent = Agent(house.network, f"phone{house.token()}", [host], transport=transport, port=port, switch=local)
        self.number, self.house, self.cseq = number, house, 0
        self.call_id = f"{number}@{self.agent.name}"
        self.algorithms: tuple[str, ...] = ("SHA-256", "MD5")
        self._credentials = Credentials(username or number, password, REALM)

    def certified(self, *names: str) -> None:
        """Show a certificate with these names from now on."""
        self.agent.certificate = Certificate(frozenset(names))

    @property
    def contact(self) -> str:
        """The Contact URI of this phone."""
        return f"sip:{self.number}@{self.agent.hosts[0]}:{self.agent.port}"

    def request(
        self, method: str, fields: Iterable[Field] = (), *, number: str = "", cseq: int = 0, source: str = ""
    ) -> Request:
        """A request of this phone, without Via."""
        self.cseq = cseq or self.cseq + 1
        aor = f"sip:{number or self.number}@{REALM}"
        own = [
            ("Max-Forwards", "70"),
            ("From", f"<sip:{source or self.number}@{REALM}>;tag={self.agent.token()}"),
            ("To", f"<{aor}>" if method == "REGISTER" else f"<sip:1002@{REALM}>"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} {method}"),
        ]
        return Request(method, f"sip:{REALM}" if method == "REGISTER" else f"sip:1002@{REALM}", [*own, *fields])

    def send(self, request: Request) -> Response:
        """Send a request; the final response, which must come."""
        responses: list[Response] = []
        self.agent.send(request, self.agent.flow(), responses.append)
        self.house.run()
        assert responses, f"no answer to {request}"
        return responses[-1]

    def ask(self, method: str, fields: Iterable[Field] = (), **parts: Any) -> Response:
        """Send a request and answer its challenge; the final response."""
        fields = list(fields)
        response = self.send(self.request(method, fields, **parts))
        if response.status not in (401, 407):
            return response
        return self.send(self.request(method, [*fields, self.answer(response, method)], **parts))

    def answer(self, response: Response, method: str, uri: str = "") -> Field:
        """What answers a challenge; ``uri`` is the one that it is for, that of `request` unless given."""
        asked, shown = (
            ("WWW-Authenticate", "Authorization")
            if response.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        offered = [each for each in parse_challenges(response.all(asked)) if each.algorithm in self.algorithms]
        challenge = self._credentials.choose(offered)
        assert challenge is not None
        uri = uri or (f"sip:{REALM}" if method == "REGISTER" else f"sip:1002@{REALM}")
        return shown, self._credentials.answer(challenge, method, uri, b"", self.agent.token())

    def register(self, contact: str | None = None, fields: Iterable[Field] = (), **parts: Any) -> Response:
        """Register; ``contact`` is the value of Contact, '' for none."""
        shown = f"<{self.contact}>" if contact is None else contact
        return self.ask("REGISTER", [*([("Contact", shown)] if shown else []), *fields], **parts)

    def flow(self) -> IFlow:
        """The flow of this phone, from its side."""
        return self.agent.flow()
