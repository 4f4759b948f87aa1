"""CPU per datagram at the guard: let in, turned away by cause, and what turning away saves, the parsing of the message.

    PYTHONPATH=. python tests/bench/guard.py [--count 200000] [--runs 5]

One line of JSON per kind, in microseconds per datagram, the median of the runs. ``sources`` is from how many addresses
the datagrams come; "forged" ones come from as many addresses as there are datagrams, so that each is looked up anew.
``patterns`` is the longest that the engine of the dialplan took for one of 50 patterns made to hang a backtracking one,
on 64 characters (A18), in microseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

from rustalk.config.model import Acls, Settings, SipProfile, Teams, Trunk
from rustalk.config.pattern import Pattern
from rustalk.config.security import Flood, Security
from rustalk.security.guard import Guard
from rustalk.security.screen import Screen
from rustalk.sip.parse import Limits, parse_datagram
from tests.security.evil import EVIL_PATTERNS, EVIL_TEXTS

STRANGERS = [f"203.0.{n >> 8}.{n & 255}" for n in range(2000)]
MESSAGE = (
    b"REGISTER sip:pbx.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:200@pbx.example.com>;tag=1\r\nTo: <sip:200@pbx.example.com>\r\nCall-ID: 1@203.0.113.5\r\n"
    b"CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:200@203.0.113.5:5060>\r\nExpires: 3600\r\n"
    b"User-Agent: Phone/1.0\r\nContent-Length: 0\r\n\r\n"
)


def guard(flood: Flood, *, acl: str = "") -> Guard:
    """A guard for a switch with Teams, ten trunks and one profile for phones."""
    settings = Settings(
        sip_profiles=(SipProfile(id="teams", protocols=("tls",)), SipProfile(id="phones", acl=acl)),
        teams=Teams(enabled=True, profile="teams"),
        trunks=tuple(Trunk(id=f"t{n}", host=f"192.0.2.{n}", profile="phones") for n in range(1, 11)),
        acls=Acls(),
        security=Security(flood=flood),
    )
    return Guard(Screen(settings), settings, now=time.monotonic)


def measured(ask: Callable[[str], object], addresses: Sequence[str], count: int) -> float:
    """CPU in microseconds for each of so many questions."""
    asked = list(islice(cycle(addresses), count))
    began = time.process_time()
    for address in asked:
        ask(address)
    return (time.process_time() - began) / count * 1e6


def at(door: Guard) -> Callable[[str], object]:
    """What the transport asks for each datagram."""
    return lambda address: door.admits(address, "phones")


def banned() -> Guard:
    """One that has banned all strangers."""
    door = guard(Flood())
    for address in STRANGERS:
        door.ban(address, 1e6, "bench")
    return door


def kinds(count: int) -> dict[str, Callable[[], float]]:
    """What is measured, by name."""
    plenty, little = Flood(per_second=1e6, burst=1_000_000), Flood(per_second=0.001, burst=1_000_000)
    forged = [f"{10 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.9" for n in range(count)]
    v6 = [f"2001:db8:{n:x}::5" for n in range(2000)]
    spent = guard(Flood(per_second=0.001, burst=1))
    return {
        "admitted": lambda: measured(at(guard(plenty)), STRANGERS, count),
        "admitted, IPv6": lambda: measured(at(guard(plenty)), v6, count),
        "admitted, a trunk": lambda: measured(at(guard(little)), ["192.0.2.7"], count),
        "dropped, access list": lambda: measured(at(guard(plenty, acl="rfc1918")), STRANGERS, count),
        "dropped, banned": lambda: measured(at(banned()), STRANGERS, count),
        "dropped, flood": lambda: measured(at(spent), STRANGERS, count),
        "admitted, forged": lambda: measured(at(guard(plenty)), forged, count),
        "parsing": lambda: measured(lambda _: parse_datagram(MESSAGE, Limits()), STRANGERS, max(1, count // 20)),
    }


def slowest_pattern() -> float:
    """The longest that one pattern took on one text, in microseconds."""
    longest = 0.0
    for text in EVIL_PATTERNS:
        try:
            pattern = Pattern(text)
        except ValueError:
            continue
        for evil in EVIL_TEXTS:
            began = time.perf_counter()
            pattern.matches(evil)
            longest = max(longest, time.perf_counter() - began)
    return longest * 1e6


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=200_000)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    for kind, measure in kinds(chosen.count).items():
        costs = [measure() for _ in range(chosen.runs)]
        print(json.dumps({"kind": kind, "microseconds": round(statistics.median(costs), 3)}), flush=True)
    print(json.dumps({"kind": "patterns", "microseconds": round(slowest_pattern(), 1)}), flush=True)


if __name__ == "__main__":
    main()
