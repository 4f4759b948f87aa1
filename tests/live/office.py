"""An office: two real phones, each on a trunk of its own, and a simulated Teams whose calls the test leads.

Alice has plain RTP, Bob insists on SRTP. Each speaks with a tone of its own, so that it shows who is heard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from rustalk.rtp.tone import presence
from rustalk.simulator.call import Call
from rustalk.simulator.inbox import Inbox
from rustalk.simulator.media import TEAMS_TONE
from rustalk.simulator.placed import PlacedCall
from rustalk.simulator.scripts import led
from rustalk.simulator.taken import TakenCall
from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.layout import vacant
from tests.live.meeting import USER, ChildMeeting, Meet
from tests.live.running import udp_ports

reactor: Any = _reactor

__all__ = ["ALICE", "ALICE_TONE", "BOB", "BOB_TONE", "Office", "Open", "dialog", "offices"]

ALICE, BOB = "+15085710838", "+15085710839"
ALICE_TONE, BOB_TONE = 1000, 700
SWITCH = "127.0.0.1"

_PLACES = {ALICE: "127.0.0.10", BOB: "127.0.0.11"}
_SRTP = {ALICE: "off", BOB: "required"}
_PACKETS = 15
_HALF_SECOND = 4000
_CLEAR = 0.9
_PATIENCE = 10.0
_LOOK = 0.05


class Office:
    """Everybody is there, and nobody has called yet. ``teams`` holds the switch to the document."""

    def __init__(self, meeting: ChildMeeting, alice: Baresip, bob: Baresip) -> None:
        self.meeting = meeting
        self.teams = meeting.teams
        self.alice = alice
        self.bob = bob
        self.calls: list[Call] = []
        self._arrived: Inbox[Call] = Inbox(cast(Any, meeting.timeline))
        self._placed: Inbox[Call] = Inbox(cast(Any, meeting.timeline))
        self.teams.answer_with(cast(Any, led(self._taker(self._arrived))))

    def _taker(self, inbox: Inbox[Call]) -> Callable[[Call], None]:
        def take(call: Call) -> None:
            self.calls.append(call)
            inbox.put(call)

        return take

    async def until(self, true: Callable[[], Any], what: str, seconds: float = _PATIENCE) -> None:
        """Wait until something is so. Between two looks the machine is left to the phones."""
        end = reactor.seconds() + seconds
        while not true():
            assert reactor.seconds() < end, f"waited {seconds:g} s in vain for {what}"
            await deferLater(reactor, _LOOK)

    # Calls.

    def uri(self, number: str) -> str:
        """How a phone calls a number through the switch."""
        return f"sip:{number}@{SWITCH}:{self.meeting.ports.carrier}"

    async def arrival(self) -> TakenCall:
        """The next call that reaches Teams."""
        call = await self._arrived.take(_PATIENCE)
        assert call is not None, "no INVITE came to Teams"
        return cast(TakenCall, call)

    async def answered(self) -> TakenCall:
        """The next call that reaches Teams, answered there."""
        call = await self.arrival()
        call.ring()
        call.accept()
        assert await call.confirmed()
        return call

    async def alice_calls_teams(self) -> TakenCall:
        """A call with audio both ways."""
        self.alice.command("dial", self.uri(USER))
        call = await self.answered()
        await self.event(self.alice, "CALL_ESTABLISHED")
        await self.talk(call, self.alice)
        return call

    async def alice_calls_bob(self) -> None:
        """A call between the two phones, answered."""
        self.alice.command("dial", self.uri(BOB))
        await self.event(self.alice, "CALL_ESTABLISHED")
        await self.event(self.bob, "CALL_ESTABLISHED")

    async def teams_calls(self, phone: Baresip, **how: Any) -> PlacedCall:
        """A call of Teams to a phone, answered."""
        script = cast(Any, led(self._taker(self._placed)))
        self.meeting.from_teams(script, **{"to": phone.phone.user, **how})
        call = cast(PlacedCall, await self._placed.take(_PATIENCE))
        assert await call.final() == 200, call.cause
        return call

    async def event(self, phone: Baresip, kind: str) -> dict[str, Any]:
        """The next event of this kind that a phone tells."""
        told: dict[str, Any] = await deferToThread(phone.wait_for, kind)
        return told

    # Audio.

    async def talk(self, call: Call, phone: Baresip) -> None:
        """Wait until the one at Teams and this phone hear each other, and nobody else."""
        await self.hears(call, phone.phone.tone)
        await self.heard_by(phone, TEAMS_TONE)

    async def hears(self, call: Call, tone: int) -> None:
        """Wait until this call of Teams hears the tone, and from then on nothing else for a while."""
        end = call.sound.end
        end.expect(tone)
        first = end.counts.verified
        await self.until(lambda: end.counts.verified > first, f"{tone} Hz at Teams: {end.counts}")
        settled = end.counts
        await self.until(lambda: end.counts.verified >= settled.verified + _PACKETS, f"more of {tone} Hz")
        assert end.counts.bad == settled.bad, end.counts

    async def heard_by(self, phone: Baresip, tone: int) -> None:
        """Wait until a phone has heard the tone for half a second from now on."""
        start = len(phone.heard())

        def clear() -> bool:
            samples = phone.heard()
            return len(samples) - start >= _HALF_SECOND and presence(samples[-_HALF_SECOND:], tone) > _CLEAR

        await self.until(clear, f"{tone} Hz at {phone.phone.user}")

    async def quiet(self, call: Call) -> None:
        """Wait until this call of Teams has heard nothing for half a second."""
        timeline, end = self.meeting.timeline, call.sound.end
        last = [end.counts.received, timeline.seconds()]

        def silent() -> bool:
            if end.counts.received != last[0]:
                last[:] = [end.counts.received, timeline.seconds()]
            return timeline.seconds() - last[1] > 0.5

        await self.until(silent, f"silence at Teams: {end.counts}")

    # The end.

    async def over(self, *reasons: str) -> None:
        """Every call of Teams has ended, and the switch has nothing but the records, which end for these reasons."""
        await self.until(
            lambda: all(call.ended_by or call.dialog is None for call in self.calls), "the end of the calls at Teams"
        )
        end = reactor.seconds() + _PATIENCE
        while (active := (await self.meeting.get("/api/v1/stats"))["active_calls"]) and reactor.seconds() < end:
            await deferLater(reactor, _LOOK)
        assert not active, f"{active} calls are left in the switch"
        calls = (await self.meeting.get("/api/v1/calls"))["calls"]
        assert [call["over"] for call in calls] == [True] * len(calls)
        assert sorted(call["reason"] for call in calls) == sorted(reasons)
        await self.until(lambda: not self.media_ports, "the media ports to close")

    @property
    def media_ports(self) -> set[int]:
        """The UDP ports that calls hold now."""
        pid = cast(Any, self.meeting.child.transport).pid
        return udp_ports(pid) - {self.meeting.ports.carrier}

    def release(self) -> None:
        """Let the scripts of all calls end."""
        for call in self.calls:
            call.release()


def dialog(phone: Baresip, number: str) -> tuple[str, str, str]:
    """Call-ID, own tag and the other side's tag of the call that a phone has placed to this number, as it wrote."""
    for text in phone.written.replace("\r", "").split("SIP/2.0 200 ")[1:]:
        fields = dict(re.findall(r"^(From|To|Call-ID|CSeq): (.*)$", text.partition("\n\n")[0], re.MULTILINE))
        if number in fields["To"] and fields["CSeq"].endswith("INVITE"):
            own, other = (fields[name].partition("tag=")[2] for name in ("From", "To"))
            return fields["Call-ID"], own, other
    raise AssertionError(f"{phone.phone.user} has placed no call to {number}:\n{phone.written}")


Open = Callable[..., Any]


def offices(meet: Meet, baresip: Callable[[Phone], Baresip]) -> Iterator[Open]:
    """For a fixture: opens offices; ``changes`` go into the configuration. Their calls are released after the test."""
    opened: list[Office] = []

    async def open_office(**changes: Any) -> Office:
        ports = {number: vacant(address) for number, address in _PLACES.items()}
        met = await meet(
            ChildMeeting,
            trunks=[_trunk(number, ports[number]) for number in _PLACES],
            routing={"routes": [_route("to-teams", r"^\+44\d+$", "teams"), *map(_to_phone, _PLACES)]},
            media=LATCHING,
            profile={"domain": SWITCH},
            **changes,
        )
        alice = await deferToThread(baresip, _phone(ALICE, ports[ALICE], met.ports.carrier))
        bob = await deferToThread(baresip, _phone(BOB, ports[BOB], met.ports.carrier))
        opened.append(Office(met, alice, bob))
        return opened[-1]

    yield open_office
    for each in opened:
        each.release()
        pytest_twisted.blockon(Deferred.fromCoroutine(each.until(lambda: True, "one turn")))


def _phone(number: str, port: int, switch: int) -> Phone:
    tone, encryption = (ALICE_TONE, "") if number == ALICE else (BOB_TONE, "srtp-mand")
    return Phone(number, _PLACES[number], port, f"{SWITCH}:{switch}", tone, encryption)


def _trunk(number: str, port: int) -> dict[str, Any]:
    return {
        "id": _name(number),
        "host": _PLACES[number],
        "port": port,
        "protocol": "udp",
        "profile": "carrier",
        "srtp": _SRTP[number],
        "options_ping_enabled": False,
    }


def _name(number: str) -> str:
    return "alice" if number == ALICE else "bob"


def _route(id: str, pattern: str, trunk: str) -> dict[str, Any]:
    return {"id": id, "pattern": pattern, "destination": {"type": "Trunk", "value": trunk}}


def _to_phone(number: str) -> dict[str, Any]:
    return _route(f"to-{_name(number)}", rf"^\+?{number[1:]}$", _name(number))
