"""What a call costs: this switch beside Sippy's B2BUA, the other one in Python, in one run.

    python tests/bench/signalling.py [--sippy DIR] [--rate 50] [--seconds 5] [--rounds 3] [--held 10000]

SIPp's own uac and uas call through each system on 127.0.0.1; media flow past both. The figures are CPU-seconds of the
system's process per 1,000 calls (utime + stime of /proc) and their ratio, the post-dial delay that this switch adds,
its memory at rest and per held call. Sippy is installed into a virtual environment of its own unless ``--sippy`` names
the bin folder of one: its packages would hide ours. Every load is bounded in count and time; nothing leaves loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that was free a moment ago, for UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid: int) -> dict[str, int]:
    """RSS and PSS in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    table = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {"rss": table["Rss"], "pss": table["Pss"]}


@contextlib.contextmanager
def running(command: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended when the block is left."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=log.parent)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def rustalk(folder: Path, port: int, uac: int, uas: int) -> Iterator[int]:
    """This switch between two trunks on loopback; gives its pid."""
    config = {
        "server": {"state_directory": str(folder / "state")},
        "sip": {"trace": False},
        "sip_profiles": [{"id": "lo", "bind_address": "127.0.0.1", "bind_port": port, "protocols": ["udp"]}],
        "trunks": [
            {"id": "uac", "host": "127.0.0.1", "port": uac, "media": "direct", "options_ping_enabled": False},
            {"id": "uas", "host": "127.0.0.1", "port": uas, "media": "direct", "options_ping_enabled": False},
        ],
        "routing": {"routes": [{"id": "all", "pattern": ".*", "destination": {"type": "Trunk", "value": "uas"}}]},
        "limits": {"calls_per_second": 0, "max_calls": 0},
        "api": {"enabled": False},
    }
    file = folder / "bench.json"
    file.write_text(json.dumps(config))
    command = [sys.executable, "-m", "twisted.scripts.twistd", "-n", "rustalk", "-c", str(file)]
    twistd = Path(sys.executable).with_name("twistd")
    if twistd.exists():
        command = [str(twistd), "-n", "rustalk", "-c", str(file)]
    with running(command, folder / "rustalk.log", {**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        wait_for(folder / "rustalk.log", b"RusTalk is up")
        yield process.pid


@contextlib.contextmanager
def sippy(folder: Path, programs: Path, port: int, uas: int) -> Iterator[int]:
    """Sippy's B2BUA without RADIUS and without logging; gives its pid."""
    command = [str(programs / "python"), str(programs / "b2bua_simple"), "-f", "-l", "127.0.0.1", "-p", str(port)]
    env = {**os.environ, "SIPLOG_BEND": "none", "SIPLOG_LVL": "CRIT"}
    with running([*command, "-n", f"127.0.0.1:{uas}"], folder / "sippy.log", env) as process:
        time.sleep(3)
        yield process.pid


def wait_for(log: Path, words: bytes, seconds: float = 30) -> None:
    """Until a log says something."""
    end = time.monotonic() + seconds
    while words not in log.read_bytes():
        if time.monotonic() > end:
            sys.exit(f"{log.name} never said {words.decode()!r}:\n{log.read_text()}")
        time.sleep(0.1)


def sipp_calls(folder: Path, port: int, uac: int, calls: int, rate: float, hold_ms: int = 0) -> subprocess.Popen[bytes]:
    """SIPp's own uac, placing calls."""
    command = ["sipp", "-sn", "uac", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", str(uac), "-nostdin"]
    command += ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-d", str(hold_ms), "-timeout", "600"]
    with (folder / "uac.log").open("wb") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder)


@contextlib.contextmanager
def sipp_answers(folder: Path, uas: int) -> Iterator[None]:
    """SIPp's own uas, answering every call."""
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(uas), "-nostdin"]
    with running(command, folder / "uas.log"):
        time.sleep(0.5)
        yield


def failed_calls(folder: Path) -> int:
    """How many calls the last SIPp run says have failed."""
    for line in reversed((folder / "uac.log").read_text(errors="replace").splitlines()):
        if "Failed call" in line:
            return int(line.split("|")[2])
    sys.exit("SIPp printed no summary")


def cost(folder: Path, pid: int, port: int, uac: int, rate: float, seconds: float) -> tuple[float, int]:
    """CPU-seconds per 1,000 calls, and how many calls failed."""
    calls = int(rate * seconds)
    before = cpu_seconds(pid)
    sipp_calls(folder, port, uac, calls, rate).wait(timeout=120)
    return (cpu_seconds(pid) - before) * 1000 / calls, failed_calls(folder)


def post_dial_delay(port: int, uac: int, uas: int, rate: float, numbers: range) -> list[float]:
    """Seconds from INVITE to 180 through ``port``, seen by one process that is caller and callee."""
    caller, callee = bound(uac), bound(uas)
    delays = []
    with caller, callee:
        for number in numbers:
            began = time.perf_counter()
            caller.sendto(invite(number, port, uac), ("127.0.0.1", port))
            delays.append(follow_call(caller, callee, began, number, port, uac, uas))
            time.sleep(max(0.0, 1 / rate - (time.perf_counter() - began)))
    return delays


def bound(port: int) -> socket.socket:
    """A UDP socket on this port."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    return udp


def invite(number: int, port: int, uac: int) -> bytes:
    """The INVITE of one call."""
    body = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {uac} RTP/AVP 0\r\n"
    return (
        f"INVITE sip:bench@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{uac};branch=z9hG4bKpdd{number}\r\n"
        f"From: <sip:pdd@127.0.0.1:{uac}>;tag=pdd{number}\r\nTo: <sip:bench@127.0.0.1:{port}>\r\n"
        f"Call-ID: pdd-{uac}-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:pdd@127.0.0.1:{uac}>\r\nMax-Forwards: 70\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def follow_call(
    caller: socket.socket, callee: socket.socket, began: float, number: int, port: int, uac: int, uas: int
) -> float:
    """Ring at the callee, see it at the caller, then refuse the call so that nothing of it stays."""
    rang = None
    refused = False
    while not (rang is not None and refused):
        ready, _, _ = select.select([caller, callee], [], [], 5)
        if not ready:
            sys.exit("a call of the delay probe got no answer")
        for udp in ready:
            data, peer = udp.recvfrom(65536)
            now = time.perf_counter()
            if udp is callee and data.startswith(b"INVITE"):
                callee.sendto(reply(data, 180, uas), peer)
                waiting = (data, peer)
            elif udp is caller and b" 180 " in data[:16]:
                rang = now - began
                callee.sendto(reply(waiting[0], 486, uas), waiting[1])
            elif udp is caller and b" 486 " in data[:16]:
                caller.sendto(acknowledge(data, port), ("127.0.0.1", port))
                refused = True
    return rang


def reply(request: bytes, status: int, uas: int) -> bytes:
    """A response with what must be echoed."""
    echoed = [line for line in request.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
    to = next(line for line in request.split(b"\r\n") if line.startswith(b"To:"))
    head = [f"SIP/2.0 {status} x".encode(), *echoed, to + b";tag=uas", f"Contact: <sip:127.0.0.1:{uas}>".encode()]
    return b"\r\n".join([*head, b"Content-Length: 0", b"", b""])


def acknowledge(response: bytes, port: int) -> bytes:
    """The ACK of a refusal."""
    lines = [line for line in response.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID")]
    head = [f"ACK sip:bench@127.0.0.1:{port} SIP/2.0".encode(), *lines, b"CSeq: 1 ACK", b"Max-Forwards: 70"]
    return b"\r\n".join([*head, b"Content-Length: 0", b"", b""])


def held(folder: Path, pid: int, port: int, uac: int, calls: int, rate: float) -> dict[str, float]:
    """Memory with so many calls up at once."""
    before = memory(pid)
    ramp = calls / rate
    process = sipp_calls(folder, port, uac, calls, rate, hold_ms=int((ramp + 40) * 1000))
    time.sleep(ramp + 15)
    during = memory(pid)
    process.wait(timeout=ramp + 300)
    return {
        "calls": calls,
        "failed": failed_calls(folder),
        "rss_kib_per_call": round((during["rss"] - before["rss"]) / calls, 2),
        "pss_kib_per_call": round((during["pss"] - before["pss"]) / calls, 2),
    }


def install_sippy(folder: Path) -> Path:
    """The bin folder of a new virtual environment with Sippy in it."""
    venv.create(folder / "sippy", with_pip=True)
    subprocess.run([folder / "sippy/bin/pip", "install", "-q", "sippy"], check=True)
    return folder / "sippy" / "bin"


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def compare(args: argparse.Namespace, folder: Path, tell: Callable[..., None]) -> None:
    """The two systems in turn, round by round, so that both see the same machine."""
    programs = args.sippy or install_sippy(folder)
    uas = free_port()
    ours: list[float] = []
    theirs: list[float] = []
    with sipp_answers(folder, uas):
        for _ in range(args.rounds):
            port, uac = free_port(), free_port()
            with sippy(folder, programs, port, uas) as pid:
                cost(folder, pid, port, uac, 20, 1)
                theirs.append(cost(folder, pid, port, uac, args.rate, args.seconds)[0])
            port, uac = free_port(), free_port()
            with rustalk(folder, port, uac, uas) as pid:
                cost(folder, pid, port, uac, 20, 1)
                figure, failed = cost(folder, pid, port, uac, args.rate, args.seconds)
                ours.append(figure)
            tell(sippy=round(theirs[-1], 2), rustalk=round(figure, 2), failed=failed)
    ratio = statistics.median(ours) / statistics.median(theirs)
    tell(
        cpu_seconds_per_1000_calls={
            "rustalk": round(statistics.median(ours), 2),
            "sippy": round(statistics.median(theirs), 2),
        },
        ratio=round(ratio, 3),
        bound=0.4,
    )


def delay(args: argparse.Namespace, folder: Path, tell: Callable[..., None]) -> None:
    """Post-dial delay added at 50 calls a second, by each system: the other one tells how fast the machine is."""
    programs = args.sippy or install_sippy(folder)
    port, uac, uas = free_port(), free_port(), free_port()
    direct = post_dial_delay(uas, uac, uas, 50, range(250))
    with sippy(folder, programs, port, uas):
        post_dial_delay(port, uac, uas, 50, range(50))
        theirs = post_dial_delay(port, uac, uas, 50, range(50, 300))
    port, uac = free_port(), free_port()
    with rustalk(folder, port, uac, uas):
        post_dial_delay(port, uac, uas, 50, range(50))
        through = post_dial_delay(port, uac, uas, 50, range(50, 550))
    tell(
        post_dial_delay_added_by_sippy_ms={
            "median": round(1000 * (statistics.median(theirs) - statistics.median(direct)), 3),
            "p99": round(1000 * (percentile(theirs, 0.99) - percentile(direct, 0.99)), 3),
        }
    )
    added = statistics.median(through) - statistics.median(direct)
    tail = percentile(through, 0.99) - percentile(direct, 0.99)
    tell(post_dial_delay_added_ms={"median": round(1000 * added, 3), "p99": round(1000 * tail, 3)}, bounds=[1, 5])


def hold(args: argparse.Namespace, folder: Path, tell: Callable[..., None]) -> None:
    """Memory at rest and per held call."""
    port, uac, uas = free_port(), free_port(), free_port()
    with sipp_answers(folder, uas), rustalk(folder, port, uac, uas) as pid:
        cost(folder, pid, port, uac, 20, 1)
        tell(memory_at_rest_mib={name: round(kib / 1024, 1) for name, kib in memory(pid).items()}, bound=70)
        tell(held=held(folder, pid, port, uac, args.held, args.held_rate), bound_kib=8)


def main() -> None:
    """Run what was asked for and print one JSON line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sippy", type=lambda text: Path(text).resolve(), help="bin folder of an environment with sippy"
    )
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--held", type=int, default=10_000)
    parser.add_argument("--held-rate", type=float, default=120)
    parser.add_argument("--only", choices=("cost", "delay", "held"))
    args = parser.parse_args()

    def tell(**figures: object) -> None:
        print(json.dumps(figures), flush=True)

    with tempfile.TemporaryDirectory(prefix="rustalk-bench-") as name:
        folder = Path(name)
        if args.only in (None, "cost"):
            compare(args, folder, tell)
        if args.only in (None, "delay"):
            delay(args, folder, tell)
        if args.only in (None, "held"):
            hold(args, folder, tell)


if __name__ == "__main__":
    main()
