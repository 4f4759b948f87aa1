"""SRTP between Teams and a carrier through the real relay: every packet verified at both ends, and nobody else's."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from struct import pack
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.model import Direction
from rustalk.simulator.call import CallError
from rustalk.simulator.description import carrier_sdp, facts, teams_sdp
from rustalk.simulator.media import SUITE, SrtpEnd
from rustalk.simulator.placed import PlacedCall
from rustalk.simulator.scripts import calls
from tests.live.meeting import PLAN, Meet, Meeting, meetings, sound

meet = pytest.fixture(meetings)

PATIENT = replace(PLAN, hang_up=False)
TALKATIVE = replace(PLAN, talk=0.9)
ATTACKERS = ("127.0.0.66", "127.0.0.6", "127.0.0.9")
OTHER_KEY = KeyMaterial(SUITE, bytes(range(30))).inline()

BEFORE = f"a=crypto:0 AES_CM_128_HMAC_SHA1_32 {OTHER_KEY}|2^31|1:1"
BEHIND = f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 {OTHER_KEY}|2^31|1:1"


def crypto(body: bytes) -> list[bytes]:
    """The a=crypto lines of a description."""
    return re.findall(rb"^a=crypto:[^\r\n]*", body, re.MULTILINE)


def place(body: bytes) -> tuple[str, int]:
    """Where a description wants its audio."""
    found = facts(body)
    assert found is not None
    return found.place


def bodies(messages: list[Any]) -> list[bytes]:
    """The descriptions in messages, each once."""
    return list(dict.fromkeys(message.body for message in messages if message.body))


def at_carrier(met: Meeting, start: str) -> list[bytes]:
    """The descriptions in the messages at the carrier that begin so."""
    return bodies([message for message in met.with_carrier if message.start_line.startswith(start)])


def written(*changes: Callable[[str], str]) -> Any:
    """Teams' descriptions, changed."""

    def describe(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 0, tag: int = 1) -> bytes:
        text = teams_sdp(end, direction, version=version, tag=tag).decode()
        for change in changes:
            text = change(text)
        return text.encode()

    return describe


def line(before: str = "", behind: str = "") -> Callable[[str], str]:
    """Put lines around the a=crypto line."""
    head, tail = before and before + "\r\n", behind and "\r\n" + behind
    return lambda text: re.sub(r"(a=crypto:[^\r\n]*)", lambda found: f"{head}{found[1]}{tail}", text)


@pytest.mark.parametrize("wire", ["UDP", "TCP"])
@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_every_packet_arrives(meet: Meet, wire: str, way: str) -> None:
    """MED-04, MED-16: what one end sends the other verifies, RTP and RTCP; the switch counts the same."""
    met = await meet(wire=wire)
    placed = await getattr(met, way)(plan=replace(PLAN, talk=1.2))
    taken = await met.taken(by="teams" if way == "to_teams" else "carrier")
    assert sound(placed, taken)
    for sender, receiver in ((placed.media, taken.media), (taken.media, placed.media)):
        assert receiver.verified == receiver.received
        assert receiver.lost == 0
        assert sender.sent - 3 <= receiver.verified <= sender.sent
        assert receiver.rtcp_verified >= 1
    (call,) = (await met.get("/api/v1/calls"))["calls"]
    counted = [leg["media"]["packets"] for leg in call["legs"]]
    assert [abs(count - sent) <= 3 for count, sent in zip(counted, (placed.media.sent, taken.media.sent), strict=True)]


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_keys_cross_byte_for_byte(meet: Meet, way: str) -> None:
    """MED-02, MED-04: suite, tag, key and lifetime, in the offer and in the answer."""
    met = await meet()
    await getattr(met, way)()
    read = bodies([one.message for one in met.seen])
    wrote = bodies(met.from_them)
    carrier = [body for body in bodies(met.with_carrier) if body]
    assert len(read) == len(wrote) == 1
    assert {tuple(crypto(body)) for body in carrier} == {tuple(crypto(body)) for body in (*read, *wrote)}
    assert crypto(read[0]) != crypto(wrote[0])


@pytest.mark.parametrize(("before", "behind"), [(BEFORE, ""), ("", BEHIND), (BEFORE, BEHIND)])
@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_several_keys(meet: Meet, way: str, before: str, behind: str) -> None:
    """MED-03: _32 before _80 with tag 0, a line with MKI, two lines in an answer: the right one is used.

    All lines of an offer cross; of an answer only the one that counts, since RFC 4568 section 5.1.3 has one there.
    """
    met = await meet()
    met.teams.describe = written(line(before, behind))
    placed = await getattr(met, way)()
    assert sound(placed, await met.taken(by="teams" if way == "to_teams" else "carrier"))
    (body,) = at_carrier(met, "INVITE" if way == "from_teams" else "SIP/2.0 200")[-1:]
    crossed = [one.decode() for one in crypto(body)]
    others = [one for one in (before, behind) if one and way == "from_teams"]
    assert others == [one for one in crossed if OTHER_KEY in one]
    assert len(crossed) == 1 + len(others)


@pytest_twisted.ensureDeferred
async def test_a_key_without_a_lifetime(meet: Meet) -> None:
    """MED-02: `inline:` and nothing behind it."""
    met = await meet()
    met.teams.describe = written(lambda text: text.replace("|2^31", ""))
    assert sound(await met.from_teams(), await met.taken(by="carrier"))
    (offer,) = at_carrier(met, "INVITE")
    assert b"|" not in crypto(offer)[0]


@pytest_twisted.ensureDeferred
async def test_what_the_carrier_reads_of_a_description_of_teams(meet: Meet) -> None:
    """MED-13, MED-14: our address everywhere, o= never believed, nothing of Microsoft's own, no ICE, video refused."""
    video = "m=video 50000 RTP/SAVP 122\r\nc=IN IP4 127.0.0.6\r\na=rtpmap:122 X-H264UC/90000\r\n"
    ice = (
        "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
        "a=candidate:1 1 UDP 2130706431 10.1.2.3 50000 typ host\r\na=remote-candidates:1 10.1.2.3 50000\r\n"
        "a=fingerprint:sha-256 00:11\r\na=setup:actpass\r\na=x-ssrc-range:1-1\r\n"
    )
    met = await meet()
    met.teams.describe = written(lambda text: text + ice + video)
    placed = await met.from_teams()
    assert sound(placed, await met.taken(by="carrier"))
    (offer,) = at_carrier(met, "INVITE")
    lines = offer.decode().splitlines()
    media = [one for one in lines if one.startswith("m=")]
    port = int(media[0].split()[1])
    assert media[0].split()[2] == "RTP/SAVP"
    assert 45000 <= port <= 45999
    assert media[1].startswith("m=video 0 ")
    assert f"a=rtcp:{port + 1}" in " ".join(lines) or not any(one.startswith("a=rtcp:") for one in lines)
    assert {one.split()[2] for one in lines if one.startswith("c=")} == {"127.0.0.1"}
    for gone in ("a=candidate", "a=ice-", "a=remote-candidates", "a=fingerprint", "a=setup", "b=CT", "a=label", "a=x-"):
        assert not any(one.startswith(gone) for one in lines), gone
    assert not any("x-msrta" in one or "SILK" in one for one in lines)


@pytest_twisted.ensureDeferred
async def test_the_answer_that_teams_reads(meet: Meet) -> None:
    """MED-13, MED-14: our media address in c=, one audio line, and the payload types of the carrier."""
    met = await meet()
    await met.from_teams()
    (answer,) = bodies(met.responses("INVITE", 200))
    found = facts(answer, answer=True)
    assert found is not None
    assert found.address == "127.0.0.1"
    assert 45000 <= found.audio.port <= 45999
    assert (found.tag, len(found.session.media)) == (1, 1)


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_our_place_never_changes_for_teams(meet: Meet, way: str) -> None:
    """HLD-04: the carrier goes elsewhere with its media and its keys; Teams still hears it at the same place."""
    met = await meet()
    if way == "to_teams":
        placed = await met.to_teams("move", plan=TALKATIVE)
        taken = await met.taken(by="teams")
    else:
        met.carrier.answer_with("move", plan=TALKATIVE)
        placed = await met.from_teams(plan=replace(PATIENT, talk=5))
        taken = await met.taken(by="carrier")
    assert sound(placed, taken)
    said = bodies([*met.requests("INVITE"), *met.responses("INVITE", 200)])
    assert len(said) > 1
    assert len({place(body) for body in said}) == 1
    assert len({crypto(body)[0] for body in said}) > 1


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_hold_by_either_side(meet: Meet, way: str) -> None:
    """HLD-04: a=inactive and back again, and audio from the same place as before."""
    met = await meet()
    placed = await getattr(met, way)("hold", plan=TALKATIVE)
    assert sound(placed, await met.taken(by="teams" if way == "to_teams" else "carrier"))
    said = bodies([*met.requests("INVITE"), *met.responses("INVITE", 200)])
    assert len({place(body) for body in said}) == 1


def old_hold(end: SrtpEnd, direction: Direction = Direction.SENDRECV, *, version: int = 0, tag: int = 1) -> bytes:
    """A carrier's description; on hold it names 0.0.0.0, as in RFC 2543."""
    body = carrier_sdp(end, direction, version=version, tag=tag)
    return body if direction is Direction.SENDRECV else re.sub(rb"c=IN IP4 [0-9.]+", b"c=IN IP4 0.0.0.0", body)


@calls("holds-in-its-own-way")
async def holds_in_its_own_way(call: PlacedCall) -> None:
    """A carrier's hold: a=sendonly, and back again."""
    if not 200 <= await call.final() < 300:
        return
    for direction in (Direction.SENDONLY, Direction.SENDRECV):
        await call.talk(call.plan.talk / 3)
        response = await call.reinvite(direction)
        if response.status != 200:
            raise CallError(f"the re-INVITE was answered {response.status}")
    await call.finish()


@pytest.mark.parametrize("describe", [carrier_sdp, old_hold])
@pytest_twisted.ensureDeferred
async def test_a_carrier_holds(meet: Meet, describe: Any) -> None:
    """HLD-01, HLD-02, HLD-04: a=sendonly and c=0.0.0.0 are a=inactive with our address for Teams, and then audio."""
    met = await meet()
    met.carrier.describe = describe
    assert sound(await met.to_teams("holds-in-its-own-way", plan=TALKATIVE), await met.taken(by="teams"))
    offers = [facts(request.body) for request in met.requests("INVITE")]
    assert [str(found.audio.direction) for found in offers if found] == ["sendrecv", "inactive", "sendrecv"]


@pytest_twisted.ensureDeferred
async def test_a_refresh_of_the_carrier_stays_here(meet: Meet) -> None:
    """HLD-05: two re-INVITEs of the carrier with the same description; Teams hears of neither."""
    met = await meet()
    assert sound(await met.to_teams("refresh"), await met.taken(by="teams"))
    assert len(met.requests("INVITE")) == 1
    assert len([message for message in met.with_carrier if message.start_line.startswith("INVITE")]) == 3


class ChosenPorts:
    """The reactor, on which media sockets get these ports."""

    def __init__(self, base: int) -> None:
        self._base = base

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:
        """Part of IReactorUDP: an odd port is the neighbour of an even one."""
        chosen = self._base + port % 2
        return cast(Any, reactor).listenUDP(chosen, protocol, interface, maxPacketSize)


@pytest.mark.parametrize("port", [3478, 3480, 49152, 53246])
@pytest_twisted.ensureDeferred
async def test_the_ports_of_the_media_processors(meet: Meet, port: int) -> None:
    """NET-08: 3478 to 3481 and 49152 to 53247, both ways."""
    met = await meet(teams_network=ChosenPorts(port))
    placed = await met.from_teams()
    assert sound(placed, await met.taken(by="carrier"))
    (offer,) = [request for request in met.with_carrier if request.start_line.startswith("INVITE")]
    assert f"m=audio {port} ".encode() not in offer.body


class Attack:
    """Sockets that send what looks like the right RTP to our media ports, and write down what comes back."""

    def __init__(self) -> None:
        self._sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in ATTACKERS]
        for one, address in zip(self._sockets, ATTACKERS, strict=True):
            one.bind((address, 0))
            one.setblocking(False)
        self._sequence = 0
        self.sent = self.bled = 0

    def spray(self, ports: list[int]) -> None:
        """A packet from each source to each port, and to the RTCP port above."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = pack("!BBHII", 0x80, 0, self._sequence, 160 * self._sequence, 0x6A6A6A6A) + bytes(170)
        for one in self._sockets:
            for port in ports:
                self.sent += one.sendto(packet, ("127.0.0.1", port)) > 0
                one.sendto(b"\x80\xc8\x00\x06" + bytes(24), ("127.0.0.1", port + 1))

    def listen(self) -> None:
        """Count what has come."""
        for one in self._sockets:
            try:
                while one.recv(2048):
                    self.bled += 1
            except BlockingIOError:
                continue

    def close(self) -> None:
        """Close the sockets."""
        for one in self._sockets:
            one.close()


@contextmanager
def attack() -> Iterator[Attack]:
    """For a while."""
    made = Attack()
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("latching", ["strict", "auto"])
@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_nobody_gets_into_a_call(meet: Meet, way: str, latching: str) -> None:
    """A20, HLD-04: attackers spray all media ports before and during the call, two from the peers' own addresses.

    Injected 0, bled 0.
    """
    met = await meet(media={"latching": latching})
    with attack() as attackers:
        placed = getattr(met, way)(plan=TALKATIVE)
        while not placed.called:
            stream = next(iter(met.switch.engine._relay._streams), None)
            if stream is not None:
                attackers.spray([stream.local(side)[1] for side in (0, 1)])
            await met.timeline.push(0.02, step=0.01)
            attackers.listen()
        taken = await met.taken(by="teams" if way == "to_teams" else "carrier")
        attackers.listen()
        result = await placed
    assert sound(result, taken)
    (call,) = (await met.get("/api/v1/calls"))["calls"]
    for leg, end in zip(call["legs"], (result, taken), strict=True):
        assert leg["media"]["packets"] <= end.media.sent
    assert attackers.sent > 100
    assert attackers.bled == 0


@pytest_twisted.ensureDeferred
async def test_the_ports_come_back(meet: Meet) -> None:
    """A call that is answered, one that is refused and one that is given up: afterwards every port is free again."""
    met = await meet()
    pool = met.switch.engine._relay._pool
    free = pool.free
    met.teams.answer_with("busy")
    await met.to_teams()
    met.teams.answer_with("rings")
    await met.to_teams("give-up")
    met.teams.answer_with("listen")
    await met.to_teams()
    await met.until(lambda: (pool.leased, pool.free) == (0, free), "the ports")
