"""The media of one call: what each side is told, what the relay is told, and that everything is given back."""

from __future__ import annotations

import struct
from ipaddress import ip_network
from itertools import count
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.ports import NoPortsError, PortPool
from rustalk.media.relay import Relay
from rustalk.media.session import MediaSession, MediaSide, SessionClosedError
from rustalk.media.streams import STREAMS
from rustalk.rtp.srtp import KeyMaterial, Receiver, Sender, parse_key
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Direction, Media, Origin
from rustalk.sdp.parse import parse
from tests.fakes import descriptions
from tests.fakes.relay import MemoryRelay

DATA = Path(__file__).parent.parent / "data" / "sdp"
OFFER = (DATA / "teams_offer.sdp").read_bytes()
ANSWER = (DATA / "carrier_offer.sdp").read_bytes().replace(b"crypto:1", b"crypto:2")
TEAMS, CARRIER = 0, 1
TEAMS_SIDE, CARRIER_SIDE = MediaSide(4, inactive_only=True), MediaSide(4, trim=True)


def tell(session: MediaSession, body: bytes, side: int) -> bytes:
    """What the other side is told of a description."""
    succeeded(session.lease(body, side))
    return session.translate(body, side)


def succeeded(waiting: Deferred[None]) -> None:
    """Raises what it failed with; it must have an outcome."""
    outcome: list[Failure | None] = []
    waiting.addBoth(outcome.append)
    if outcome[0] is not None:
        outcome[0].raiseException()


def open_session(relay: MemoryRelay, teams: MediaSide = TEAMS_SIDE, carrier: MediaSide = CARRIER_SIDE) -> MediaSession:
    return MediaSession(relay, (teams, carrier), random=count(1000).__next__)


def talk(relay: MemoryRelay) -> MediaSession:
    """An answered call from Teams to the carrier."""
    session = open_session(relay)
    tell(session, OFFER, TEAMS)
    tell(session, ANSWER, CARRIER)
    session.answered()
    return session


def audio(text: bytes) -> Media:
    return parse(text).media[0]


def origin(text: bytes) -> Origin:
    found = parse(text).origin
    assert found is not None
    return found


def test_the_relay_of_these_tests_keeps_the_promise() -> None:
    relay = MemoryRelay()
    verifyObject(IMediaRelay, relay)
    succeeded(relay.open((4, 6)).addCallback(lambda _: None))
    (stream,) = relay.streams
    stream.on_digit = stream.on_one_way = stream.on_silence = print
    verifyObject(IMediaStream, stream)


def test_each_side_is_told_our_address_and_its_own_ports() -> None:
    """MED-14: both sides send to us."""
    relay = MemoryRelay()
    session = open_session(relay)
    to_carrier, to_teams = tell(session, OFFER, TEAMS), tell(session, ANSWER, CARRIER)
    (stream,) = relay.streams
    for text, side in ((to_carrier, CARRIER), (to_teams, TEAMS)):
        connection = audio(text).connection
        assert connection is not None
        assert (connection.address, audio(text).port) == stream.local(side)[:2]
    assert b"b=CT" not in to_carrier
    assert (session.sent(CARRIER), session.sent(TEAMS)) == (to_carrier, to_teams)


def test_the_relay_is_told_where_each_side_receives() -> None:
    """MED-13: the address of c=, never that of o=."""
    relay = MemoryRelay()
    talk(relay)
    assert relay.streams[0].expected == [
        (("52.114.188.32", 49856), ("52.114.188.32", 49857)),
        (("10.0.0.5", 24680), ("10.0.0.5", 24681)),
    ]


def test_the_relay_is_told_the_clock_rates_of_what_each_side_sends() -> None:
    relay = MemoryRelay()
    talk(relay)
    assert relay.streams[0].clock_rates[CARRIER][104] == 16000
    assert relay.streams[0].clock_rates[TEAMS] == {8: 8000, 0: 8000, 101: 8000}


def test_rtcp_goes_where_a_rtcp_says() -> None:
    relay = MemoryRelay()
    session = open_session(relay)
    tell(session, OFFER.replace(b"a=rtcp:49857", b"a=rtcp:50000 IN IP4 52.114.188.99"), TEAMS)
    assert relay.streams[0].expected[TEAMS] == (("52.114.188.32", 49856), ("52.114.188.99", 50000))


def test_rtcp_shares_the_port_when_both_sides_said_so() -> None:
    """MED-10: only an answer with a=rtcp-mux makes it so; a later one without ends it."""
    relay = MemoryRelay()
    session = open_session(relay)
    muxed = ANSWER + b"a=rtcp-mux\r\n"
    tell(session, OFFER + b"a=rtcp-mux\r\n", TEAMS)
    assert relay.streams[0].expected[TEAMS][1] == ("52.114.188.32", 49857)
    assert b"a=rtcp-mux" in tell(session, muxed, CARRIER)
    assert [rtp == rtcp for rtp, rtcp in relay.streams[0].expected] == [True, True]
    tell(session, ANSWER, CARRIER)
    assert [rtp == rtcp for rtp, rtcp in relay.streams[0].expected] == [False, False]


def test_the_address_towards_a_side_never_changes() -> None:
    """HLD-04: the carrier moves, forks and holds; Teams sees one address and port."""
    relay = MemoryRelay()
    session = open_session(relay)
    tell(session, OFFER, TEAMS)
    moved = ANSWER.replace(b"10.0.0.5", b"10.0.0.77").replace(b"24680", b"30000")
    held = ANSWER.replace(b"c=IN IP4 10.0.0.5", b"c=IN IP4 0.0.0.0")
    refused = ANSWER.replace(b"audio 24680", b"audio 0")
    texts = [audio(tell(session, body, CARRIER)) for body in (ANSWER, moved, held, refused, moved)]
    assert {(media.connection, media.port) for media in texts if media.port} == {(texts[0].connection, texts[0].port)}
    assert relay.streams[0].expected[CARRIER][0] == ("10.0.0.77", 30000)
    assert len(relay.streams) == 1


def test_the_last_fork_wins() -> None:
    """MED-06: the key of the dialog that answers last is the one that the other side has."""
    session = open_session(MemoryRelay())
    tell(session, OFFER, TEAMS)
    tell(session, ANSWER, CARRIER)
    last = tell(session, ANSWER.replace(b"inline:N", b"inline:X"), CARRIER)
    assert session.sent(TEAMS) == last
    assert b"inline:X" in last


def test_the_same_description_again_gives_the_same_bytes() -> None:
    """HDR-17: Teams repeats its SDP after 27 minutes and gets the same address, port and key."""
    session = talk(MemoryRelay())
    before = session.sent(CARRIER)
    assert tell(session, OFFER, TEAMS) == before
    assert tell(session, OFFER.replace(b"118371 0 IN", b"118371 9 IN"), TEAMS) == before


def test_a_changed_description_gets_the_next_version() -> None:
    """MED-14, RFC 3264 section 8: our o= line is the same but for the version."""
    session = talk(MemoryRelay())
    before = origin(session.sent(CARRIER) or b"")
    after = origin(tell(session, OFFER.replace(b"a=sendrecv", b"a=inactive"), TEAMS))
    assert (after.id, after.address, after.version) == (before.id, before.address, before.version + 1)
    assert origin(session.sent(TEAMS) or b"").id != before.id


def test_a_refused_offer_is_taken_back() -> None:
    """HLD-05: a refresh after it is answered with what is in force; its version is not used again."""
    relay = MemoryRelay()
    session = talk(relay)
    in_force, moved = session.sent(TEAMS), ANSWER.replace(b"10.0.0.5", b"10.0.0.77")
    tell(session, moved + b"a=x:1\r\n", CARRIER)
    session.revert(CARRIER)
    assert session.sent(TEAMS) == in_force
    assert relay.streams[0].expected[CARRIER][0] == ("10.0.0.5", 24680)
    assert tell(session, ANSWER, CARRIER) == in_force
    assert origin(tell(session, ANSWER + b"a=x:2\r\n", CARRIER)).version == 3


def test_hold_towards_teams_is_inactive_at_our_address() -> None:
    """HLD-01, HLD-02: whatever form the carrier uses."""
    session = talk(MemoryRelay())
    for hold in (ANSWER + b"a=sendonly\r\n", ANSWER.replace(b"c=IN IP4 10.0.0.5", b"c=IN IP4 0.0.0.0")):
        held = audio(tell(session, hold, CARRIER))
        assert held.direction is Direction.INACTIVE
        assert held.connection is not None
        assert held.connection.address == "203.0.113.10"


def test_nothing_is_sent_to_a_side_that_names_no_address() -> None:
    """HLD-02: c=0.0.0.0 stops the stream."""
    relay = MemoryRelay()
    tell(talk(relay), ANSWER.replace(b"c=IN IP4 10.0.0.5", b"c=IN IP4 0.0.0.0"), CARRIER)
    assert relay.streams[0].expected[CARRIER] == (None, None)


def test_rtcp_still_flows_on_hold() -> None:
    """MED-11: a=inactive stops nothing that the sides send."""
    relay = MemoryRelay()
    tell(talk(relay), OFFER.replace(b"a=sendrecv", b"a=inactive"), TEAMS)
    assert relay.streams[0].expected[TEAMS] == (("52.114.188.32", 49856), ("52.114.188.32", 49857))


def test_silence_is_watched_from_the_answer_on_and_not_on_hold() -> None:
    relay = MemoryRelay()
    session = open_session(relay)
    tell(session, OFFER, TEAMS)
    tell(session, ANSWER, CARRIER)
    (stream,) = relay.streams
    seen = [stream.watched]
    session.answered()
    seen.append(stream.watched)
    tell(session, OFFER.replace(b"a=sendrecv", b"a=inactive"), TEAMS)
    seen.append(stream.watched)
    tell(session, OFFER, TEAMS)
    assert [*seen, stream.watched] == [False, True, False, True]


def test_one_way_audio_and_silence_are_passed_on_until_the_close() -> None:
    relay, heard = MemoryRelay(), []
    session = talk(relay)
    session.on_one_way, session.on_silence = heard.append, lambda: heard.append("silence")
    relay.streams[0].on_one_way(CARRIER)
    relay.streams[0].on_silence()
    session.close()
    relay.streams[0].on_silence()
    assert heard == [CARRIER, "silence"]


def test_a_call_is_silent_when_all_its_streams_are() -> None:
    relay, heard = MemoryRelay(), []
    session = open_session(relay)
    second = b"m=audio 4002 RTP/SAVP 0\r\n"
    tell(session, OFFER + second, TEAMS)
    tell(session, ANSWER + second, CARRIER)
    session.answered()
    session.on_silence = lambda: heard.append("silence")
    relay.streams[0].on_silence()
    relay.streams[0].packets[CARRIER] += 1
    relay.streams[1].on_silence()
    assert heard == []
    relay.streams[0].on_silence()
    assert heard == ["silence"]


def test_video_and_fax_are_refused_both_ways_without_a_port() -> None:
    """MED-14, MED-15: anything but audio goes out with port 0."""
    relay = MemoryRelay()
    text = tell(open_session(relay), (DATA / "bypass_offer.sdp").read_bytes(), TEAMS)
    assert [media.port != 0 for media in parse(text).media] == [True, False, False]
    assert len(relay.streams) == 1


def test_audio_over_tcp_is_refused() -> None:
    assert audio(tell(open_session(MemoryRelay()), OFFER.replace(b" RTP/SAVP", b" TCP/RTP/SAVP"), TEAMS)).port == 0


def test_a_line_that_appears_later_gets_its_stream_then() -> None:
    relay = MemoryRelay()
    session = talk(relay)
    text = tell(session, OFFER + b"m=audio 50000 RTP/SAVP 0\r\n", TEAMS)
    assert len(relay.streams) == 2
    assert parse(text).media[1].port == relay.streams[1].local(CARRIER)[1]
    assert relay.streams[1].expected == [(("52.114.188.32", 50000), ("52.114.188.32", 50001)), (None, None)]


def test_streams_for_one_call_are_bounded() -> None:
    relay = MemoryRelay()
    text = tell(open_session(relay), OFFER + b"m=audio 50000 RTP/SAVP 0\r\n" * 20, TEAMS)
    assert len(relay.streams) == STREAMS
    assert [media.port != 0 for media in parse(text).media] == [True] * STREAMS + [False] * 17


def test_sides_may_speak_different_versions_of_ip() -> None:
    """MED-14: the address type is that of the side that reads."""
    relay = MemoryRelay()
    session = open_session(relay, carrier=MediaSide(6))
    assert b"c=IN IP6 2001:db8::10" in tell(session, OFFER, TEAMS)
    answer = ANSWER.replace(b"c=IN IP4 10.0.0.5", b"c=IN IP6 2001:db8::5")
    assert b"c=IN IP4 203.0.113.10" in tell(session, answer, CARRIER)


def test_behind_nat_the_advertised_address_is_told() -> None:
    text = tell(open_session(MemoryRelay(), carrier=MediaSide(4, "198.51.100.7")), OFFER, TEAMS)
    assert text.count(b"198.51.100.7") == 3
    assert b"203.0.113.10" not in text


def test_learning_is_narrowed_to_the_networks_of_the_side() -> None:
    relay = MemoryRelay()
    networks = (ip_network("52.112.0.0/14"),)
    tell(open_session(relay, teams=MediaSide(4, within=networks)), OFFER, TEAMS)
    assert relay.streams[0].within == [networks, ()]


def test_direct_media_passes_untouched() -> None:
    relay = MemoryRelay()
    session = open_session(relay, carrier=MediaSide(4, direct=True))
    assert tell(session, b"anything", TEAMS) == session.sent(CARRIER) == b"anything"
    assert relay.streams == session.statistics() == []


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (b"c=IN IP4 52.114.188.32", b"c=IN IP6 2001:db8::5", "unicast IPv4"),
        (b"c=IN IP4 52.114.188.32", b"c=IN IP4 239.1.1.1", "unicast IPv4"),
        (b"c=IN IP4 52.114.188.32\r\n", b"", "no c= line"),
        (b"v=0", b"v=9", "v=0"),
    ],
)
def test_an_unusable_description_changes_nothing(old: bytes, new: bytes, cause: str) -> None:
    relay = MemoryRelay()
    session = talk(relay)
    before, expected = session.sent(CARRIER), list(relay.streams[0].expected)
    with pytest.raises(SdpError, match=cause):
        tell(session, OFFER.replace(old, new), TEAMS)
    assert (session.sent(CARRIER), relay.streams[0].expected) == (before, expected)


def test_an_address_that_the_relay_refuses_changes_nothing() -> None:
    relay = MemoryRelay()
    session = open_session(relay, carrier=MediaSide(6))
    tell(session, OFFER, TEAMS)
    with pytest.raises(SdpError, match="fe80::1"):
        tell(session, ANSWER.replace(b"c=IN IP4 10.0.0.5", b"c=IN IP6 fe80::1"), CARRIER)
    assert (session.sent(TEAMS), relay.streams[0].expected[CARRIER]) == (None, (None, None))


def test_all_ports_return_when_the_call_ends() -> None:
    relay = MemoryRelay()
    session = talk(relay)
    relay.streams[0].packets[TEAMS] = 50
    assert relay.pool.leased == 2
    session.close()
    session.close()
    assert relay.pool.leased == 0
    assert session.statistics()[0][TEAMS].packets == 50


def test_ports_return_also_when_they_ran_out_half_way() -> None:
    relay = MemoryRelay(20000, 20005)
    session = open_session(relay)
    with pytest.raises(NoPortsError):
        tell(session, OFFER + b"m=audio 50000 RTP/SAVP 0\r\n", TEAMS)
    session.close()
    assert relay.pool.leased == 0


def test_a_closed_session_leases_nothing() -> None:
    relay = MemoryRelay()
    session = open_session(relay)
    session.close()
    with pytest.raises(SessionClosedError):
        tell(session, OFFER, TEAMS)
    assert relay.streams == []


def test_a_stream_that_opens_after_the_end_is_closed() -> None:
    relay = MemoryRelay()
    relay.slow = []
    session = open_session(relay)
    waiting = session.lease(OFFER, TEAMS)
    session.close()
    relay.slow[0]()
    with pytest.raises(SessionClosedError):
        succeeded(waiting)
    assert relay.streams[0].closed


def test_a_stream_is_kept_though_nobody_waits_for_it_any_more() -> None:
    relay = MemoryRelay()
    relay.slow = []
    session = open_session(relay)
    waiting = session.lease(OFFER, TEAMS)
    waiting.addErrback(lambda failure: None)
    waiting.cancel()
    relay.slow[0]()
    assert audio(session.translate(OFFER, TEAMS)).port == relay.streams[0].local(CARRIER)[1]
    session.close()
    assert relay.pool.leased == 0


def test_two_descriptions_at_once_share_a_stream() -> None:
    relay = MemoryRelay()
    relay.slow = []
    session = open_session(relay)
    waiting = [session.lease(OFFER, TEAMS), session.lease(OFFER, TEAMS)]
    for open_now in relay.slow:
        open_now()
    for lease in waiting:
        succeeded(lease)
    assert [stream.closed for stream in relay.streams] == [False, True]


class Phone(DatagramProtocol):
    """A peer on loopback that remembers the first datagram."""

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()
        self.port = reactor.listenUDP(0, self, interface="127.0.0.1")

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if not self.heard.called:
            self.heard.callback(datagram)

    def described(self, body: bytes) -> bytes:
        """The description ``body``, of 192.0.2.1 port 4000, as this phone would send it."""
        number = self.port.getHost().port
        return body.replace(b"192.0.2.1", b"127.0.0.1").replace(b"audio 4000", b"audio %d" % number)

    def describe(self, body: bytes) -> bytes:
        """The description ``body`` as this phone would send it."""
        number = self.port.getHost().port
        text = body.replace(b"52.114.188.32", b"127.0.0.1").replace(b"10.0.0.5", b"127.0.0.1")
        return text.replace(b"audio 49856", b"audio %d" % number).replace(b"audio 24680", b"audio %d" % number)


@pytest_twisted.ensureDeferred
async def test_media_flows_both_ways_over_the_real_relay() -> None:
    """MED-14: what each side is told leads through us to the other side."""
    pool = PortPool(41000, 41999)
    relay = Relay(reactor, pool, clock=reactor, bind_addresses={4: "127.0.0.1"})
    phones = (Phone(), Phone())
    session = MediaSession(relay, (TEAMS_SIDE, CARRIER_SIDE), random=count(1000).__next__)
    try:
        told = (
            tell(session, phones[0].describe(OFFER), TEAMS),
            tell(session, phones[1].describe(ANSWER), CARRIER),
        )
        for phone, text in zip(phones, reversed(told), strict=True):
            phone.transport.write(b"\x80\x00" + bytes(10) + b"voice", ("127.0.0.1", audio(text).port))
        assert [(await phone.heard)[-5:] for phone in phones] == [b"voice", b"voice"]
        assert [figures.packets for figures in session.statistics()[0]] == [1, 1]
    finally:
        session.close()
        relay.close()
        for phone in phones:
            await phone.port.stopListening()
    assert pool.leased == 0


@pytest_twisted.ensureDeferred
async def test_srtp_of_one_side_is_plain_rtp_to_the_other_over_the_real_relay() -> None:
    """MED-01, MED-04: with the keys that the descriptions name, both ways."""
    relay = Relay(reactor, PortPool(41000, 41999), clock=reactor, bind_addresses={4: "127.0.0.1"})
    secure, plain = phones = (Phone(), Phone())
    sides = MediaSide(4, srtp="required"), MediaSide(4, srtp="off")
    session = MediaSession(relay, sides, random=count(1000).__next__)
    theirs = KeyMaterial("AES_CM_128_HMAC_SHA1_80", bytes(range(30)))
    offer = descriptions.secured(f"a=crypto:3 {theirs.suite} {theirs.inline()}", formats="8 101")
    packet = struct.pack("!BBHII", 0x80, 8, 1, 160, 0x1234) + b"voice" * 32
    try:
        to_plain = tell(session, secure.described(offer), 0)
        to_secure = tell(session, plain.described(descriptions.describe(formats="8 101")), 1)
        (line,) = audio(to_secure).cryptos
        ours = parse_key(line.suite, f"inline:{line.keys[0].material}")
        secure.transport.write(Sender(theirs).protect(packet), ("127.0.0.1", audio(to_secure).port))
        assert await plain.heard == packet
        plain.transport.write(packet, ("127.0.0.1", audio(to_plain).port))
        assert Receiver(ours).verify(await secure.heard) == packet
        assert (line.tag, ours == theirs) == (3, False)
    finally:
        session.close()
        relay.close()
        for phone in phones:
            await phone.port.stopListening()
