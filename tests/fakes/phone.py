"""A desk phone: it registers with its password and calls with it."""

from __future__ import annotations

from typing import Any

from rustalk.sip.digest import Credentials, parse_challenges
from rustalk.sip.message import Field, Request, Response
from tests.fakes.agents import Agent, Leg
from tests.fakes.network import Network

__all__ = ["Phone", "PhoneLeg"]

_ASKED = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class PhoneLeg(Leg):
    """A call of a phone, which answers a challenge once."""

    agent: Phone

    def response_received(self, response: Response) -> None:
        """Follow our INVITE, sent again with the password where that is asked for."""
        if response.status == 407 and self.invite.get("Proxy-Authorization") is None and not self._gives_up:
            fields = self.agent.answer_to(response, self.invite)
            again = Request("INVITE", self.invite.uri, [*_renewed(self.invite), *fields], self.invite.body)
            self.invite = again
            self.exchange = self.agent.send(again, self.flow, self.response_received)
            return
        super().response_received(response)


class Phone(Agent):
    """The extension ``number`` at an address of its own."""

    def __init__(
        self,
        network: Network,
        number: str,
        host: str,
        *,
        password: str,
        domain: str,
        switch: tuple[str, int],
        **how: Any,
    ) -> None:
        super().__init__(network, f"phone{number}{host}", [host], switch=switch, **how)
        self.number, self.domain = number, domain
        self.password = password
        self.kind = PhoneLeg
        self.contact_uri = f"sip:{number}@{host}:{self.port}{self._parameter}"

    def answer_to(self, response: Response, request: Request) -> list[Field]:
        """The field that answers a challenge."""
        asked, answered = _ASKED[response.status]
        credentials = Credentials(self.number, self.password, self.domain)
        challenge = credentials.choose(parse_challenges(response.all(asked)))
        assert challenge is not None
        return [(answered, credentials.answer(challenge, request.method, request.uri, request.body, self.token()))]

    def prove(self, method: str, **parts: Any) -> list[Response]:
        """Send a request outside any call, and again with the password when that is asked for."""
        responses: list[Response] = []
        parts = {"caller": self.number, "called": self.number, **parts}
        request = self.request(method, **parts)

        def heard(response: Response) -> None:
            responses.append(response)
            if response.status in _ASKED and len(responses) == 1:
                fields = self.answer_to(response, request)
                again = Request(method, request.uri, [*_renewed(request), *fields], request.body)
                self.send(again, self.flow(), responses.append)

        self.send(request, self.flow(), heard)
        return responses

    def register(self, seconds: int = 600, **parts: Any) -> list[Response]:
        """Register our contact."""
        parts = {"uri": f"sip:{self.domain}", "fields": [("Expires", str(seconds))], **parts}
        return self.prove("REGISTER", **parts)

    def request(self, method: str, **parts: Any) -> Request:
        """A request from our number, at the domain of the house."""
        made = super().request(method, **{"caller": self.number, **parts})
        if method == "REGISTER":
            made = Request(method, made.uri, [_at(field, self.domain) for field in made.fields], made.body)
        return made


def _at(field: Field, domain: str) -> Field:
    name, value = field
    if name != "To":
        return field
    user = value.partition(":")[2].partition("@")[0]
    return name, f"<sip:{user}@{domain}>"


def _renewed(request: Request) -> list[Field]:
    """The fields of a request that is sent again: all but our Via, which is the topmost field, and the old answer."""
    number, method = request.cseq.number + 1, request.method
    return [
        (name, f"{number} {method}" if name == "CSeq" else value)
        for name, value in request.fields[1:]
        if name not in ("Authorization", "Proxy-Authorization", "Content-Length")
    ]
