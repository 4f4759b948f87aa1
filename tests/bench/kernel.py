"""CPU per relayed packet of the kernel relay, the userspace relay and rtpengine in userspace, on the same traffic.

    PYTHONPATH=. python tests/bench/kernel.py [--pps 20000] [--flows 200] [--seconds 3] [--runs 3]     as root

A source, the relay and a sink each live in a network namespace of their own, with a wire (veth) between each two.
172-byte RTP packets go one way; the sink counts and drops them as they come off the wire. What the kernel does with a
packet is done in the time of whichever process sent it, so what counts is the time on the processor of source, relay
and ksoftirqd, from /proc, less what the same traffic costs without a relay, when the sink is at the other end of the
first wire; that is taken away from all kinds alike, and the figures that it was not taken from are printed beside
("gross"). "routed" is what it costs when the host in the middle is a plain router, most of which is the second wire:
what carries packets in the kernel can hardly cost less. (With CONFIG_IRQ_TIME_ACCOUNTING the time of processes would
leave that work out: then it refuses to run.) The kinds take turns; the figures are medians. One line of JSON per kind,
and one with the ratio of the kernel's packets per CPU second to those of the userspace relay, which is the quotient of
the net figures; exit code 1 when it is under --bound. rtpengine is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import pack, pack_into

from rustalk.media.bencode import decode, encode
from rustalk.media.kernel import open_kernel
from rustalk.media.ports import PortPool
from rustalk.media.relay import Relay
from tests.fakes.streams import opened
from tests.live.networks import CALLEE, CALLER, SWITCH, Network, Wired, wired

PACKET_SIZE = 172
SOURCE_PORT = 29000
FIRST_SINK = 29001
PART = 50
NG = ("127.0.0.1", 2223)
SINK = (
    "nft 'table inet sink { chain drops { type filter hook prerouting priority -400; udp dport 29001-29999 drop; }; }'"
)
LIBC = ctypes.CDLL(None, use_errno=True)
SDP = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtcp:9\r\n"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run showed: packets sent and received, and processor time in seconds, of all and of the relay."""

    sent: int
    received: int
    seconds: float
    relay: float


def run_relay(kind: str, flows: int) -> None:
    """Be the relay: print the ports to send to when it is ready, then run until killed."""
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import reactor

    engine = open_kernel([4], reactor) if kind == "kernel" else None
    relay = Relay(
        reactor, PortPool(30000, 39999), clock=reactor, bind_addresses=SWITCH, latching="strict", offload=engine
    )
    ports = []
    for flow in range(flows):
        stream = opened(relay.open((4, 4)))
        stream.expect(0, (CALLER[4], SOURCE_PORT), None)
        stream.expect(1, (CALLEE[4], FIRST_SINK + flow), None)
        stream.watch(True)
        ports.append(stream.local(0)[1])

    def ready() -> None:
        if engine is not None and engine.routes != 2 * flows:
            raise SystemExit(f"the kernel carries {engine.routes} routes of {2 * flows}")
        print(json.dumps(ports), flush=True)

    reactor.callLater(2.5, ready)  # the relay looks at every stream once a second
    reactor.run()


def run_rtpengine(flows: int) -> None:
    """Become rtpengine, after a child that tells it of the calls and prints the ports to send to."""
    if os.fork():
        numbers = ["--port-min=30000", "--port-max=39999", "--num-threads=1"]
        where = [f"--interface={SWITCH[4]}", f"--listen-ng={NG[0]}:{NG[1]}", "--table=-1", "--foreground"]
        os.execvp("rtpengine", ["rtpengine", *where, *numbers, "--log-stderr", "--log-level=3"])
    time.sleep(1.0)
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.settimeout(5)
    print(json.dumps([add_call(asked, flow) for flow in range(flows)]), flush=True)
    os._exit(0)


def add_call(asked: socket.socket, flow: int) -> int:
    """Tell rtpengine of one call; the port that the caller is to send to."""
    call = {"call-id": f"bench-{flow}", "from-tag": "a", "ICE": "remove"}
    request(asked, {"command": "offer", "sdp": SDP.format(host=CALLER[4], port=SOURCE_PORT), **call})
    callee = SDP.format(host=CALLEE[4], port=FIRST_SINK + flow)
    answered = request(asked, {"command": "answer", "sdp": callee, "to-tag": "b", **call})
    return int(answered.split(b"m=audio ")[1].split()[0])


def request(asked: socket.socket, body: dict[str, str]) -> bytes:
    """One NG question; the session description of the answer."""
    cookie = f"{body['call-id']}-{body['command']} "
    asked.sendto(cookie.encode() + encode(body), NG)
    answer = decode(asked.recv(65536).split(b" ", 1)[1])
    return answer[b"sdp"]


class Message(ctypes.Structure):
    """struct mmsghdr of sendmmsg(2), for one buffer and one address."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_size_t),
        ("sent", ctypes.c_size_t),
    )


class Burst:
    """One packet for each flow, sent by one system call: the source is to cost little beside the relay."""

    def __init__(self, ports: list[int], host: str) -> None:
        self.packets = [bytearray(PACKET_SIZE) for _ in ports]
        self._kept: list[object] = []
        self._messages = (Message * len(ports))()
        for ssrc, (message, packet, port) in enumerate(zip(self._messages, self.packets, ports, strict=True)):
            pack_into("!BBHII", packet, 0, 0x80, 0, 0, 0, ssrc)
            address = ctypes.create_string_buffer(
                pack("=H", socket.AF_INET) + pack("!H", port) + socket.inet_aton(host), 16
            )
            held = (ctypes.c_char * PACKET_SIZE).from_buffer(packet)
            vector = (ctypes.c_size_t * 2)(ctypes.addressof(held), PACKET_SIZE)
            self._kept += [address, held, vector]
            message.name, message.name_size = ctypes.addressof(address), 16
            message.vectors, message.vector_count = ctypes.addressof(vector), 1

    def send(self, opened: socket.socket, turn: int, first: int, count: int) -> None:
        """Send the packets of so many flows from the first on, the ``turn``-th of each."""
        for packet in self.packets[first : first + count]:
            pack_into("!HI", packet, 2, turn & 0xFFFF, turn * 160 & 0xFFFFFFFF)
        where = ctypes.addressof(self._messages) + first * ctypes.sizeof(Message)
        sent = LIBC.sendmmsg(opened.fileno(), ctypes.c_void_p(where), count, 0)
        assert sent == count, (sent, os.strerror(ctypes.get_errno()))


def run_source(ports: list[int], host: str, pps: int, seconds: float) -> None:
    """Be the source: send to all ports in turn, PART at once, and print how many packets went out."""
    source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    source.bind((CALLER[4], SOURCE_PORT))
    burst = Burst(ports, host)
    sent = 0
    begun = own_seconds()
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        if passed * pps < sent + PART:
            time.sleep(0.0005)
            continue
        turn, first = divmod(sent, len(ports))
        count = min(PART, len(ports) - first)
        burst.send(source, turn, first, count)
        sent += count
    print(json.dumps([sent, own_seconds() - begun]), flush=True)


def arrived(network: Network, interface: str) -> int:
    """How many packets have come in by an interface."""
    with network:
        lines = Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[2]) for line in lines if line.split()[0] == f"{interface}:")


def own_seconds() -> float:
    """The processor time of this process up to now."""
    return processor_seconds(os.getpid())


def processor_seconds(pid: int) -> float:
    """The processor time of all threads of a process."""
    each = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text(encoding="ascii").split()[0]) for path in each) / 1e9


def softirq_seconds() -> float:
    """The processor time of the threads that the kernel works off packets in when there are too many."""
    names = (path for path in Path("/proc").glob("[0-9]*/comm") if "ksoftirqd" in path.read_text(encoding="ascii"))
    return sum(processor_seconds(int(path.parent.name)) for path in names)


@contextmanager
def started(
    role: str, network: Network, options: argparse.Namespace, processor: int
) -> Iterator[subprocess.Popen[str]]:
    """A process of one of the roles above, in this network and on this processor."""
    command = [sys.executable, __file__, "--role", role, "--processor", str(processor), "--to", options.to]
    for name in ("pps", "flows", "seconds"):
        command += [f"--{name}", str(getattr(options, name))]
    with network:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def measure(kind: str, wires: Wired, options: argparse.Namespace) -> Sample:
    """One run of one relay, or of none."""
    alone = kind in ("direct", "routed")
    sink, wire = (wires.switch, "caller") if kind == "direct" else (wires.callee, "net")
    options.to = (CALLEE if kind == "routed" else SWITCH)[4]
    sink.run(SINK)
    with ExitStack() as running:
        running.callback(sink.run, "nft delete table inet sink")
        relay = None if alone else running.enter_context(started(kind, wires.switch, options, options.relay_processor))
        line = "" if relay is None else relay.stdout.readline()
        source = running.enter_context(started("source", wires.caller, options, options.load_processor))
        before = softirq_seconds(), processor_seconds(relay.pid) if relay else 0.0, arrived(sink, wire)
        ports = line or json.dumps([FIRST_SINK + flow for flow in range(options.flows)])
        sent, of_source = json.loads(source.communicate(ports, timeout=60)[0])
        time.sleep(0.2)
        received = arrived(sink, wire) - before[2]
        of_relay = (processor_seconds(relay.pid) if relay else 0.0) - before[1]
        return Sample(sent, received, of_source + of_relay + softirq_seconds() - before[0], of_relay)


def compare(options: argparse.Namespace) -> int:
    """Let the kinds take turns and print their figures; 1 when the kernel is not as far ahead as it should be."""
    kinds = ["direct", "routed", "userspace", "kernel", *(["rtpengine"] if shutil.which("rtpengine") else [])]
    samples: dict[str, list[Sample]] = {kind: [] for kind in kinds}
    with wired() as wires:
        for _ in range(options.runs):
            for kind in kinds:
                samples[kind].append(measure(kind, wires, options))
    costs = {}
    for kind in kinds:
        costs[kind] = [1e6 * each.seconds / max(1, each.received) for each in samples[kind]]
    bare = statistics.median(costs["direct"])
    speeds, processes = {}, {}
    for kind in kinds:
        cost = statistics.median(costs[kind]) - (0.0 if kind == "direct" else bare)
        speeds[kind] = 1e6 / max(cost, 0.01)
        own = processes[kind] = statistics.median(1e6 * each.relay / max(1, each.received) for each in samples[kind])
        sent, received = (sum(getattr(each, name) for each in samples[kind]) for name in ("sent", "received"))
        figures = {
            "kind": kind,
            "packets_per_second": round(received / options.runs / options.seconds),
            "loss": round(1 - received / sent, 5),
            "cpu_us_per_packet": round(cost, 3),
            "of_it_in_the_relay_process": round(own, 3),
            "packets_per_cpu_second": round(speeds[kind]),
            "gross_packets_per_cpu_second": round(1e6 / statistics.median(costs[kind])),
            "gross_cpu_us_per_packet": [round(each, 2) for each in costs[kind]],
        }
        print(json.dumps(figures), flush=True)
    ratio = speeds["kernel"] / speeds["userspace"]
    of_processes = processes["userspace"] / processes["kernel"]
    gross = statistics.median(costs["userspace"]) / statistics.median(costs["kernel"])
    ratios = {
        "kernel_to_userspace": ratio,
        "gross": gross,
        "of_the_relay_process_alone": of_processes,
        "routed_to_userspace": speeds["routed"] / speeds["userspace"],
    }
    print(json.dumps({**{name: round(each, 1) for name, each in ratios.items()}, "bound": options.bound}))
    return int(ratio < options.bound)


def refuse_where_it_misleads() -> None:
    """Stop where the kernel keeps the time of softirqs apart from that of processes."""
    built = Path("/proc/config.gz")
    if built.exists() and b"\nCONFIG_IRQ_TIME_ACCOUNTING=y" in gzip.decompress(built.read_bytes()):
        raise SystemExit("this kernel keeps softirq time out of the time of processes (CONFIG_IRQ_TIME_ACCOUNTING)")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pps", type=int, default=20000)
    parser.add_argument("--flows", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bound", type=float, default=10.0)
    parser.add_argument("--relay-processor", type=int, default=1)
    parser.add_argument("--load-processor", type=int, default=0)
    roles = ("userspace", "kernel", "rtpengine", "source")
    parser.add_argument("--role", choices=roles, help=argparse.SUPPRESS)
    parser.add_argument("--processor", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--to", default=SWITCH[4], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Compare, or be one of the processes that the comparison starts."""
    options = arguments()
    if options.role is None:
        refuse_where_it_misleads()
        return compare(options)
    os.sched_setaffinity(0, {options.processor})
    if options.role == "source":
        run_source(json.loads(sys.stdin.readline()), options.to, options.pps, options.seconds)
    elif options.role == "rtpengine":
        run_rtpengine(options.flows)
    else:
        run_relay(options.role, options.flows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
