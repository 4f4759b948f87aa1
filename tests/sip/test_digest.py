"""Digest authentication, as a client and as a server."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred._digest import calcHA1, calcHA2, calcResponse

from rustalk.sip.digest import (
    ALGORITHMS,
    Authorization,
    Challenge,
    Credentials,
    Verdict,
    Verifier,
    ha1,
    parse_challenges,
)
from rustalk.sip.errors import LocalProtocolError, RemoteProtocolError

# Vectors.

RFC_7616 = Challenge(
    "http-auth@example.org",
    "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "MD5",
    ("auth", "auth-int"),
    "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
)


def answer(
    credentials: Credentials, challenge: Challenge, method: str, uri: str, cnonce: str, body: bytes = b""
) -> Authorization:
    parsed = Authorization.parse(credentials.answer(challenge, method, uri, body, cnonce))
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    given = answer(
        Credentials("Mufasa", "Circle of Life"),
        replace(RFC_7616, algorithm=algorithm),
        "GET",
        "/dir/index.html",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert (given.response, given.nc, given.qop, given.opaque) == (response, 1, "auth", RFC_7616.opaque)


def test_the_vector_of_rfc_7616_section_3_9_2() -> None:
    """With the values of erratum 4897: those in the RFC's text were made with SHA-512 cut short, not SHA-512/256."""
    challenge = Challenge(
        "api@example.org",
        "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        "SHA-512-256",
        ("auth",),
        "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
        userhash=True,
    )
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    given = answer(Credentials("J\xe4s\xf8n Doe", "Secret, or not?"), challenge, "GET", "/doe.json", cnonce)
    assert given.username == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert given.response == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    assert given.userhash


@pytest.mark.parametrize(
    ("qop", "response"),
    [(("auth",), "6629fae49393a05397450978507c4ef1"), ((), "670fd8c2df070c60b045671b8b24ff02")],
)
def test_the_vector_of_rfc_2617_with_qop_and_after_rfc_2069(qop: tuple[str, ...], response: str) -> None:
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=qop)
    given = answer(Credentials("Mufasa", "Circle Of Life"), challenge, "GET", "/dir/index.html", "0a4f113b")
    assert (given.response, given.nc) == (response, 1 if qop else 0)


@pytest.mark.parametrize("qop", ["auth", "auth-int", ""])
@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess"])
def test_another_implementation_gets_the_same(algorithm: str, qop: str) -> None:
    challenge = Challenge("biloxi.com", "dcd98b7102dd", algorithm, (qop,) if qop else ())
    given = answer(Credentials("bob", "zanzibar"), challenge, "INVITE", "sip:bob@biloxi.com", "0a4f113b", b"v=0\r\n")
    name = algorithm.lower().encode()
    first = calcHA1(name, b"bob", b"biloxi.com", b"zanzibar", b"dcd98b7102dd", b"0a4f113b")
    second = calcHA2(name, b"INVITE", b"sip:bob@biloxi.com", qop.encode(), hashlib.md5(b"v=0\r\n").hexdigest().encode())
    count = b"00000001" if qop else None
    expected = calcResponse(
        first, second, name, b"dcd98b7102dd", count, b"0a4f113b" if qop else None, qop.encode() or None
    )
    assert given.response == expected.decode()


# Challenges.


def test_a_challenge_reads_as_it_was_written() -> None:
    challenge = Challenge('a "quoted" realm', "n/o+n=ce", "SHA-256", ("auth", "auth-int"), "", True, True)
    assert parse_challenges([str(challenge)]) == [challenge]


def test_a_challenge_says_no_more_than_it_must() -> None:
    assert str(Challenge("r", "n")) == 'Digest realm="r", nonce="n", algorithm=MD5'


def test_a_challenge_of_rfc_3261() -> None:
    text = (
        'Digest realm="atlanta.com", domain="sip:boxesbybob.com", qop="auth, auth-int",\r\n nonce="f84f1cec",'
        ' opaque="", stale=FALSE, algorithm=MD5'
    ).replace("\r\n", "")
    assert parse_challenges([text]) == [Challenge("atlanta.com", "f84f1cec", "MD5", ("auth", "auth-int"), "")]


@pytest.mark.parametrize(
    "text",
    [
        'digest REALM = "r" , Nonce="n"',
        "DIGEST realm=r,nonce=n,",
        'Digest realm="r",, nonce="n", algorithm=md5, unknown="x,y"',
        'Digest\trealm="r", nonce="n", stale=maybe, charset=UTF-8',
    ],
)
def test_white_space_case_and_unknown_parameters_do_not_matter(text: str) -> None:
    assert parse_challenges([text]) == [Challenge("r", "n")]


def test_several_challenges_in_one_field_and_in_several() -> None:
    values = [
        'Digest realm="a", nonce="1", algorithm=SHA-256, Digest realm="b", nonce="2"',
        'Digest realm="c", nonce="3"',
    ]
    assert [(c.realm, c.algorithm) for c in parse_challenges(values)] == [("a", "SHA-256"), ("b", "MD5"), ("c", "MD5")]


@pytest.mark.parametrize(
    "text",
    [
        'Basic realm="r"',
        "NoOneKnowsThisScheme opaque-data=here",
        'Digest realm="r", nonce="n", algorithm=AKAv1-MD5',
        'Digest realm="r", nonce="n", qop="auth-conf"',
        'Digest realm="r", nonce="n", algorithm="\u017fha-256"',
    ],
)
def test_what_we_cannot_answer_is_skipped(text: str) -> None:
    """RFC 4475 section 3.3.7."""
    assert parse_challenges([text]) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"',
        "Digest",
        "Digest realm",
        'Digest realm="r"',
        'Digest realm="r", nonce="open',
        'Digest realm="r" nonce="n"',
        'Digest realm="r", nonce="n", nonce="m"',
        'Digest ="r", nonce="n"',
        'Digest realm="r", nonce="n", dXNlcjpwYXNz',
    ],
)
def test_a_broken_challenge_is_the_peers_fault(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_challenges([text])


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """A4."""
    for value in (text, f"Digest {text}", f'Digest username="u", realm="r", nonce="n", uri="x", response="y", {text}'):
        with suppress(RemoteProtocolError):
            parse_challenges([value])
        with suppress(RemoteProtocolError):
            Authorization.parse(value)


# The client.


def test_the_strongest_challenge_is_chosen_whatever_its_place() -> None:
    """RFC 8760 section 2.3."""
    challenges = [Challenge("r", "1", "MD5"), Challenge("r", "2", "SHA-512-256"), Challenge("r", "3", "SHA-256")]
    chosen = Credentials("u", "p", "r").choose(challenges)
    assert chosen is challenges[1]


def test_of_equal_challenges_the_topmost_is_chosen() -> None:
    challenges = [Challenge("r", "1", "SHA-256"), Challenge("r", "2", "SHA-256")]
    assert Credentials("u", "p").choose(challenges) is challenges[0]


def test_another_realm_gets_no_answer() -> None:
    """A2: a peer that challenges us with a realm of its own learns nothing."""
    credentials = Credentials("u", "p", "sip.carrier.example")
    foreign = Challenge("sip.mallory.example", "n")
    assert credentials.choose([foreign]) is None
    with pytest.raises(LocalProtocolError, match=r"sip\.mallory\.example"):
        credentials.answer(foreign, "INVITE", "sip:h", b"", "c")


def test_no_challenge_is_no_choice() -> None:
    assert Credentials("u", "p").choose([]) is None


def test_the_count_rises_with_each_use_of_a_nonce() -> None:
    credentials = Credentials("u", "p")
    nonces = ("a", "a", "b", "a")
    answers = [answer(credentials, Challenge("r", n, qop=("auth",)), "BYE", "sip:h", "c") for n in nonces]
    assert [given.nc for given in answers] == [1, 2, 1, 3]
    assert len({given.response for given in answers}) == 4


def test_only_the_last_nonces_are_remembered() -> None:
    """A3: a peer with a new nonce for each answer makes us hold no more."""
    credentials = Credentials("u", "p")
    for number in range(1000):
        answer(credentials, Challenge("r", str(number), qop=("auth",)), "BYE", "sip:h", "c")
    assert len(credentials._counts) == Credentials._NONCES


def test_auth_int_is_used_when_nothing_else_is_offered() -> None:
    credentials = Credentials("u", "p")
    assert answer(credentials, Challenge("r", "n", qop=("auth", "auth-int")), "BYE", "sip:h", "c").qop == "auth"
    integrity = Challenge("r", "n", qop=("auth-int",))
    one, two = (answer(Credentials("u", "p"), integrity, "BYE", "sip:h", "c", body) for body in (b"", b"x"))
    assert one.qop == "auth-int"
    assert one.response != two.response


def test_the_password_is_never_shown() -> None:
    """A40."""
    credentials = Credentials("u", "CANARY", "r")
    given = answer(credentials, Challenge("r", "n"), "BYE", "sip:h", "c")
    assert "CANARY" not in repr(credentials) + str(given) + repr(given)
    assert given.response not in repr(given)


def test_an_answer_stays_one_line_whatever_the_challenge_says() -> None:
    """A10."""
    given = Credentials('u"\r\n', "p").answer(Challenge('r"\r\nX: y', "n\x00", opaque="\n"), "BYE", "sip:h", b"", 'c"')
    assert given.isprintable()
    assert Authorization.parse(given) is not None


# The server.

KEY = b"a key of this process"


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def verifier(clock: list[float]) -> Verifier:
    return Verifier("r", KEY, lambda: clock[0])


def attempt(
    challenge: Challenge, password: str = "p", method: str = "REGISTER", credentials: Credentials | None = None
) -> Authorization:
    return answer(credentials or Credentials("u", password), challenge, method, "sip:r", "cnonce")


def judge(
    verifier: Verifier, given: Authorization, method: str = "REGISTER", body: bytes = b"", peer: str = ""
) -> Verdict:
    return verifier.verify(given, method, body, ha1(given.algorithm, "u", "r", "p"), peer)


def test_the_right_password_is_accepted_once(verifier: Verifier) -> None:
    """A1: the same header a thousand times."""
    given = attempt(verifier.challenges()[0])
    assert [judge(verifier, given) for _ in range(1000)] == [Verdict.ACCEPTED] + [Verdict.REPLAYED] * 999


def test_each_algorithm_is_offered_with_one_nonce(verifier: Verifier) -> None:
    challenges = verifier.challenges()
    assert [challenge.algorithm for challenge in challenges] == ["SHA-256", "MD5"]
    assert len({challenge.nonce for challenge in challenges}) == 1
    assert judge(verifier, attempt(challenges[1])) == Verdict.ACCEPTED


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_and_quality_is_understood(algorithm: str, qop: str) -> None:
    verifier = Verifier("r", KEY, lambda: 0.0, algorithms=(algorithm,), qop=(qop,))
    given = attempt(verifier.challenges()[0])
    assert judge(verifier, given) == Verdict.ACCEPTED
    assert judge(verifier, replace(given, nc=9)) == Verdict.WRONG


def test_the_body_counts_with_auth_int() -> None:
    verifier = Verifier("r", KEY, lambda: 0.0, qop=("auth-int",))
    assert judge(verifier, attempt(verifier.challenges()[0]), body=b"another") == Verdict.WRONG


@pytest.mark.parametrize("method", ["INVITE", "register"])
def test_an_answer_is_for_one_method(verifier: Verifier, method: str) -> None:
    assert judge(verifier, attempt(verifier.challenges()[0]), method=method) == Verdict.WRONG


@pytest.mark.parametrize(
    "change",
    [
        {"uri": "sip:other"},
        {"cnonce": "x"},
        {"nc": 2},
        {"realm": "other"},
        {"response": ""},
        {"response": "\udce4"},
        {"algorithm": "MD5"},
        {"qop": "auth-int"},
        {"qop": ""},
        {"username": "u"},
    ],
)
def test_a_changed_answer_is_wrong(verifier: Verifier, change: dict[str, object]) -> None:
    given = replace(attempt(verifier.challenges()[0]), **change)
    expected = Verdict.ACCEPTED if change == {"username": "u"} else Verdict.WRONG
    assert judge(verifier, given) == expected


def test_a_wrong_password_and_an_unknown_user_are_both_wrong(verifier: Verifier) -> None:
    """A5."""
    given = attempt(verifier.challenges()[0], password="q")
    assert judge(verifier, given) == Verdict.WRONG
    assert verifier.verify(given, "REGISTER", b"", None) == Verdict.WRONG


def test_a_nonce_serves_many_requests_in_any_order_once_each(verifier: Verifier) -> None:
    """A1: UDP may bring the third request before the second."""
    challenge, credentials = verifier.challenges()[0], Credentials("u", "p")
    answers = [attempt(challenge, credentials=credentials) for _ in range(100)]
    order = [0, 2, 1, 2, 1, 99, 60, 60, 3, 35]
    verdicts = [judge(verifier, answers[place]).value for place in order]
    assert verdicts == [
        *("accepted", "accepted", "accepted", "replayed", "replayed"),
        *("accepted", "accepted", "replayed", "replayed", "replayed"),
    ]


def test_a_nonce_expires(verifier: Verifier, clock: list[float]) -> None:
    """A1: the client is told that only the nonce is stale."""
    challenge, credentials = verifier.challenges()[0], Credentials("u", "p")
    clock[0] += 300
    assert judge(verifier, attempt(challenge, credentials=credentials)) == Verdict.ACCEPTED
    clock[0] += 0.1
    assert judge(verifier, attempt(challenge, credentials=credentials)) == Verdict.STALE
    assert judge(verifier, attempt(challenge, password="q")) == Verdict.WRONG
    assert verifier.challenges(stale=True)[0].stale


def test_a_nonce_of_the_last_process_is_stale(verifier: Verifier) -> None:
    """A1: after a restart."""
    challenge = Verifier("r", b"the key before", lambda: 1000.0).challenges()[0]
    assert judge(verifier, attempt(challenge)) == Verdict.STALE


def test_a_nonce_of_another_realm_or_from_the_future_is_stale(verifier: Verifier) -> None:
    other = Verifier("other", KEY, lambda: 1000.0).challenges()[0]
    future = Verifier("r", KEY, lambda: 2000.0).challenges()[0]
    for challenge in (replace(other, realm="r"), future):
        assert judge(verifier, attempt(challenge)) == Verdict.STALE


def test_a_nonce_may_be_bound_to_a_peer(verifier: Verifier) -> None:
    """A1: an answer that was taken elsewhere."""
    given = attempt(verifier.challenges("192.0.2.1")[0])
    assert judge(verifier, given, peer="192.0.2.2") == Verdict.STALE
    assert judge(verifier, given, peer="192.0.2.1") == Verdict.ACCEPTED


@pytest.mark.parametrize("nonce", ["", "x", "0" * 60, "0" * 59, "G" * 60, "\u0660" * 60])
def test_a_nonce_of_nobody_is_stale(verifier: Verifier, nonce: str) -> None:
    challenge = replace(verifier.challenges()[0], nonce=nonce)
    assert judge(verifier, attempt(challenge)) == Verdict.STALE


def test_who_answers_our_challenge_has_received_it(verifier: Verifier) -> None:
    """Only there: a nonce of another peer, or of nobody, proves no address."""
    nonce = verifier.challenges("192.0.2.1")[0].nonce
    assert verifier.made(nonce, "192.0.2.1")
    assert not verifier.made(nonce, "192.0.2.2")
    assert not verifier.made("0" * 60, "192.0.2.1")


def test_a_changed_nonce_is_stale(verifier: Verifier) -> None:
    challenge = verifier.challenges()[0]
    later = f"{int(challenge.nonce[:12], 16) + 1:012x}{challenge.nonce[12:]}"
    assert judge(verifier, attempt(replace(challenge, nonce=later))) == Verdict.STALE


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_never_accepted_again(clock: list[float]) -> None:
    """A1: not even those who know a password make memory grow, or get a replay through by filling it."""
    verifier = Verifier("r", KEY, lambda: clock[0], capacity=10)
    answers = []
    for _ in range(50):
        clock[0] += 0.01
        answers.append(attempt(verifier.challenges()[0]))
    assert {judge(verifier, given) for given in answers} == {Verdict.ACCEPTED}
    assert len(verifier._seen) == 10
    assert {judge(verifier, given) for given in answers} == {Verdict.STALE, Verdict.REPLAYED}


def test_an_answer_for_another_uri_is_told_and_its_count_stays_good(verifier: Verifier) -> None:
    """Only where the password is right: otherwise it is as wrong as any."""
    shown = attempt(verifier.challenges()[0])
    secret = ha1(shown.algorithm, "u", "r", "p")
    assert verifier.verify(shown, "REGISTER", b"", secret, is_directed=False) is Verdict.MISDIRECTED
    assert verifier.verify(shown, "REGISTER", b"", None, is_directed=False) is Verdict.WRONG
    assert verifier.verify(shown, "REGISTER", b"", secret) is Verdict.ACCEPTED


def test_a_wrong_answer_is_not_remembered(verifier: Verifier) -> None:
    for _ in range(100):
        judge(verifier, attempt(verifier.challenges()[0], password="q"))
    assert len(verifier._seen) == 0


def test_a_server_after_rfc_2069_takes_each_nonce_once() -> None:
    verifier = Verifier("r", KEY, lambda: 0.0, algorithms=("MD5",), qop=())
    given = attempt(verifier.challenges()[0])
    assert [judge(verifier, given), judge(verifier, given)] == [Verdict.ACCEPTED, Verdict.REPLAYED]


def test_no_two_nonces_are_equal(verifier: Verifier) -> None:
    """A36."""
    assert len({verifier.challenges()[0].nonce for _ in range(1000)}) == 1000


# Answers as text.


def test_an_answer_reads_as_it_was_written() -> None:
    given = Authorization('u"', "r", "n", "sip:r", "ab", "SHA-256-sess", "auth", 255, "c", "o", True)
    assert Authorization.parse(str(given)) == given
    assert "nc=000000ff" in str(given)


@pytest.mark.parametrize(
    "text", ["Basic dXNlcjpwYXNz", 'Digest username="u", realm="r", nonce="n", uri="x", response="y", algorithm=x']
)
def test_an_answer_of_another_kind_is_none_of_ours(text: str) -> None:
    assert Authorization.parse(text) is None


COMPLETE = 'Digest username="u", realm="r", nonce="n", uri="x", response="y"'


@pytest.mark.parametrize(
    "text",
    [
        'Digest username="u"',
        f"{COMPLETE}, qop=auth",
        f'{COMPLETE}, qop=auth, nc=1, cnonce="c"',
        f'{COMPLETE}, qop=auth, nc=+0000001, cnonce="c"',
        f'{COMPLETE}, qop=auth, nc=0000000\u0661, cnonce="c"',
        f"{COMPLETE}, qop=auth, nc=00000001",
        f"{COMPLETE}, {COMPLETE}",
        f'{COMPLETE}, username="admin"',
    ],
)
def test_a_broken_answer_is_the_peers_fault(text: str) -> None:
    """A4."""
    with pytest.raises(RemoteProtocolError):
        Authorization.parse(text)
