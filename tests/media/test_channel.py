"""One UDP port of a side: the states of its reading, and what cannot be sent."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from rustalk.media.channel import LARGEST_DATAGRAM, QUEUED_PER_TURN, RtcpChannel, RtpChannel
from rustalk.media.poll import Poll
from rustalk.media.ports import PortPool, open_pair
from tests.fakes.party import udptl, voice

REPORT = bytes.fromhex("80c90001 00000007")


class Reactor:
    """The polls are read by hand here."""

    def addReader(self, reader: object) -> None: ...

    def removeReader(self, reader: object) -> None: ...


class Bench:
    """A channel on loopback whose packets leave by ``out``; ``peer`` is its source, ``stranger`` someone else."""

    def __init__(self) -> None:
        self.poll = Poll(Reactor(), Clock())
        self.buffer = memoryview(bytearray(LARGEST_DATAGRAM))
        pair = open_pair(PortPool(23000, 23999), 4, "127.0.0.1")
        self.port, far = pair.rtp, pair.rtcp
        self.sockets = [self.port, far]
        self.peer, self.stranger, self.out = self.bound(), self.bound(), self.bound()
        self.channel = RtpChannel(self.port, self.poll, self.buffer)
        self.far = RtpChannel(far, self.poll, self.buffer)
        self.channel.onward = self.channel.control_onward = self.far
        self.far.onward = self.far.control_onward = self.channel
        self.far.expect(self.out.getsockname(), learning=False)

    def bound(self) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.bind(("127.0.0.1", 0))
        self.sockets.append(opened)
        return opened

    def expect_peer(self) -> None:
        self.channel.expect(self.peer.getsockname(), learning=False)

    def send(self, sender: socket.socket, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            sender.sendto(datagram, self.port.getsockname())

    def passed(self) -> list[bytes]:
        """What has come out at the other side."""
        came = []
        while True:
            try:
                came.append(self.out.recv(LARGEST_DATAGRAM))
            except BlockingIOError:
                return came

    @property
    def reader(self) -> str:
        return self.poll._receivers[self.port.fileno()].__name__


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.poll.close()
    for opened in bench.sockets:
        opened.close()


def test_nobody_is_heard_before_anybody_is_expected(bench: Bench) -> None:
    bench.send(bench.stranger, voice(3))
    for _ in range(3):
        bench.poll.doRead()
    assert (bench.passed(), bench.channel.foreign) == ([], 3)


def test_a_held_source_is_read_without_its_address_once_the_queue_is_empty(bench: Bench) -> None:
    bench.expect_peer()
    readers = []
    for number in range(3):
        bench.send(bench.peer, voice(1, first=number))
        bench.poll.doRead()
        readers.append(bench.reader)
    assert readers == ["_receive_queued", "_receive_held", "_receive_held"]
    assert bench.passed() == voice(3)


def test_a_long_queue_of_strangers_is_worked_off_in_turns(bench: Bench) -> None:
    bench.send(bench.stranger, voice(QUEUED_PER_TURN))
    bench.send(bench.peer, voice(2))
    bench.expect_peer()
    bench.poll.doRead()
    assert (bench.passed(), bench.channel.foreign) == ([], QUEUED_PER_TURN)
    bench.poll.doRead()
    assert bench.passed() == voice(2)


def test_the_kernel_refuses_strangers_while_a_source_is_held(bench: Bench) -> None:
    bench.expect_peer()
    bench.send(bench.stranger, voice(9))
    bench.poll.doRead()
    assert (bench.passed(), bench.channel.foreign) == ([], 0)


def test_another_address_makes_the_port_hear_everyone_again(bench: Bench) -> None:
    """And it stays the port it was."""
    bench.expect_peer()
    port = bench.port.getsockname()
    bench.channel.expect(("127.0.0.9", 9), learning=True)
    assert bench.port.getsockname() == port
    assert bench.reader == "_receive_any"
    bench.send(bench.stranger, voice(1))
    bench.poll.doRead()
    assert bench.channel.foreign == 1


def test_a_refusal_by_the_peer_is_not_the_end_of_reading(bench: Bench) -> None:
    """The ICMP answer to what we sent is told where the socket is read, before anything else that waits."""
    bench.expect_peer()
    bench.peer.close()
    for _ in range(4):
        bench.port.send(b"nobody there")
        bench.poll.doRead()
    assert bench.reader in ("_receive_queued", "_receive_held")


def test_a_refusal_is_tried_once_more(bench: Bench) -> None:
    sent: list[bytes] = []
    bench.far.push = lambda datagram: sent.append(bytes(datagram))
    bench.far.recover(12, ConnectionRefusedError())
    assert (len(sent), bench.far.unsent) == (1, 0)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), OSError(errno.ENETUNREACH, "unreachable")])
def test_what_fails_again_or_otherwise_is_lost_and_counted(bench: Bench, error: OSError) -> None:
    def fail(datagram: memoryview) -> object:
        raise error

    bench.far.push = fail
    bench.far.recover(12, error)
    assert bench.far.unsent == 1


def test_a_socket_that_cannot_be_disconnected_says_so(bench: Bench) -> None:
    bench.expect_peer()
    bench.port.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        bench.channel.expect(bench.stranger.getsockname(), learning=False)


def test_the_rtcp_port_passes_reports_only(bench: Bench) -> None:
    control = RtcpChannel(bench.bound(), bench.poll, bench.buffer, bench.channel.latch)
    control.onward = control.control_onward = bench.far
    control.expect(bench.peer.getsockname(), learning=False)
    for datagram in (*voice(1), b"", REPORT[:7], REPORT):
        bench.peer.sendto(datagram, control._socket.getsockname())
    bench.poll.doRead()
    assert (bench.passed(), control.controls, control.malformed) == ([REPORT], 1, 3)


STUN = bytes.fromhex("0001 0000 2112a442 000102030405060708090a0b")


def test_an_opaque_port_passes_whatever_its_source_sends(bench: Bench) -> None:
    """Fax (T.38), also where it looks like RTP or RTCP; STUN goes no further (ICE-07), nor what has no number."""
    bench.expect_peer()
    bench.channel.carry(opaque=True)
    datagrams = [*udptl(3), udptl(1, first=0x8000)[0], *voice(2), REPORT, b"\x00\x04"]
    bench.send(bench.peer, [*datagrams, STUN, b"", b"\x00"])
    bench.send(bench.stranger, udptl(9))
    for _ in range(3):
        bench.poll.doRead()
    assert bench.passed() == datagrams
    assert (bench.channel.stun, bench.channel.malformed, bench.channel.controls) == (1, 2, 0)


def test_what_is_opaque_is_counted_and_not_measured(bench: Bench) -> None:
    """Packets and bytes only; the audio before and after it is counted on."""
    bench.expect_peer()
    for opaque, datagrams in ((False, voice(2)), (True, udptl(3)), (False, voice(2, first=2))):
        bench.channel.carry(opaque=opaque)
        bench.send(bench.peer, datagrams)
        for _ in datagrams:
            bench.poll.doRead()
    found = bench.channel.arrivals.snapshot()
    assert (found.packets, found.bytes) == (7, 4 * 172 + sum(map(len, udptl(3))))
    assert (found.lost, found.reordered, found.jitter_ms, found.loss_percent) == (None, None, None, None)


def test_an_opaque_port_has_a_reader_of_its_own(bench: Bench) -> None:
    """The one for RTP does not look at what it reads."""
    bench.expect_peer()
    readers = []
    for opaque in (False, True, False):
        bench.channel.carry(opaque=opaque)
        for _ in range(2):
            bench.send(bench.peer, [b"\x00\x00\x00"])
            bench.poll.doRead()
        readers.append(bench.reader)
    assert readers == ["_receive_held", "_receive_opaque", "_receive_held"]


def test_an_opaque_port_learns_from_what_is_numbered(bench: Bench) -> None:
    """MED-16: as for RTP, four in sequence; neither STUN nor audio that is still on its way teaches anything."""
    bench.channel.expect(("127.0.0.9", 9), learning=True)
    bench.channel.carry(opaque=True)
    for datagrams, through in ((voice(6), 0), ([STUN] * 6, 0), (udptl(6), 3)):
        bench.send(bench.stranger, datagrams)
        for _ in datagrams:
            bench.poll.doRead()
        assert len(bench.passed()) == through
    bench.send(bench.peer, udptl(6))
    for _ in range(6):
        bench.poll.doRead()
    assert bench.passed() == []


def test_a_closed_channel_is_silent(bench: Bench) -> None:
    bench.expect_peer()
    bench.send(bench.peer, voice(1))
    bench.channel.close()
    bench.poll.doRead()
    assert (bench.passed(), bench.channel.push) == ([], None)
