"""CPU per relayed packet: our relay beside a plain Twisted DatagramProtocol relay, in one run.

    PYTHONPATH=. python tests/bench/relay.py [--pps 30000] [--flows 100] [--seconds 3] [--runs 3]

Each relay runs in a process of its own on one processor, the packets' source and sink on another. 172-byte RTP packets
go one way. What counts is the relay's time on the processor, from /proc, per packet that reached the sink. The two
relays take turns; the ratio is the median of those of each two runs that follow each other, because what else runs on
the machine changes both. Near the plain relay's limit packets queue up, it reads them in batches, and the figure falls:
choose a rate at which its processor is not full. Exit code 1 when the ratio is over --bound.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from struct import pack_into

from twisted.internet.protocol import DatagramProtocol

from rustalk.media.ports import PortPool
from rustalk.media.relay import Relay
from tests.fakes.streams import opened

HOST = "127.0.0.1"
PACKET_SIZE = 172
SOURCE_PORT = 29000
SINK_PORTS = range(29001, 29101)  # many, so that none overflows while the sink process waits for its turn
KINDS = ("plain", "ours")
BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run showed: packets sent and received, and the relay's processor time in seconds."""

    sent: int
    received: int
    seconds: float

    @property
    def microseconds(self) -> float:
        """Processor time per packet that arrived."""
        return self.seconds * 1e6 / max(1, self.received)


class Leg(DatagramProtocol):
    """One port of the plain relay: learns its peer, sends what comes in out of the other leg."""

    def __init__(self, peer: tuple[str, int] | None) -> None:
        self.peer = peer
        self.other: Leg = self

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Pass one packet on."""
        if self.peer is None:
            self.peer = addr
        if self.other.peer is not None and self.other.transport is not None:
            self.other.transport.write(datagram, self.other.peer)


def run_relay(kind: str, flows: int) -> None:
    """Be the relay: print the ports to send to, then run until killed."""
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import reactor

    ports = open_plain(reactor, flows) if kind == "plain" else open_ours(reactor, flows)
    print(json.dumps(ports), flush=True)
    reactor.run()


def open_plain(reactor, flows: int) -> list[int]:
    """Two listening ports for each flow; the first of each is returned."""
    ports = []
    for flow in range(flows):
        near, far = Leg(None), Leg((HOST, SINK_PORTS[flow % len(SINK_PORTS)]))
        near.other, far.other = far, near
        listening = [reactor.listenUDP(0, leg, interface=HOST, maxPacketSize=2048) for leg in (near, far)]
        for port in listening:
            port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        ports.append(listening[0].getHost().port)
    return ports


def open_ours(reactor, flows: int) -> list[int]:
    """One stream for each flow, with statistics and strict source checking; side 0's RTP port is returned."""
    relay = Relay(reactor, PortPool(30000, 39999), clock=reactor, bind_addresses={4: HOST}, latching="strict")
    ports = []
    for flow in range(flows):
        sink = SINK_PORTS[flow % len(SINK_PORTS)]
        stream = opened(relay.open((4, 4)))
        stream.expect(0, (HOST, SOURCE_PORT), (HOST, SOURCE_PORT + 10))
        stream.expect(1, (HOST, sink), (HOST, sink + 10))
        stream.watch(True)
        ports.append(stream.local(0)[1])
    return ports


def run_source(ports: list[int], pps: int, seconds: float) -> None:
    """Be the source: send to all ports in turn at an even rate and print how many packets went out."""
    source = bound(SOURCE_PORT)
    packets = [bytearray(PACKET_SIZE) for _ in ports]
    for ssrc, packet in enumerate(packets):
        pack_into("!BBHII", packet, 0, 0x80, 0, 0, 0, ssrc)
    flows = [(packet, (HOST, port)) for packet, port in zip(packets, ports, strict=True)]
    sent = 0
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        due = int(passed * pps)
        if due == sent:
            time.sleep(0.0002)
        for number in range(sent, due):
            packet, address = flows[number % len(flows)]
            turn = number // len(flows)
            pack_into("!HI", packet, 2, turn & 0xFFFF, turn * 160 & 0xFFFFFFFF)
            source.sendto(packet, address)
        sent = due
    print(sent, flush=True)


def run_sink(seconds: float) -> None:
    """Be the sink: count what arrives in so many seconds and print it.

    It looks now and then instead of waiting in recv, because waking a waiting process would cost the relay time that
    a packet to another machine does not.
    """
    sinks = [bound(port) for port in SINK_PORTS]
    print("ready", flush=True)
    end = time.perf_counter() + seconds
    received = 0
    while time.perf_counter() < end:
        received += sum(map(drain, sinks))
        time.sleep(0.005)
    print(received, flush=True)


def drain(sink: socket.socket) -> int:
    """Empty a socket; how many packets it held."""
    buffer = bytearray(2048)
    count = 0
    while True:
        try:
            sink.recv_into(buffer)
        except BlockingIOError:
            return count
        count += 1


def bound(port: int) -> socket.socket:
    """A UDP socket with room for bursts."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * BUFFER)
    opened.setblocking(False)
    opened.bind((HOST, port))
    return opened


def start(role: str, options: argparse.Namespace, *, processor: int) -> subprocess.Popen[str]:
    """Start one of the processes above, on this processor."""
    command = [sys.executable, __file__, "--role", role, "--processor", str(processor)]
    for name in ("pps", "flows", "seconds"):
        command += [f"--{name}", str(getattr(options, name))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def processor_seconds(pid: int) -> float:
    """The processor time of a process with one thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(kind: str, options: argparse.Namespace) -> Sample:
    """One run of one relay."""
    relay = start(kind, options, processor=options.relay_processor)
    try:
        ports = relay.stdout.readline()
        sink = start("sink", options, processor=options.load_processor)
        sink.stdout.readline()
        source = start("source", options, processor=options.load_processor)
        before = processor_seconds(relay.pid)
        sent = source.communicate(ports, timeout=60)[0]
        received = sink.communicate(timeout=60)[0]
        return Sample(int(sent), int(received), processor_seconds(relay.pid) - before)
    finally:
        relay.kill()
        relay.communicate()


def compare(options: argparse.Namespace) -> int:
    """Let the relays take turns and print their figures; 1 when ours is over the bound."""
    samples: dict[str, list[Sample]] = {kind: [] for kind in KINDS}
    for _ in range(options.runs):
        for kind in KINDS:
            samples[kind].append(measure(kind, options))
    print(f"{options.pps} packets/s of {PACKET_SIZE} bytes in {options.flows} flows, {options.runs} runs each")
    for kind in KINDS:
        costs = [sample.microseconds for sample in samples[kind]]
        busy = statistics.median(sample.seconds for sample in samples[kind]) / options.seconds
        each = ", ".join(f"{cost:.2f}" for cost in costs)
        loss = 1 - sum(s.received for s in samples[kind]) / sum(s.sent for s in samples[kind])
        median = statistics.median(costs)
        print(f"{kind:6} {median:6.2f} CPU-us per packet ({each}), processor {busy:.0%}, loss {loss:.3%}")
    pairs = zip(samples["ours"], samples["plain"], strict=True)
    ratio = statistics.median(ours.microseconds / plain.microseconds for ours, plain in pairs)
    print(f"ratio  {ratio:6.3f} (bound {options.bound})")
    return int(ratio > options.bound)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pps", type=int, default=30000)
    parser.add_argument("--flows", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bound", type=float, default=0.7)
    parser.add_argument("--relay-processor", type=int, default=1)
    parser.add_argument("--load-processor", type=int, default=0)
    parser.add_argument("--role", choices=("plain", "ours", "source", "sink"), help=argparse.SUPPRESS)
    parser.add_argument("--processor", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Compare, or be one of the processes that the comparison starts."""
    options = arguments()
    if options.role is None:
        return compare(options)
    os.sched_setaffinity(0, {options.processor})
    if options.role == "sink":
        run_sink(options.seconds + 1.5)
    elif options.role == "source":
        run_source(json.loads(sys.stdin.readline()), options.pps, options.seconds)
    else:
        run_relay(options.role, options.flows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
