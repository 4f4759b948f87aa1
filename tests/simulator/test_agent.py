"""The scripts' user agent in virtual time: pairing, retransmission, and what belongs to which call."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.simulator.agent import Agent
from rustalk.simulator.link import Link
from rustalk.simulator.style import Style, hexadecimal
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message, Request
from rustalk.sip.parse import Limits, parse_datagram

STYLE = Style("UDP", "127.0.0.1", 5060, "<sip:me@127.0.0.1>", "Test", "INVITE", hexadecimal)


class Wire(Link):
    """A link that keeps what is sent."""

    def __init__(self, kind: str = "UDP") -> None:
        self.kind = kind
        self.sent: list[Message] = []

    def send(self, data: bytes) -> None:
        message = parse_datagram(data, Limits())
        assert message is not None
        self.sent.append(message)

    @property
    def lines(self) -> list[str]:
        return [message.start_line for message in self.sent]


class Taker:
    """A call that notes what reaches it."""

    def __init__(self, tag: str) -> None:
        self.tags = {tag}
        self.got: list[str] = []

    def request_received(self, request: Request, link: Link) -> None:
        self.got.append(request.method)

    def ack_received(self, request: Request, link: Link) -> None:
        self.got.append("ACK")

    def cancel_received(self, request: Request) -> None:
        self.got.append("CANCEL")


def request(method: str = "OPTIONS", to: str = "<sip:b@x.test>", branch: str = "z9hG4bK1", **fields: str) -> Request:
    own = {
        "Via": f"SIP/2.0/UDP 127.0.0.1:9;branch={branch}",
        "From": "<sip:a@x.test>;tag=a",
        "To": to,
        "Call-ID": "call",
        "CSeq": f"1 {method}",
    }
    return Request(method, "sip:b@x.test", list((own | fields).items()))


class Bench:
    """An agent, its clock, one wire, and the requests that arrived outside calls."""

    def __init__(self, kind: str = "UDP") -> None:
        self.clock = Clock()
        self.wire = Wire(kind)
        self.arrived: list[str] = []
        self.agent = Agent(self.clock, lambda request, link: self.arrived.append(request.method))
        self.agent.style = lambda link: STYLE

    def receive(self, message: Message | RemoteProtocolError) -> None:
        self.agent.received(message, self.wire)

    def pass_seconds(self, seconds: float) -> None:
        self.clock.pump([0.5] * int(seconds * 2))


def test_an_invite_over_udp_is_sent_again_until_something_answers() -> None:
    """RFC 3261 17.1.1.2: after 0.5, 1.5, 3.5 ... seconds."""
    bench = Bench()
    invite = request("INVITE")
    bench.agent.send(bench.wire, STYLE, invite)
    bench.pass_seconds(3.5)
    assert len(bench.wire.sent) == 4
    bench.receive(invite.response(100))
    bench.pass_seconds(30)
    assert len(bench.wire.sent) == 4


def test_retransmission_ends_after_32_seconds() -> None:
    bench = Bench()
    bench.agent.send(bench.wire, STYLE, request())
    bench.pass_seconds(60)
    assert len(bench.wire.sent) == 11
    assert bench.clock.getDelayedCalls() == []


def test_nothing_is_sent_twice_over_tcp() -> None:
    bench = Bench("TCP")
    bench.agent.send(bench.wire, STYLE, request("INVITE"))
    bench.pass_seconds(5)
    assert len(bench.wire.sent) == 1


def test_a_refused_invite_gets_its_ack_in_the_same_transaction() -> None:
    """RFC 3261 17.1.1.3."""
    bench = Bench()
    invite = request("INVITE")
    bench.agent.send(bench.wire, STYLE, invite)
    bench.receive(invite.response(486, to_tag="b"))
    ack = bench.wire.sent[-1]
    assert isinstance(ack, Request)
    assert (ack.method, ack.via.branch, ack.to.tag) == ("ACK", "z9hG4bK1", "b")


def test_a_request_that_comes_twice_arrives_once_and_gets_the_same_answer_twice() -> None:
    bench = Bench()
    asked = request()
    bench.receive(asked)
    bench.agent.respond(bench.wire, STYLE, asked, asked.response(200, to_tag="x"))
    bench.receive(request())
    assert bench.arrived == ["OPTIONS"]
    assert bench.wire.lines == ["SIP/2.0 200 OK"] * 2


def test_a_200_to_an_invite_is_repeated_until_acknowledged_even_over_tcp() -> None:
    """RFC 3261 13.3.1.4."""
    bench = Bench("TCP")
    invite = request("INVITE")
    bench.receive(invite)
    bench.agent.respond(bench.wire, STYLE, invite, invite.response(200, to_tag="x"))
    bench.pass_seconds(1.5)
    assert len(bench.wire.sent) == 3
    bench.agent.acknowledged(invite)
    bench.pass_seconds(30)
    assert len(bench.wire.sent) == 3
    assert bench.clock.getDelayedCalls() == []


def test_a_request_of_a_dialog_reaches_its_call() -> None:
    bench = Bench()
    bench.agent.calls["call"] = taker = Taker("x")
    bench.receive(request("BYE", "<sip:b@x.test>;tag=x"))
    bench.receive(request("ACK", "<sip:b@x.test>;tag=x"))
    assert taker.got == ["BYE", "ACK"]
    assert bench.arrived == []


def test_a_request_of_no_dialog_gets_481() -> None:
    bench = Bench()
    bench.agent.calls["call"] = taker = Taker("x")
    bench.receive(request("BYE", "<sip:b@x.test>;tag=other"))
    assert bench.wire.lines == ["SIP/2.0 481 Call/Transaction Does Not Exist"]
    assert taker.got == []


def test_a_cancel_reaches_the_call_of_its_invite_only() -> None:
    bench = Bench()
    bench.agent.calls["call"] = taker = Taker("x")
    bench.receive(request("CANCEL", branch="z9hG4bK2"))
    bench.receive(request("INVITE"))
    bench.receive(request("CANCEL"))
    assert taker.got == ["CANCEL"]
    assert bench.wire.lines == ["SIP/2.0 481 Call/Transaction Does Not Exist", "SIP/2.0 200 OK"]


def test_what_the_screen_refuses_goes_no_further() -> None:
    bench = Bench()
    bench.agent.screen = lambda asked, link: asked.response(403)
    bench.receive(request())
    assert bench.wire.lines == ["SIP/2.0 403 Forbidden"]
    assert bench.arrived == []


def test_a_header_that_cannot_be_read_is_answered_400_and_told() -> None:
    bench = Bench()
    told: list[RemoteProtocolError] = []
    bench.agent.malformed = lambda error, link: told.append(error)
    bench.agent.screen = lambda asked, link: asked.response(200) if asked.contacts else None
    bench.receive(request(Contact="<no uri>"))
    bench.receive(RemoteProtocolError("not SIP"))
    assert bench.wire.lines == ["SIP/2.0 400 Bad Request"]
    assert len(told) == 2


def test_nothing_is_left_on_the_clock_after_close() -> None:
    bench = Bench()
    invite = request("INVITE", branch="z9hG4bK9")
    bench.receive(invite)
    bench.agent.respond(bench.wire, STYLE, invite, invite.response(200, to_tag="x"))
    bench.agent.send(bench.wire, STYLE, request("INVITE"))
    bench.agent.close()
    assert bench.clock.getDelayedCalls() == []
