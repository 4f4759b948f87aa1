"""What comes out of DNS answers, good and hostile (F-07)."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import client, common, dns, server
from twisted.names.error import DNSNameError, DNSQueryTimeoutError, DNSServerError
from twisted.python.failure import Failure

from rustalk.transport.lookup import Address, Answer, Kind, LookupFailedError, NamesLookup, Pointer, Service
from rustalk.transport.resolve import Resolver, Target


class Server:
    """A resolver whose answers are scripted by name; it remembers what it was asked."""

    def __init__(self, **zone: object) -> None:
        self.zone = {name.replace("_dot_", "."): said for name, said in zone.items()}
        self.asked: list[str] = []

    def query(self, query: dns.Query, timeout: object):
        name = query.name.name.decode()
        self.asked.append(name)
        said = self.zone.get(name, DNSNameError())
        return fail(said) if isinstance(said, Exception) else succeed((said, [], []))


def header(name: str, payload: dns.IRecord, ttl: int = 60) -> dns.RRHeader:
    return dns.RRHeader(name.encode(), payload.TYPE, ttl=ttl, payload=payload)


def a(name: str, address: str = "192.0.2.1", ttl: int = 60) -> dns.RRHeader:
    return header(name, dns.Record_A(address), ttl)


def alias(name: str, target: str, ttl: int = 60) -> dns.RRHeader:
    return header(name, dns.Record_CNAME(target.encode()), ttl)


def ask(source: Server, name: str = "a.example", kind: Kind = Kind.A) -> Answer:
    results: list[object] = []
    lookup: Deferred[Answer] = NamesLookup(source)(name, kind)
    lookup.addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    assert isinstance(results[0], Answer)
    return results[0]


def test_addresses_of_both_families():
    """A and AAAA records become addresses, with their time to live."""
    server = Server(a_dot_example=[a("A.Example", ttl=30), a("a.example", "192.0.2.2", 20)])
    assert ask(server) == Answer((Address("192.0.2.1"), Address("192.0.2.2")), 20)
    six = Server(a_dot_example=[header("a.example", dns.Record_AAAA("2001:db8::1"))])
    assert ask(six, kind=Kind.AAAA).records == (Address("2001:db8::1"),)


def test_services_and_pointers():
    """SRV and NAPTR records of the kind that SIP uses."""
    srv = header("a.example", dns.Record_SRV(10, 20, 5061, b"Host.Example"))
    assert ask(Server(a_dot_example=[srv]), kind=Kind.SRV).records == (Service(10, 20, 5061, "host.example"),)
    pointer = header("a.example", dns.Record_NAPTR(1, 2, b"s", b"SIPS+D2T", b"", b"_sips._tcp.a.example"))
    expected = Pointer(1, 2, "SIPS+D2T", "_sips._tcp.a.example")
    assert ask(Server(a_dot_example=[pointer]), kind=Kind.NAPTR).records == (expected,)


def test_an_alias_is_followed_inside_the_answer_and_beyond():
    """CNAME: what the answer does not contain is asked for; the shortest time to live counts."""
    inside = Server(a_dot_example=[alias("a.example", "b.example", 5), a("b.example")])
    assert ask(inside) == Answer((Address("192.0.2.1"),), 5)
    beyond = Server(a_dot_example=[alias("a.example", "b.example")], b_dot_example=[a("b.example", ttl=7)])
    assert ask(beyond) == Answer((Address("192.0.2.1"),), 7)
    assert beyond.asked == ["a.example", "b.example"]


@pytest.mark.parametrize("length", [1, 2, 9, 100])
def test_aliases_without_end_are_bounded(length):
    """F-07: a loop or a chain of aliases ends in an error, inside one answer and across answers."""
    names = [f"n{n}.example" for n in range(length)]
    links = [alias(name, names[(n + 1) % length]) for n, name in enumerate(names)]
    with pytest.raises(LookupFailedError, match="aliases"):
        ask(Server(**{names[0]: links}), names[0])
    with pytest.raises(LookupFailedError, match="aliases"):
        ask(Server(**{name: [link] for name, link in zip(names, links, strict=True)}), names[0])


def test_records_of_other_names_are_not_believed():
    """F-07: an address slipped in for another name is left out."""
    server = Server(a_dot_example=[a("evil.example", "198.51.100.1"), a("a.example")])
    assert ask(server).records == (Address("192.0.2.1"),)


def test_a_huge_answer_is_cut():
    """F-07: of a thousand addresses thirty-two are kept."""
    server = Server(a_dot_example=[a("a.example", f"192.0.{n % 250}.{n // 250}") for n in range(1000)])
    assert len(ask(server).records) == 32


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.SRV, dns.Record_SRV(0, 0, 0, b"host.example")),
        (Kind.SRV, dns.Record_SRV(0, 0, 5060, b".")),
        (Kind.SRV, dns.Record_SRV(0, 0, 5060, b"bad host\r\n.example")),
        (Kind.SRV, dns.Record_SRV(0, 0, 5060, b"x" * 64 + b".example")),
        (Kind.NAPTR, dns.Record_NAPTR(1, 1, b"u", b"SIP+D2U", b"!^.*$!sip:x@y!", b"")),
        (Kind.NAPTR, dns.Record_NAPTR(1, 1, b"s", b"SIP+D2U", b"", b"bad name")),
    ],
)
def test_useless_or_dangerous_records_are_left_out(kind, payload):
    """F-07: port 0, no target, characters that are in no host name, regular expressions."""
    assert ask(Server(a_dot_example=[header("a.example", payload)]), kind=kind).records == ()


def test_a_name_that_does_not_exist_is_an_answer():
    """NXDOMAIN says something about the name: it has nothing, and that is remembered for half a minute."""
    assert ask(Server()) == Answer((), 30)


@pytest.mark.parametrize(
    "error", [DNSServerError(), DNSQueryTimeoutError(1), OSError("no network"), ValueError("junk")]
)
def test_a_dns_that_fails_says_nothing_about_the_name(error):
    """SERVFAIL, silence and nonsense are failures, not answers."""
    with pytest.raises(LookupFailedError):
        ask(Server(a_dot_example=error))


def test_a_name_that_cannot_exist_is_not_asked_for():
    """Nothing but host names goes out."""
    server = Server()
    assert ask(server, "bad name").records == ()
    assert server.asked == []


@pytest_twisted.ensureDeferred
async def test_over_real_datagrams():
    """The DNS library's own server and client, on the loopback: NAPTR, SRV and A of one zone."""
    records = {
        (b"a.example", dns.NAPTR): dns.Record_NAPTR(1, 1, b"s", b"SIP+D2U", b"", b"_sip._udp.a.example", ttl=60),
        (b"_sip._udp.a.example", dns.SRV): dns.Record_SRV(1, 2, 5080, b"host.a.example", ttl=60),
        (b"host.a.example", dns.A): dns.Record_A("192.0.2.5", ttl=60),
    }
    protocol = dns.DNSDatagramProtocol(server.DNSServerFactory(clients=[Zone(records)]))
    port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
    names = client.Resolver(servers=[("127.0.0.1", port.getHost().port)], reactor=reactor)
    resolver = Resolver(NamesLookup(names), reactor)
    targets = await resolver.targets("a.example", families=(4,))
    await port.stopListening()
    assert targets == (Target("UDP", "192.0.2.5", 5080, "a.example"),)


class Zone(common.ResolverBase):
    """A zone in memory."""

    def __init__(self, records) -> None:
        super().__init__()
        self.records = records

    def _lookup(self, name, cls, type, timeout):
        payload = self.records.get((name, type))
        if payload is None:
            return fail(DNSNameError())
        return succeed(([dns.RRHeader(name, type, dns.IN, 60, payload)], [], []))
