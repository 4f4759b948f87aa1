"""Real packets through the kernel relay: a caller, the switch and a callee in network namespaces of their own.

The relay's sockets are read only when a test says so. What arrives before that, the kernel has carried.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
from twisted.internet.task import Clock

from rustalk.media.kernel import PROOF, Kernel, open_kernel
from rustalk.media.ports import PortPool
from rustalk.media.relay import Relay, Stream
from rustalk.rtp.rtcp import SenderReport
from tests.fakes.party import voice
from tests.fakes.streams import opened
from tests.live.networks import CALLEE, CALLER, SWITCH, Network, Wired, root_only, wired
from tests.live.running import ROOT

pytestmark = root_only

PATIENCE = 5.0
REPORT = SenderReport(7, 1, 2, 3, 4).build()
STUN = bytes.fromhex("0001 0000 2112a442 000102030405060708090a0b")
NO_CHECKSUM = 11  # SO_NO_CHECK
IP_RECVERR, IP_RECVTTL = 11, 12
IPV6_UNICAST_HOPS, IPV6_RECVHOPLIMIT = 16, 51
DROP_FORWARDED = "nft 'table inet firewall { chain forwarded { type filter hook forward priority 0; policy drop; }; }'"
POLICY = "ip xfrm policy {} dir out src 10.0.0.0/8 dst 10.1.0.0/16"
TUNNEL = " tmpl src 192.0.2.1 dst 192.0.2.9 proto esp mode tunnel"
DROP_AT_INGRESS = """
nft 'table netdev firewall { chain arriving { type filter hook ingress device caller priority 0; policy drop; }; }'
"""
HOLD_TABLES = """
import socket
import sys
from rustalk.media.ingress import Ingress, Passage
from rustalk.media.netlink import Netlink
from rustalk.media.nftables import Table
from rustalk.media.offload import Route
from rustalk.media.rules import NETFILTER
route = Route(("192.0.2.2", 4000), ("203.0.113.1", 20000), ("203.0.113.1", 20002), ("198.51.100.2", 5000))
table = Table(Netlink(NETFILTER), Netlink(NETFILTER))
table.add(route)
ingress = Ingress(Netlink(NETFILTER), Netlink(NETFILTER), Netlink(socket.NETLINK_ROUTE))
ingress.add(route, Passage(socket.if_nametoindex("caller"), socket.if_nametoindex("callee"), b"1234"))
print("held", flush=True)
sys.stdin.read()
"""


class Reader(Protocol):
    """What the relay gives the reactor to read."""

    def fileno(self) -> int: ...

    def doRead(self) -> object: ...


class Lab:
    """The relay in the middle, which reads by ``read`` only, and sockets on either side of it."""

    def __init__(self, networks: Wired) -> None:
        self.networks = networks
        self.clock = Clock()
        self.readers: set[Reader] = set()
        self.sockets: list[socket.socket] = []
        with networks.switch:
            kernel = open_kernel([4, 6], self.clock)
            assert kernel is not None
            self.kernel: Kernel = kernel
            self.relay = Relay(
                self,
                PortPool(20000, 20999),
                clock=self.clock,
                bind_addresses=SWITCH,
                latching="strict",
                offload=kernel,
            )

    def addReader(self, reader: Reader) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Reader) -> None:
        self.readers.discard(reader)

    def party(self, network: Network, host: str) -> socket.socket:
        """A UDP socket at this address."""
        with network:
            made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, 0))
        made.settimeout(PATIENCE)
        self.sockets.append(made)
        return made

    def parties(self, family: int = 4) -> tuple[socket.socket, socket.socket]:
        """A caller and a callee."""
        return (
            self.party(self.networks.caller, CALLER[family]),
            self.party(self.networks.callee, CALLEE[family]),
        )

    def connect(self, caller: socket.socket, callee: socket.socket, *, muxed: bool = False) -> Stream:
        """A stream between the two that the kernel has taken over; with RTCP on the RTP ports where ``muxed``."""
        family = 6 if caller.family == socket.AF_INET6 else 4
        with self.networks.switch:
            stream = opened(self.relay.open((family, family)))
            for side, party in enumerate((caller, callee)):
                address = party.getsockname()[:2]
                stream.expect(side, address, address if muxed else None)
        self.look()
        return stream

    def look(self) -> None:
        """Let the relay look at all streams twice, and the kernel's counters be read."""
        self.clock.pump([1 / 16] * 40)

    def read(self, until: Callable[[], bool]) -> None:
        """Let the relay read what the kernel left to it, as long as that is not so."""
        while not until():
            ready, _, _ = select.select(list(self.readers), [], [], PATIENCE)
            assert ready, "nothing came to the relay"
            for reader in ready:
                reader.doRead()

    def elements(self) -> str:
        """What is in the kernel's maps."""
        return "".join(self.networks.switch.run("nft list ruleset").partition("elements")[1:])

    def short(self) -> int:
        """How many packets have taken the shortcut."""
        listed = self.networks.switch.run("nft list table netdev rustalk")
        return sum(int(count) for count in re.findall(r"counter packets (\d+)", listed))

    def close(self) -> None:
        """End all of it."""
        self.relay.close()
        for each in self.sockets:
            each.close()
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def networks() -> Iterator[Wired]:
    with wired() as made:
        yield made


@pytest.fixture
def lab(networks: Wired) -> Iterator[Lab]:
    made = Lab(networks)
    yield made
    made.close()


def port_of(stream: Stream, side: int) -> tuple[str, int]:
    host, rtp, _ = stream.local(side)
    return host, rtp


def received(party: socket.socket, count: int) -> list[bytes]:
    """The next datagrams."""
    return [party.recv(65536) for _ in range(count)]


def is_empty(party: socket.socket) -> bool:
    """Whether nothing waits to be received; to be asked after something that was sent later has come."""
    return not select.select([party], [], [], 0)[0]


def big(count: int) -> list[bytes]:
    """RTP of more than a kilobyte, which takes no shortcut."""
    return [packet + bytes(1000) for packet in voice(count)]


def let_the_network_card_leave_checksums(networks: Wired, on: bool) -> None:
    """Whether the wires' ends send UDP with a checksum to be finished later (as they do at first), or a whole one."""
    with networks.caller, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        value = ctypes.create_string_buffer(struct.pack("=II", 0x17, int(on)))  # ETHTOOL_STXCSUM
        fcntl.ioctl(asked, 0x8946, struct.pack("16sQ16x", b"net", ctypes.addressof(value)))  # SIOCETHTOOL


@pytest.mark.parametrize("family", [4, 6])
def test_the_kernel_carries_voice_both_ways_byte_for_byte(lab: Lab, family: int) -> None:
    """Nothing is read by the relay, and each side sees the port that it was told of."""
    caller, callee = lab.parties(family)
    stream = lab.connect(caller, callee)
    for packet in voice(50, text=b"hello"):
        caller.sendto(packet, port_of(stream, 0))
    for packet in voice(50, text=b"good day"):
        callee.sendto(packet, port_of(stream, 1))
    data, source = callee.recvfrom(2000)
    assert source[:2] == port_of(stream, 1)
    assert [data, *received(callee, 49)] == voice(50, text=b"hello")
    data, source = caller.recvfrom(2000)
    assert source[:2] == port_of(stream, 0)
    assert [data, *received(caller, 49)] == voice(50, text=b"good day")
    assert lab.short() == 100


@pytest.mark.parametrize("family", [4, 6])
def test_big_packets_go_the_longer_way_and_are_counted_with_the_others(lab: Lab, family: int) -> None:
    caller, callee = lab.parties(family)
    stream = lab.connect(caller, callee)
    packets = [*voice(3), *big(4)]
    for packet in packets:
        caller.sendto(packet, port_of(stream, 0))
    assert received(callee, 7) == packets
    lab.look()
    assert lab.short() == 3
    assert (stream.statistics(0).packets, stream.statistics(0).bytes) == (7, sum(map(len, packets)))


@pytest.mark.parametrize("family", [4, 6])
def test_what_is_carried_has_one_hop_less_to_live(lab: Lab, family: int) -> None:
    caller, callee = lab.parties(family)
    ask, limit = (IP_RECVTTL, socket.IP_TTL) if family == 4 else (IPV6_RECVHOPLIMIT, IPV6_UNICAST_HOPS)
    level = socket.IPPROTO_IP if family == 4 else socket.IPPROTO_IPV6
    callee.setsockopt(level, ask, 1)
    caller.setsockopt(level, limit, 42)
    stream = lab.connect(caller, callee)
    for packet in (voice(1)[0], big(1)[0]):
        caller.sendto(packet, port_of(stream, 0))
        _, [(_, _, left)], _, _ = callee.recvmsg(2000, 64)
        assert int.from_bytes(left, sys.byteorder) == 41
    assert lab.short() == 1


def test_who_sends_with_one_hop_to_live_hears_that_it_was_not_enough(lab: Lab) -> None:
    """The router in the kernel says so (ICMP); a shortcut would only be silent."""
    caller, callee = lab.parties()
    caller.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    caller.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    stream = lab.connect(caller, callee)
    caller.sendto(voice(1)[0], port_of(stream, 0))
    with pytest.raises(OSError, match=os.strerror(errno.EHOSTUNREACH)):
        caller.recv(2000)
    assert is_empty(callee)


def test_another_gateway_is_taken_at_the_next_look(lab: Lab) -> None:
    """The shortcut goes where routing goes, and what it had counted is not lost."""
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    caller.sendto(voice(1)[0], port_of(stream, 0))
    assert received(callee, 1) == voice(1)
    lab.networks.switch.run("ip neigh add 198.51.100.9 dev callee lladdr 02:00:00:00:09:09")
    lab.networks.switch.run("ip route add 198.51.100.2/32 via 198.51.100.9")
    lab.look()
    caller.sendto(voice(1)[0], port_of(stream, 0))
    lab.networks.switch.run("ip neigh replace 198.51.100.9 dev callee lladdr 02:00:00:00:02:02")
    caller.sendto(voice(2)[1], port_of(stream, 0))
    assert received(callee, 1) == voice(2)[1:]
    lab.look()
    assert (stream.statistics(0).packets, lab.short()) == (3, 2)


def test_where_routing_leads_nowhere_no_shortcut_is_left(lab: Lab) -> None:
    lab.connect(*lab.parties())
    lab.networks.switch.run("ip route add unreachable 198.51.100.2/32")
    lab.look()
    assert "elements" not in lab.networks.switch.run("nft list table netdev rustalk")


def test_under_a_policy_of_ipsec_all_goes_the_longer_way(lab: Lab) -> None:
    """A shortcut would leave out the encryption."""
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    for change, short in ((POLICY.format("add") + TUNNEL, 0), (POLICY.format("delete"), 1)):
        lab.networks.switch.run(change)
        lab.look()
        caller.sendto(voice(1)[0], port_of(stream, 0))
        assert received(callee, 1) == voice(1)
        assert lab.short() == short


def test_packets_that_were_not_sent_to_our_mac_address_are_let_be(lab: Lab) -> None:
    """What a card sees in passing, listening to all, is not ours to forward."""
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    lab.networks.caller.run("ip neigh replace 192.0.2.1 dev net lladdr 02:00:00:00:07:07")
    caller.sendto(voice(1)[0], port_of(stream, 0))
    lab.networks.caller.run("ip neigh replace 192.0.2.1 dev net lladdr 02:00:00:00:01:01")
    caller.sendto(voice(2)[1], port_of(stream, 0))
    assert received(callee, 1) == voice(2)[1:]
    assert lab.short() == 1


def test_a_firewall_at_the_ingress_sees_packets_before_the_shortcut(lab: Lab) -> None:
    lab.networks.switch.run(DROP_AT_INGRESS)
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    caller.sendto(voice(1)[0], port_of(stream, 0))
    callee.sendto(voice(1)[0], port_of(stream, 1))
    assert received(caller, 1) == voice(1)
    assert is_empty(callee)
    assert lab.short() == 1


@pytest.mark.parametrize("family", [4, 6])
def test_whole_checksums_are_mended_too(lab: Lab, family: int) -> None:
    """As packets come from a real wire; a wrong one would be thrown away by the callee's system."""
    let_the_network_card_leave_checksums(lab.networks, False)
    caller, callee = lab.parties(family)
    stream = lab.connect(caller, callee)
    packets = [packet[: 12 + size] for size, packet in enumerate(voice(100))]  # every length, odd ones too
    for packet in packets:
        caller.sendto(packet, port_of(stream, 0))
    assert received(callee, 100) == packets


def test_a_packet_without_a_checksum_goes_through_userspace(lab: Lab) -> None:
    caller, callee = lab.parties()
    caller.setsockopt(socket.SOL_SOCKET, NO_CHECKSUM, 1)
    stream = lab.connect(caller, callee)
    caller.sendto(voice(1)[0], port_of(stream, 0))
    lab.read(until=lambda: stream.statistics(0).packets == 1)
    assert received(callee, 1) == voice(1)
    assert lab.kernel.routes == 2


def test_strangers_get_nothing_through(lab: Lab) -> None:
    """A20: another port of the same host, and another host, at either of our ports."""
    caller, callee = lab.parties()
    strangers = lab.parties()
    stream = lab.connect(caller, callee)
    for stranger in strangers:
        for side in (0, 1):
            for packet in voice(10, text=b"evil"):
                stranger.sendto(packet, port_of(stream, side))
    caller.sendto(voice(1)[0], port_of(stream, 0))
    callee.sendto(voice(1)[0], port_of(stream, 1))
    assert received(callee, 1) == received(caller, 1) == voice(1)
    lab.look()
    assert is_empty(caller)
    assert is_empty(callee)
    assert [stream.statistics(side).packets for side in (0, 1)] == [1, 1]


def test_rtcp_and_stun_on_the_rtp_port_stay_with_the_relay(lab: Lab) -> None:
    """MED-10, ICE-07: RTCP crosses and is counted, STUN does not cross."""
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee, muxed=True)
    for datagram in (STUN, REPORT, b"\x80\x00short"):
        caller.sendto(datagram, port_of(stream, 0))
    lab.read(until=lambda: stream.discarded(0).malformed == 1)
    caller.sendto(voice(1)[0], port_of(stream, 0))
    assert received(callee, 2) == [REPORT, *voice(1)]
    assert stream.controls(0) == 1
    assert stream.discarded(0).stun == 1


def test_packets_and_bytes_are_known_loss_and_jitter_are_not(lab: Lab) -> None:
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    for packet in voice(20)[::2]:
        caller.sendto(packet, port_of(stream, 0))
    received(callee, 10)
    lab.look()
    figures = stream.statistics(0)
    assert (figures.packets, figures.bytes) == (10, 1720)
    assert (figures.lost, figures.jitter_ms) == (None, None)
    assert figures.last_arrival is not None


def test_a_side_that_is_not_heard_is_noticed(lab: Lab) -> None:
    """The watches of the relay go by what the kernel counts."""
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    missing: list[int] = []
    stream.on_one_way = missing.append
    stream.watch(True)
    for _ in range(8):
        caller.sendto(voice(1)[0], port_of(stream, 0))
        received(callee, 1)
        lab.look()
    assert missing == [1]


def test_after_a_change_of_address_the_old_one_gets_nothing_more(lab: Lab) -> None:
    """The relay has the stream at once, and the kernel again at the next look."""
    caller, callee = lab.parties()
    _, other = lab.parties()
    stream = lab.connect(caller, callee)
    stream.expect(1, other.getsockname(), None)
    assert lab.kernel.routes == 0
    caller.sendto(voice(1)[0], port_of(stream, 0))
    lab.read(until=lambda: stream.statistics(0).packets == 1)
    lab.look()
    assert lab.kernel.routes == 2
    caller.sendto(voice(1)[0], port_of(stream, 0))
    assert received(other, 2) == voice(1) * 2
    assert is_empty(callee)


def test_a_closed_stream_leaves_no_element(lab: Lab) -> None:
    stream = lab.connect(*lab.parties())
    assert str(port_of(stream, 0)[1]) in lab.elements()
    stream.close()
    assert lab.elements() == ""


def test_a_hundred_streams_leave_no_element(lab: Lab) -> None:
    streams = [lab.connect(*lab.parties()) for _ in range(100)]
    assert lab.kernel.routes == 200
    for stream in streams:
        stream.close()
    assert (lab.kernel.routes, lab.elements()) == (0, "")


def test_treated_streams_stay_in_userspace(lab: Lab) -> None:
    """The kernel cannot end SRTP."""
    caller, callee = lab.parties()
    with lab.networks.switch:
        stream = opened(lab.relay.open((4, 4), treated=True))
    stream.expect(0, caller.getsockname(), None)
    stream.expect(1, callee.getsockname(), None)
    lab.look()
    assert lab.kernel.routes == 0


def test_where_a_firewall_drops_what_is_forwarded_streams_come_back(lab: Lab) -> None:
    lab.networks.switch.run(DROP_FORWARDED)
    caller, callee = lab.parties()
    stream = lab.connect(caller, callee)
    for packet in big(PROOF):
        caller.sendto(packet, port_of(stream, 0))
    lab.look()
    assert lab.kernel.routes == 1
    caller.sendto(voice(1)[0], port_of(stream, 0))
    lab.read(until=lambda: stream.statistics(0).packets == PROOF + 1)
    assert received(callee, 1) == voice(1)


def test_what_a_killed_process_held_is_gone(networks: Wired) -> None:
    """kill -9 leaves nothing behind, and the next process starts with a table of its own."""
    with networks.switch:
        held = subprocess.Popen(
            [sys.executable, "-c", HOLD_TABLES], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    with held:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        assert networks.switch.run("nft list ruleset").count("192.0.2.2 . 4000") == 3
        held.send_signal(signal.SIGKILL)
        held.wait(PATIENCE)
    assert networks.switch.run("nft list ruleset") == ""
    Lab(networks).close()


def test_without_the_capability_media_stays_in_userspace(networks: Wired) -> None:
    with networks.switch:
        os.seteuid(65534)
        try:
            assert open_kernel([4], Clock()) is None
        finally:
            os.seteuid(0)


def test_where_nothing_is_forwarded_media_stays_in_userspace(networks: Wired) -> None:
    networks.switch.forward(False)
    with networks.switch:
        assert open_kernel([4, 6], Clock()) is None
