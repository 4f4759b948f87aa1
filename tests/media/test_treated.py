"""The ports of a treated stream: connectivity checks over real sockets (ICE-lite), and what the source may be then."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_twisted

from rustalk.media.relay import Discarded
from rustalk.rtp.rtcp import ReceiverReport
from rustalk.rtp.srtp import Sender
from rustalk.rtp.stun import (
    BINDING_REQUEST,
    BINDING_SUCCESS,
    PRIORITY,
    USE_CANDIDATE,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    build,
    is_stun,
    parse_message,
    xor_address,
)
from rustalk.rtp.treatment import IceCredentials, Treatment
from tests.fakes.party import Party, voice
from tests.fakes.treated import CALLEE, CALLER, PLAIN, TreatedCall, key

OURS = IceCredentials("SBC1", "a password of the SBC", "team")
TRANSACTION = bytes(range(12))
REPORT = ReceiverReport(7).build()


@pytest_twisted.async_yield_fixture
async def call() -> AsyncIterator[TreatedCall]:
    """The caller's side makes connectivity checks."""
    made = TreatedCall()
    made.connect(PLAIN, PLAIN)
    made.stream.ice(CALLER, OURS)
    yield made
    await made.close()


def check(ours: IceCredentials = OURS, *, nominate: bool = False) -> bytes:
    attributes = [(USERNAME, f"{ours.ufrag}:{ours.remote_ufrag}".encode()), (PRIORITY, bytes(4))]
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return build(BINDING_REQUEST, TRANSACTION, attributes, password=ours.password)


def answers(party: Party) -> int:
    return sum(is_stun(datagram) for datagram in party.received)


@pytest_twisted.ensureDeferred
async def test_a_check_is_answered_on_the_rtp_and_the_rtcp_port_and_goes_no_further(call: TreatedCall) -> None:
    """ICE-02 and ICE-07: with the address that it came from; the other leg sees nothing of it."""
    host, rtp, rtcp = call.stream.local(CALLER)
    phone = call.party("127.0.0.5")
    for number, port in enumerate((rtp, rtcp), 1):
        phone.send([check()], to=(host, port))
        message = parse_message((await phone.has(number))[-1])
        assert message.kind == BINDING_SUCCESS
        assert message.get(XOR_MAPPED_ADDRESS) == xor_address(*phone.address, TRANSACTION)
        assert message.verifies(OURS.password)
    assert call.callee.received == []
    assert call.stream.discarded(CALLER) == Discarded(stun=2)


@pytest_twisted.ensureDeferred
async def test_without_checks_media_flows_as_announced(call: TreatedCall) -> None:
    """ICE-06: two ICE-lite agents send each other no checks."""
    call.stream.ice(CALLEE, IceCredentials("SBC2", "another password", "lite"))
    call.say(CALLER, *voice(3))
    call.say(CALLEE, *voice(3, ssrc=9))
    assert await call.callee.has(3) == voice(3)
    assert await call.caller.has(3) == voice(3, ssrc=9)


@pytest_twisted.ensureDeferred
async def test_before_the_nomination_the_first_that_streams_is_used(call: TreatedCall) -> None:
    """RNG-05: it was checked, is not the announced one, and is answered with audio at once."""
    phone, other = call.party("127.0.0.5"), call.party("127.0.0.6")
    for party in (phone, other):
        party.send([check()], to=call.port(CALLER))
        await party.has(1)
    phone.send(voice(2), to=call.port(CALLER))
    assert await call.callee.has(2) == voice(2)
    other.send(voice(2, text=b"other"), to=call.port(CALLER))
    call.say(CALLEE, *voice(2, ssrc=9))
    assert (await phone.has(3))[1:] == voice(2, ssrc=9)
    assert len(call.callee.received) == 2


@pytest_twisted.ensureDeferred
async def test_who_passed_no_check_is_not_heard(call: TreatedCall) -> None:
    stranger = call.party("127.0.0.5")
    stranger.send([check(IceCredentials("SBC1", "guess")), *voice(20, text=b"evil")], to=call.port(CALLER))
    call.say(CALLER, *voice(1))
    assert await call.callee.has(1) == voice(1)
    assert call.stream.discarded(CALLER).foreign == 20


@pytest_twisted.ensureDeferred
async def test_media_moves_to_the_nominated_source(call: TreatedCall) -> None:
    """ICE-03: from the announced one, before or after the answer; the old source is refused from then on."""
    call.say(CALLER, *voice(1))
    await call.callee.has(1)
    phone = call.party("127.0.0.5")
    phone.send([check(nominate=True), *voice(2, first=1)], to=call.port(CALLER))
    assert (await call.callee.has(3))[1:] == voice(2, first=1)
    call.say(CALLER, *voice(5, text=b"old"))
    call.say(CALLEE, *voice(2, ssrc=9))
    assert (await phone.has(3))[1:] == voice(2, ssrc=9)
    call.stream.expect(CALLER, phone.address, phone.address)
    phone.send(voice(1, first=3), to=call.port(CALLER))
    assert (await call.callee.has(4))[3:] == voice(1, first=3)


@pytest_twisted.ensureDeferred
async def test_a_nomination_outlives_the_description_with_the_final_candidates(call: TreatedCall) -> None:
    """ICE-04: the re-INVITE names an address behind NAT; the pair that was checked stays in use."""
    phone = call.party("127.0.0.5")
    phone.send([check(nominate=True)], to=call.port(CALLER))
    await phone.has(1)
    call.stream.expect(CALLER, ("192.0.2.77", 4000), ("192.0.2.77", 4000))
    call.say(CALLEE, *voice(2, ssrc=9))
    assert (await phone.has(3))[1:] == voice(2, ssrc=9)


@pytest_twisted.ensureDeferred
async def test_forks_are_all_answered_and_the_winner_is_followed(call: TreatedCall) -> None:
    """ICE-03: both nominate while they ring; the answer says which one counts."""
    first, second = call.party("127.0.0.5"), call.party("127.0.0.6")
    fork = IceCredentials(OURS.ufrag, OURS.password, "fork")
    first.send([check(nominate=True)], to=call.port(CALLER))
    second.send([check(fork, nominate=True)], to=call.port(CALLER))
    await first.has(1)
    await second.has(1)
    call.stream.ice(CALLER, fork)
    call.say(CALLEE, *voice(1, ssrc=9))
    assert (await second.has(2))[1:] == voice(1, ssrc=9)
    assert (answers(first), answers(second), len(first.received)) == (1, 1, 1)


@pytest_twisted.ensureDeferred
async def test_a_restart_lets_the_old_source_speak_until_the_new_one_does(call: TreatedCall) -> None:
    """ICE-05: a bypass call moves to a media processor."""
    phone, processor = call.party("127.0.0.5"), call.party("127.0.0.6")
    phone.send([check(nominate=True)], to=call.port(CALLER))
    await phone.has(1)
    again = IceCredentials("SBC2", "another password", "proc")
    call.stream.ice(CALLER, again)
    phone.send(voice(1), to=call.port(CALLER))
    await call.callee.has(1)
    processor.send([check(again), *voice(1, first=1, ssrc=8)], to=call.port(CALLER))
    await call.callee.has(2)
    phone.send(voice(5, text=b"old"), to=call.port(CALLER))
    processor.send([check(again, nominate=True), *voice(1, first=2, ssrc=8)], to=call.port(CALLER))
    assert (await call.callee.has(3))[2:] == voice(1, first=2, ssrc=8)


@pytest_twisted.ensureDeferred
async def test_checks_begin_and_end_in_the_middle_of_a_call(call: TreatedCall) -> None:
    """A call moves between a bypass and a non-bypass peer; the socket is connected again after it."""
    call.stream.ice(CALLER, None)
    phone = call.party("127.0.0.5")
    phone.send([check()], to=call.port(CALLER))
    call.say(CALLER, *voice(1))
    assert await call.callee.has(1) == voice(1)
    call.stream.ice(CALLER, OURS)
    phone.send([check()], to=call.port(CALLER))
    assert answers(phone) == 0
    assert len(await phone.has(1)) == 1


@pytest_twisted.ensureDeferred
async def test_srtp_of_any_checked_source_has_to_verify(call: TreatedCall) -> None:
    """Two forks with keys of their own: the one whose key counts is heard; a stranger is not even verified."""
    call.stream.treat((Treatment(receive=key(1), send=key(2)), PLAIN))
    right, wrong, stranger = (call.party(f"127.0.0.{number}") for number in (5, 6, 7))
    stranger.send(map(Sender(key(1)).protect, voice(2)), to=call.port(CALLER))
    for party, number in ((wrong, 9), (right, 1)):
        party.send([check(), *map(Sender(key(number)).protect, voice(3))], to=call.port(CALLER))
    assert await call.callee.has(3) == voice(3)
    assert call.stream.discarded(CALLER) == Discarded(stun=2, unverified=3, foreign=2)


@pytest_twisted.ensureDeferred
async def test_an_answer_that_cannot_be_sent_ends_nothing(call: TreatedCall) -> None:
    port = call.stream._sides[CALLER].rtp
    size = len(check())
    port._buffer[:size] = check()
    port._examine(size, ("198.51.100.1", 4000), 0.0)
    assert call.stream.discarded(CALLER) == Discarded(stun=1, unsent=1)


@pytest_twisted.ensureDeferred
async def test_the_rtcp_port_follows_its_own_nomination(call: TreatedCall) -> None:
    """A peer without a=rtcp-mux checks both components."""
    host, _, rtcp = call.stream.local(CALLER)
    control = call.party("127.0.0.5")
    call.stream.expect(CALLER, call.caller.address, ("127.0.0.9", 9))
    control.send([check(nominate=True), REPORT, *voice(1)], to=(host, rtcp))
    assert await call.callee.has(1) == [REPORT]
    call.say(CALLEE, REPORT)
    assert (await control.has(2))[1] == REPORT
    assert call.stream.discarded(CALLER).malformed == 1


@pytest.mark.parametrize("keyed", [True, False])
@pytest_twisted.ensureDeferred
async def test_what_is_neither_rtp_nor_rtcp_is_taken_out(call: TreatedCall, keyed: bool) -> None:
    call.stream.ice(CALLER, None)
    call.stream.treat((Treatment(receive=key(1) if keyed else None), PLAIN))
    first, second = map(Sender(key(1)).protect, voice(2)) if keyed else voice(2)
    call.say(CALLER, b"\x16\xfe\xfd" + bytes(20), b"", first[:11], first, second)
    assert await call.callee.has(2) == voice(2)
    assert call.stream.discarded(CALLER) == Discarded(malformed=3)
