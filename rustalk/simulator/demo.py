"""``rustalk demo``: a switch, a simulated Teams and a carrier on loopback, and one call each way with verified audio.

The switch is the real one, in a process of its own, with its own configuration file. Nothing outside a temporary
directory and the loopback addresses is touched, and no right beyond those of a user is needed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from rustalk.observe.ladder import Step, draw_ladder
from rustalk.observe.printable import printable

from .carrier import SimCarrier
from .pki import Pki
from .result import CallResult, Plan
from .sandbox import FQDN, SwitchProcess, configuration, free_ports
from .teams import SimTeams
from .tenants import Tenant, TenantTable

__all__ = ["run"]

TEAMS_USER = "+441273652000"
SUBSCRIBER = "+15085710838"
CARRIER_ADDRESS = "127.0.0.9"
START_WITHIN = 20.0
HEALTHY_WITHIN = 20.0
AUDIO_SHARE = 0.5


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


def run(argv: Sequence[str]) -> int:
    """Run the demo; 0 only if audio was verified both ways, else 1 and the cause."""
    arguments = _parser().parse_args(argv)
    outcome = _Outcome()
    try:
        react(lambda reactor: Deferred.fromCoroutine(_Demo(reactor, arguments).play(outcome)))
    except SystemExit as end:
        if end.code:
            print("The demo was interrupted before its end.", file=sys.stderr)
            return 1
    if outcome.cause:
        print(f"\nThe demo FAILED: {outcome.cause}", file=sys.stderr)
        return 1
    return 0


@dataclass(slots=True)
class _Outcome:
    """How the demo ended: ``cause`` is '' only when everything was verified."""

    cause: str = "it ended before the calls were made"


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of the demo: its title, and how it went at either end."""

    title: str
    placed: CallResult
    taken: CallResult
    from_teams: bool

    @property
    def teams(self) -> CallResult:
        """The end at Teams."""
        return self.placed if self.from_teams else self.taken

    @property
    def carrier(self) -> CallResult:
        """The end at the carrier."""
        return self.taken if self.from_teams else self.placed

    def cause(self, talk: float) -> str:
        """Why this call does not count as verified; '' when it does."""
        if not self.placed.answered:
            return self.placed.cause or f"the call was not answered but ended with {self.placed.status}"
        least = int(talk / 0.02 * AUDIO_SHARE)
        causes = []
        for name, result in (("Teams", self.teams), ("the carrier", self.carrier)):
            media = result.media
            if result.cause:
                causes.append(f"at {name}: {result.cause}")
            elif not media.good or media.verified < least:
                heard = f"{media.verified} of {media.received} packets, at least {least} were expected"
                causes.append(f"{name} verified {heard}")
        return "; ".join(causes)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="rustalk demo", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument(
        "--talk", type=float, default=2.5, metavar="SECONDS", help="audio per call (default: %(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="show what the switch logs and the peers do")
    return parser


class _Demo:
    """The parts of the demo, and the order in which they are started and ended."""

    def __init__(self, reactor: Any, arguments: Namespace) -> None:
        self._reactor = reactor
        self._verbose: bool = arguments.verbose
        self._plan = Plan(ring=0.5, talk=arguments.talk, patience=arguments.talk + 10)
        self._ports = free_ports()
        show = self._show("switch")
        self._switch = SwitchProcess(reactor, show)
        pki = Pki.make([FQDN], key_type="rsa")
        table = TenantTable([Tenant.of("Contoso", [FQDN], [TEAMS_USER])])
        self._pki = pki
        self._teams = SimTeams(reactor, pki, table, {FQDN: "127.0.0.1"}, plan=self._plan, notice=self._show("teams"))
        self._carrier = SimCarrier(
            reactor,
            ("127.0.0.1", self._ports.carrier),
            address=CARRIER_ADDRESS,
            hosts={FQDN: "127.0.0.1"},
            plan=self._plan,
            notice=self._show("carrier"),
        )

    async def play(self, outcome: _Outcome) -> None:
        """Run everything and clean up, whatever happens."""
        over: Deferred[None] = Deferred()
        with tempfile.TemporaryDirectory(prefix="rustalk-demo-") as name:
            story = Deferred.fromCoroutine(self._story(Path(name)))

            def interrupt() -> Deferred[None]:
                story.cancel()
                return over

            self._reactor.addSystemEventTrigger("before", "shutdown", interrupt)
            try:
                outcome.cause = await story
            except CancelledError:
                outcome.cause = "it was interrupted"
            except DemoError as error:
                outcome.cause = str(error)
            finally:
                await self._switch.stop()
                await self._carrier.stop()
                await self._teams.stop()
                over.callback(None)

    async def _story(self, directory: Path) -> str:
        await self._start(directory)
        await self._wait(self._healthy, HEALTHY_WITHIN, "three healthy proxies in both directions")
        _print_health(self._teams, await self._status())
        self._carrier.answer_with("listen")
        self._teams.answer_with("listen")
        runs = [await self._call_teams(), await self._call_carrier()]
        for one, call in zip(runs, await self._calls(len(runs)), strict=False):
            print(f"\n{one.title}")
            print(_ladder(await self._get(f"/api/v1/calls/{call}/trace")))
        return self._conclude(runs)

    async def _start(self, directory: Path) -> None:
        _say("Making certificates, a configuration and the two peers in a temporary directory ...")
        await self._teams.start()
        await self._carrier.start()
        files = self._pki.write(directory)
        config = directory / "rustalk.json"
        place = (CARRIER_ADDRESS, self._carrier.port)
        config.write_text(
            configuration(directory, files, self._ports, self._teams.hosts, self._teams.sip_proxies, place)
        )
        _say(f"Starting the switch: SIP over TLS on 127.0.0.1:{self._ports.teams}, API on port {self._ports.api} ...")
        self._switch.start(self._reactor, config)
        await self._wait(self._ready, START_WITHIN, "the switch to be ready")

    async def _wait(self, done: Callable[[], Any], seconds: float, what: str) -> None:
        """Ask again and again until something has come true."""
        deadline = self._reactor.seconds() + seconds
        while not await done():
            if self._switch.ended:
                raise DemoError(f"the switch ended by itself: {self._switch.ended}\n{self._switch.last_words}")
            if self._reactor.seconds() > deadline:
                health = "; ".join(f"{one.name}: {one.state}" for one in self._teams.regions.values())
                raise DemoError(f"no {what} within {seconds:g} s. {health}\n{self._switch.last_words}")
            await deferLater(self._reactor, 0.1)

    async def _ready(self) -> bool:
        try:
            await self._get("/health")
        except DemoError:
            return False
        return True

    async def _healthy(self) -> bool:
        status = await self._status()
        healthy = [one for one in status if one.get("status") == "healthy"]
        return len(healthy) == 3 and all(region.active for region in self._teams.regions.values())

    async def _status(self) -> list[dict[str, Any]]:
        found = (await self._get("/api/v1/teams/status")).get("health_status", [])
        return list(found)

    async def _get(self, path: str) -> dict[str, Any]:
        return await deferToThread(_fetch, f"http://127.0.0.1:{self._ports.api}{path}")

    async def _call_teams(self) -> _Run:
        title = f"Call 1: the carrier's {SUBSCRIBER} calls {TEAMS_USER} at Teams"
        _say(f"{title} ...")
        placed = await self._carrier.place_call(TEAMS_USER, SUBSCRIBER)
        return _Run(title, placed, await self._taken(self._teams.results, placed), from_teams=False)

    async def _call_carrier(self) -> _Run:
        title = f"Call 2: {TEAMS_USER} at Teams calls {SUBSCRIBER} at the carrier"
        _say(f"{title} ...")
        trunk = f"{FQDN}:{self._ports.teams}"
        placed = await self._teams.place_call(SUBSCRIBER, f"John Doe<{TEAMS_USER}>", trunks=[trunk])
        return _Run(title, placed, await self._taken(self._carrier.results, placed), from_teams=True)

    async def _taken(self, results: list[CallResult], placed: CallResult) -> CallResult:
        """How the answering end fared: its script may end a moment later."""
        deadline = self._reactor.seconds() + (self._plan.patience if placed.answered else 1.0)
        while not any(not result.placed for result in results) and self._reactor.seconds() < deadline:
            await deferLater(self._reactor, 0.05)
        taken = [result for result in results if not result.placed]
        return taken[-1] if taken else CallResult("", "listen", placed=False, cause="the call never arrived")

    async def _calls(self, count: int) -> list[str]:
        """The switch's ids of the calls made, oldest first."""
        found = (await self._get("/api/v1/calls")).get("calls", [])
        return [str(call["id"]) for call in reversed(found)][-count:]

    def _conclude(self, runs: list[_Run]) -> str:
        print("\nAudio: packets of 20 ms, each checked by its SRTP authentication tag and by the tone in it")
        for one in runs:
            print(f"  {one.title}")
            for name, result in (("Teams", one.teams), ("Carrier", one.carrier)):
                media = result.media
                print(
                    f"    at {name:8} sent {media.sent:4}, received {media.received:4}, verified {media.verified:4},"
                    f" lost {media.lost}, RTCP verified {media.rtcp_verified}"
                )
        causes = [f"{one.title}: {cause}" for one in runs if (cause := one.cause(self._plan.talk))]
        print(f"\nViolations of the Direct Routing document noted by the simulator: {len(self._teams.violations)}")
        for violation in self._teams.violations:
            print(f"  {printable(str(violation))}")
        if not causes:
            print(_NEXT)
        return "; ".join(causes)

    def _show(self, who: str) -> Callable[[str], None]:
        if not self._verbose:
            return lambda line: None
        return lambda line: print(f"  [{who}] {printable(line)}", flush=True)


_NEXT = """
It works. What next:
  rustalk generate-config -o rustalk.json    a configuration to edit: your FQDN, certificate, trunk and numbers
  rustalk check-config rustalk.json          every mistake in it at once
  rustalk start -c rustalk.json              the switch itself
  rustalk teams-sim --help                   the simulated Teams, to try that configuration before the real one"""


def _say(line: str) -> None:
    print(line, flush=True)


def _fetch(url: str) -> dict[str, Any]:
    try:
        with urlopen(url, timeout=5) as response:
            found = json.load(response)
    except (URLError, OSError, HTTPException, ValueError) as error:
        raise DemoError(f"{url} does not answer: {error}") from None
    if not isinstance(found, dict):
        raise DemoError(f"{url} gave no JSON object")
    return found


def _print_health(teams: SimTeams, status: list[dict[str, Any]]) -> None:
    """The OPTIONS of the three proxies in both directions: what the switch says, and what the simulator saw."""
    print(f"\n{'Proxy':34}{'RusTalk -> Teams':28}Teams -> RusTalk")
    for one, region in zip(status, teams.regions.values(), strict=False):
        took = one.get("response_time_ms")
        ours = f"{one.get('status')}, {took:.1f} ms" if isinstance(took, int | float) else str(one.get("status"))
        theirs = "200" if region.out_options_ok else "failed"
        took_back = f", {region.out_options_ms:.1f} ms" if region.out_options_ms is not None else ""
        print(f"{region.name:34}{printable(ours):28}{theirs}{took_back}, {region.state}")
    print(flush=True)


def _ladder(trace: dict[str, Any]) -> str:
    """The messages of a call, the carrier on the left and Teams on the right."""
    sides = {leg.get("leg"): 1 if leg.get("trunk") == "teams" else 0 for leg in trace.get("legs", [])}
    steps = [
        Step(
            time=datetime.fromisoformat(one["time"]).timestamp(),
            leg=sides.get(one["leg"], 0),
            sent=one["direction"] == "out",
            peer=one["peer"],
            summary=one["summary"],
        )
        for one in trace.get("messages", [])
    ]
    return draw_ladder(steps, {0: "Carrier", 1: "Teams"})
