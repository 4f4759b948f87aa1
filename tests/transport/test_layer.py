"""The transport layer over real sockets of the loopback: listening, flows, reuse, TLS both ways, hot reload."""

from __future__ import annotations

import socket

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface.verify import verifyObject

from rustalk.certificates.authority import Validity
from rustalk.interfaces import IFlow
from rustalk.transport.errors import ListenError, TransportError
from rustalk.transport.identity import MICROSOFT_NAMES
from rustalk.transport.layer import Transport
from rustalk.transport.listen import Profile
from rustalk.transport.lookup import Answer
from rustalk.transport.resolve import Resolver
from rustalk.transport.stream import Bounds
from rustalk.transport.tls import ClientTls, PeerPolicy, ServerTls
from tests.transport.ends import Ear, anyone, options, pause, until
from tests.transport.peers import SBC, TEAMS, Pki, material

TEAMS_POLICY = PeerPolicy("require", MICROSOFT_NAMES, forgive_purpose=True)
HOSTS = {
    TEAMS: ["127.0.0.2"],
    "sip2.pstnhub.microsoft.com": ["127.0.0.2"],
    "two.example.com": ["127.0.0.9", "127.0.0.1"],
    SBC: ["127.0.0.1"],
}


@pytest.fixture
def build():
    """Builds transports; at the end each is stopped and must have no socket left."""
    built: list[Transport] = []

    def make(profiles, *, ear=None, admits=anyone, clients=None, bounds=None, clock=None) -> Transport:
        timer = clock or IReactorTime(reactor)
        resolver = Resolver(lambda name, kind: succeed(Answer((), 30)), timer, HOSTS)
        made = Transport(
            reactor,
            receiver=ear or Ear(),
            admits=admits,
            resolver=resolver,
            profiles=profiles,
            clients=clients,
            bounds=bounds,
            clock=clock,
        )
        built.append(made)
        made.start()
        return made

    yield make
    for transport in built:
        pytest_twisted.blockon(transport.stop())
        assert list(transport.connections) == []


@pytest.fixture
def plain(build):
    """A transport with UDP and TCP on a free port, its receiver, and the port."""
    ear = Ear(answers=True)
    transport = build([Profile("plain", "127.0.0.1", 0)], ear=ear)
    return transport, ear, transport.port("plain")


@pytest.mark.parametrize("kind", ["UDP", "TCP"])
@pytest_twisted.ensureDeferred
async def test_a_request_is_answered_on_its_flow(build, plain, kind):
    """A request arrives whole, and the response goes back on the flow of the request."""
    _, there, port = plain
    here = Ear()
    client = build([Profile("client", "127.0.0.1", 0)], ear=here)
    flow = await client.flow("client", kind, "127.0.0.1", port)
    assert verifyObject(IFlow, flow)
    flow.send(options("x1", transport=kind))
    await until(reactor, lambda: here.messages)
    assert there.call_ids == here.call_ids == ["x1"]
    assert there.messages[0][1].transport == kind
    assert flow.peer == ("127.0.0.1", port)


@pytest_twisted.ensureDeferred
async def test_ipv6_carries_udp_and_tcp(build):
    """NET-10: a profile on an IPv6 address serves both protocols."""
    ear = Ear()
    transport = build([Profile("six", "::1", 0)], ear=ear)
    for kind in ("UDP", "TCP"):
        flow = await transport.flow("six", kind, "::1", transport.port("six"))
        flow.send(options(kind))
    await until(reactor, lambda: len(ear.messages) == 2)
    assert {flow.peer[0] for _, flow in ear.messages} == {"::1"}


@pytest_twisted.ensureDeferred
async def test_several_profiles_listen_at_once(build):
    """Each profile hears what is sent to it, and its name is on the flow."""
    ear = Ear()
    transport = build([Profile("a", "127.0.0.1", 0), Profile("b", "127.0.0.3", 0)], ear=ear)
    for profile, address in (("a", "127.0.0.1"), ("b", "127.0.0.3")):
        flow = await transport.flow(profile, "UDP", address, transport.port(profile))
        flow.send(options(profile))
    await until(reactor, lambda: len(ear.messages) == 2)
    assert {flow.profile for _, flow in ear.messages} == {"a", "b"}


@pytest_twisted.ensureDeferred
async def test_a_connection_is_reused_and_a_pending_one_is_shared(plain):
    """Two requests for the same route at once make one connection; a third one later uses it too."""
    transport, _, port = plain
    waits = [transport.flow("plain", "TCP", "127.0.0.1", port) for _ in range(2)]
    first, second = [await wait for wait in waits]
    assert first is second
    assert await transport.flow("plain", "TCP", "127.0.0.1", port) is first


@pytest_twisted.ensureDeferred
async def test_giving_up_one_of_two_waits_leaves_the_other(plain):
    """Cancelling one wait does not end the connection that another one waits for."""
    transport, _, port = plain
    first = transport.flow("plain", "TCP", "127.0.0.1", port)
    second = transport.flow("plain", "TCP", "127.0.0.1", port)
    first.cancel()
    with pytest.raises(CancelledError):
        await first
    assert (await second).is_open


@pytest_twisted.ensureDeferred
async def test_nothing_listens(plain):
    """FO-02: a refused connection is an error with its cause, at once."""
    transport, _, _ = plain
    with pytest.raises(TransportError) as caught:
        await transport.flow("plain", "TCP", "127.0.0.1", free_port())
    assert caught.value.cause == "refused"


@pytest_twisted.ensureDeferred
async def test_the_second_address_is_tried_when_the_first_refuses(plain):
    """A name with two addresses is reachable while one of them is."""
    transport, _, port = plain
    flow = await transport.flow("plain", "TCP", "two.example.com", port)
    assert flow.peer == ("127.0.0.1", port)


@pytest_twisted.ensureDeferred
async def test_a_name_without_address(plain):
    """FO-02: a DNS failure is an error of cause dns."""
    transport, _, port = plain
    with pytest.raises(TransportError) as caught:
        await transport.flow("plain", "TCP", "nobody.example.com", port)
    assert caught.value.cause == "dns"


@pytest.mark.parametrize(
    ("host", "port", "cause"),
    [("::1", 5060, "dns"), ("127.0.0.1", 0, "unsupported"), ("127.0.0.1", 65536, "unsupported")],
)
@pytest.mark.parametrize("kind", ["UDP", "TCP"])
@pytest_twisted.ensureDeferred
async def test_where_a_socket_cannot_send(plain, kind, host, port, cause):
    """An address of the other family or an impossible port is an error, whatever a peer made us try."""
    transport, _, _ = plain
    with pytest.raises(TransportError) as caught:
        await transport.flow("plain", kind, host, port)
    assert caught.value.cause == cause


@pytest.mark.parametrize(
    ("arguments", "tls"), [(("none", "UDP"), None), (("plain", "TLS"), "nobody"), (("plain", "SCTP"), None)]
)
@pytest_twisted.ensureDeferred
async def test_what_is_not_configured_is_said(plain, arguments, tls):
    """A profile, protocol or set of credentials that does not exist is an error of cause unsupported."""
    transport, _, port = plain
    with pytest.raises(TransportError) as caught:
        await transport.flow(*arguments, "127.0.0.1", port, tls=tls)
    assert caught.value.cause == "unsupported"


@pytest_twisted.ensureDeferred
async def test_the_loss_of_a_connection_is_reported_with_its_reason(build, plain):
    """When the peer goes, the receiver hears of it; a later send is reported too, and never raises."""
    server, _, port = plain
    ear = Ear()
    client = build([Profile("client", "127.0.0.1", 0)], ear=ear)
    flow = await client.flow("client", "TCP", "127.0.0.1", port)
    await until(reactor, lambda: list(server.connections))
    next(server.connections).close("enough")
    await until(reactor, lambda: ear.lost)
    assert ear.lost == [(flow, "the peer closed the connection")]
    flow.send(options())
    await until(reactor, lambda: len(ear.lost) == 2)


@pytest_twisted.ensureDeferred
async def test_unknown_sources_are_not_even_parsed(build):
    """A peer that is not admitted is not heard over UDP and let go at accept over TCP."""
    ear = Ear()
    server = build([Profile("closed", "127.0.0.1", 0)], ear=ear, admits=lambda address, profile: False)
    client = build([Profile("client", "127.0.0.1", 0)], ear=Ear())
    (await client.flow("client", "UDP", "127.0.0.1", server.port("closed"))).send(options())
    await client.flow("client", "TCP", "127.0.0.1", server.port("closed"))
    await until(reactor, lambda: set(server.refused.values()) == {1})
    assert ear.messages == []
    assert server.refused == {"unknown address": 1, "datagrams": 1}


@pytest_twisted.ensureDeferred
async def test_connections_are_capped_per_address_and_per_listener(build):
    """A13: what is beyond the caps is let go at once; who is inside is served on."""
    ear = Ear(answers=True)
    bounds = Bounds(connections=2, connections_per_address=1)
    server = build([Profile("few", "127.0.0.1", 0)], ear=ear, bounds=bounds)
    sockets = [
        connect_from(source, server.port("few")) for source in ("127.0.0.1", "127.0.0.1", "127.0.0.4", "127.0.0.5")
    ]
    await until(reactor, lambda: sum(server.refused.values()) == 2)
    assert server.refused["too many connections from one address"] == 1
    assert server.refused["too many connections"] == 1
    sockets[0].sendall(options("canary"))
    await until(reactor, lambda: ear.call_ids == ["canary"])
    close_all(sockets)


@pytest_twisted.ensureDeferred
async def test_a_tcp_peer_that_does_not_read_is_cut(plain):
    """A13: what piles up for a peer that does not read is bounded."""
    _, ear, port = plain
    lazy = connect_from("127.0.0.1", port)
    lazy.sendall(options("a"))
    await until(reactor, lambda: ear.messages)
    await flood(ear)
    assert ear.lost[0][1].startswith("the peer did not read")
    close_all([lazy])


async def flood(ear: Ear) -> None:
    """Send on the first flow until it is lost; 64 MiB are more than the kernel and the bound can hold."""
    flow = ear.messages[0][1]
    for _ in range(1024):
        if ear.lost:
            return
        flow.send(b"x" * 65536)
        await pause(reactor, 0)
    await until(reactor, lambda: ear.lost)


def test_an_address_that_is_not_ours_is_a_clear_error(build):
    """A profile that cannot listen names itself, the address and the next step; nothing stays open."""
    with pytest.raises(
        ListenError, match=r"profile p: cannot listen on 192\.0\.2\.1 port 5060.*is the address not ours"
    ):
        build([Profile("p", "192.0.2.1", 5060)])


# Changes at run time


@pytest_twisted.ensureDeferred
async def test_a_profile_is_added_and_removed(plain):
    """What has not changed stays open; what is not wanted any more hears nothing."""
    transport, ear, port = plain
    standing = transport.listening[0]
    kept, more = Profile("plain", "127.0.0.1", 0), Profile("more", "127.0.0.3", 0)
    await transport.use([kept, more], {})
    assert transport.listening[0].ports is standing.ports
    gone = transport.port("more")
    for kind in ("UDP", "TCP"):
        flow = await transport.flow("plain", kind, "127.0.0.3", gone)
        flow.send(options(kind, transport=kind))
    await until(reactor, lambda: len(ear.messages) == 2)
    flow.close("enough")
    await until(reactor, lambda: not list(transport.connections))
    await transport.use([kept], {})
    assert transport.port("plain") == port
    with pytest.raises(TransportError, match="nothing listens"):
        await transport.flow("plain", "TCP", "127.0.0.3", gone)
    with pytest.raises(LookupError):
        transport.port("more")


@pytest_twisted.ensureDeferred
async def test_connections_and_datagram_flows_live_on_when_their_profile_moves(build, plain):
    """A call goes on over its connection, and its requests over UDP leave from the new port."""
    server, _, port = plain
    ear = Ear()
    client = build([Profile("client", "127.0.0.1", 0)], ear=ear)
    flows = [await client.flow("client", kind, "127.0.0.1", port) for kind in ("TCP", "UDP")]
    datagrams, elsewhere = flows[1], free_port()
    await client.use([Profile("client", "127.0.0.1", elsewhere)], {})
    await server.use([], {})
    flows[0].send(options("tcp"))
    await until(reactor, lambda: ear.call_ids == ["tcp"])
    await server.use([Profile("plain", "127.0.0.1", port)], {})
    datagrams.send(options("udp", transport="UDP"))
    await until(reactor, lambda: ear.call_ids == ["tcp", "udp"])
    assert (client.port("client"), datagrams.local[1]) == (elsewhere, elsewhere)


@pytest_twisted.ensureDeferred
async def test_profiles_change_places(build):
    """Each gets the port that the other one had."""
    ports = free_port(), free_port()
    ear = Ear()
    server = build([Profile(name, "127.0.0.1", at) for name, at in zip("ab", ports, strict=True)], ear=ear)
    await server.use([Profile(name, "127.0.0.1", at) for name, at in zip("ba", ports, strict=True)], {})
    assert (server.port("b"), server.port("a")) == ports
    (await server.flow("a", "UDP", "127.0.0.1", ports[0])).send(options())
    await until(reactor, lambda: ear.messages)
    assert ear.messages[0][1].profile == "b"


@pytest_twisted.ensureDeferred
async def test_a_profile_that_cannot_be_opened_stays_as_it_was(plain):
    """The error names it, and the profiles beside it are as they should be."""
    transport, ear, _ = plain
    bad, good = Profile("plain", "192.0.2.1", 5060), Profile("more", "127.0.0.3", 0, ("UDP",))
    with pytest.raises(ListenError, match=r"profile plain: cannot listen on 192\.0\.2\.1 port 5060"):
        await transport.use([bad, good], {})
    assert {opened.profile.id for opened in transport.listening} == {"plain", "more"}
    (await transport.flow("more", "UDP", "127.0.0.1", transport.port("plain"))).send(options())
    await until(reactor, lambda: ear.messages)


@pytest_twisted.ensureDeferred
async def test_protocols_and_family_of_a_profile_change(plain):
    """UDP goes, and comes back on another kind of address."""
    transport, ear, _ = plain
    await transport.use([Profile("plain", "127.0.0.1", 0, ("TCP",))], {})
    assert transport.datagram_flow("plain", "127.0.0.1", 5060) is None
    await transport.use([Profile("plain", "::1", 0, domain="six.example.com")], {})
    (await transport.flow("plain", "UDP", "::1", transport.port("plain"))).send(options())
    await until(reactor, lambda: ear.messages)


@pytest_twisted.ensureDeferred
async def test_nothing_is_opened_once_the_transport_stops(build):
    """A change that is under way then opens no socket that nobody would close."""
    transport = build([Profile("a", "127.0.0.1", 0)])
    changing = transport.use([Profile("a", "127.0.0.1", free_port())], {})
    await transport.stop()
    await changing
    assert transport.listening == ()


# TLS over sockets


@pytest.fixture
def secured(build, pki: Pki, tmp_path):
    """Our Teams listener on 127.0.0.1, and a Teams proxy on 127.0.0.2 that demands our certificate."""
    ears = {"sbc": Ear(answers=True), "teams": Ear(answers=True)}
    roots = pki.root.certificate_pem
    own = material(tmp_path / "sbc", pki.own, roots)
    theirs = material(tmp_path / "teams", pki.peer("serverAuth only"), roots)
    sbc = build(
        [Profile("teams", "127.0.0.1", 0, ("TLS",), SBC, ServerTls(own, TEAMS_POLICY))],
        ear=ears["sbc"],
        clients={"teams": ClientTls(own, PeerPolicy(names=MICROSOFT_NAMES))},
    )
    proxy = build(
        [Profile("proxy", "127.0.0.2", 0, ("TLS",), TEAMS, ServerTls(theirs, PeerPolicy("require")))],
        ear=ears["teams"],
        clients={"sbc": ClientTls(theirs)},
    )
    return sbc, proxy, ears


@pytest_twisted.ensureDeferred
async def test_teams_and_the_sbc_call_each_other_over_mutual_tls(secured):
    """T1, T8, T9: each side verifies the other in both roles, knowing only the root."""
    sbc, proxy, ears = secured
    out = await sbc.flow("teams", "TLS", TEAMS, proxy.port("proxy"), tls="teams")
    back = await proxy.flow("proxy", "TLS", SBC, sbc.port("teams"), tls="sbc")
    out.send(options("out", transport="TLS"))
    back.send(options("in", transport="TLS"))
    await until(reactor, lambda: len(ears["sbc"].messages) == 2 and len(ears["teams"].messages) == 2)
    assert TEAMS in out.identity.names
    assert all(TEAMS in flow.identity.names for _, flow in ears["sbc"].messages)
    assert back.identity.covers(SBC)


@pytest_twisted.ensureDeferred
async def test_a_tls_peer_that_does_not_read_is_cut(secured):
    """A13: a verified peer that stops reading costs the bound, and the receiver is told."""
    sbc, proxy, ears = secured
    flow = await proxy.flow("proxy", "TLS", SBC, sbc.port("teams"), tls="sbc")
    flow.send(options("a", transport="TLS"))
    await until(reactor, lambda: ears["sbc"].messages)
    flow._stream.transport.pauseProducing()
    await flood(ears["sbc"])
    assert ears["sbc"].lost[0][1].startswith("the peer did not read")
    flow._stream.transport.resumeProducing()


@pytest_twisted.ensureDeferred
async def test_one_connection_per_proved_name(secured):
    """A24: a connection proved for one name does not serve another, though address and port are the same."""
    sbc, proxy, _ = secured
    port = proxy.port("proxy")
    first = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
    other = await sbc.flow("teams", "TLS", "sip2.pstnhub.microsoft.com", port, tls="teams")
    again = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
    assert first is again
    assert first is not other


@pytest_twisted.ensureDeferred
async def test_a_server_with_another_name_is_refused_in_words(secured):
    """A24: a proxy that cannot prove the name is an error of cause tls that names both names."""
    sbc, proxy, _ = secured
    with pytest.raises(TransportError, match=r"is for .*pstnhub.*, not for sip\.example\.net") as caught:
        await sbc.flow("teams", "TLS", "127.0.0.2", proxy.port("proxy"), name="sip.example.net", tls="teams")
    assert caught.value.cause == "tls"


@pytest_twisted.ensureDeferred
async def test_a_refused_client_is_logged_with_its_cause(build, secured, pki, tmp_path, log):
    """T3, T5, T15: the listener's log line says what is wrong with the peer, in words."""
    sbc, _, ears = secured
    for case, words in (("other name", "is for sip.example.net"), ("missing", "the peer sent no certificate")):
        held = material(tmp_path / case.replace(" ", "-"), pki.peer(case), pki.root.certificate_pem)
        peer = build([Profile("peer", "127.0.0.5", 0)], ear=Ear(), clients={"sbc": ClientTls(held)})
        flow = peer.flow("peer", "TLS", SBC, sbc.port("teams"), tls="sbc").addErrback(lambda failure: None)
        await until(reactor, lambda words=words: any("is refused" in line and words in line for line in log))
        await flow
    assert ears["sbc"].messages == []


@pytest_twisted.ensureDeferred
async def test_a_stalled_handshake_ends_in_time_and_another_proxy_is_tried(secured):
    """T13, FO-05: a proxy that accepts and says nothing is an error of cause timeout."""
    sbc, proxy, _ = secured
    with socket.create_server(("127.0.0.2", 0)) as silent:
        with pytest.raises(TransportError, match="TLS handshake did not finish") as caught:
            await sbc.flow("teams", "TLS", TEAMS, silent.getsockname()[1], tls="teams", timeout=0.2)
        assert caught.value.cause == "timeout"
    assert (await sbc.flow("teams", "TLS", TEAMS, proxy.port("proxy"), tls="teams")).is_open


@pytest_twisted.ensureDeferred
async def test_a_client_that_stalls_its_handshake_is_cut(build, secured, pki, tmp_path):
    """A13: half a handshake is held for the bound only, while others are served."""
    ear, bounds = Ear(), Bounds(handshake=0.2)
    own = material(tmp_path / "short", pki.own, pki.root.certificate_pem)
    server = build([Profile("s", "127.0.0.1", 0, ("TLS",), SBC, ServerTls(own, PeerPolicy()))], ear=ear, bounds=bounds)
    half = connect_from("127.0.0.1", server.port("s"))
    half.sendall(b"\x16\x03\x01\x02\x00")
    half.setblocking(False)
    await until(reactor, lambda: is_closed(half))
    close_all([half])


@pytest_twisted.ensureDeferred
async def test_a_renewed_certificate_is_shown_and_old_connections_serve_no_new_requests(secured, pki, tmp_path):
    """T12, OPS-05, F-08: after a reload new requests go over a new connection; the old one still works."""
    sbc, proxy, ears = secured
    port = proxy.port("proxy")
    old = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
    renewed = pki.root.issue([SBC], key_type="ec", validity=Validity.days(30))
    renewed.write(tmp_path / "sbc" / "certificate.pem", tmp_path / "sbc" / "key.pem")
    assert [result.changed for result in sbc.reload()] == [True]
    new = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
    assert new is not old
    assert (old.is_stale, new.is_stale) == (True, False)
    new.send(options("new", transport="TLS"))
    old.send(options("old", transport="TLS"))
    await until(reactor, lambda: len(ears["teams"].messages) == 2)
    serials = {message.call_id: flow.identity.serial for message, flow in ears["teams"].messages}
    assert serials == {"new": renewed.certificate.serial_number, "old": pki.own.certificate.serial_number}


@pytest_twisted.ensureDeferred
async def test_other_client_credentials_serve_new_requests_at_once(secured, pki, tmp_path):
    """Connections made with those of before serve no new request; where they are the same nothing happens."""
    sbc, proxy, ears = secured
    port, profiles = proxy.port("proxy"), [opened.profile for opened in sbc.listening]
    same = dict(sbc._clients)
    old = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
    await sbc.use(profiles, same)
    assert await sbc.flow("teams", "TLS", TEAMS, port, tls="teams") is old
    other = material(tmp_path / "other", pki.root.issue([SBC], key_type="ec"), pki.root.certificate_pem)
    await sbc.use(profiles, {"teams": ClientTls(other)})
    new = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
    assert (new is old, old.is_stale, new.is_stale) == (False, True, False)
    old.send(options("old", transport="TLS"))
    await until(reactor, lambda: ears["teams"].call_ids == ["old"])


@pytest_twisted.ensureDeferred
async def test_a_bad_file_leaves_the_old_certificate_in_force(secured, tmp_path):
    """F-08: the reload says what is wrong, and the next handshake works as before."""
    sbc, proxy, _ = secured
    (tmp_path / "sbc" / "certificate.pem").write_text("garbage")
    (result,) = sbc.reload()
    assert "not a PEM certificate file" in result.problem
    flow = await sbc.flow("teams", "TLS", TEAMS, proxy.port("proxy"), tls="teams")
    assert not flow.is_stale


@pytest_twisted.ensureDeferred
async def test_a_hundred_renewals_lose_no_handshake(secured, pki, tmp_path):
    """F-08: certificates swapped under load: handshakes failed 0, messages lost 0."""
    sbc, proxy, ears = secured
    pair = [pki.own, pki.root.issue([SBC], key_type="ec")]
    port = proxy.port("proxy")
    for turn in range(100):
        pair[turn % 2].write(tmp_path / "sbc" / "certificate.pem", tmp_path / "sbc" / "key.pem")
        sbc.reload()
        flow = await sbc.flow("teams", "TLS", TEAMS, port, tls="teams")
        flow.send(options(str(turn), transport="TLS"))
        flow.close("next")
    await until(reactor, lambda: len(ears["teams"].messages) == 100)
    assert sorted(ears["teams"].call_ids, key=int) == [str(turn) for turn in range(100)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def connect_from(source: str, port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), source_address=(source, 0))


def is_closed(one: socket.socket) -> bool:
    try:
        return one.recv(100) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def close_all(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()
