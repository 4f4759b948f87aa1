"""sipvicious and its like against the real switch: they find nothing and end up banned, and a phone calls on."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rustalk.sip.digest import Credentials, parse_challenges
from rustalk.sip.message import Response
from rustalk.sip.parse import Limits, parse_datagram
from tests.live.layout import CALLEE, NUMBER, SWITCH, two_trunks, vacant
from tests.live.running import Running, until
from tests.live.sipp import Sipp

DOMAIN = "pbx.example.com"
CANARY, ATTACKER = "127.0.0.20", "127.0.0.66"
LONG = "a long one that nobody guesses"
EASY = "7742"
"""The password of 1002, which a guesser of four digits finds sooner or later."""

OFFER = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


def office(**security: Any) -> dict[str, Any]:
    """A switch with the phones 1001 and 1002, from which every other number goes to a trunk."""
    return two_trunks(
        "udp",
        "relay",
        sip={"domain": DOMAIN},
        extensions=[
            {"extension": "1001", "password": LONG, "permissions": {"international": True}},
            {"extension": "1002", "password": EASY},
        ],
        security=security,
    )


@dataclass
class Sender:
    """A socket that sends requests to a switch and waits for what comes back; a minimal phone, or worse."""

    address: str
    switch: Running
    number: str
    password: str = ""
    agent: str = "Phone/1.0"
    patience: float = 5.0
    sequence: int = 0
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind((self.address, vacant(self.address)))
        self.socket.settimeout(self.patience)
        self.credentials = Credentials(self.number, self.password)

    def send(self, method: str, *fields: str, to: str, call: str, body: str = "", sequence: int = 0) -> None:
        """Send one request."""
        host, port = self.socket.getsockname()
        lines = (
            f"{method} sip:{to}@{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: <sip:{self.number}@{DOMAIN}>;tag={call[:8]}",
            f"Call-ID: {call}",
            f"CSeq: {sequence or self.sequence} {method}",
            f"Contact: <sip:{self.number}@{host}:{port}>",
            f"User-Agent: {self.agent}",
            *(fields or (f"To: <sip:{to}@{DOMAIN}>",)),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        )
        self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), (SWITCH, self.switch.port))

    def answer(self) -> Response | None:
        """The next final response to the request sent last; None when none comes."""
        try:
            while True:
                message = parse_datagram(self.socket.recv(65536), Limits())
                if isinstance(message, Response) and message.cseq.number == self.sequence and message.status >= 200:
                    return message
        except TimeoutError:
            return None

    def ask(self, method: str, *, to: str, call: str, body: str = "") -> Response | None:
        """Send a request and, where its password is asked for, send it again with that; the last answer."""
        self.sequence += 1
        self.send(method, to=to, call=call, body=body)
        asked = self.answer()
        if asked is None or asked.status not in (401, 407):
            return asked
        if method == "INVITE":
            self.send("ACK", f"To: {asked.get('To')}", to=to, call=call)
        name = "WWW-Authenticate" if asked.status == 401 else "Proxy-Authenticate"
        challenge = self.credentials.choose(parse_challenges(asked.all(name)))
        assert challenge is not None
        shown = self.credentials.answer(challenge, method, f"sip:{to}@{DOMAIN}", body.encode(), secrets.token_hex(8))
        name = "Authorization" if asked.status == 401 else "Proxy-Authorization"
        self.sequence += 1
        self.send(method, f"To: <sip:{to}@{DOMAIN}>", f"{name}: {shown}", to=to, call=call, body=body)
        return self.answer()

    def register(self) -> bool:
        """Register; whether that was accepted."""
        answer = self.ask("REGISTER", to=self.number, call=secrets.token_hex(8))
        return answer is not None and answer.status == 200

    def call(self) -> bool:
        """Make a call to the world and hang up; whether all of it went well."""
        call = secrets.token_hex(8)
        answered = self.ask("INVITE", to=NUMBER, call=call, body=OFFER.format(host=self.address))
        if answered is None or answered.status != 200:
            return False
        to = f"To: {answered.get('To')}"
        self.send("ACK", to, to=NUMBER, call=call)
        self.sequence += 1
        self.send("BYE", to, to=NUMBER, call=call)
        ended = self.answer()
        return ended is not None and ended.status == 200


@pytest.fixture
def besieged(
    switch: Callable[..., Running], sipp: Callable[..., Sipp]
) -> Iterator[Callable[..., tuple[Running, Sender]]]:
    """Starts a switch and a canary phone that is registered there."""
    opened: list[Sender] = []

    def start(**security: Any) -> tuple[Running, Sender]:
        settings = office(**security)
        running = switch(settings)
        sipp("uas", CALLEE, settings["trunks"][1]["port"])
        canary = Sender(CANARY, running, "1001", LONG)
        opened.append(canary)
        assert canary.register()
        assert canary.call()
        return running, canary

    yield start
    for each in opened:
        each.socket.close()


def banned(running: Running, address: str) -> bool:
    """Whether the log says so."""
    return f"{address} is banned for" in running.log


def guesses(attacker: Sender, passwords: Iterable[str]) -> str:
    """Try one password after the other, as svcrack does; the right one, or '' when nothing answers any more."""
    for password in passwords:
        attacker.credentials = Credentials(attacker.number, password)
        answer = attacker.ask("REGISTER", to=attacker.number, call=secrets.token_hex(8))
        if answer is None:
            return ""
        if answer.status == 200:
            return password
    return ""


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("svmap", ("-m", "OPTIONS")),
        ("svmap", ("-m", "INVITE")),
        ("svwar", ("--force", "-e", "990-1100")),
        ("svwar", ("--force", "-m", "INVITE", "-e", "990-1100")),
        ("svcrack", ("-u", "1002", "-r", "7700-7800")),
    ],
)
def test_sipvicious_finds_nothing_and_is_banned(
    besieged: Callable[..., tuple[Running, Sender]],
    program: Callable[[str], str],
    tool: str,
    arguments: tuple[str, ...],
) -> None:
    """A5, A6, A38: the tools as their users run them; a canary phone calls all the while."""
    running, canary = besieged()
    command = [program(tool), *arguments, "-p", str(running.port), SWITCH]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as scanner:
        calls = [canary.call()]
        while scanner.poll() is None:
            calls.append(canary.call())
        written = scanner.communicate()[0].decode()
    assert all(calls)
    assert "found nothing" in written
    assert "1001" not in written
    until(lambda: banned(running, SWITCH), "the ban of the scanner")
    assert canary.register()


def test_an_enumeration_without_a_name_is_banned(besieged: Callable[..., tuple[Running, Sender]]) -> None:
    """A5: what svwar does, from a program that calls itself a phone: the same answer for each account, then none."""
    running, canary = besieged()
    attacker = Sender(ATTACKER, running, "svwar", patience=2.0)
    seen = []
    for number in range(900, 2900):
        attacker.number = str(number)
        attacker.sequence += 1
        attacker.send("REGISTER", to=str(number), call=secrets.token_hex(8))
        answer = attacker.answer()
        if answer is None:
            break
        seen.append((answer.status, len(answer.to_bytes())))
    assert banned(running, ATTACKER)
    assert 100 <= len(seen) <= 600
    assert {status for status, _ in seen} == {401}
    assert canary.call()
    attacker.socket.close()


def test_guessing_without_a_name_is_banned_after_ten(besieged: Callable[..., tuple[Running, Sender]]) -> None:
    """A6: what svcrack does; the account is not locked, its phone logs in from elsewhere."""
    running, canary = besieged()
    attacker = Sender(ATTACKER, running, "1002", patience=1.0)
    assert guesses(attacker, map(str, range(7700, 7800))) == ""
    assert attacker.sequence <= 2 * 10 + 2
    assert banned(running, ATTACKER)
    owner = Sender("127.0.0.21", running, "1002", EASY)
    assert owner.register()
    assert canary.call()
    for each in (attacker, owner):
        each.socket.close()


def test_without_bans_the_guess_succeeds(besieged: Callable[..., tuple[Running, Sender]]) -> None:
    """A6, negative control: the same guesses, and nobody counts."""
    running, _ = besieged(ban_after=0)
    attacker = Sender(ATTACKER, running, "1002")
    assert guesses(attacker, map(str, range(7700, 7800))) == EASY
    assert not banned(running, ATTACKER)
    attacker.socket.close()


def test_a_flood_of_one_address_leaves_the_canary_alone(besieged: Callable[..., tuple[Running, Sender]]) -> None:
    """A6: 20,000 REGISTERs as fast as they go: cut off, banned, and every call of the canary goes through meanwhile."""
    running, canary = besieged()
    attacker = Sender(ATTACKER, running, "1002")
    calls = []
    for burst in range(20):
        for _ in range(1000):
            attacker.sequence += 1
            attacker.send("REGISTER", to="1002", call=f"{burst}-{attacker.sequence}")
        calls.append(canary.call())
    assert calls == [True] * 20
    assert banned(running, ATTACKER)
    attacker.socket.close()
