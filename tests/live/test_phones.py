"""Real phones behind the switch: they register, call each other, ring together, forward, hold, transfer, meet Teams."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from rustalk.certificates.authority import Authority
from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.house import ADDRESSES, DOMAIN, NUMBERS, TONES, TRANSPORTS, House, extension, hears, password, talk
from tests.live.layout import vacant
from tests.live.meeting import SUBSCRIBER, ChildMeeting, Meet, meetings
from tests.live.office import Office, dialog
from tests.live.running import Running, until

meet = pytest.fixture(meetings)

GROUP = "600"
Open = Callable[..., House]


@pytest.fixture
def house(switch: Callable[..., Running], baresip: Callable[[Phone], Baresip]) -> Open:
    """Opens a house without phones; what it is given goes into the configuration."""
    return lambda **how: House(switch, baresip, **how)


def call(caller: Baresip, number: str) -> None:
    """A call that somebody answers."""
    caller.command("dial", number)
    caller.wait_for("CALL_ESTABLISHED")


def hang_up(phone: Baresip, *others: Baresip) -> None:
    """The call of a phone ends, for the others too."""
    phone.command("hangup")
    for other in others:
        other.wait_for("CALL_CLOSED")


# Registration.


def test_phones_on_every_transport_call_each_other(house: Open) -> None:
    """UDP, TCP, and TLS with SRTP: each calls the next, and hears it; nobody needs a route for that."""
    home = house()
    phones = [home.phone(number) for number in NUMBERS]
    assert [home.registrations(number) for number in NUMBERS] == [["UDP"], ["TCP"], ["TLS"]]
    for caller, callee in zip(phones, phones[1:] + phones[:1], strict=True):
        call(caller, callee.phone.user)
        talk(caller, callee)
        hang_up(caller, callee)
    home.over("normal", "normal", "normal")


def started_twice(home: House, number: str) -> Baresip:
    """A phone that gives up where SHA-256 is offered, and is switched off and on again by who wonders why."""
    for _ in range(50):
        phone = home.switched_on(number)
        until(lambda it=phone: "not implemented" in it.written or home.registrations(number), "a decision")
        if home.registrations(number):
            return phone
        phone.crash()
    raise AssertionError(f"{number} never came in")


def test_a_phone_that_stumbles_over_sha_256_comes_in_when_it_tries_again(house: Open) -> None:
    """baresip 1.0 gives up on a challenge that names SHA-256; when it comes again later it is offered MD5 alone."""
    home = house(sip={"digest_algorithms": ["SHA-256", "MD5"]})
    phone = started_twice(home, "1001")
    assert set(re.findall(r"algorithm=([\w-]+), qop", phone.written)) == {"MD5"}


def test_a_phone_that_was_switched_off_is_found_where_it_comes_back(house: Open) -> None:
    """It had no time to say goodbye, and comes back on another port: a call rings there, and does not wait for it."""
    home = house()
    former = home.phone("1001")
    former.crash()
    back, other = home.phone("1001"), home.phone("1002")
    call(other, "1001")
    talk(other, back)
    hang_up(other, back)
    home.over("normal")


def test_phones_answer_keep_alives(house: Open) -> None:
    """The OPTIONS that hold the NAT open, over UDP; a connection gets line ends, and stays."""
    home = house(sip={"keepalive_interval": 1})
    udp, tcp = home.phone("1001"), home.phone("1002")
    until(lambda: udp.written.count("OPTIONS sip:1001") >= 2, "OPTIONS")
    until(lambda: "SIP/2.0 200 OK" in udp.written.rpartition("OPTIONS sip:1001")[2], "an answer")
    assert "OPTIONS sip:" not in tcp.written
    call(udp, "1002")
    hang_up(udp, tcp)
    home.over("normal")


class Modern:
    """A phone that knows SHA-256, written with what Python brings: it registers, and is busy."""

    def __init__(self, number: str, server: tuple[str, int]) -> None:
        self._number = number
        self._server = server
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESSES[number], 0))
        self._socket.settimeout(5)
        self._asked = 0

    def register(self, login: str = "") -> str:
        """The answer to one REGISTER."""
        self._asked += 1
        here = "{}:{}".format(*self._socket.getsockname())
        request = (
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{self._asked};rport\r\n"
            f"From: <sip:{self._number}@{DOMAIN}>;tag=1\r\nTo: <sip:{self._number}@{DOMAIN}>\r\nCall-ID: c1\r\n"
            f"CSeq: {self._asked} REGISTER\r\nContact: <sip:{self._number}@{here}>\r\nMax-Forwards: 70\r\n"
            f"{login}Content-Length: 0\r\n\r\n"
        )
        self._socket.sendto(request.encode(), self._server)
        return self._socket.recv(4096).decode()

    def answer(self, challenge: str) -> str:
        """The Authorization field for the SHA-256 challenge (RFC 7616 section 3.4)."""
        nonce = re.findall(r'nonce="(\w+)", algorithm=SHA-256, qop="auth"', challenge)[0]
        secret = _sha256(f"{self._number}:{DOMAIN}:{password(self._number)}")
        response = _sha256(f"{secret}:{nonce}:00000001:c0:auth:{_sha256(f'REGISTER:sip:{DOMAIN}')}")
        return (
            f'Authorization: Digest username="{self._number}", realm="{DOMAIN}", nonce="{nonce}", uri="sip:{DOMAIN}", '
            f'response="{response}", algorithm=SHA-256, cnonce="c0", qop=auth, nc=00000001\r\n'
        )

    def refuse(self) -> None:
        """Wait for an INVITE, and be busy."""
        invite = self._socket.recv(4096).decode()
        assert invite.startswith(f"INVITE sip:{self._number}@")
        echoed = "".join(f"{line}\r\n" for line in re.findall(r"^(?:Via|From|Call-ID|CSeq): .*?(?=\r$)", invite, re.M))
        to = re.findall(r"^To: .*?(?=\r$)", invite, re.M)[0]
        busy = f"SIP/2.0 486 Busy Here\r\n{echoed}{to};tag=2\r\nContent-Length: 0\r\n\r\n"
        self._socket.sendto(busy.encode(), self._server)
        assert self._socket.recv(4096).decode().startswith("ACK ")
        self._socket.close()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_phone_logs_in_by_sha_256(house: Open) -> None:
    """RFC 8760, with what a switch offers by itself; a baresip calls it."""
    home = house(sip={"digest_algorithms": ["SHA-256", "MD5"]})
    modern = Modern("1003", ("127.0.0.1", home.ports["udp"]))
    challenge = modern.register()
    assert challenge.startswith("SIP/2.0 401 ")
    assert modern.register(modern.answer(challenge)).startswith("SIP/2.0 200 ")
    caller = started_twice(home, "1001")
    caller.command("dial", "1003")
    modern.refuse()
    assert "486" in caller.wait_for("CALL_CLOSED")["param"]


def test_a_certificate_stands_in_for_the_password(house: Open, tmp_path: Path) -> None:
    """Over TLS, where the extension names it and the profile trusts who signed it; another one does not do."""
    makers = Authority.root("Makers of Phones", key_type="ec")
    roots, file, other = (tmp_path / name for name in ("roots.pem", "phone.pem", "other.pem"))
    roots.write_bytes(makers.certificate_pem)
    for path, name in ((file, "phone-3.example.com"), (other, "phone-4.example.com")):
        issued = makers.issue([name], key_type="ec")
        path.write_bytes(issued.chain_pem + issued.key_pem)
    home = house(
        secure={"tls_ca": str(roots)},
        more={"1003": {"certificate_subject": "phone-3.example.com"}},
        security={"never_ban": ["127.0.0.0/8"]},
    )
    stranger = home.switched_on("1003", certificate=str(other), login="wrong-password")
    until(lambda: "Login of '1003' from TLS 127.0.0.1 failed: password" in home.running.log, "a refusal")
    stranger.crash()
    assert not home.registrations("1003")
    phone = home.phone("1003", certificate=str(file), login="wrong-password")
    assert "SIP/2.0 401 " not in phone.written


def test_a_phone_with_a_wrong_password_silences_nobody(house: Open) -> None:
    """A6: baresip goes on trying while it is challenged; its attempt is one failure, and another phone comes in."""
    home = house()
    lost = [home.switched_on(number, login="wrong-password") for number in NUMBERS]
    for phone in lost:
        until(lambda it=phone: "403 Forbidden" in it.written, "a refusal")
    assert home.running.log.count("failed: password") == len(lost)
    assert "may be an attacker" not in home.running.log
    assert home.phone("1002")


# Calls.


def test_a_group_rings_and_who_is_late_stops_ringing(house: Open) -> None:
    """Both members ring; one takes the call and the other is told that, so that it shows no missed call."""
    group = {"id": GROUP, "extensions": ["1002", "1003"]}
    home = house(ring_groups=[group], more={"1003": {"srtp": "preferred"}})
    caller = home.phone("1001")
    members = [home.phone(number, prompt=False, encryption="") for number in NUMBERS[1:]]
    caller.command("dial", GROUP)
    for member in members:
        member.wait_for("CALL_INCOMING")
    members[1].command("accept")
    members[0].wait_for("CALL_CLOSED")
    cancel = members[0].written.rpartition("CANCEL sip:")[2].partition("\n\n")[0]
    assert 'text="Call completed elsewhere"' in cancel
    talk(caller, members[1])
    hang_up(members[1], caller)
    home.over("normal")


def test_a_busy_phone_forwards(house: Open) -> None:
    """The phone refuses by its button, and the call goes where the extension says."""
    home = house(more={"1002": {"call_forwarding": {"busy": "1003"}}})
    caller, busy, third = home.phone("1001"), home.phone("1002", prompt=False), home.phone("1003")
    caller.command("dial", "1002")
    busy.wait_for("CALL_INCOMING")
    busy.command("hangup")
    caller.wait_for("CALL_ESTABLISHED")
    talk(caller, third)
    hang_up(caller, third)
    home.over("normal")


def test_an_extension_with_as_many_calls_as_it_may_forwards(house: Open) -> None:
    """Its phone does not even ring a second time."""
    home = house(more={"1002": {"call_forwarding": {"busy": "1003"}, "max_concurrent_calls": 1}})
    first, second, third = (home.phone(number) for number in NUMBERS)
    second.command("dial", "1003")
    second.wait_for("CALL_ESTABLISHED")
    call(first, "1002")
    third.wait_for("CALL_ESTABLISHED")
    assert "INVITE sip:1002" not in second.written
    for phone in (first, second):
        phone.command("hangup")
    home.over("normal", "normal")


def test_an_unanswered_call_is_forwarded(house: Open) -> None:
    """After as many seconds as the extension says the phone stops ringing, and the next one is called."""
    home = house(more={"1002": {"call_forwarding": {"no_answer": "1003", "no_answer_seconds": 1}}})
    caller, silent, third = home.phone("1001"), home.phone("1002", prompt=False), home.phone("1003")
    call(caller, "1002")
    silent.wait_for("CALL_CLOSED")
    talk(caller, third)
    hang_up(caller, third)
    home.over("normal")


def test_hold_and_resume(house: Open) -> None:
    """The other phone is told both times, and afterwards both sides are heard again."""
    home = house()
    one, other = home.phone("1001"), home.phone("1003")
    call(one, "1003")
    talk(one, other)
    one.command("hold")
    until(lambda: "a=sendonly" in other.written, "the hold to arrive")
    one.command("resume")
    until(lambda: "a=sendrecv" in other.written.rpartition("a=sendonly")[2], "the resume to arrive")
    home.goes_on()
    hang_up(one, other)
    home.over("normal")


def test_a_phone_hands_a_call_over(house: Open) -> None:
    """Blind transfer: REFER, the third phone is rung, and the first one is out."""
    home = house()
    one, other, third = (home.phone(number) for number in NUMBERS)
    call(one, "1002")
    talk(one, other)
    one.command("transfer", "1003")
    third.wait_for("CALL_ESTABLISHED")
    one.wait_for("CALL_CLOSED")
    talk(other, third)
    hang_up(third, other)
    home.over("normal", "transferred")


def test_a_phone_asks_first_and_then_joins_both(house: Open) -> None:
    """Attended transfer (RFC 5589 section 7): the callee waits, the third phone is asked, REFER with Replaces."""
    home = house()
    one, other, third = (home.phone(number) for number in NUMBERS)
    call(one, "1002")
    one.command("hold")
    call(one, "1003")
    hears(third, TONES["1001"])
    call_id, ours, theirs = dialog(one, "1003")
    one.command("line", "1")
    named = quote(f"{call_id};to-tag={theirs};from-tag={ours}", safe="")
    one.command("transfer", f"<sip:1003@{DOMAIN}?Replaces={named}>")
    one.wait_for("CALL_CLOSED")
    hears(third, TONES["1002"])
    home.goes_on()
    hang_up(third, other)
    home.over("normal", "normal")


# With Teams.


@pytest.fixture
def office(meet: Meet, baresip: Callable[[Phone], Baresip]) -> Iterator[Callable[[], Any]]:
    """Opens an office with two registered phones and the simulated Teams."""
    opened: list[Office] = []

    async def open_office() -> Office:
        met = await meet(
            ChildMeeting,
            sip={"domain": DOMAIN, "digest_algorithms": ["MD5"]},
            extensions=[
                extension("1001", caller_id_number=SUBSCRIBER, permissions={"international": True}),
                extension("1002"),
            ],
            dids=[{"number": SUBSCRIBER, "destination": "1001"}],
            routing={
                "routes": [
                    {"id": "to-teams", "pattern": r"^\+44\d+$", "destination": {"type": "Trunk", "value": "teams"}}
                ]
            },
            media=LATCHING,
            profile={"protocols": ["udp", "tcp"], "domain": "127.0.0.1"},
        )
        phones = [await deferToThread(baresip, _phone(number, met.ports.carrier)) for number in ("1001", "1002")]
        office = Office(met, *phones)
        opened.append(office)
        await office.until(
            lambda: all(f"Extension {number} is registered" in "".join(met.log) for number in ("1001", "1002")),
            "the phones to register",
        )
        return office

    yield open_office
    for each in opened:
        each.release()


def _phone(number: str, port: int) -> Phone:
    return Phone(
        number,
        ADDRESSES[number],
        vacant(ADDRESSES[number]),
        f"127.0.0.1:{port}",
        TONES[number],
        "",
        transport=TRANSPORTS[number],
        domain=DOMAIN,
        password=password(number),
    )


@pytest_twisted.ensureDeferred
async def test_a_phone_calls_teams(office: Callable[[], Any]) -> None:
    """Its number outside is shown there, its audio is encrypted there, and each hears the other."""
    site = await office()
    taken = await site.alice_calls_teams()
    assert taken.invite.from_.uri.number == SUBSCRIBER
    site.alice.command("hangup")
    await site.over("normal")


@pytest_twisted.ensureDeferred
async def test_a_phone_holds_teams(office: Callable[[], Any]) -> None:
    """Teams hears nothing meanwhile, and the phone again afterwards."""
    site = await office()
    taken = await site.alice_calls_teams()
    site.alice.command("hold")
    await site.quiet(taken)
    site.alice.command("resume")
    await site.hears(taken, TONES["1001"])
    site.alice.command("hangup")
    await site.over("normal")


@pytest_twisted.ensureDeferred
async def test_teams_calls_a_phone(office: Callable[[], Any]) -> None:
    """The number is one of ours, whose calls go to the extension."""
    site = await office()
    placed = await site.teams_calls(site.alice, to=SUBSCRIBER)
    await site.talk(placed, site.alice)
    await placed.hang_up()
    await site.event(site.alice, "CALL_CLOSED")
    await site.over("normal")
