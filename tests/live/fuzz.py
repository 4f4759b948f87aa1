"""The live fuzz, as a program: broken messages against the real switch, with calls of SIPp between them.

The messages name addresses of real networks, and the switch may believe them. Therefore the program refuses to run
anywhere but in a network namespace that has only loopback. It prints a report, one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from rustalk.certificates.authority import Authority
from tests.fakes.mutate import Mutator, corpus
from tests.live.layout import CALLEE, CALLER, NUMBER, OTHER_CALLEE, SWITCH, trunk, two_trunks, vacant
from tests.live.running import Running, until
from tests.live.sipp import Sipp
from tests.live.sources import Datagrams, Sink, Streams

STRANGER = "127.0.0.9"
MEMORY = 1 << 30
"""Bytes of address space: beyond them the switch dies, and the fuzz has found something."""

_OWN = Path(__file__).parents[1] / "data" / "fuzz"
_WEIGHT = 8
_RELATED = 5
_CALLS = 5
_QUIET = 60.0


class Fuzz:
    """One run against one switch."""

    def __init__(self, directory: Path, sipp: str, seed: int) -> None:
        self._directory = directory
        self._sipp = sipp
        self._canaries: list[bool] = []
        settings, self._certificate = _settings(directory)
        self.switch = Running(directory / "switch", settings, ["prlimit", f"--as={MEMORY}"])
        own = [file.read_bytes() for file in sorted(_OWN.glob("*.sip"))]
        self._messages = _with_calls(Mutator(seed, [*corpus(), *own * _WEIGHT]), (_OWN / "invite.sip").read_bytes())
        self._sink = Sink((OTHER_CALLEE, settings["trunks"][2]["port"]), seed)

    def run(self, amount: int) -> dict[str, Any]:
        """Send so many broken messages and report: two thirds over UDP, the rest over TCP and TLS."""
        begin = time.monotonic()
        self._sink.start()
        self.switch.start()
        self._canary()
        before = self.switch.memory
        total = amount * (_RELATED + 1) // _RELATED
        slowest, sent = self._datagrams(total)
        unfinished = self._streams(total, sent)
        answers_api = self._answers_api()
        until(lambda: self.switch.stats["active_calls"] == 0, "the calls to end", _QUIET)
        self._canary()
        return {
            "n": sum(sent.values()) * _RELATED // (_RELATED + 1),
            "sent": sent,
            "taken": self.switch.stats["messages_in"],
            "malformed": self.switch.stats["messages_malformed"],
            "calls": self.switch.stats["total_calls"],
            "sunk": self._sink.taken,
            "alive": self.switch.alive,
            "faults": self.switch.faults,
            "answers_api": answers_api,
            "unfinished": unfinished,
            "slowest_answer_s": round(slowest, 3),
            "canaries_ok": all(self._canaries),
            "canaries": len(self._canaries),
            "media_ports_left": len(self.switch.media_ports),
            "memory_before": before,
            "memory_after": self.switch.memory,
            "memory_peak": _peak(self.switch.process.pid),
            "seconds": round(time.monotonic() - begin, 1),
        }

    def _datagrams(self, total: int) -> tuple[float, dict[str, int]]:
        known = Datagrams(CALLER, (SWITCH, self.switch.port))
        stranger = Datagrams(STRANGER, (SWITCH, self.switch.port))
        sent = {"udp": known.pour(islice(self._messages, total * 6 // 10))}
        self._canary()
        sent["udp, unknown source"] = stranger.pour(islice(self._messages, total // 20), known)
        return known.slowest, sent

    def _streams(self, total: int, sent: dict[str, int]) -> int:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        secure = int(self.switch.settings["sip_profiles"][1]["bind_port"])
        tcp = Streams(CALLER, (SWITCH, self.switch.port))
        tls = Streams(CALLER, (SWITCH, secure), context)
        sent["tcp"] = tcp.pour(islice(self._messages, total // 5), 2)
        self._canary()
        sent["tls"] = tls.pour(islice(self._messages, total - sum(sent.values())), 3)
        self._canary()
        return tcp.unfinished + tls.unfinished

    def _answers_api(self) -> bool:
        """Whether the API can tell of every call and trace one: all that the messages said goes through it."""
        calls = self.switch.get("/api/v1/calls?limit=1000")["calls"]
        traces = [self.switch.get(f"/api/v1/calls/{call['id']}/trace") for call in calls[:50]]
        return bool(calls) and all("messages" in trace for trace in traces)

    def _canary(self) -> None:
        """A few calls that must go through in spite of all."""
        directory = self._directory / f"canary-{len(self._canaries)}"
        to, port = f"{SWITCH}:{self.switch.port}", self.switch.settings["trunks"][1]["port"]
        calls = ("-m", str(_CALLS), "-r", "20", "-nr")
        taking = Sipp(self._sipp, directory / "callee", "uas", "-i", CALLEE, "-p", str(port))
        placing = Sipp(
            self._sipp, directory / "caller", "uac", to, "-i", CALLER, "-p", str(vacant(CALLER)), "-s", NUMBER, *calls
        )
        outcome = placing.wait(20)
        taking.stop()
        self._canaries.append((outcome.code, outcome.successful) == (0, _CALLS))
        if not self._canaries[-1]:
            print(outcome.complaints)


def _settings(directory: Path) -> tuple[dict[str, Any], Path]:
    """The canary's number leads to the callee, every other number to the sink. Calls without audio end after 2 s."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate, key = directory / "sbc.pem", directory / "sbc.key"
    Authority.root("Test Root", key_type="ec").issue(["sbc.example.com"], key_type="ec").write(certificate, key)
    settings = two_trunks(
        limits={"calls_per_second": 0, "max_calls": 3000, "unknown_per_second": 10000},
        media={"timeout": 2},
        sip={"ring_timeout": 5},
        server={"shutdown_timeout": 2},
    )
    settings["trunks"].append(trunk("sink", OTHER_CALLEE, "udp"))
    settings["sip_profiles"].append(
        {
            "id": "secure",
            "bind_address": SWITCH,
            "bind_port": vacant(SWITCH),
            "protocols": ["tls"],
            "tls_cert": str(certificate),
            "tls_key": str(key),
        }
    )
    settings["routing"]["routes"] = [
        {"id": "canary", "pattern": rf"^\{NUMBER}$", "destination": {"type": "Trunk", "value": "callee"}},
        {"id": "rest", "pattern": "", "destination": {"type": "Trunk", "value": "sink"}, "priority": 200},
    ]
    return settings, certificate


def _with_calls(broken: Iterator[bytes], invite: bytes) -> Iterator[bytes]:
    """A whole INVITE before every few broken messages, which then share its Call-ID and branch."""
    for number in count():
        own = b"%d" % number
        for data in (invite, *islice(broken, _RELATED)):
            yield data.replace(b"z9hG4bK", b"z9hG4bK" + own).replace(b"Call-ID: ", b"Call-ID: " + own)


def _peak(pid: int) -> int:
    """The most resident bytes that the process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    """Run, print the report, show the log of the switch when it did not stop as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where everything is written")
    parser.add_argument("--sipp", default="sipp", help="the program SIPp")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    interfaces = [name for _, name in socket.if_nameindex()]
    if interfaces != ["lo"]:
        raise SystemExit(f"refusing to run where there are networks ({', '.join(interfaces)}): use unshare --net")
    fuzz = Fuzz(options.directory, options.sipp, options.seed)
    try:
        report = {"id": "A15", "seed": options.seed, **fuzz.run(options.count)}
    finally:
        if fuzz.switch.alive:
            fuzz.switch.stop()
        else:
            print(fuzz.switch.log[-5000:])
    print(json.dumps(report))


if __name__ == "__main__":
    main()
