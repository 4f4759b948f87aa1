"""Logins of phones: who is let in, and what the others learn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from rustalk.config.extension import Extension
from rustalk.config.secret import Secret
from rustalk.sip.digest import ALGORITHMS, Authorization, ha1, parse_challenges
from rustalk.sip.message import Request, Response
from rustalk.transport.identity import PeerIdentity
from tests.pbx.house import PASSWORD, REALM, House, Phone, value

HOST = "198.51.100.7"


@pytest.fixture
def house() -> House:
    """Extensions 1001 to 1003."""
    return House()


def shape(response: Response) -> list[tuple[str, int]]:
    """What can be told from an answer apart from what is random in it or echoed."""
    return [(str(response.status), 0)] + [
        (name, len(text)) for name, text in response.fields if name not in ("Via", "From", "To", "Call-ID", "CSeq")
    ]


def test_a_register_is_challenged_and_the_answer_taken(house: House) -> None:
    """RFC 8760: two challenges of our realm, SHA-256 first, with one nonce."""
    phone = house.phone("1001")
    first = phone.send(phone.request("REGISTER"))
    assert first.status == 401
    offered = parse_challenges(first.all("WWW-Authenticate"))
    assert [each.algorithm for each in offered] == ["SHA-256", "MD5"]
    assert {each.realm for each in offered} == {REALM}
    assert len({each.nonce for each in offered}) == 1
    assert phone.register().status == 200
    assert house.logins[-1] == ("success", HOST, "1001")


@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "PUBLISH", "MESSAGE", "REFER", "OPTIONS", "NOTIFY", "INFO"])
def test_no_method_goes_without_a_login(house: House, method: str) -> None:
    """A7: 407 for what is not REGISTER; with the password of the sender it goes on."""
    phone = house.phone("1001")
    first = phone.send(phone.request(method))
    assert first.status == 407
    assert house.authenticated == []
    assert phone.ask(method).status == 200
    assert house.authenticated == ["1001"]


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
@pytest.mark.parametrize("username", ["1001", f"1001@{REALM}"])
def test_old_and_new_phones(house: House, algorithm: str, username: str) -> None:
    """MD5 for old phones; some send the whole address as their user name."""
    phone = house.phone("1001", username=username)
    phone.algorithms = (algorithm,)
    assert phone.register().status == 200


def offered(response: Response) -> list[str]:
    """The algorithms of a challenge."""
    return [each.algorithm for each in parse_challenges(response.all("WWW-Authenticate"))]


def test_a_phone_that_stumbles_over_sha_256(house: House) -> None:
    """It gives up and comes again later: MD5 alone from then on, also after its logins."""
    phone = house.phone("1001")
    phone.algorithms = ("MD5",)
    assert offered(phone.send(phone.request("REGISTER"))) == ["SHA-256", "MD5"]
    for _ in range(3):
        house.run(15)
        first = phone.send(phone.request("REGISTER"))
        assert offered(first) == ["MD5"]
        assert phone.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")])).status == 200
    other = house.phone("1002")
    assert offered(other.send(other.request("REGISTER"))) == ["SHA-256", "MD5"]


def test_a_phone_that_answers_is_offered_both_again(house: House) -> None:
    """Also where its request was repeated because the challenge was lost."""
    phone = house.phone("1001")
    house.network.copies = 1.0
    for _ in range(3):
        first = phone.send(phone.request("REGISTER"))
        assert offered(first) == ["SHA-256", "MD5"]
        assert phone.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")])).status == 200


def test_a_phone_whose_challenge_was_lost_is_offered_sha_256_again(house: House) -> None:
    """One that knows nothing else is not shut out: the offers take turns."""
    phone = house.phone("1001")
    phone.algorithms = ("SHA-256",)
    offers = []
    for _ in range(3):
        offers.append(offered(phone.send(phone.request("REGISTER"))))
        house.run(33)
    assert offers == [["SHA-256", "MD5"], ["MD5"], ["SHA-256", "MD5"]]


def test_requests_that_come_together_are_one_attempt(house: House) -> None:
    """A phone that subscribes to three others has answered none of the challenges yet, and stumbled over none."""
    phone = house.phone("1001")
    firsts = [phone.send(phone.request("REGISTER")) for _ in range(3)]
    assert [offered(first) for first in firsts] == [["SHA-256", "MD5"]] * 3


def test_a_phone_that_used_md5_is_not_made_to_stumble_by_a_restart(house: House) -> None:
    """Its answer to the nonce of the last process is stale; the new challenge names what it knows."""
    phone = house.phone("1001")
    phone.algorithms = ("MD5",)
    first = phone.send(phone.request("REGISTER"))
    house.authenticator = house.make_authenticator(b"n" * 32)
    stale = phone.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")]))
    assert offered(stale) == ["MD5"]
    assert offered(phone.send(phone.request("REGISTER"))) == ["MD5"]


def test_stored_hashes_stand_for_the_password(house: House) -> None:
    """What the store keeps: both HA1 of the number, no password."""
    house.extensions["1001"] = Extension(
        extension="1001",
        ha1_md5=Secret(ha1("MD5", "1001", REALM, PASSWORD)),
        ha1_sha256=Secret(ha1("SHA-256", "1001", REALM, PASSWORD)),
    )
    for algorithm in ("SHA-256", "MD5"):
        phone = house.phone("1001")
        phone.algorithms = (algorithm,)
        assert phone.register().status == 200


def test_a_new_password_counts_at_once(house: House) -> None:
    """The configuration may change between two requests."""
    phone = house.phone("1001")
    assert phone.register().status == 200
    house.extensions["1001"] = replace(house.extensions["1001"], password=Secret("another"))
    assert phone.register().status == 403


def refusals() -> dict[str, tuple[Extension | None, str]]:
    """Ways to fail: the extension 1001 as it is configured, and the password that is tried."""
    known = Extension(extension="1001", password=Secret(PASSWORD))
    return {
        "unknown": (None, PASSWORD),
        "password": (known, "wrong"),
        "disabled": (replace(known, enabled=False), PASSWORD),
        "network": (replace(known, allowed_networks=("192.0.2.0/24",)), PASSWORD),
    }


@pytest.mark.parametrize("why", refusals())
def test_a_failed_login_is_told_to_us_only(house: House, why: str) -> None:
    """A5: the same 403 for an unknown number, a wrong password, a disabled phone and a foreign network."""
    shapes = []
    for extension, password in (refusals()["password"], refusals()[why]):
        house.extensions.pop("1001", None)
        if extension is not None:
            house.extensions["1001"] = extension
        shapes.append(shape(house.phone("1001", password=password).register()))
    assert shapes[0] == shapes[1]
    assert house.logins[-1] == (why, HOST, "1001")
    assert house.authenticated == []


def test_a_wrong_password_is_not_asked_for_again(house: House) -> None:
    """A6: phones that get another challenge try the same password fifteen times in 20 ms (libre 1.1)."""
    response = house.phone("1001", password="wrong").register()
    assert (response.status, response.get("WWW-Authenticate")) == (403, None)
    assert [each[0] for each in house.logins] == ["challenge", "password"]


def test_unknown_and_known_are_one_to_who_asks_first(house: House) -> None:
    """A5: without credentials the two challenges differ in nothing but what is random."""
    answers = []
    for number in ("1001", "9999"):
        phone = house.phone(number)
        response = phone.send(phone.request("REGISTER"))
        answers.append(shape(response))
    assert answers[0] == answers[1]
    assert [each[2] for each in house.logins] == ["1001", "9999"]


def test_unknown_and_known_cost_the_same_work(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A5: the same hashes are computed for both, so that the time tells nothing either."""
    worked: list[str] = []

    def md5(data: bytes) -> str:
        worked.append("md5")
        return _md5(data)

    _md5 = ALGORITHMS["MD5"]
    monkeypatch.setattr("rustalk.sip.digest.ALGORITHMS", {**ALGORITHMS, "MD5": md5})
    counts = []
    for number in ("1001", "9999"):
        phone = house.phone(number, password="wrong")
        phone.algorithms = ("MD5",)
        worked.clear()
        assert phone.register().status == 403
        counts.append(len(worked))
    assert counts[0] == counts[1] > 0


def replayed(house: House, phone: Phone, request: Request) -> int:
    """The status of the same header fields once more, in a new transaction."""
    again = Request(request.method, request.uri, [each for each in request.fields if each[0] != "Via"])
    response = phone.send(again)
    return response.status


def logged_in(phone: Phone, method: str = "REGISTER") -> Request:
    """A request that was accepted."""
    first = phone.send(phone.request(method))
    request = phone.request(method, [phone.answer(first, method)])
    response = phone.send(request)
    assert response.status == 200
    return request


def test_a_replay_is_refused_each_time(house: House) -> None:
    """A1: the same header a thousand times, from the same address and from another: none is accepted."""
    phone, thief = house.phone("1001"), house.phone("1001", "203.0.113.66")
    request = logged_in(phone)
    assert {replayed(house, phone, request) for _ in range(100)} == {401}
    assert {replayed(house, thief, request) for _ in range(10)} == {401}
    assert house.authenticated == ["1001"]
    assert house.counters.refused == {"login_replayed": 100}
    assert [each[0] for each in house.logins] == ["challenge", "success"]


def test_an_answer_is_for_its_method_only(house: House) -> None:
    """A1: what was shown for REGISTER opens no INVITE, even where it was never used."""
    phone = house.phone("1001")
    first = phone.send(phone.request("REGISTER"))
    _, shown = phone.answer(first, "REGISTER")
    response = phone.send(phone.request("INVITE", [("Proxy-Authorization", shown)]))
    assert response.status == 403
    assert house.logins[-1] == ("password", HOST, "1001")


def shown_for(phone: Phone, method: str, uri: str, asked: str) -> Response:
    """What a request to ``asked`` gets that shows the right answer for ``uri``, to a challenge of its own."""
    first = phone.send(phone.request(method))
    field = phone.answer(first, method, uri)
    made = phone.request(method, [field])
    return phone.send(Request(method, asked, made.fields))


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("sip:1002@sip.example.com", "sip:1002@192.0.2.10:5060;transport=udp"),
        ("sip:1002@192.0.2.10", "sip:1002@sip.example.com"),
        ("sip:%2310%30@SIP.example.com;user=phone", "sip:%23100@sip.example.com"),
        ("sips:1002@sip.example.com", "sip:1002@sip.example.com"),
        ("sip:192.0.2.10:5060", "sip:1002@sip.example.com"),
        ("tel:+12025550123", "tel:+12025550123"),
    ],
)
def test_an_answer_may_name_its_destination_in_another_way(house: House, uri: str, asked: str) -> None:
    """RFC 3261 section 19.1.4, and what proxies and test tools make of it; the user is the same or not named."""
    assert shown_for(house.phone("1001"), "INVITE", uri, asked).status == 200


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("sip:1002@sip.example.com", "sip:+19005550123@sip.example.com"),
        ("sip:1002@sip.example.com", "sip:sip.example.com"),
        ("sip:1002@elsewhere.example.net", "sip:1002@sip.example.com"),
        ("sip:elsewhere.example.net", "sip:1002@sip.example.com"),
        ("sip:Alice@sip.example.com", "sip:alice@sip.example.com"),
        ("tel:1002", "sip:1002@sip.example.com"),
        ("1002", "sip:1002@sip.example.com"),
    ],
)
def test_an_answer_is_for_its_destination_only(house: House, uri: str, asked: str) -> None:
    """A1, RFC 7616 section 3.4.6: whoever has seen one cannot call somewhere else with it; asked anew, then counted."""
    phone = house.phone("1001")
    response = shown_for(phone, "INVITE", uri, asked)
    assert response.status == 407
    assert "stale=true" in value(response, "Proxy-Authenticate")
    assert all(each[0] == "challenge" for each in house.logins)
    assert shown_for(phone, "INVITE", uri, asked).status == 407
    assert house.logins[-1] == ("uri", HOST, "1001")
    assert house.authenticated == []


def test_an_answer_that_was_seen_is_still_good_for_its_owner(house: House) -> None:
    """Who misuses it does not use its count up."""
    phone = house.phone("1001")
    first = phone.send(phone.request("INVITE"))
    field = phone.answer(first, "INVITE")
    stolen = phone.request("INVITE", [field])
    assert phone.send(Request("INVITE", "sip:900@sip.example.com", stolen.fields)).status == 407
    assert phone.send(phone.request("INVITE", [field])).status == 200


def test_a_registration_names_the_house_only(house: House) -> None:
    """Some phones show their whole address there."""
    phone = house.phone("1001")
    assert shown_for(phone, "REGISTER", "sip:1001@sip.example.com", "sip:192.0.2.10").status == 200
    assert shown_for(phone, "REGISTER", "sip:elsewhere.example.net", "sip:sip.example.com").status == 401


def test_a_nonce_is_good_for_its_address_only(house: House) -> None:
    """A1: an answer that is seen before it is used is worth nothing elsewhere; its owner is asked anew."""
    phone, thief = house.phone("1001"), house.phone("1001", "203.0.113.66")
    first = phone.send(phone.request("REGISTER"))
    response = thief.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")]))
    assert response.status == 401
    assert "stale=true" in value(response, "WWW-Authenticate")
    assert house.authenticated == []


def test_a_nonce_ends_after_five_minutes(house: House) -> None:
    """RFC 7616 section 3.3: stale=true, so that the phone does not ask for the password; nobody counts it a failure."""
    phone = house.phone("1001")
    first = phone.send(phone.request("REGISTER"))
    house.clock.advance(301)
    late = phone.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")]))
    assert late.status == 401
    assert "stale=true" in value(late, "WWW-Authenticate")
    assert all(each[0] == "challenge" for each in house.logins)
    final = phone.send(phone.request("REGISTER", [phone.answer(late, "REGISTER")]))
    assert final.status == 200


def test_a_nonce_does_not_survive_a_restart(house: House) -> None:
    """A1: a new process has a new key; the phone logs in again without anybody being asked."""
    phone = house.phone("1001")
    request = logged_in(phone)
    house.authenticator = house.make_authenticator(b"n" * 32)
    assert replayed(house, phone, request) == 401
    assert house.authenticated == ["1001"]
    assert phone.register().status == 200


def test_a_nonce_may_be_used_again_with_a_higher_count(house: House) -> None:
    """RFC 7616 section 3.4: one challenge is enough for several requests."""
    phone = house.phone("1001")
    first = phone.send(phone.request("REGISTER"))
    for _ in range(3):
        response = phone.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")]))
        assert response.status == 200


@pytest.mark.parametrize(
    "shown",
    [
        "Digest",
        'Digest username="1001',
        f'Digest username="1001", realm="{REALM}"',
        'Digest username="1001", realm="elsewhere", nonce="x", uri="sip:a", response="y"',
        "Basic MTAwMToxMjM0",
        'Digest username="1001", realm="sip.example.com", nonce="x", uri="sip:a", response="y", algorithm=none',
    ],
)
def test_what_is_no_answer_is_challenged(house: House, shown: str) -> None:
    """A4: broken, of another realm, scheme or algorithm: as if nothing had been shown."""
    phone = house.phone("1001")
    response = phone.send(phone.request("REGISTER", [("Authorization", shown)]))
    assert response.status == 401
    assert house.logins == [("challenge", HOST, "1001")]


def test_an_answer_to_no_challenge_of_ours(house: House) -> None:
    """A4: a made-up nonce, an invented quality, an unoffered algorithm: none gets in with the right password."""
    phone = house.phone("1001")
    for algorithm, qop, nonce in (("MD5", "auth", "1" * 60), ("MD5", "", "x"), ("MD5-sess", "auth", "1" * 60)):
        answer = Authorization("1001", REALM, nonce, f"sip:{REALM}", "", algorithm, qop, 1 if qop else 0, "c")
        right = answer.expected(ha1(algorithm, "1001", REALM, PASSWORD), "REGISTER", b"")
        shown = str(replace(answer, response=right))
        response = phone.send(phone.request("REGISTER", [("Authorization", shown)]))
        assert response.status == 401
    assert house.authenticated == []


def test_a_failure_from_a_forged_address_is_nobodys(house: House) -> None:
    """A login that answers no challenge of ours may come from anywhere: it is told apart, so that nobody is banned."""
    phone = house.phone("1001")
    answer = Authorization("1001", REALM, "1" * 60, f"sip:{REALM}", "0" * 32, "MD5", "auth", 1, "c")
    assert phone.send(phone.request("REGISTER", [("Authorization", str(answer))])).status == 401
    assert house.logins == [("nonce", HOST, "1001")]


def test_who_calls_is_who_logged_in(house: House) -> None:
    """A7: From may say anything; the extension is that of the password."""
    assert house.phone("1001").ask("INVITE", source="1002").status == 200
    assert house.authenticated == ["1001"]


def certified(house: House, name: str, *, subject: str = "phone-17.example.com") -> Response:
    """What a phone without a password gets that shows a certificate of this name."""
    house.extensions["1001"] = Extension(extension="1001", certificate_subject=subject)
    phone = house.phone("1001", transport="TLS", port=5061)
    phone.certified(name)
    return phone.send(phone.request("REGISTER", [("Contact", f"<{phone.contact}>")]))


def test_a_certificate_in_place_of_the_password(house: House) -> None:
    """The name in the extension must be one that the verified certificate bears."""
    response = certified(house, "phone-17.example.com")
    assert response.status == 200
    assert house.logins == [("success", HOST, "1001")]


@pytest.mark.parametrize(
    ("subject", "status"),
    [
        ("CN=phone-17,O=Example", 200),
        ("O=Example,CN=phone-18", 401),
        ("O=x\\,CN=phone-17", 401),
        ("CN=phone-17,CN=phone-18", 401),
        (f"O={'x' * 186},CN=phone-17", 401),
        ("", 401),
    ],
)
def test_a_common_name_counts_as_a_whole(house: House, subject: str, status: int) -> None:
    """Phones often have no other name; one that only looks like it, inside another attribute, is nobody's."""
    house.extensions["1001"] = Extension(extension="1001", certificate_subject="phone-17")
    phone = house.phone("1001", transport="TLS", port=5061)
    phone.agent.certificate = PeerIdentity(frozenset({"other.example.com"}), subject, 1, datetime.now(UTC))
    assert phone.send(phone.request("REGISTER", [("Contact", f"<{phone.contact}>")])).status == status


def test_another_certificate_is_none(house: House) -> None:
    """It is asked for a password, as everybody."""
    response = certified(house, "phone-18.example.com")
    assert response.status == 401


def test_an_extension_without_a_subject_takes_no_certificate(house: House) -> None:
    """An empty name is nobody's."""
    response = certified(house, "", subject="")
    assert response.status == 401


def test_nothing_is_kept_of_who_shows_nothing(house: House) -> None:
    """A6: no transaction, no timer, and a 407 to an INVITE is sent once, not until an ACK comes (A38)."""
    phone = house.phone("1001")
    phone.agent.deaf = True
    for _ in range(50):
        phone.agent.send(phone.request("INVITE"), phone.flow())
    house.run(0.1)
    assert house.endpoint.transactions == 0
    house.run(0.3)
    assert len(phone.agent.messages) == 50


def bytes_of(house: House, phone: Phone, request: Request) -> tuple[int, int]:
    """How long a request was, and how long what came back."""
    house.network.wire.clear()
    phone.agent.send(request, phone.flow())
    house.clock.advance(house.network.latency)
    house.clock.advance(house.network.latency)
    asked = sum(len(data) for local, data in house.network.wire if local[0] != HOST)
    return asked, sum(len(data) for local, data in house.network.wire if local[0] == HOST)


def small(phone: Phone) -> Request:
    """As small a REGISTER as SIP allows."""
    fields = [("f", "<sip:1>;tag=1"), ("t", "<sip:1>"), ("i", phone.agent.token()), ("CSeq", "1 REGISTER")]
    return Request("REGISTER", "sip:1", fields)


def test_a_challenge_is_no_amplifier(house: House) -> None:
    """A38: small requests from an address that proved nothing get 1.5 times their bytes, beyond an allowance."""
    phone = house.phone("1001")
    begun = house.clock.seconds()
    pairs = [bytes_of(house, phone, small(phone)) for _ in range(1000)]
    asked, answered = (sum(column) for column in zip(*pairs, strict=True))
    seconds = house.clock.seconds() - begun
    assert pairs[0][1] > 0
    assert answered <= 1.5 * asked + 32768 + 1024 * seconds
    assert any(back == 0 for _, back in pairs)


def usual(phone: Phone) -> Request:
    """A REGISTER as phones send it."""
    allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, SUBSCRIBE, INFO, MESSAGE, UPDATE, REFER"
    contact = f'<{phone.contact};transport=udp>;expires=600;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e>"'
    more = [("Contact", contact), ("Expires", "600"), ("Supported", "gruu, outbound, path"), ("Allow", allow)]
    return phone.request("REGISTER", [*more, ("User-Agent", "baresip v1.1.0 (x86_64/linux)")])


def test_a_phone_is_always_answered(house: House) -> None:
    """A38: an ordinary REGISTER is long enough for its challenge, also while others have used the allowance up."""
    phone = house.phone("1001")
    for _ in range(1000):
        bytes_of(house, phone, small(phone))
    asked, answered = bytes_of(house, phone, usual(phone))
    assert 0 < answered <= 1.5 * asked


def test_the_log_is_not_flooded(house: House) -> None:
    """A6: every failure is counted, some of them are written down, and never what was tried."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    phone = house.phone("1001", password="wrong guess")
    first = phone.send(phone.request("REGISTER"))
    globalLogPublisher.addObserver(observe)
    for _ in range(200):
        phone.agent.send(phone.request("REGISTER", [phone.answer(first, "REGISTER")]), phone.flow())
    house.run()
    globalLogPublisher.removeObserver(observe)
    assert house.counters.refused["login_failed"] == 200
    assert len([line for line in lines if "failed: password" in line]) == 50
    assert "wrong guess" not in "".join(lines)
