"""What registrations cost: REGISTER, 401, REGISTER with the password, 200.

    python -m tests.bench.registrar rate [--rate 1000] [--seconds 60] [--phones 20000] [--only rustalk]
    python -m tests.bench.registrar held [--phones 20000] [--seconds 60]
    python -m tests.bench.registrar process [--phones 20000] [--rounds 3] [--rate 1000] [--profile]

``rate`` lets phones register over UDP at this switch and at Kamailio's registrar in turn, each a process of its own,
in an open loop. ``held`` registers them all, and looks at the memory of the switch and at its
work while they refresh twice in ten minutes, without keep-alives and with them. Needs Kamailio of the distribution
(``apt-get install kamailio``); nothing leaves loopback.

``process`` has no sockets: it measures from bytes to bytes in this process, in virtual time, ``--rate`` registrations a
second of it, so that as many transactions wait for stragglers as in earnest. The phones use SHA-256 and MD5 by turns.
Log file and database are not in it.

Each prints JSON lines. ``cpu`` is CPU-seconds per 1,000 registrations, of all processes of a registrar together, and
``core`` the part of a processor that it took; ``others`` is how many processors everything else on the machine took
meanwhile, without the registrar and the phones: not much, or the figures mean nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import gc
import json
import os
import pstats
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from twisted.internet.defer import fail
from twisted.internet.task import Clock
from zope.interface import implementer

from rustalk.config.extension import Extension
from rustalk.config.secret import Secret
from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.observe.trace import Trace
from rustalk.pbx.authenticate import Authenticator, Why
from rustalk.pbx.keepalive import Keepalive
from rustalk.pbx.locate import Locator
from rustalk.pbx.registrar import Registrar
from rustalk.sip.digest import Authorization, ha1
from rustalk.sip.message import Request
from rustalk.sip.parse import Limits, parse_datagram
from rustalk.sip.timers import Timers
from rustalk.transport.errors import TransportError
from rustalk.ua.endpoint import Endpoint, ServerTransaction, Verdict
from rustalk.ua.timeouts import Timeouts
from rustalk.ua.tokens import Tokens
from tests.bench.phones import FIRST, PASSWORD, Phones, Run, secret
from tests.bench.signalling import ROOT, TICK, cpu_seconds, free_port, memory, running, wait_for

REALM, SBC = "sip.example.com", ("192.0.2.10", 5060)
EPOCH = 1_800_000_000.0
LIMITS = Limits()
NONCE = re.compile(rb'nonce="(\w+)"')


@implementer(IFlow)
class Wire:
    """One phone's flow; what is sent to it is kept until it is asked for."""

    __slots__ = ("identity", "local", "peer", "profile", "reliable", "sent", "transport")

    def __init__(self, peer: tuple[str, int]) -> None:
        self.transport, self.reliable, self.profile, self.identity = "UDP", False, "inside", None
        self.local, self.peer, self.sent = SBC, peer, b""

    def close(self, reason: str) -> None:
        """Nothing is open."""

    def toward(self, port: int) -> Wire:
        """Itself."""
        return self

    def send(self, data: bytes) -> None:
        """Keep it."""
        self.sent = data


class House:
    """The parts that a registration goes through, as the switch puts them together."""

    def __init__(self, phones: int) -> None:
        self.clock = Clock()
        token = Tokens(secrets.token_bytes).take
        self.flows = [Wire((f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 5060)) for n in range(phones)]
        by_host = {flow.peer[0]: flow for flow in self.flows}
        extensions = {str(n): stored(str(n)) for n in range(100000, 100000 + phones)}
        self.endpoint = Endpoint(
            self.clock,
            Timeouts(self.clock),
            Timers(),
            via=lambda flow: "192.0.2.10:5060",
            token=token,
            product="RusTalk/1",
            trace=Trace(enabled=False),
            counters=Counters(),
        )
        self.endpoint.surface = self
        self.locator = Locator(
            self.clock,
            lambda: EPOCH + self.clock.seconds(),
            node="a",
            datagrams=lambda profile, host, port: by_host[host],
            find=lambda profile, uri: fail(TransportError("refused", str(uri))),
        )
        self.registrar = Registrar(self.locator)
        self.authenticator = Authenticator(
            REALM,
            extensions.get,
            key=b"k" * 32,
            clock=self.clock,
            counters=Counters(),
            logins=self,
            proven=self.locator.knows,
        )

    def request_received(self, transaction: ServerTransaction) -> None:
        """REGISTER and nothing else."""
        extension = self.authenticator.authenticate(transaction)
        if extension is not None:
            self.registrar.register_received(transaction, extension)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """None comes."""

    def screen(self, flow: IFlow, request: Request | None) -> Verdict:
        """Everybody."""
        return "admit"

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """None is lost."""

    def on_challenge(self, address: str, account: str) -> None:
        """Not counted."""

    def on_failure(self, address: str, account: str, why: Why) -> None:
        """Must not happen."""
        raise AssertionError(f"{account} failed: {why}")

    def on_success(self, address: str, account: str) -> None:
        """Not counted."""

    def receive(self, data: bytes, flow: Wire) -> bytes:
        """Hand in a datagram; what was answered."""
        message = parse_datagram(data, LIMITS)
        assert message is not None
        self.endpoint.message_received(message, flow)
        return flow.sent


def stored(number: str) -> Extension:
    """An extension as the store keeps it."""
    md5, sha256 = (Secret(ha1(kind, number, REALM, "secret")) for kind in ("MD5", "SHA-256"))
    return Extension(extension=number, ha1_md5=md5, ha1_sha256=sha256)


def wire(number: int, host: str, cseq: int, extra: str = "") -> bytes:
    """A REGISTER as a desk phone sends it."""
    return (
        f"REGISTER sip:{REALM} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{number:x}{cseq:08x};rport\r\n"
        f'Contact: <sip:{number}-0x55d0@{host}:5060>;expires=3600;+sip.instance="<urn:uuid:{number:032x}>"\r\n'
        f"Max-Forwards: 70\r\n"
        f"To: <sip:{number}@{REALM}>\r\n"
        f"From: <sip:{number}@{REALM}>;tag={number:x}{cseq:08x}\r\n"
        f"Call-ID: {number:x}-5d1a@{host}\r\n"
        f"CSeq: {cseq} REGISTER\r\n"
        f"User-Agent: Desk Phone/4.2.1\r\n"
        f"Supported: gruu, path\r\n"
        f"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, SUBSCRIBE, INFO, MESSAGE, UPDATE, REFER\r\n"
        f"{extra}"
        f"Content-Length: 0\r\n\r\n"
    ).encode()


def answered(number: int, host: str, cseq: int, challenge: bytes) -> bytes:
    """The same with the password, by SHA-256 and MD5 in turns."""
    found = NONCE.search(challenge)
    assert found is not None
    kind = "MD5" if number & 1 else "SHA-256"
    shown = Authorization(str(number), REALM, found[1].decode(), f"sip:{REALM}", "", kind, "auth", 1, "0a4f113b")
    response = shown.expected(ha1(kind, str(number), REALM, "secret"), "REGISTER", b"")
    text = str(shown).replace('response=""', f'response="{response}"')
    return wire(number, host, cseq, f"Authorization: {text}\r\n")


def round_of(house: House, cseq: int, rate: int) -> dict[str, object]:
    """Let every phone register once; only the switch's own work is timed."""
    spent, refused = 0.0, 0
    clock = time.process_time
    for place, flow in enumerate(house.flows):
        number, host = 100000 + place, flow.peer[0]
        first = wire(number, host, cseq)
        begun = clock()
        challenge = house.receive(first, flow)
        spent += clock() - begun
        second = answered(number, host, cseq + 1, challenge)
        begun = clock()
        final = house.receive(second, flow)
        house.clock.advance(1 / rate)
        spent += clock() - begun
        refused += not final.startswith(b"SIP/2.0 200")
    count = len(house.flows)
    return {
        "registrations": count,
        "refused": refused,
        "cpu_seconds_per_1000": round(1000 * spent / count, 4),
        "registrations_per_cpu_second": round(count / spent),
        "transactions": house.endpoint.transactions,
    }


def keep_alive(house: House) -> dict[str, object]:
    """One round of OPTIONS to every phone, all of which answer."""
    keepalive = Keepalive(house.endpoint, house.locator, house.clock, domain=REALM, interval=30)
    keepalive.start()
    spent, count = 0.0, 0
    clock = time.process_time
    for flow in house.flows:
        flow.sent = b""
    for _ in range(30):
        begun = clock()
        house.clock.advance(1)
        spent += clock() - begun
        for flow in house.flows:
            if flow.sent:
                request = parse_datagram(flow.sent, LIMITS)
                assert isinstance(request, Request)
                data, flow.sent = request.response(200, to_tag="t").to_bytes(), b""
                count += 1
                begun = clock()
                house.receive(data, flow)
                spent += clock() - begun
    keepalive.stop()
    return {"keep_alives": count, "cpu_seconds_per_1000": round(1000 * spent / count, 4)}


def kept(phones: int) -> float:
    """Bytes that stay for each registered phone once its transactions are over."""
    house = House(phones)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    round_of(house, 1, 1000)
    house.clock.advance(40)
    for flow in house.flows:
        flow.sent = b""
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / phones


def profiled(work: Callable[[], object]) -> None:
    """Say where the time goes."""
    profile = cProfile.Profile()
    profile.runcall(work)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def in_process(args: argparse.Namespace) -> None:
    """From bytes to bytes."""
    house = House(args.phones)
    for number in range(args.rounds):
        print(json.dumps(round_of(house, 2 * number + 1, args.rate)), flush=True)
    if args.profile:
        profiled(lambda: round_of(house, 2 * args.rounds + 1, args.rate))
    print(json.dumps({"bytes_per_registered_phone": round(kept(min(args.phones, 5000)))}), flush=True)
    house.clock.advance(40)
    print(json.dumps(keep_alive(house)), flush=True)


# Over sockets.


@contextlib.contextmanager
def rustalk(folder: Path, args: argparse.Namespace, keepalive: float = 0) -> Iterator[tuple[int, int]]:
    """This switch with so many extensions; gives its pid and port."""
    port = free_port()
    config = {
        "server": {"state_directory": str(folder / "state")},
        "sip": {"domain": REALM, "trace": False, "keepalive_interval": keepalive},
        "sip_profiles": [{"id": "lo", "bind_address": "127.0.0.1", "bind_port": port, "protocols": ["udp"]}],
        "extensions": [
            {
                "extension": str(number),
                "ha1_md5": secret(str(number), REALM, "MD5"),
                "ha1_sha256": secret(str(number), REALM, "SHA-256"),
            }
            for number in range(FIRST, FIRST + args.phones)
        ],
        "api": {"enabled": False},
    }
    file = folder / "bench.json"
    file.write_text(json.dumps(config))
    twistd = Path(sys.executable).with_name("twistd")
    command = [str(twistd)] if twistd.exists() else [sys.executable, "-m", "twisted.scripts.twistd"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running([*command, "-n", "rustalk", "-c", str(file)], folder / "rustalk.log", environment) as process:
        wait_for(folder / "rustalk.log", b"RusTalk is up", 120)
        yield process.pid, port


@contextlib.contextmanager
def kamailio(folder: Path, args: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """Kamailio's registrar; gives its pid and port."""
    program = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        sys.exit("kamailio is not installed: apt-get install kamailio, or --only rustalk")
    port = free_port()
    command = [program, "-f", str(Path(__file__).with_name("kamailio.cfg")), "-DD", "-E", "-m", "512", "-M", "16"]
    command += ["-Y", str(folder), "-w", str(folder), "-A", f"BENCH_PORT={port}"]
    command += ["-A", f'BENCH_ALGORITHM="{args.algorithm}"', "-A", f'BENCH_PASSWORD="{PASSWORD}"']
    with running(command, folder / "kamailio.log") as process:
        wait_for(folder / "kamailio.log", b"Listening on")
        time.sleep(1)
        yield process.pid, port
        process.terminate()
        process.wait(10)


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *map(int, found.stdout.split())]


class Meter:
    """CPU-seconds of a registrar, and of everything else but us, from the making of this on."""

    def __init__(self, pid: int) -> None:
        self._pids = family(pid)
        self._since = self._now()

    def read(self) -> tuple[float, float]:
        """The registrar's, and the others'."""
        ours, phones, all = (now - then for now, then in zip(self._now(), self._since, strict=True))
        return ours, all - ours - phones

    def _now(self) -> tuple[float, float, float]:
        busy = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(map(cpu_seconds, self._pids)), time.process_time(), (sum(busy) - busy[3] - busy[4]) / TICK


def milliseconds(values: list[float], share: float) -> float | None:
    """The value that this share of them does not exceed, in milliseconds."""
    return round(1000 * sorted(values)[min(len(values) - 1, int(len(values) * share))], 2) if values else None


def told(name: str, run: Run, meter: Meter, began: float) -> dict[str, object]:
    """One run as a line of JSON."""
    cpu, others = meter.read()
    took = time.perf_counter() - began
    return {
        "registrar": name,
        "begun": run.begun,
        "rate": round(run.begun / run.took, 1),
        "refused": run.refused,
        "lost": run.lost,
        "sent_again": run.again,
        "p50_ms": milliseconds(run.delays, 0.5),
        "p99_ms": milliseconds(run.delays, 0.99),
        "cpu": round(1000 * cpu / max(1, run.done), 3),
        "core": round(cpu / took, 2),
        "others": round(others / took, 2),
        "phones_late_p99_ms": milliseconds(run.lags, 0.99),
    }


def at_rate(args: argparse.Namespace) -> None:
    """Both registrars in turn."""
    for name, start in (("rustalk", rustalk), ("kamailio", kamailio)):
        if args.only not in ("", name):
            continue
        with tempfile.TemporaryDirectory() as folder, start(Path(folder), args) as (pid, port):
            phones = Phones(args.phones, ("127.0.0.1", port), realm=REALM, algorithm=args.algorithm, expires=3600)
            meter, began = Meter(pid), time.perf_counter()
            run = phones.register(args.rate, args.seconds)
            print(json.dumps(told(name, run, meter, began)), flush=True)
            phones.close()


def held(args: argparse.Namespace) -> None:
    """All phones registered at this switch, and what it does for them while nothing else happens."""
    for keepalive in (0, 30):
        with tempfile.TemporaryDirectory() as folder, rustalk(Path(folder), args, keepalive) as (pid, port):
            phones = Phones(args.phones, ("127.0.0.1", port), realm=REALM, algorithm=args.algorithm, expires=600)
            empty, meter, began = memory(pid)["rss"], Meter(pid), time.perf_counter()
            filled = phones.register(args.rate, args.phones / args.rate)
            print(json.dumps(told("rustalk, all come in", filled, meter, began)), flush=True)
            phones.wait(40)  # for transactions to end that only wait for what was sent twice
            full, meter, began = memory(pid)["rss"], Meter(pid), time.perf_counter()
            run = phones.register(args.phones / 300, args.seconds)
            line = told("rustalk, refreshes", run, meter, began) | {
                "phones": filled.done,
                "keepalive_interval": keepalive,
                "keepalives_per_second": round(run.asked / run.took, 1),
                "rss_kib_before": empty,
                "rss_kib": full,
                "rss_kib_per_phone": round((full - empty) / args.phones, 2),
            }
            print(json.dumps(line), flush=True)
            phones.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rate", "held", "process"))
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=1000, help="registrations a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--algorithm", choices=("SHA-256", "MD5"), default="SHA-256")
    parser.add_argument("--only", choices=("rustalk", "kamailio"), default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    {"rate": at_rate, "held": held, "process": in_process}[args.what](args)


if __name__ == "__main__":
    main()
