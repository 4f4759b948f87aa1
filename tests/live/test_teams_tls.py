"""Who gets in and whom we trust: mutual TLS of the whole switch, with certificates right and wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import pytest
import pytest_twisted
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet import reactor

from rustalk.certificates.authority import Authority, Issued, Purpose, Validity
from rustalk.simulator.link import Link, StreamLink, UnreachableError, connect
from rustalk.simulator.pki import TEAMS_NAMES, ClientTls, Pki, ServerTls, context
from rustalk.simulator.teams import PROXIES
from rustalk.sip.message import Message, Response
from tests.live.meeting import CARRIER, FQDN, Meet, Meeting, make_pki, meetings, sound

meet = pytest.fixture(meetings)

SUITES = (
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA256",
)
SERVER, CLIENT = (Purpose.SERVER,), (Purpose.CLIENT,)


@cache
def microsoft() -> Authority:
    """The root that the switch is told to trust."""
    return Authority.root("Simulated Microsoft Root", key_type="ec")


@cache
def other() -> Authority:
    """A root that nobody was told of."""
    return Authority.root("Some Other Root", key_type="ec")


def shown(
    names: Iterable[str] = TEAMS_NAMES,
    *,
    root: Authority | None = None,
    purposes: Iterable[Purpose] = SERVER,
    intermediate: Iterable[Purpose] = SERVER,
    validity: Validity | None = None,
) -> Issued:
    """A certificate as Teams shows it, with its intermediate."""
    between = (root or microsoft()).intermediate("Simulated TLS CA", purposes=intermediate, key_type="ec")
    return between.issue(list(names), common_name=PROXIES[0], purposes=purposes, key_type="ec", validity=validity)


def pki(teams: Issued | None = None) -> Pki:
    """The usual certificates, but with our own Microsoft."""
    return replace(make_pki(), teams=teams or shown(), teams_root=microsoft().certificate)


def client(met: Meeting, own: Issued | None) -> SSL.Context:
    """TLS of a client with this certificate, or with none."""
    if own is not None:
        return context(own, met.pki.sbc_root)
    made = SSL.Context(SSL.TLS_METHOD)
    store = made.get_cert_store()
    assert store is not None
    store.add_cert(X509.from_cryptography(met.pki.sbc_root))
    return made


OPTIONS = (
    "OPTIONS sip:{fqdn}:{port};transport=tls SIP/2.0\r\n"
    "FROM: <sip:sip-du-a-eu.pstnhub.microsoft.com:5061>;tag=a1\r\nTO: <sip:{fqdn}>\r\nCSEQ: 1 OPTIONS\r\n"
    "CALL-ID: {call}\r\nMAX-FORWARDS: 70\r\nVIA: SIP/2.0/TLS 52.114.75.24:5061;branch=z9hG4bK{call}\r\n"
    "CONTACT: <sip:sip-du-a-eu.pstnhub.microsoft.com:5061>\r\n{more}CONTENT-LENGTH: {length}\r\n\r\n"
)


def options(met: Meeting, call: str = "call1", body: bytes = b"", more: str = "") -> bytes:
    """An OPTIONS as Teams writes it."""
    head = OPTIONS.format(fqdn=FQDN, port=met.ports.teams, call=call, length=len(body), more=more)
    return head.encode() + body


async def dial(met: Meeting, tls: SSL.Context, source: str, answers: list[Message]) -> StreamLink:
    """A connection to the switch."""

    def take(message: object, link: Link) -> None:
        if isinstance(message, Message):
            answers.append(message)

    place = ("127.0.0.1", met.ports.teams)
    return await connect(reactor, place, take, source=source, server_name=FQDN, tls=ClientTls(tls, FQDN))


async def ask(met: Meeting, own: Issued | None, *, source: str = "127.0.0.2", tls: SSL.Context | None = None) -> int:
    """Connect with this certificate and send OPTIONS; the status of the answer, 0 for none."""
    answers: list[Message] = []
    try:
        link = await dial(met, tls or client(met, own), source, answers)
    except UnreachableError:
        return 0
    link.send(options(met))
    await met.until(lambda: answers or not link.open, "an answer or the end")
    link.close()
    return answers[0].status if answers and isinstance(answers[0], Response) else 0


def told(met: Meeting, *words: str) -> bool:
    """Whether a line of the log says all this."""
    return any(all(word in line for word in words) for line in met.log.lines)


ACCEPTED = {
    "T1 serverAuth only, leaf and intermediate": shown,
    "T2 serverAuth and clientAuth": lambda: shown(purposes=SERVER + CLIENT, intermediate=SERVER + CLIENT),
    "no extended key usage": lambda: shown(purposes=(), intermediate=()),
    "the name of a proxy alone": lambda: shown(["sip3.pstnhub.microsoft.com"]),
    "the wildcard alone": lambda: shown(["*.pstnhub.microsoft.com"]),
}


@pytest.mark.parametrize("case", ACCEPTED)
@pytest_twisted.ensureDeferred
async def test_a_certificate_of_teams_is_accepted(meet: Meet, case: str) -> None:
    """T1, T2: also from an address of its networks that no name leads to (NET-06)."""
    met = await meet(pki=pki())
    assert await ask(met, ACCEPTED[case]()) == 200
    assert await ask(met, ACCEPTED[case](), source="127.0.0.77") == 200


REFUSED = {
    "T3 unknown root": (lambda: shown(root=other()), "its issuer is neither sent nor among the trusted roots"),
    "T4 expired": (lambda: shown(validity=Validity.days(-1)), "it has expired"),
    "T5 another name": (lambda: shown(["sip.example.com"]), "it is for sip.example.com, not for"),
    "T5 the name in the common name only": (lambda: shown([]), "it has no subject alternative name"),
    "T5 a name that only looks like it": (
        lambda: shown(["sip.pstnhub.microsoft.com.example.com"]),
        "it is for sip.pstnhub.microsoft.com.example.com, not for",
    ),
    "code signing only": (
        lambda: shown(purposes=[Purpose.CODE_SIGNING]),
        "its extended key usage has neither serverAuth nor clientAuth",
    ),
    "T15 none": (lambda: None, "the peer sent no certificate"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest_twisted.ensureDeferred
async def test_any_other_certificate_is_refused(meet: Meet, case: str) -> None:
    """T3, T4, T5, T15, NET-06: even from an address of Teams; the log names the cause and the address."""
    make, words = REFUSED[case]
    met = await meet(pki=pki())
    assert await ask(met, make()) == 0
    await met.until(lambda: told(met, "127.0.0.2", "is refused", words), f"a line with {words!r}")
    assert met.healthy()


@pytest_twisted.ensureDeferred
async def test_the_right_certificate_from_elsewhere(meet: Meet) -> None:
    """NET-05, NET-06: from outside teams.networks a call and an OPTIONS get 403, and the log says why."""
    met = await meet(pki=pki(), teams={"networks": ["127.0.0.0/29"]})
    assert await ask(met, shown(), source="127.0.0.77") == 403
    assert told(met, "127.0.0.77 has a certificate of Teams but is not in teams.networks")
    assert (await met.from_teams(source="127.0.0.77")).status == 403
    assert (await met.from_teams()).answered


@pytest_twisted.ensureDeferred
async def test_tls_1_1_is_refused(meet: Meet) -> None:
    """T6."""
    met = await meet(pki=pki())
    old = client(met, shown())
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    old.set_min_proto_version(SSL.TLS1_1_VERSION)
    old.set_max_proto_version(SSL.TLS1_1_VERSION)
    assert await ask(met, None, tls=old) == 0
    await met.until(lambda: told(met, "is refused", "no TLS version that we accept"), "the cause")


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest_twisted.ensureDeferred
async def test_tls_1_2_and_1_3_are_taken(meet: Meet, version: int) -> None:
    """T6: each alone."""
    met = await meet(pki=pki())
    tls = client(met, shown())
    tls.set_min_proto_version(version)
    tls.set_max_proto_version(version)
    assert await ask(met, None, tls=tls) == 200


@dataclass(frozen=True, slots=True)
class OneSuite(Pki):
    """A Teams that speaks TLS 1.2 with one cipher suite only, in both roles."""

    suite: str = SUITES[0]

    def server(self) -> ServerTls:
        return ServerTls(self._limited())

    def client(self, name: str) -> ClientTls:
        return ClientTls(self._limited(), name)

    def _limited(self) -> SSL.Context:
        made = context(self.teams, self.sbc_root)
        made.set_max_proto_version(SSL.TLS1_2_VERSION)
        made.set_cipher_list(self.suite.encode())
        return made


@pytest.mark.parametrize("suite", SUITES)
@pytest_twisted.ensureDeferred
async def test_each_suite_of_the_document_alone(meet: Meet, suite: str) -> None:
    """T7: in both directions."""
    made = make_pki("rsa")
    one = OneSuite(made.teams, made.teams_root, made.sbc, made.sbc_root, suite)
    met = await meet(pki=one)
    for link in met.teams.entrances[PROXIES[0]].links:
        assert cast(Any, link.transport).getHandle().get_cipher_name() == suite


def subjects(link: StreamLink, *, of_client: bool = False) -> list[object]:
    """The common names of the chain that the peer has sent; OpenSSL leaves the leaf out on the server's side."""
    chain = cast(Any, link.transport).getHandle().get_peer_cert_chain()
    assert len(chain) == 2 - of_client
    names = [certificate.to_cryptography().subject for certificate in chain]
    return [name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value for name in names]


@pytest_twisted.ensureDeferred
async def test_what_the_switch_shows_and_asks_for(meet: Meet) -> None:
    """T8, T9, T11: the chain up to but without the root in both roles, our name in it, the dialled name in SNI."""
    met = await meet()
    for proxy in PROXIES:
        (link,) = met.teams.entrances[proxy].links
        assert (link.names, link.server_name) == ((FQDN, "sbc2.demo.example"), proxy)
        assert subjects(link, of_client=True) == ["Simulated Public TLS CA"]
    answers: list[Message] = []
    link = await dial(met, client(met, met.pki.teams), "127.0.0.2", answers)
    assert subjects(link) == [FQDN, "Simulated Public TLS CA"]
    link.close()


@pytest_twisted.ensureDeferred
async def test_a_wildcard_of_one_level(meet: Meet) -> None:
    """T10: *.demo.example covers sbc.demo.example."""
    made = Pki.make(["*.demo.example"], key_type="ec")
    met = await meet(pki=made)
    assert sound(await met.to_teams(), await met.taken(by="teams"))


@pytest_twisted.ensureDeferred
async def test_two_roots_during_a_rotation(meet: Meet) -> None:
    """T14: both in one file; Teams may show a certificate of either."""
    both = microsoft().certificate_pem + other().certificate_pem
    met = await meet(pki=pki(shown(root=other())), roots=both)
    assert [await ask(met, shown(root=root)) for root in (microsoft(), other())] == [200, 200]
    assert sound(await met.to_teams(), await met.taken(by="teams"))


WRONG_SERVERS = {
    "unknown root": (lambda: shown(root=other()), "among the trusted roots"),
    "expired": (lambda: shown(validity=Validity.days(-1)), "it has expired"),
    "another name": (lambda: shown(["sip.example.com"]), "it is for sip.example.com, not for"),
    "client only": (lambda: shown(purposes=CLIENT, intermediate=()), "extended key usage"),
}


@pytest.mark.parametrize("case", WRONG_SERVERS)
@pytest_twisted.ensureDeferred
async def test_a_proxy_that_is_not_who_it_should_be(meet: Meet, case: str) -> None:
    """T3, T4, T5 in the other role: no OPTIONS and no INVITE reach it, the status says why."""
    make, words = WRONG_SERVERS[case]
    met = await meet(pki=pki(make()), healthy=False)
    await met.until(lambda: met.states() == ["suspect"] * 3, "three failures")
    placed = await met.to_teams()
    assert placed.status == 503
    assert met.seen == []
    status = (await met.get("/api/v1/teams/status"))["health_status"]
    assert all(words in one["error"] for one in status), status


@pytest_twisted.ensureDeferred
async def test_a_message_split_at_every_byte(meet: Meet) -> None:
    """HDR-21: in two pieces, cut at each of its bytes; every one is answered."""
    met = await meet()
    answers: list[Message] = []
    link = await dial(met, client(met, met.pki.teams), "127.0.0.2", answers)
    length = len(options(met, "call0000"))
    for cut in range(1, length):
        data = options(met, f"call{cut:04}")
        link.send(data[:cut])
        await met.timeline.push(0.001)
        link.send(data[cut:])
    await met.until(lambda: len(answers) == length - 1, "all answers")
    assert {message.status for message in answers if isinstance(message, Response)} == {200}
    link.close()


@pytest_twisted.ensureDeferred
async def test_a_message_split_at_every_byte_over_tcp(meet: Meet) -> None:
    """HDR-21: the same towards a carrier."""
    met = await meet(wire="TCP")
    answers: list[object] = []
    place = ("127.0.0.1", met.ports.carrier)
    link = await connect(reactor, place, lambda message, link: answers.append(message), source=CARRIER)
    length = len(options(met, "call0000"))
    for cut in range(1, length):
        data = options(met, f"call{cut:04}")
        link.send(data[:cut])
        await met.timeline.push(0.001)
        link.send(data[cut:])
    await met.until(lambda: len(answers) == length - 1, "all answers")
    assert {message.status for message in answers if isinstance(message, Response)} == {200}
    link.close()


@pytest.mark.parametrize("size", [8_000, 60_000])
@pytest_twisted.ensureDeferred
async def test_a_large_message(meet: Meet, size: int) -> None:
    """HDR-21: 8 kB and nearly 64 KiB; and behind it another one in the same write."""
    met = await meet()
    answers: list[Message] = []
    link = await dial(met, client(met, met.pki.teams), "127.0.0.2", answers)
    large = options(met, "large", b"x" * size, "CONTENT-TYPE: text/plain\r\n")
    link.send(large + options(met, "small"))
    await met.until(lambda: len(answers) == 2, "both answers")
    assert [message.call_id for message in answers] == ["large", "small"]
    link.close()


@pytest_twisted.ensureDeferred
async def test_one_that_is_too_large(meet: Meet) -> None:
    """HDR-21: more than 64 KiB is refused and the connection ends; all others go on."""
    met = await meet()
    answers: list[Message] = []
    link = await dial(met, client(met, met.pki.teams), "127.0.0.2", answers)
    link.send(options(met, "huge", b"x" * 70_000, "CONTENT-TYPE: text/plain\r\n"))
    await met.until(lambda: not link.open, "the end of the connection")
    assert [message.status for message in answers if isinstance(message, Response)] in ([], [513])
    assert met.healthy()
