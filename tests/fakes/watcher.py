"""A lamp of a phone: a subscription as the phone that made it sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Field, Request, Response
from tests.fakes.agents import Agent, Exchange

__all__ = ["Watcher"]


class Watcher:
    """Watches ``number`` for ``event``; NOTIFYs are answered with ``answer``, 0 leaves them unanswered.

    ``notifies`` are those that came, ``responses`` what our SUBSCRIBE was answered.
    """

    def __init__(
        self,
        agent: Agent,
        event: str,
        number: str,
        *,
        caller: str = "",
        expires: int | None = 600,
        fields: Iterable[Field] = (),
        **parts: Any,
    ) -> None:
        self.agent, self.event, self.number = agent, event, number
        self.notifies: list[Request] = []
        self.answer, self.answer_fields = 200, list[Field]()
        self.over = False
        call_id = f"{agent.token()}@watcher"
        agent._legs[call_id] = self
        own = [("Event", event), *fields]
        if expires is not None:
            own.append(("Expires", str(expires)))
        ask = getattr(agent, "prove", agent.ask)
        caller = caller or getattr(agent, "number", "1001")
        self.responses: list[Response] = ask(
            "SUBSCRIBE", called=number, caller=caller, fields=own, call_id=call_id, **parts
        )
        self._dialog: Dialog | None = None

    @property
    def status(self) -> int:
        """What came of our SUBSCRIBE."""
        return self.responses[-1].status

    @property
    def dialog(self) -> Dialog:
        """The dialog that our SUBSCRIBE made."""
        if self._dialog is None:
            response = self.responses[-1]
            self._dialog = Dialog.as_client(response, response.get("From") or "", response.from_.tag)
        return self._dialog

    def request_received(self, exchange: Exchange) -> None:
        """A NOTIFY."""
        self.notifies.append(exchange.request)
        if self.answer:
            exchange.respond(self.answer, fields=self.answer_fields)

    def ask(
        self, expires: int = 600, fields: Iterable[Field] | None = None, method: str = "SUBSCRIBE"
    ) -> list[Response]:
        """Send a request in the dialog: a refresh, or with 0 the wish to hear no more."""
        responses: list[Response] = []
        flow = self.agent.flow()
        own = [("Event", self.event)] if fields is None else list(fields)
        own += [("Expires", str(expires)), ("Contact", self.agent.contact(flow))]
        self.agent.send(self.dialog.request(method, own), flow, responses.append)
        return responses

    @property
    def states(self) -> list[str]:
        """The Subscription-State of each NOTIFY, without parameters but the reason."""
        return [(request.get("Subscription-State") or "").partition(";expires")[0] for request in self.notifies]

    @property
    def document(self) -> ElementTree.Element:
        """The last NOTIFY's XML."""
        return ElementTree.fromstring(self.notifies[-1].body)

    def texts(self, name: str) -> list[str]:
        """What stands in the elements of this name in the last NOTIFY, whatever their namespace."""
        return [each.text or "" for each in self.document.iter() if each.tag.rpartition("}")[2] == name]
