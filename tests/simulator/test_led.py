"""Calls between two simulated carriers, led by hand at both ends: what the stories of the catalogue are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from rustalk.sdp.model import Direction
from rustalk.simulator.call import Call
from rustalk.simulator.carrier import SimCarrier
from rustalk.simulator.description import renumbered, written
from rustalk.simulator.media import CARRIER_TONE, TEAMS_TONE
from rustalk.simulator.multipart import Part, parts
from rustalk.simulator.placed import PlacedCall
from rustalk.simulator.scripts import led
from rustalk.simulator.taken import TakenCall
from tests.fakes.patience import until
from tests.fakes.sbc import QUICK

NUMBER = "+15550100"


@dataclass
class Exchange:
    """Two carriers; every call between them is led by the test."""

    caller: SimCarrier
    answerer: SimCarrier
    placed: list[PlacedCall] = field(default_factory=list)
    taken: list[TakenCall] = field(default_factory=list)

    @classmethod
    async def open(cls) -> Exchange:
        answerer = SimCarrier(reactor, ("127.0.0.1", 9), plan=QUICK, tones=(TEAMS_TONE, CARRIER_TONE))
        await answerer.start()
        caller = SimCarrier(reactor, ("127.0.0.1", answerer.port), plan=QUICK)
        await caller.start()
        made = cls(caller, answerer)
        answerer.answer_with(led(made.taken.append))
        return made

    async def call(self, **how: Any) -> tuple[PlacedCall, TakenCall]:
        """A call that has arrived and is not answered."""
        self.caller.place_call(NUMBER, NUMBER, led(self.placed.append), **how)
        await until(lambda: bool(self.taken))
        return self.placed[-1], self.taken[-1]

    async def answered(self, **how: Any) -> tuple[PlacedCall, TakenCall]:
        """A call that is answered."""
        placed, taken = await self.call(**how)
        taken.accept()
        assert await taken.confirmed()
        return placed, taken

    async def close(self) -> None:
        for call in [*self.placed, *self.taken]:
            call.release()
        await self.caller.stop()
        await self.answerer.stop()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    made = pytest_twisted.blockon(Deferred.fromCoroutine(Exchange.open()))
    yield made
    pytest_twisted.blockon(Deferred.fromCoroutine(made.close()))


async def hears(*calls: Call, packets: int = 3) -> None:
    """Wait for so many more good packets at each end."""
    for call in calls:
        before = call.sound.counts.verified
        await until(lambda call=call, before=before: call.sound.counts.verified >= before + packets)
        assert call.sound.counts.bad == 0


@pytest_twisted.ensureDeferred
async def test_a_led_call_lives_until_it_is_released(exchange: Exchange) -> None:
    placed, taken = await exchange.answered()
    await hears(placed, taken)
    assert await placed.hang_up() == 200
    assert taken.ended_by == "peer"
    assert exchange.caller.results == []
    placed.release()
    placed.release()
    await until(lambda: bool(exchange.caller.results))


@pytest_twisted.ensureDeferred
async def test_a_plain_end_makes_both_plain(exchange: Exchange) -> None:
    """MED-01: RTP/AVP in the offer is answered with RTP/AVP."""
    exchange.caller.plain = True
    placed, taken = await exchange.answered()
    assert b"crypto" not in taken.incoming.body
    assert placed.remote is not None
    assert placed.remote.plain
    await hears(placed, taken)


@pytest_twisted.ensureDeferred
async def test_a_reliable_183_gets_its_prack(exchange: Exchange) -> None:
    """RFC 3262: RAck names the response, and later requests count on from it."""
    placed, taken = await exchange.call()
    taken.ring(183, early=True, reliable=True)
    await until(lambda: bool(taken.seen))
    assert (taken.seen[0].method, taken.seen[0].get("RAck")) == ("PRACK", "1 1 INVITE")
    taken.accept()
    assert await taken.confirmed()
    await hears(placed, taken)
    assert await placed.hang_up() == 200
    assert [one.cseq.number for one in taken.seen if one.method in ("PRACK", "BYE")] == [2, 3]


@pytest_twisted.ensureDeferred
async def test_a_late_offer_is_answered_in_the_prack(exchange: Exchange) -> None:
    """RFC 3262 section 5: an offer in the reliable 183, the answer in PRACK, none in the ACK."""
    placed, taken = await exchange.call(offer=False)
    taken.ring(183, early=True, reliable=True)
    await until(lambda: bool(taken.seen))
    assert b"m=audio" in taken.seen[0].body
    taken.accept()
    assert await taken.confirmed()
    assert placed.remote is not None
    assert taken.seen[-1].body == b""


@pytest_twisted.ensureDeferred
async def test_a_reinvite_without_an_offer(exchange: Exchange) -> None:
    """HDR-11: the other side offers in its 200, the ACK answers."""
    placed, taken = await exchange.answered()
    assert (await placed.reinvite(offer=False)).status == 200
    await until(lambda: taken.seen[-1].method == "ACK")
    assert b"m=audio" in taken.seen[-1].body
    await hears(placed, taken)


@pytest_twisted.ensureDeferred
async def test_hold_by_update_stops_the_audio(exchange: Exchange) -> None:
    """RFC 3311."""
    placed, taken = await exchange.answered()
    await hears(placed, taken)
    taken.sound.turn(Direction.INACTIVE)
    response = await taken.request("UPDATE", taken.sound.text())
    assert response is not None
    assert b"a=inactive" in response.body
    before = taken.sound.counts.sent, placed.sound.counts.sent
    await placed.pause(0.1)
    assert placed.sound.counts.sent == before[1]


@pytest_twisted.ensureDeferred
async def test_a_refer_is_told_of_by_its_requests(exchange: Exchange) -> None:
    """RFC 3515: a request that a story wants for itself waits for it."""
    placed, taken = await exchange.answered()
    taken.manual = frozenset(("REFER",))
    asked = placed.request("REFER", fields=[("Refer-To", "<sip:a@b>")])
    placed.background(_accepted(asked))
    first = await taken.requests.take(3.0)
    assert first is not None
    assert first[0].get("Contact") == exchange.caller.style.contact
    taken.reply(*first, 202)
    notify = await taken.request("NOTIFY", b"SIP/2.0 100 Trying\r\n", [("Content-Type", "message/sipfrag")])
    assert notify is not None
    assert notify.status == 200
    assert (placed.seen[-1].method, placed.cause) == ("NOTIFY", "")


async def _accepted(asked: Any) -> None:
    response = await asked
    assert response.status == 202


@pytest_twisted.ensureDeferred
async def test_a_body_of_several_parts_arrives(exchange: Exchange) -> None:
    """EMG-01: the session description is found beside the location."""
    location = Part((("Content-Type", "application/pidf+xml"),), b"<presence/>")
    placed, taken = await exchange.answered(parts=[location])
    assert location in parts(taken.incoming)
    await hears(placed, taken)


@pytest_twisted.ensureDeferred
async def test_a_line_that_cannot_be_used_is_answered_with_port_0(exchange: Exchange) -> None:
    """RFC 3264 section 6: as many lines in the answer as in the offer."""
    exchange.caller.describe = written(exchange.caller.describe, lambda text: text + "m=image 9 udptl t38\r\n")
    placed, _ = await exchange.answered()
    assert placed.remote is not None
    assert [(one.kind, one.port > 0) for one in placed.remote.session.media] == [("audio", True), ("image", False)]


@pytest_twisted.ensureDeferred
async def test_digits_go_by_the_payload_type_that_the_other_side_has_given(exchange: Exchange) -> None:
    """MED-08."""
    exchange.caller.describe = written(exchange.caller.describe, renumbered(101, 96))
    placed, taken = await exchange.answered()
    placed.sound.end.event = 96
    await hears(placed, taken)
    for call, other in ((placed, taken), (taken, placed)):
        call.sound.end.dial("7")
        await until(lambda other=other: other.sound.end.digits == "7")


@pytest_twisted.ensureDeferred
async def test_media_that_moves_is_followed(exchange: Exchange) -> None:
    """HLD-04: other ports and another key by re-INVITE."""
    placed, taken = await exchange.answered()
    await hears(placed, taken)
    port = placed.sound.end.port
    placed.move()
    assert (await placed.reinvite()).status == 200
    assert placed.sound.end.port != port
    await hears(placed, taken)


@pytest_twisted.ensureDeferred
async def test_a_reason_goes_with_cancel_and_bye(exchange: Exchange) -> None:
    """RNG-07."""
    placed, taken = await exchange.call()
    taken.ring(180)
    await until(lambda: bool(placed.progress))
    placed.cancel([("Reason", "SIP;cause=200")])
    assert await taken.cancel()
    assert taken.seen[-1].get("Reason") == "SIP;cause=200"
    assert await placed.final() == 487
