"""What can be watched, on the memory network, without passwords: who says 1001 is 1001."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail
from twisted.internet.task import Clock

from rustalk.config.extension import Extension
from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.observe.trace import Trace
from rustalk.pbx.locate import Locator
from rustalk.pbx.message_summary import Counts
from rustalk.pbx.registrar import Registrar
from rustalk.pbx.subscriptions import Bounds
from rustalk.pbx.watching import Watching
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.timers import Timers
from rustalk.transport.errors import TransportError
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import Endpoint, ServerTransaction, Verdict
from rustalk.ua.timeouts import Timeouts
from tests.fakes.agents import Agent
from tests.fakes.network import MemoryTransport, Network, run
from tests.fakes.watcher import Watcher

__all__ = ["DOMAIN", "HOSTS", "SBC", "Desk"]

SBC = "192.0.2.10"
DOMAIN = "pbx.example.com"
HOSTS = {"1001": "203.0.113.11", "1002": "203.0.113.12", "1003": "203.0.113.13"}


class Desk:
    """Extensions 1001 to 1003, whose phones are registered unless told otherwise."""

    def __init__(self, bounds: Bounds | None = None, *, register: bool = True) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.counters = Counters()
        self.extensions = {number: Extension(extension=number) for number in HOSTS}
        self.messages: dict[str, Counts] = {}
        self._count = 0
        self.timeouts = Timeouts(self.clock)
        self.endpoint = Endpoint(
            self.clock,
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
        self.dialogs = Dialogs(self.clock)
        self.locator = Locator(
            self.clock,
            self.clock.seconds,
            node="a",
            datagrams=self.transport.datagram_flow,
            find=lambda profile, uri: fail(TransportError("refused", "nothing listens there")),
            told=lambda event, binding: self.watching.registration_changed(event, binding),
        )
        self.registrar = Registrar(self.locator)
        self.watching = Watching(
            self.endpoint,
            self.dialogs,
            self.locator,
            clock=self.clock,
            find=self.extensions.get,
            contact=lambda flow, user: f"<sip:{user}@{flow.local[0]}:{flow.local[1]}>",
            domain=lambda: DOMAIN,
            counts=lambda number: self.messages.get(number, (0, 0, 0, 0)),
            bounds=bounds,
        )
        self.subscriptions = self.watching.subscriptions
        self.phones = {number: self.phone(number, host) for number, host in HOSTS.items()}
        if register:
            for number in self.phones:
                assert self.register(number) == 200

    def token(self) -> str:
        """A name never used before."""
        self._count += 1
        return f"desk{self._count}"

    def run(self, seconds: float = 0.5) -> None:
        """Let time pass."""
        run(self.clock, seconds)

    def phone(self, number: str, host: str, **how: Any) -> Agent:
        """A phone of an extension."""
        agent = Agent(self.network, f"{number}{self.token()}", [host], switch=(SBC, 5060), **how)
        agent.contact_uri = f"sip:{number}@{host}:{agent.port}"
        return agent

    def register(self, number: str, seconds: int = 3600, agent: Agent | None = None, fields: Any = ()) -> int:
        """Register the phone of an extension; the status of the answer."""
        agent = agent or self.phones[number]
        own: list[Field] = [("Expires", str(seconds)), *fields]
        answers = agent.ask("REGISTER", called=number, caller=number, fields=own)
        self.run()
        return answers[-1].status

    def watch(self, event: str, number: str = "1002", *, by: str = "1001", **parts: Any) -> Watcher:
        """A subscription that has been answered."""
        watcher = Watcher(parts.pop("agent", self.phones[by]), event, number, caller=by, **parts)
        self.run()
        return watcher

    def ask(self, lamp: Watcher, *args: Any) -> Response:
        """The answer to a request in the dialog of a subscription: a refresh, or what the test says."""
        answers = lamp.ask(*args)
        self.run()
        return answers[-1]

    def publish(self, body: bytes, *, by: str = "1002", fields: Any = (), **parts: Any) -> Response:
        """The answer to a PUBLISH of an extension for itself."""
        own: list[Field] = [("Event", "presence"), *fields]
        if body:
            own.append(("Content-Type", "application/pidf+xml"))
        request = self.phones[by].request("PUBLISH", **{"called": by, "caller": by, "fields": own, **parts})
        request.body = body
        answers: list[Response] = []
        self.phones[by].send(request, self.phones[by].flow(), answers.append)
        self.run()
        return answers[-1]

    def leftovers(self) -> dict[str, int]:
        """What is still there that should not be, once every timer has run out."""
        self.run(20000)
        found = {
            "subscriptions": len(self.subscriptions),
            "dialogs": len(self.dialogs),
            "transactions": self.endpoint.transactions,
            "timers": len(self.timeouts),
            "expiries": len(self.subscriptions.expiries),
            "topics": len(self.subscriptions._topics),
            "clock": len(self.clock.getDelayedCalls()),
        }
        return {name: count for name, count in found.items() if count}

    # The surface.

    def request_received(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.to.tag:
            usage = self.dialogs.find(request)
            if usage is None:
                transaction.refuse("no_dialog")
            else:
                usage.request_received(transaction)
            return
        extension = self.extensions[request.from_.uri.number]
        if request.method == "REGISTER":
            self.registrar.register_received(transaction, extension)
        else:
            self.watching.services[request.method](transaction, extension)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """Of nothing here."""

    def screen(self, flow: IFlow, request: Request | None) -> Verdict:
        return "admit"

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        self.dialogs.flow_lost(flow)
        self.locator.flow_lost(flow)
