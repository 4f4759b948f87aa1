"""Where the stories of the catalogue are played: Teams and every other peer, each call of theirs led by the story.

Whatever a story is about, these hold at its end: no rule of Teams' reject list was broken, no peer got a message that
cannot be read, nothing of Microsoft's own reached a carrier (HDR-19) and no SRTP one with plain RTP, and every call is
over at both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.internet.task import deferLater

from ..call import Call
from ..carrier import SimCarrier
from ..inbox import Inbox
from ..pki import Pki
from ..placed import PlacedCall
from ..result import CallResult, Plan
from ..scripts import Answering, Calling, led
from ..sound import Describe
from ..taken import TakenCall
from ..teams import Addresses, SimTeams
from .claim import UnmetError, need
from .pair import Pair
from .site import ROLES, USER, Site
from .wire import TEAMS, Wire

__all__ = ["PACKETS", "Scene"]

PACKETS = 6
"""Packets of 20 ms that must be heard before audio counts as flowing."""

TICK = 0.02
PLAN = Plan(ring=0.05, talk=0.2, patience=8.0, session_expires=1800)


class Scene:
    """Both sides of the SBC at ``site``. Open it, ``begin`` each story and ``end`` it, close it."""

    def __init__(
        self,
        reactor: IReactorTCP,
        site: Site,
        pki: Pki,
        *,
        addresses: Addresses | None = None,
        carriers: Mapping[str, tuple[str, int]],
        clock: IReactorTime | None = None,
        notice: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.site = site
        self.clock = clock or cast(IReactorTime, reactor)
        self.wire = Wire()
        self.calls: list[Call] = []
        self._arrived: dict[str, Inbox[TakenCall]] = {}
        how: dict[str, Any] = {"plan": PLAN, "clock": self.clock, "notice": notice}
        self.teams = SimTeams(reactor, pki, site.table, site.hosts, addresses=addresses, bypass=site.bypass, **how)
        place = (site.inside, site.ports.carrier)
        hosts = dict.fromkeys(site.hosts, site.inside)
        self.carriers = {
            role.id: SimCarrier(
                reactor, place, address=carriers[role.id][0], port=carriers[role.id][1], plain=role.plain, hosts=hosts,
                **how,
            )
            for role in ROLES
        }  # fmt: skip

    async def open(self) -> None:
        """Let every peer listen."""
        await self.teams.start()
        for carrier in self.carriers.values():
            await carrier.start()
        for name, peer in self._peers.items():
            peer.agent.watch = self.wire.tap(name)

    async def close(self) -> None:
        """End everything and give the ports back."""
        for carrier in self.carriers.values():
            await carrier.stop()
        await self.teams.stop()

    async def healthy(self, seconds: float) -> None:
        """Wait until OPTIONS go well in both directions with all three proxies. Raises UnmetError."""
        end = self.clock.seconds() + seconds
        while not all(region.active for region in self.teams.regions.values()):
            if self.clock.seconds() > end:
                states = "; ".join(f"{name}: {region.state}" for name, region in self.teams.regions.items())
                raise UnmetError(f"not every region is active after {seconds:g} s: {states}")
            await self.pause(TICK)

    @property
    def places(self) -> dict[str, tuple[str, int]]:
        """Where the peers listen, by role."""
        return {role: (carrier.address, carrier.port) for role, carrier in self.carriers.items()}

    @property
    def _peers(self) -> dict[str, SimTeams | SimCarrier]:
        return {TEAMS: self.teams, **self.carriers}

    # One story.

    def begin(self) -> None:
        """Forget the story before; every call that comes from now on waits for this one."""
        self.wire.forget()
        self.calls.clear()
        self.teams.violations.clear()
        self.teams.media = "processor"
        self.teams.referred.clear()
        for carrier in self.carriers.values():
            carrier.errors.clear()
        for name, peer in self._peers.items():
            inbox: Inbox[TakenCall] = Inbox(self.clock)
            self._arrived[name] = inbox
            peer.answer_with(cast(Answering, led(self._taker(inbox))))

    def _taker(self, inbox: Inbox[TakenCall]) -> Callable[[TakenCall], None]:
        def take(call: TakenCall) -> None:
            self.calls.append(call)
            inbox.put(call)

        return take

    async def end(self) -> None:
        """Hang up what is left, and claim what holds at the end of every story. Raises UnmetError."""
        try:
            for call in list(self.calls):
                await self._part(call)
            await self.until(self._all_over, self._leftover, PLAN.patience)
        finally:
            for call in self.calls:
                call.release()
        self._claim_clean()

    def abandon(self) -> None:
        """Let go of every call of a story that has failed, without a claim."""
        for call in self.calls:
            if call.dialog is not None and not call.ended_by:
                call.background(self._goodbye(call))
            elif isinstance(call, TakenCall) and call.status < 200:
                call.refuse(480)
            elif isinstance(call, PlacedCall) and call.status < 200:
                call.cancel()
            self.clock.callLater(1.0, call.release)

    async def _goodbye(self, call: Call) -> None:
        await call.hang_up()

    async def _part(self, call: Call) -> None:
        if call.dialog is not None and not call.ended_by:
            status = await call.hang_up()
            need(status in (200, 481), f"the BYE was answered {status}")
            await self.pause(2 * TICK)

    def _all_over(self) -> bool:
        return all(call.ended_by or call.dialog is None for call in self.calls)

    @property
    def _leftover(self) -> str:
        open_ = [call for call in self.calls if call.dialog is not None and not call.ended_by]
        return f"the end of {len(open_)} calls"

    def _claim_clean(self) -> None:
        if self.teams.violations:
            raise UnmetError("the reject list: " + "; ".join(str(one) for one in self.teams.violations))
        errors = [error for carrier in self.carriers.values() for error in carrier.errors]
        need(not errors, "; ".join(errors))
        self.wire.claim_clean()

    # Time.

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await deferLater(self.clock, seconds)

    async def until(self, true: Callable[[], object], what: str, seconds: float = PLAN.patience) -> None:
        """Wait until something is so. Raises UnmetError, naming what was waited for."""
        end = self.clock.seconds() + seconds
        while not true():
            if self.clock.seconds() > end:
                raise UnmetError(f"waited {seconds:g} s in vain for {what}")
            await self.pause(TICK)

    # Calls.

    async def dial_teams(self, role: str = "carrier", **how: Any) -> PlacedCall:
        """A peer calls a user at Teams (``to``); nothing has come back yet. ``how`` is for its ``place_call``.

        ``describe`` writes this call's session descriptions.
        """
        carrier = self.carriers[role]
        with _describing(carrier, how.pop("describe", None)):
            script, inbox = self._lead()
            story = carrier.place_call(how.pop("to", USER), how.pop("from_", _number(role)), script, **how)
            return await self._begun(story, inbox)

    async def dial_carrier(self, role: str = "carrier", **how: Any) -> PlacedCall:
        """A user at Teams calls a number behind a role (``to``), by the trunk ``fqdn``."""
        trunk = f"{how.pop('fqdn', self.site.fqdn)}:{self.site.ports.teams}"
        if self.teams.media == "client":
            how.setdefault("plan", replace(PLAN, session_expires=0))  # ICE-08
        with _describing(self.teams, how.pop("describe", None)):
            script, inbox = self._lead()
            caller = how.pop("from_", f"John Doe<{USER}>")
            story = self.teams.place_call(how.pop("to", _number(role)), caller, script, trunks=[trunk], **how)
            return await self._begun(story, inbox)

    async def arrival(self, peer: str = TEAMS, seconds: float = PLAN.patience) -> TakenCall:
        """The next call that the SBC makes to this peer. Raises UnmetError."""
        call = await self._arrived[peer].take(seconds)
        if call is None:
            raise UnmetError(f"no INVITE came to {peer} within {seconds:g} s")
        return call

    async def no_arrival(self, peer: str, seconds: float = 0.5) -> None:
        """Claim that no call comes to this peer."""
        need(await self._arrived[peer].take(seconds) is None, f"an INVITE came to {peer}")

    async def to_teams(self, role: str = "carrier", **how: Any) -> Pair:
        """A call to Teams that has arrived there; nobody has answered."""
        placed = await self.dial_teams(role, **how)
        return Pair(placed, await self._arrival_or(placed, TEAMS))

    async def to_carrier(self, role: str = "carrier", **how: Any) -> Pair:
        """A call from Teams that has arrived behind the SBC; nobody has answered."""
        placed = await self.dial_carrier(role, **how)
        return Pair(placed, await self._arrival_or(placed, role))

    async def answer(self, pair: Pair, fork: str = "a") -> None:
        """Ring and answer. Both ends must have the call then (RNG-08)."""
        pair.taken.ring(180, fork)
        await self.pause(PLAN.ring)
        pair.taken.accept(fork)
        need(await pair.taken.confirmed(), "RNG-08: the 200 got no ACK")
        status = await pair.placed.final()
        need(status == 200, f"the caller got {status or 'no answer'}, {pair.placed.cause}")

    async def talk_to_teams(self, role: str = "carrier", **how: Any) -> Pair:
        """A call to Teams that is answered and has audio both ways."""
        pair = await self.to_teams(role, **how)
        await self.answer(pair)
        await self.audio(pair.teams, pair.carrier)
        return pair

    async def talk_to_carrier(self, role: str = "carrier", **how: Any) -> Pair:
        """A call from Teams that is answered and has audio both ways."""
        pair = await self.to_carrier(role, **how)
        await self.answer(pair)
        await self.audio(pair.teams, pair.carrier)
        return pair

    def _lead(self) -> tuple[Calling, Inbox[PlacedCall | CallResult]]:
        """The script of a call that the story leads, and where the call appears once it is placed."""
        inbox: Inbox[PlacedCall | CallResult] = Inbox(self.clock)

        def take(call: PlacedCall) -> None:
            self.calls.append(call)
            inbox.put(call)

        return cast(Calling, led(take)), inbox

    async def _begun(self, story: Deferred[CallResult], inbox: Inbox[PlacedCall | CallResult]) -> PlacedCall:
        story.addCallback(inbox.put)
        begun = await inbox.take(PLAN.patience)
        if isinstance(begun, PlacedCall):
            return begun
        raise UnmetError(f"the call could not be placed: {begun.cause if begun else 'no connection in time'}")

    async def _arrival_or(self, placed: PlacedCall, peer: str) -> TakenCall:
        """The call at the other end, or the reason why the SBC refused it."""
        end = self.clock.seconds() + PLAN.patience
        while self.clock.seconds() < end:
            call = await self._arrived[peer].take(TICK)
            if call is not None:
                return call
            if placed.status >= 300:
                break
        raise UnmetError(
            f"no INVITE came to {peer}; the caller got {placed.status or 'no final response'}{_why(placed)}"
        )

    async def over(self, call: Call, what: str) -> None:
        """Wait until the other side has ended this call."""
        await self.until(lambda: call.ended_by, what)

    # Audio.

    async def audio(self, *ends: Call, packets: int = PACKETS) -> None:
        """Wait until each of these calls hears the other side's tone, then for a while nothing else.

        Raises UnmetError.
        """
        before = [call.sound.counts for call in ends]

        def first() -> bool:
            return all(call.sound.counts.verified > old.verified for call, old in zip(ends, before, strict=True))

        await self.until(first, f"audio: {_counted(ends)}")
        settled = [call.sound.counts for call in ends]

        def enough() -> bool:
            return all(c.sound.counts.verified >= old.verified + packets for c, old in zip(ends, settled, strict=True))

        await self.until(enough, f"{packets} packets at each end: {_counted(ends)}")
        for call, old in zip(ends, settled, strict=True):
            now = call.sound.counts
            need(now.bad == old.bad, f"wrong packets among the audio at {_name(call)}: {now}")

    async def quiet(self, call: Call, seconds: float = 0.3) -> None:
        """Claim that no audio arrives for a while, once what was under way is in."""
        await self.pause(5 * TICK)
        before = call.sound.counts.received
        await self.pause(seconds)
        came = call.sound.counts.received - before
        need(came == 0, f"{came} packets came to {_name(call)} while the call was on hold")


@contextmanager
def _describing(peer: SimTeams | SimCarrier, describe: Describe | None) -> Iterator[None]:
    """Let a peer describe the call that is placed meanwhile in another way, if one is given."""
    usual = peer.describe
    peer.describe = describe or usual
    try:
        yield
    finally:
        peer.describe = usual


def _number(role: str) -> str:
    return next(one.number for one in ROLES if one.id == role)


def _name(call: Call) -> str:
    return f"{'Teams' if call.style.upper else 'the other end'} ({'placed' if call.placed else 'taken'})"


def _counted(ends: Iterable[Call]) -> str:
    return "; ".join(
        f"{_name(call)} verified {call.sound.counts.verified} of {call.sound.counts.received}" for call in ends
    )


def _why(placed: PlacedCall) -> str:
    answer = placed.answers[-1] if placed.answers else None
    if answer is None:
        return f" ({placed.cause})" if placed.cause else ""
    return f" ({answer.reason}; {answer.get('Reason') or answer.get('Warning') or 'no Reason'})"
