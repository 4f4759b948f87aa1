"""RFC 3263 with a scripted DNS in virtual time: order, memory, and what happens when the DNS fails (F-07)."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from rustalk.transport.errors import TransportError
from rustalk.transport.lookup import Address, Answer, Kind, LookupFailedError, Pointer, Service
from rustalk.transport.resolve import Resolver, Target, read_hosts

NOTHING = Answer((), 30)
SILENCE, BROKEN = "silence", "broken"


class Dns:
    """A DNS that says what it is told to, and a resolver that asks it."""

    def __init__(self, hosts=None, draws=()) -> None:
        self.clock, self.asked = Clock(), Counter()
        self.zone: dict[tuple[str, Kind], object] = {}
        self.draws = iter(draws)
        self.resolver = Resolver(self.lookup, self.clock, hosts, lambda n: next(self.draws, 0) % n)

    def lookup(self, name: str, kind: Kind) -> Deferred[Answer]:
        self.asked[name, kind] += 1
        said = self.zone.get((name, kind), NOTHING)
        if said is SILENCE:
            return Deferred()
        return fail(LookupFailedError("SERVFAIL")) if said is BROKEN else succeed(said)

    def has(self, name: str, *addresses: str, ttl: int = 60) -> None:
        self.zone[name, Kind.A] = Answer(tuple(map(Address, addresses)), ttl)

    def serves(self, name: str, *services: Service) -> None:
        self.zone[name, Kind.SRV] = Answer(services, 60)

    def addresses(self, host: str, families=(4,)):
        return now(self.resolver.addresses(host, families))

    def targets(self, *args, **kwargs):
        return now(self.resolver.targets(*args, families=(4,), **kwargs))


def now(coroutine):
    """The result of a coroutine, when it has one already; its error is raised."""
    results = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    assert results, "still waiting"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


@pytest.fixture
def dns() -> Dns:
    return Dns()


def test_an_address_needs_no_dns(dns):
    """A literal address is its own answer, with the port and transport given or the default."""
    assert dns.targets("192.0.2.1") == (Target("UDP", "192.0.2.1", 5060, "192.0.2.1"),)
    assert dns.targets("192.0.2.1", 5070, "TLS") == (Target("TLS", "192.0.2.1", 5070, "192.0.2.1"),)
    assert not dns.asked


def test_hosts_come_before_the_dns():
    """``dns.hosts`` and the hosts file win, without a question, whatever the case of the name."""
    dns = Dns({"SBC.example.com": ["127.0.0.1", "::1"]})
    dns.has("sbc.example.com", "192.0.2.1")
    assert dns.addresses("sbc.EXAMPLE.com.") == ("127.0.0.1",)
    assert dns.addresses("sbc.example.com", (6, 4)) == ("::1", "127.0.0.1")
    assert dns.targets("sbc.example.com", transport="TLS")[0].port == 5061
    assert not dns.asked


def test_a_port_means_no_srv(dns):
    """RFC 3263 section 4.2: with a port, only addresses are looked up."""
    dns.has("a.example", "192.0.2.1")
    dns.serves("_sip._udp.a.example", Service(0, 0, 5999, "b.example"))
    assert dns.targets("a.example", 5070) == (Target("UDP", "192.0.2.1", 5070, "a.example"),)


def test_naptr_chooses_the_transport(dns):
    """RFC 3263 section 4.1: order, then preference; a service we do not speak is left out."""
    dns.zone["a.example", Kind.NAPTR] = Answer(
        (
            Pointer(50, 50, "SIP+D2S", "_sip._sctp.a.example"),
            Pointer(60, 20, "SIP+D2U", "_sip._udp.a.example"),
            Pointer(60, 10, "SIPS+D2T", "_sips._tcp.a.example"),
        ),
        60,
    )
    dns.serves("_sips._tcp.a.example", Service(0, 0, 5061, "t.a.example"))
    dns.serves("_sip._udp.a.example", Service(0, 0, 5060, "u.a.example"))
    dns.has("t.a.example", "192.0.2.1")
    dns.has("u.a.example", "192.0.2.2")
    assert [(one.transport, one.address) for one in dns.targets("a.example")] == [
        ("TLS", "192.0.2.1"),
        ("UDP", "192.0.2.2"),
    ]


def test_sips_is_tls_only(dns):
    """A secure URI never falls back to UDP or TCP."""
    dns.serves("_sip._udp.a.example", Service(0, 0, 5060, "u.a.example"))
    dns.serves("_sips._tcp.a.example", Service(0, 0, 5062, "t.a.example"))
    dns.has("t.a.example", "192.0.2.1")
    assert dns.targets("a.example", secure=True) == (Target("TLS", "192.0.2.1", 5062, "a.example"),)


def test_without_naptr_and_srv_the_address_is_used(dns):
    """RFC 3263 section 4.2: UDP at 5060, or the transport asked for at its port."""
    dns.has("a.example", "192.0.2.1")
    assert dns.targets("a.example") == (Target("UDP", "192.0.2.1", 5060, "a.example"),)
    assert dns.targets("a.example", transport="TLS") == (Target("TLS", "192.0.2.1", 5061, "a.example"),)


def test_the_name_to_prove_is_the_one_asked_for(dns):
    """RFC 5922: an SRV target is where to go, not whom to trust."""
    dns.serves("_sips._tcp.a.example", Service(0, 0, 5061, "host.elsewhere.example"))
    dns.has("host.elsewhere.example", "192.0.2.1")
    assert dns.targets("a.example", transport="TLS")[0].name == "a.example"


def test_srv_priorities_ascend_and_a_dead_target_is_skipped(dns):
    """RFC 2782: lower priority values first; a target without address does not stop the others."""
    dns.serves(
        "_sip._udp.a.example",
        Service(20, 0, 1, "c.example"),
        Service(10, 0, 2, "gone.example"),
        Service(15, 0, 3, "b.example"),
    )
    dns.has("b.example", "192.0.2.2")
    dns.has("c.example", "192.0.2.3")
    assert [one.port for one in dns.targets("a.example", transport="UDP")] == [3, 1]


@pytest.mark.parametrize(
    ("draws", "expected"),
    [((0, 0, 0), [1, 2, 3]), ((5, 0, 0), [2, 1, 3]), ((40, 0, 0), [3, 1, 2]), ((10, 30, 0), [2, 3, 1])],
)
def test_srv_weights_are_drawn_by_running_sum(draws, expected):
    """RFC 2782: weight 0 first in the sum; a draw picks the first whose running sum reaches it."""
    dns = Dns(draws=draws)
    dns.serves(
        "_sip._udp.a.example",
        Service(0, 30, 3, "x.example"),
        Service(0, 0, 1, "x.example"),
        Service(0, 10, 2, "x.example"),
    )
    dns.has("x.example", "192.0.2.1")
    assert [one.port for one in dns.targets("a.example", transport="UDP")] == expected


def test_every_draw_has_its_service():
    """RFC 2782: of the five numbers from 0 to the sum of 4, a weight of 1 gets two and a weight of 3 gets three."""
    services = [Service(0, 1, 1, "x.example"), Service(0, 3, 3, "x.example")]
    firsts = [Dns(draws=[draw]).resolver._ordered(services)[0].weight for draw in range(5)]
    assert firsts == [1, 1, 3, 3, 3]


def test_the_time_to_live_is_honoured(dns):
    """NET-04: while an answer is fresh nobody asks; after that the new address is used."""
    dns.has("sip.example", "192.0.2.1", ttl=60)
    assert dns.addresses("sip.example") == ("192.0.2.1",)
    dns.has("sip.example", "192.0.2.2", ttl=60)
    dns.clock.advance(59)
    assert dns.addresses("sip.example") == ("192.0.2.1",)
    dns.clock.advance(1)
    assert dns.addresses("sip.example") == ("192.0.2.2",)
    assert dns.asked["sip.example", Kind.A] == 2


def test_a_time_to_live_of_zero_is_one_question_a_second(dns):
    """F-07: TTL 0 cannot make us ask for every message."""
    dns.has("sip.example", "192.0.2.1", ttl=0)
    for _ in range(10):
        dns.addresses("sip.example")
    assert dns.asked["sip.example", Kind.A] == 1


def test_the_last_good_answer_outlives_servfail(dns):
    """F-07: the DNS fails for an hour, calls go on; nobody waits, and we ask again every five seconds only."""
    dns.has("sip.example", "192.0.2.1", ttl=60)
    dns.addresses("sip.example")
    dns.zone["sip.example", Kind.A] = BROKEN
    dns.clock.advance(3600)
    for _ in range(10):
        assert dns.addresses("sip.example") == ("192.0.2.1",)
    assert dns.asked["sip.example", Kind.A] == 2
    dns.has("sip.example", "192.0.2.9")
    dns.clock.advance(5)
    assert dns.addresses("sip.example") == ("192.0.2.9",)


def test_a_silent_dns_costs_half_a_second_with_a_last_good_answer(dns):
    """F-07: who has an old answer does not wait for a timeout."""
    dns.has("sip.example", "192.0.2.1", ttl=60)
    dns.addresses("sip.example")
    dns.zone["sip.example", Kind.A] = SILENCE
    dns.clock.advance(60)
    results = []
    Deferred.fromCoroutine(dns.resolver.addresses("sip.example", (4,))).addBoth(results.append)
    assert results == []
    dns.clock.advance(0.5)
    assert results == [("192.0.2.1",)]


def test_a_last_good_answer_is_good_for_a_day(dns):
    """After a day without the DNS an address is worth nothing."""
    dns.has("sip.example", "192.0.2.1", ttl=60)
    dns.addresses("sip.example")
    dns.zone["sip.example", Kind.A] = BROKEN
    dns.clock.advance(86400 + 60)
    with pytest.raises(TransportError, match="SERVFAIL"):
        dns.addresses("sip.example")


def test_a_name_that_vanishes_has_five_minutes(dns):
    """F-07: NXDOMAIN after a good answer is believed only when it stays; then it is."""
    dns.has("sip.example", "192.0.2.1", ttl=60)
    dns.addresses("sip.example")
    dns.zone["sip.example", Kind.A] = NOTHING
    dns.clock.advance(60)
    for _ in range(59):
        assert dns.addresses("sip.example") == ("192.0.2.1",)
        dns.clock.advance(5)
    dns.clock.advance(10)
    with pytest.raises(TransportError, match="no address of IP version 4"):
        dns.addresses("sip.example")


def test_questions_at_the_same_moment_are_one(dns):
    """A hundred calls that start at once ask the DNS once."""
    dns.zone["sip.example", Kind.A] = SILENCE
    for _ in range(100):
        Deferred.fromCoroutine(dns.resolver.addresses("sip.example", (4,))).addErrback(lambda _: None)
    assert dns.asked["sip.example", Kind.A] == 1


def test_no_answer_at_all_is_an_error_of_cause_dns(dns):
    """FO-02: a failing DNS without a last good answer is told at once."""
    dns.zone["sip.example", Kind.A] = BROKEN
    with pytest.raises(TransportError) as caught:
        dns.addresses("sip.example")
    assert caught.value.cause == "dns"


def test_the_memory_is_bounded(dns):
    """Names made up by a peer cannot fill the memory."""
    for n in range(10_050):
        dns.has(f"n{n}.example", "192.0.2.1")
        dns.addresses(f"n{n}.example")
    assert len(dns.resolver._memory) <= 10_000


def test_a_hosts_file_is_read_with_its_faults(tmp_path):
    """Comments, several names, both families, nonsense; no file is no names."""
    path = tmp_path / "hosts"
    path.write_text("# comment\n127.0.0.1 localhost sip.example # here\n::1\tlocalhost\nnonsense name\n\n10.0.0.1\n")
    assert read_hosts(path) == {"localhost": ("127.0.0.1", "::1"), "sip.example": ("127.0.0.1",)}
    assert read_hosts(tmp_path / "missing") == {}
