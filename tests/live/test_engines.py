"""The whole switch between Teams and carriers with the engines that are not this process: rtpengine and the kernel."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from rustalk.media.bencode import decode, encode
from rustalk.media.relay import LOOK_INTERVAL
from rustalk.sdp.model import Direction
from rustalk.simulator.call import Call
from rustalk.simulator.catalogue.pair import Pair
from rustalk.simulator.catalogue.refer import ask, embedded, replaces, target, told_of
from rustalk.simulator.catalogue.site import ROLES
from rustalk.simulator.media import CARRIER_TONE, TEAMS_TONE, MediaCounts
from tests.live.central import LOOPBACK, Central, Place, apart
from tests.live.networks import root_only, wired
from tests.live.rtpengine import Rtpengine
from tests.live.running import Running

COLLEAGUE = "8:orgid:47f6c1b2-9f8e-4a8e-b1de-1c2d3e4f5a6b"
NUMBERS = {role.id: role.number for role in ROLES}
COUNTED = re.compile(r"counter packets (\d+) bytes \d+ :")
SHORT = 0.2
"""Seconds that stand for the longer intervals of the engine."""

Open = Callable[..., Awaitable[Central]]
Nodes = Callable[[], Rtpengine]


@pytest.fixture
def node(program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Starts daemons, each with an address and ports of its own. On a busy machine they may answer late."""
    monkeypatch.setattr("rustalk.media.ng.PATIENCE", 3.0)
    started: list[Rtpengine] = []

    def start() -> Rtpengine:
        number = len(started)
        directory, ports = tmp_path / f"rtpengine-{number}", (31000 + 200 * number, 31199 + 200 * number)
        started.append(Rtpengine(program("rtpengine"), directory, f"127.0.0.{81 + number}", ports))
        return started[-1].start()

    yield start
    for each in started:
        each.kill()
        print(f"--- what the rtpengine at {each.host} wrote\n{each.log}")


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Open]:
    """Starts the switch with these settings of media; at the end it must hold no call, and its log no fault."""
    opened: list[Central] = []

    async def start(media: dict[str, Any], place: Place = LOOPBACK, *, peers_only: bool = False) -> Central:
        made = Central(tmp_path / f"central-{len(opened)}", media, place)
        opened.append(made)
        if not peers_only:
            await made.open()
        return made

    yield start
    for each in opened:
        pytest_twisted.blockon(Deferred.fromCoroutine(each.close()))


def by(*nodes: Rtpengine) -> dict[str, Any]:
    """The media settings for these nodes."""
    return {"relay": "rtpengine", "rtpengine": [{"host": node.host, "port": node.port} for node in nodes]}


def calls_at(node: Rtpengine) -> int:
    """How many calls a node has: it is asked directly."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5.0)
        asking.connect((node.host, node.port))
        cookie = token_hex(8).encode()  # a node answers a cookie that it has met as it did before
        asking.send(b"%b %b" % (cookie, encode({"command": "list", "limit": 100})))
        answer = decode(asking.recv(65535).partition(b" ")[2])
    assert isinstance(answer, dict)
    calls = answer[b"calls"]
    assert isinstance(calls, list)
    return len(calls)


async def emptied(site: Central, *nodes: Rtpengine) -> None:
    """Nothing is left of any call, here and at the nodes."""
    assert site.switch.engine.streams == 0
    await site.scene.until(lambda: not any(map(calls_at, nodes)), "the nodes to delete the last call")


async def hold(site: Central, teams: Call, carrier: Call) -> None:
    """Teams holds: the carrier hears nothing."""
    assert (await teams.reinvite(Direction.INACTIVE)).status == 200
    await site.scene.quiet(carrier)


async def resume(site: Central, teams: Call, carrier: Call) -> None:
    """Teams goes on: both hear each other."""
    assert (await teams.reinvite(Direction.SENDRECV)).status == 200
    await site.scene.audio(teams, carrier)


async def transfer(site: Central, teams: Call, carrier: Call) -> Call:
    """Teams has us call a colleague in its place, who answers: the call that has the audio then (XFR-04)."""
    await ask(site.scene, teams, target(site.scene, object=COLLEAGUE))
    new = await site.scene.arrival()
    new.accept()
    assert await new.confirmed()
    await told_of(site.scene, teams, 200)
    await site.scene.over(teams, "the BYE of the transferred call")
    await site.scene.audio(new, carrier)
    return new


async def consultation(site: Central, role: str) -> tuple[Pair, Pair]:
    """A PBX talks to Teams and to a carrier, and asks by REFER with Replaces to have the two joined."""
    scene = site.scene
    pair = await scene.talk_to_teams("pbx")
    other = Pair(await scene.dial_teams("pbx", to=NUMBERS[role]), await scene.arrival(role))
    await scene.answer(other)
    for call in (other.placed, other.taken):
        call.sound.end.expect(CARRIER_TONE)
    await scene.audio(other.placed, other.taken)
    uri = f"sip:{NUMBERS[role]}@{scene.site.inside}:{scene.site.ports.carrier}{embedded(replaces(other.placed))}"
    response = await pair.carrier.request("REFER", fields=[("Refer-To", f"<{uri}>")])
    assert response is not None
    assert response.status == 202
    return pair, other


async def join(site: Central, role: str) -> tuple[Call, Call]:
    """The calls of those who are left when a PBX has joined them: Teams, and a carrier; they hear each other."""
    pair, other = await consultation(site, role)
    for call in (pair.carrier, other.placed):
        await site.scene.over(call, "the BYE to the PBX")
    other.taken.sound.end.expect(TEAMS_TONE)
    await site.scene.audio(pair.teams, other.taken)
    return pair.teams, other.taken


def torn(*calls: Call) -> list[MediaCounts]:
    """The counts of those that have not verified all packets that came while their peer was known, or missed some."""
    counts = [call.sound.counts for call in calls]
    return [each for each in counts if not each.good or each.lost or each.verified != each.received - each.early]


# rtpengine.


@pytest_twisted.ensureDeferred
async def test_a_node_carries_srtp_while_what_has_to_be_opened_goes_through_userspace(
    node: Nodes, central: Open
) -> None:
    """MED-04: a call each way with keys that pass, and one with a carrier of plain RTP at the same time."""
    only = node()
    site = await central(by(only))
    inbound, outbound = await site.scene.talk_to_teams(), await site.scene.talk_to_carrier()
    plain = await site.scene.talk_to_carrier("plain")
    calls = [call for pair in (inbound, outbound, plain) for call in (pair.teams, pair.carrier)]
    await site.scene.audio(*calls, packets=25)
    assert not torn(*calls)
    assert (calls_at(only), site.switch.engine.streams) == (2, 3)
    await site.hang_up(inbound.carrier, outbound.teams, plain.teams)
    await emptied(site, only)


@pytest.mark.parametrize("role", ["carrier", "plain"])
@pytest_twisted.ensureDeferred
async def test_a_node_follows_hold_and_resume(node: Nodes, central: Open, role: str) -> None:
    """HLD-03, HLD-04: Teams comes back from another media processor with another key."""
    only = node()
    site = await central(by(only))
    pair = await site.scene.talk_to_teams(role)
    await hold(site, pair.teams, pair.carrier)
    pair.teams.move()
    await resume(site, pair.teams, pair.carrier)
    await site.hang_up(pair.teams)
    await emptied(site, only)


@pytest_twisted.ensureDeferred
async def test_a_node_that_is_killed_loses_its_calls_and_no_others(
    node: Nodes, central: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes share calls; that of the killed one ends, the other one goes on, and new calls go there."""
    monkeypatch.setattr("rustalk.media.nodes.PING_INTERVAL", SHORT)
    monkeypatch.setattr("rustalk.media.nodes.GONE_AFTER", SHORT)
    monkeypatch.setattr("rustalk.media.rtpengine.POLL_INTERVAL", SHORT)
    killed, other = node(), node()
    site = await central({**by(killed, other), "timeout": 3})
    first, second = await site.scene.talk_to_teams(), await site.scene.talk_to_carrier()
    assert (calls_at(killed), calls_at(other)) == (1, 1)
    killed.kill()
    third = await site.scene.talk_to_teams()
    assert calls_at(other) == 2
    for call in (first.teams, first.carrier):
        await site.scene.over(call, "the end of the call at the killed node")
    assert [call.reason for call in site.switch.switch.calls(10, None).calls if call.ended] == ["no_media"]
    await site.scene.audio(second.teams, second.carrier, third.teams, third.carrier)
    await site.hang_up(second.teams, third.carrier)
    await emptied(site, other)


@pytest_twisted.ensureDeferred
async def test_what_a_transfer_by_teams_leaves_is_heard_through_a_node(node: Nodes, central: Open) -> None:
    """XFR-02, XFR-04: twice in one call, with the colleague at another port and key each time."""
    only = node()
    site = await central(by(only))
    pair = await site.scene.talk_to_carrier()
    first = await transfer(site, pair.teams, pair.carrier)
    second = await transfer(site, first, pair.carrier)
    assert calls_at(only) == site.switch.engine.streams == 1
    await site.hang_up(second)
    await emptied(site, only)


@pytest.mark.parametrize("count", [1, 2])
@pytest_twisted.ensureDeferred
async def test_two_calls_that_are_joined_hear_each_other_through_nodes(node: Nodes, central: Open, count: int) -> None:
    """XFR-07: from one stream into another at the same node, and at another one."""
    nodes = [node() for _ in range(count)]
    site = await central(by(*nodes))
    teams, carrier = await join(site, "carrier")
    assert [calls_at(each) for each in nodes] == [2 // count] * count
    await hold(site, teams, carrier)
    await resume(site, teams, carrier)
    await site.hang_up(teams)
    await emptied(site, *nodes)


@pytest_twisted.ensureDeferred
async def test_a_join_that_would_open_what_a_node_carries_is_refused(node: Nodes, central: Open) -> None:
    """XFR-07, HLD-04: SRTP of Teams, whose keys pass, does not become plain at a node; both calls go on."""
    only = node()
    site = await central(by(only))
    pair, other = await consultation(site, "plain")
    await told_of(site.scene, pair.carrier, 488)
    await site.scene.audio(pair.teams, pair.carrier, other.placed, other.taken)
    await site.hang_up(pair.carrier, other.placed)
    await emptied(site, only)


# The kernel.


@pytest.fixture
def networks() -> Iterator[Place]:
    """Three networks, of which this process is in that of the switch."""
    with wired() as made:
        place = apart(made)
        with made.switch:
            yield place


def carried() -> list[int]:
    """The packets that each route of the kernel has carried."""
    listed = subprocess.run(
        ["/usr/sbin/nft", "list", "map", "inet", "rustalk", "arrivals4"], capture_output=True, text=True, check=True
    )
    return [int(packets) for packets in COUNTED.findall(listed.stdout)]


def packets_carried() -> int:
    """All packets that the kernel has carried, those that took the shortcut at the ingress hook included."""
    tables = [
        subprocess.run(
            ["/usr/sbin/nft", "list", "table", family, "rustalk"], capture_output=True, text=True, check=False
        )
        for family in ("inet", "netdev")
    ]
    return sum(int(packets) for table in tables for packets in COUNTED.findall(table.stdout))


def spared(site: Central) -> bool:
    """Whether the kernel has nothing left to carry, and has not been given up."""
    return carried() == [] and not any("carries media no more" in warning for warning in site.log.warnings)


async def offloaded(site: Central, teams: Call, carrier: Call) -> None:
    """The kernel has both directions of the only call that it can carry, and what it carries is heard."""
    await site.scene.until(lambda: len(carried()) == 2, "the kernel to take the call over")
    before = packets_carried()
    await site.scene.audio(teams, carrier, packets=10)
    assert packets_carried() >= before + 15  # ten each way, but for what was on its way before


@root_only
@pytest_twisted.ensureDeferred
async def test_the_kernel_takes_a_call_over_gives_it_back_and_takes_it_again(networks: Place, central: Open) -> None:
    """HLD-04, MED-04: a new address brings it to userspace at once; a call of plain RTP stays there all the time."""
    site = await central({"relay": "kernel"}, networks)
    pair, plain = await site.scene.talk_to_teams(), await site.scene.talk_to_carrier("plain")
    await offloaded(site, pair.teams, pair.carrier)
    assert not torn(pair.teams, pair.carrier)
    await hold(site, pair.teams, pair.carrier)
    pair.teams.move()
    await resume(site, pair.teams, pair.carrier)
    await offloaded(site, pair.teams, pair.carrier)
    await site.scene.audio(plain.teams, plain.carrier)
    assert not torn(plain.teams, plain.carrier)
    await site.hang_up(pair.carrier, plain.teams)
    assert spared(site)


@root_only
@pytest_twisted.ensureDeferred
async def test_teams_transfers_a_call_that_the_kernel_carries(networks: Place, central: Open) -> None:
    """XFR-04: the colleague is heard, and soon by the kernel."""
    site = await central({"relay": "kernel"}, networks)
    pair = await site.scene.talk_to_carrier()
    await offloaded(site, pair.teams, pair.carrier)
    new = await transfer(site, pair.teams, pair.carrier)
    await offloaded(site, new, pair.carrier)
    await site.hang_up(new)
    assert spared(site)


@root_only
@pytest.mark.parametrize("role", ["carrier", "plain"])
@pytest_twisted.ensureDeferred
async def test_calls_that_are_joined_leave_the_kernel(networks: Place, central: Open, role: str) -> None:
    """XFR-07: packets of this host itself do not pass where the kernel would carry them."""
    site = await central({"relay": "kernel"}, networks)
    teams, carrier = await join(site, role)
    await site.scene.pause(2 * LOOK_INTERVAL)
    await site.scene.audio(teams, carrier)
    assert spared(site)
    await site.hang_up(carrier)


@root_only
@pytest_twisted.ensureDeferred
async def test_without_the_capability_calls_go_through_userspace(
    networks: Place, central: Open, switch: Callable[..., Running], program: Callable[[str], str]
) -> None:
    """The switch starts all the same, and says once what it needs."""
    site = await central({"relay": "kernel"}, networks, peers_only=True)
    running = switch(await site.open_peers(), ready=False, prefix=[program("setpriv"), "--bounding-set=-net_admin"])
    await site.ready()
    for _ in range(2):
        pair = await site.scene.talk_to_teams()
        assert await pair.carrier.hang_up() == 200
        await site.scene.over(pair.teams, "the BYE to Teams")
    running.signal(signal.SIGTERM)
    await site.scene.until(lambda: not running.alive, "the end of the process")
    warnings = [line for line in running.log.splitlines() if "Media goes through the userspace relay" in line]
    assert len(warnings) == 1
    assert "CAP_NET_ADMIN" in warnings[0]
