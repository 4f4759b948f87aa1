"""CPU per packet where SRTP ends: our relay beside rtpengine in userspace, on the same traffic in one run.

    PYTHONPATH=. python tests/bench/srtp.py [--pps 12000] [--flows 50] [--seconds 3] [--runs 3]

One side of each flow is SRTP (AES_CM_128_HMAC_SHA1_80), the other plain RTP; of two flows one carries its 160 bytes
of audio from SRTP to RTP and one from RTP to SRTP. Each relay runs by itself on one processor, the packets' source and
sink on another. What counts is the relay's time on the processor, all its threads, from /proc, per packet that reached
the sink. ``passed`` is our relay carrying the same packets without ending SRTP. The kinds take turns; the figures are
medians. One line of JSON per kind. rtpengine is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import pack

from rustalk.media.bencode import decode, encode
from rustalk.media.ports import PortPool
from rustalk.media.relay import Relay
from rustalk.rtp.srtp import KeyMaterial, Sender
from rustalk.rtp.treatment import Treatment
from tests.bench.relay import HOST, SINK_PORTS, SOURCE_PORT, Sample, bound, run_sink
from tests.fakes.streams import opened

KINDS = ("passed", "ended", "rtpengine")
SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY = KeyMaterial(SUITE, bytes(range(30)))
PAYLOAD = bytes(160)
PATIENCE = 10.0


def run_relay(kind: str, flows: int) -> None:
    """Be our relay: print the ports to send to, then run until killed. Side 0 of each flow is SRTP."""
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import reactor

    relay = Relay(reactor, PortPool(30000, 39999), clock=reactor, bind_addresses={4: HOST}, latching="strict")
    ports = []
    for flow in range(flows):
        stream = opened(relay.open((4, 4), treated=kind == "ended"))
        if kind == "ended":
            stream.treat((Treatment(receive=KEY, send=KEY), Treatment()))
        for side in (0, 1):
            port = SOURCE_PORT if side == flow % 2 else sink(flow)
            stream.expect(side, (HOST, port), (HOST, port + 200))
        ports.append(stream.local(flow % 2)[1])
    print(json.dumps(ports), flush=True)
    reactor.run()


def sink(flow: int) -> int:
    """Where the packets of a flow arrive."""
    return SINK_PORTS[flow % len(SINK_PORTS)]


def run_source(ports: list[int], pps: int, seconds: float) -> None:
    """Be the source: make all packets, then send to all ports in turn at an even rate, and print how many went out."""
    source = bound(SOURCE_PORT)
    turns = [flow_packets(flow, int(pps * seconds / len(ports))) for flow in range(len(ports))]
    packets = [
        (packet, (HOST, port)) for turn in zip(*turns, strict=True) for packet, port in zip(turn, ports, strict=True)
    ]
    sent, start = 0, time.perf_counter()
    while sent < len(packets):
        due = min(len(packets), int((time.perf_counter() - start) * pps))
        if due == sent:
            time.sleep(0.0002)
        for packet, address in packets[sent:due]:
            source.sendto(packet, address)
        sent = due
    print(sent, flush=True)


def flow_packets(flow: int, count: int) -> list[bytes]:
    """The packets of one flow; of each two flows the first is SRTP."""
    plain = [pack("!BBHII", 0x80, 0, n & 0xFFFF, n * 160, flow) + PAYLOAD for n in range(count)]
    return plain if flow % 2 else list(map(Sender(KEY).protect, plain))


@contextmanager
def our_relay(kind: str, options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """Our relay in a process of its own: its pid and its ports as JSON."""
    with start(kind, options, options.relay_processor) as relay:
        try:
            yield relay.pid, relay.stdout.readline()
        finally:
            relay.kill()


@contextmanager
def rtpengine(options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """The same as ``our_relay`` with rtpengine, and a call in it for each flow."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((HOST, 0))
        control = asking.getsockname()[1]
    command = ["rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--log-level=2", "--table=-1"]
    command += [f"--interface={HOST}", f"--listen-ng={HOST}:{control}", "--port-min=30000", "--port-max=39999"]
    daemon = subprocess.Popen(
        [*command, "--num-threads=1"],
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {options.relay_processor}),
    )
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((HOST, control))
            asked.settimeout(0.5)
            wait_for(asked)
            yield daemon.pid, json.dumps([add_call(asked, flow) for flow in range(options.flows)])
    finally:
        daemon.kill()
        daemon.wait()


def wait_for(asked: socket.socket) -> None:
    """Ping until the daemon answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            request(asked, {"command": "ping"})
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("rtpengine does not answer")


def add_call(asked: socket.socket, flow: int) -> int:
    """Let the SRTP side offer and the plain side answer; the port that the flow's packets go to."""
    near, far = (SOURCE_PORT, sink(flow)) if flow % 2 == 0 else (sink(flow), SOURCE_PORT)
    call = {"call-id": f"flow-{flow}", "from-tag": "near"}
    crypto = f"a=crypto:1 {SUITE} {KEY.inline()}\r\n"
    offer = {"sdp": description(near, "SAVP", crypto), "transport-protocol": "RTP/AVP", "ICE": "remove"}
    offered = request(asked, {"command": "offer", **call, **offer})
    answer = {"to-tag": "far", "sdp": description(far, "AVP"), "transport-protocol": "RTP/SAVP", "ICE": "remove"}
    answered = request(asked, {"command": "answer", **call, **answer})
    return port_of(answered if flow % 2 == 0 else offered)


def description(port: int, profile: str, more: str = "") -> str:
    """A session description with one audio line."""
    head = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
    return f"{head}m=audio {port} RTP/{profile} 0\r\na=rtcp:{port + 200}\r\n{more}"


def request(asked: socket.socket, body: dict[str, str]) -> bytes:
    """The session description in the answer to one NG request; empty for a ping."""
    asked.send(secrets.token_hex(8).encode() + b" " + encode(body))
    answer = decode(asked.recv(65535).partition(b" ")[2])
    assert isinstance(answer, dict)
    if answer.get(b"result") not in (b"ok", b"pong"):
        raise SystemExit(f"rtpengine refuses: {answer}")
    found = answer.get(b"sdp", b"")
    assert isinstance(found, bytes)
    return found


def port_of(text: bytes) -> int:
    """The port of the audio line."""
    return int(text.partition(b"m=audio ")[2].split()[0])


def start(role: str, options: argparse.Namespace, processor: int) -> subprocess.Popen[str]:
    """Start one of the processes of this file, on this processor."""
    command = [sys.executable, __file__, "--role", role, "--processor", str(processor)]
    for name in ("pps", "flows", "seconds"):
        command += [f"--{name}", str(getattr(options, name))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def processor_seconds(pid: int) -> float:
    """The processor time of a process with all its threads."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def measure(kind: str, options: argparse.Namespace) -> Sample:
    """One run of one relay."""
    running = rtpengine(options) if kind == "rtpengine" else our_relay(kind, options)
    with running as (pid, ports), start("sink", options, options.load_processor) as arriving:
        arriving.stdout.readline()
        source = start("source", options, options.load_processor)
        before = processor_seconds(pid)
        sent = source.communicate(ports, timeout=60)[0]
        received = arriving.communicate(timeout=60)[0]
        return Sample(int(sent), int(received), processor_seconds(pid) - before)


def compare(options: argparse.Namespace) -> int:
    """Let the relays take turns and print their figures."""
    kinds = [kind for kind in KINDS if kind != "rtpengine" or shutil.which("rtpengine")]
    samples: dict[str, list[Sample]] = {kind: [] for kind in kinds}
    for _ in range(options.runs):
        for kind in kinds:
            samples[kind].append(measure(kind, options))
    for kind, found in samples.items():
        figures = {
            "kind": kind,
            "pps": options.pps,
            "flows": options.flows,
            "cpu_us_per_packet": round(statistics.median(one.microseconds for one in found), 2),
            "runs": [round(one.microseconds, 2) for one in found],
            "processor": round(statistics.median(one.seconds for one in found) / options.seconds, 3),
            "loss": round(1 - sum(one.received for one in found) / sum(one.sent for one in found), 5),
        }
        print(json.dumps(figures), flush=True)
    return 0


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pps", type=int, default=12000)
    parser.add_argument("--flows", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--relay-processor", type=int, default=1)
    parser.add_argument("--load-processor", type=int, default=0)
    parser.add_argument("--role", choices=("passed", "ended", "source", "sink"), help=argparse.SUPPRESS)
    parser.add_argument("--processor", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Compare, or be one of the processes that the comparison starts."""
    options = arguments()
    if options.role is None:
        return compare(options)
    os.sched_setaffinity(0, {options.processor})
    if options.role == "sink":
        run_sink(options.seconds + 4)
    elif options.role == "source":
        run_source(json.loads(sys.stdin.readline()), options.pps, options.seconds)
    else:
        run_relay(options.role, options.flows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
