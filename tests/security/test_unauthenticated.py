"""What a stranger gets out of the whole switch: nothing is passed on, and hardly more comes back than was sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rustalk.interfaces import IFlow
from rustalk.security.guard import Guard
from tests.scenarios.office import DOMAIN, Office
from tests.scenarios.site import SBC, Site

STRANGER = ("203.0.113.99", 5066)
METHODS = [
    *("INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE", "INFO", "UPDATE", "PRACK"),
    *("REFER", "BYE", "CANCEL", "ACK", "UNHEARD"),
]


class Sender:
    """An address that may be forged: it sends datagrams and counts what comes to it."""

    profile = ""
    certificate = None

    def __init__(self, site: Site, place: tuple[str, int] = STRANGER) -> None:
        self.site = site
        self.place = place
        self.sent = self.got = 0
        site.network.open(self, "UDP", place)
        self.flow = site.network.flow("", place, (SBC, 5060))

    def arrived(self, data: bytes, flow: IFlow) -> None:
        """Something came back."""
        self.got += len(data)

    def lost(self, flow: IFlow) -> None:
        """Nothing is open."""

    def send(self, data: bytes) -> None:
        """Send one datagram and let the answer come."""
        self.sent += len(data)
        self.flow.send(data)
        self.site.run(0.02)


def request(method: str, number: int, *, small: bool = False, user: str = "1001", to: str = "1002") -> bytes:
    """A request of nobody who claims to be an extension; as a phone writes it, or the shortest that there is."""
    lines = [
        f"{method} sip:{to}@{DOMAIN} SIP/2.0",
        f"Via: SIP/2.0/UDP {STRANGER[0]}:{STRANGER[1]};branch=z9hG4bK{number}",
        f"From: <sip:{user}@{DOMAIN}>;tag=1",
        f"To: <sip:{to}@{DOMAIN}>",
        f"Call-ID: {number}",
        f"CSeq: 1 {method}",
    ]
    if not small:
        lines[2] = f'From: "{user}" <sip:{user}@{DOMAIN}>;tag={number:016x}'
        lines[4] = f"Call-ID: {number:032x}@{STRANGER[0]}"
        lines += [
            f"Contact: <sip:{user}@{STRANGER[0]}:{STRANGER[1]}>",
            "Max-Forwards: 70",
            "User-Agent: Yealink SIP-T46S 66.86.0.15",
            "Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, UPDATE",
            "Event: presence",
            "Content-Length: 0",
        ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.fixture
def office() -> Iterator[Office]:
    """A switch with three registered phones; nothing may be left of what a stranger sent."""
    office = Office()
    yield office
    assert not office.leftovers()


@pytest.mark.parametrize("method", METHODS)
def test_no_more_comes_back_than_half_as_much_again(method: str) -> None:
    """A38: bytes out by bytes in, for each method of an address that has shown nothing, and is answered each time."""
    office = Office(limits={"unknown_per_second": 1000})
    stranger = Sender(office)
    for number in range(200):
        stranger.send(request(method, number))
    assert stranger.got <= 1.5 * stranger.sent


@pytest.mark.parametrize("method", METHODS)
def test_the_shortest_requests_are_no_lever_either(office: Office, method: str) -> None:
    """A38: behind the guard, as on the wire; few are answered, and longer challenges come out of one allowance."""
    stranger = Sender(office)
    guard = Guard(office.screen, office.settings, now=office.clock.seconds)
    for number in range(5000):
        data = request(method, number, small=True)
        if guard.admits(STRANGER[0], "inside"):
            stranger.send(data)
        else:
            stranger.sent += len(data)
    assert stranger.got <= 1.5 * stranger.sent


def test_a_lever_is_one_that_this_finds(office: Office) -> None:
    """A38, negative control: without the allowance the challenge alone would be more than half as much again."""
    stranger = Sender(office)
    stranger.send(request("REGISTER", 1, small=True))
    assert stranger.got > 1.5 * stranger.sent


@pytest.mark.parametrize("method", METHODS)
def test_nothing_of_a_stranger_is_passed_on(office: Office, method: str) -> None:
    """A7: not to a phone, a trunk or Teams, whoever it claims to be."""
    others = [office.carrier, office.other, office.teams, *office.phones.values()]
    before = [len(agent.messages) for agent in others]
    stranger = Sender(office)
    for number, to in enumerate(("1002", "+15551234567", "911")):
        for user in ("1001", "anonymous", "+4930123"):
            stranger.send(request(method, 10 * number + len(user), user=user, to=to))
    office.run(5)
    assert [len(agent.messages) for agent in others] == before


def test_who_shows_the_password_is_passed_on(office: Office) -> None:
    """A7, negative control: the same INVITE from a phone that has one."""
    leg = office.phones["1001"].call("1002")
    office.run()
    assert office.phones["1002"].calls
    leg.cancel()
    office.run()
