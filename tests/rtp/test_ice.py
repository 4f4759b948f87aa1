"""The ICE-lite agent, without any network."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustalk.rtp.ice import CHECKS, FORKS, REFUSALS, Agent
from rustalk.rtp.stun import (
    BINDING_ERROR,
    BINDING_INDICATION,
    BINDING_REQUEST,
    BINDING_SUCCESS,
    ERROR_CODE,
    PRIORITY,
    UNKNOWN_ATTRIBUTES,
    USE_CANDIDATE,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    build,
    parse_message,
    xor_address,
)
from rustalk.rtp.treatment import IceCredentials

OURS = IceCredentials("SBC1", "a password of the SBC", "team")
FIRST, SECOND = ("192.0.2.1", 5000), ("192.0.2.2", 6000)
TRANSACTION = bytes(range(12))
SAMPLE = bytes.fromhex(
    "00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 00240004 6e0001ff"
    "80290008 932ff9b151263b36 00060009 6576746a3a6836765920202000080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf"
)


def agent(credentials: IceCredentials = OURS) -> Agent:
    made = Agent()
    made.use(credentials)
    return made


def check(
    *more: tuple[int, bytes], username: str = "SBC1:team", password: str | None = OURS.password, nominate: bool = False
) -> bytes:
    """A connectivity check as a full agent sends it."""
    attributes = [(USERNAME, username.encode()), (PRIORITY, b"\x6e\0\1\xff"), (0x802A, bytes(8)), *more]
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return build(BINDING_REQUEST, TRANSACTION, attributes, password=password)


def code_of(response: bytes | None) -> int:
    """The code of an error response; integrity is not asked of it."""
    assert response is not None
    message = parse_message(response)
    error = message.get(ERROR_CODE)
    assert message.kind == BINDING_ERROR
    assert error is not None
    return error[2] * 100 + error[3]


@pytest.mark.parametrize("source", [FIRST, ("2001:db8::7", 9)])
def test_a_valid_check_is_answered_with_the_address_it_came_from(source: tuple[str, int]) -> None:
    """ICE-02: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY of our password, FINGERPRINT, the same transaction."""
    answer = agent().answer(check(), source, 0)
    assert answer.response is not None
    message = parse_message(answer.response)
    assert (message.kind, message.transaction) == (BINDING_SUCCESS, TRANSACTION)
    assert message.get(XOR_MAPPED_ADDRESS) == xor_address(*source, TRANSACTION)
    assert message.verifies(OURS.password)
    assert (answer.accepted, answer.nominated) == (True, False)


def test_the_sample_request_of_rfc_5769_is_answered() -> None:
    """ICE-02."""
    answer = agent(IceCredentials("evtj", "VOkJxbRl1RmTxUk/WvJxBt", "h6vY")).answer(SAMPLE, FIRST, 0)
    assert answer.accepted


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (check(password="wrong"), 401),
        (check(username="SBC2:team"), 401),
        (check(username="SBC1extra:team"), 401),
        (check(password=None), 400),
        (build(BINDING_REQUEST, TRANSACTION, password=OURS.password), 400),
        (check((0x0030, b"what"), (0x7FFF, b"")), 420),
    ],
)
def test_a_check_that_cannot_be_accepted_is_refused(request_bytes: bytes, code: int) -> None:
    """ICE-02, RFC 5389 sections 7.3.1 and 10.1.2."""
    answer = agent().answer(request_bytes, FIRST, 0)
    assert (code_of(answer.response), answer.accepted) == (code, False)


def test_what_was_not_understood_is_listed() -> None:
    answer = agent().answer(check((0x0030, b"what"), (0x7FFF, b"")), FIRST, 0)
    assert answer.response is not None
    assert parse_message(answer.response).get(UNKNOWN_ATTRIBUTES) == bytes.fromhex("00307fff")
    assert parse_message(answer.response).verifies(OURS.password)


def test_what_need_not_be_understood_is_ignored() -> None:
    """ICE-02: Teams sends attributes of its own."""
    assert agent().answer(check((0x8070, b"\0\0\0\2"), (0x8054, b"1\0\0\0")), FIRST, 0).accepted


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        check()[:-3],
        check()[:-1] + b"x",
        build(BINDING_INDICATION, TRANSACTION, [(USERNAME, b"SBC1:team")], password=OURS.password),
        build(BINDING_SUCCESS, TRANSACTION, password=OURS.password),
        build(0x0003, TRANSACTION, [(USERNAME, b"SBC1:team")], password=OURS.password),
    ],
)
def test_anything_else_gets_silence(datagram: bytes) -> None:
    """ICE-02: malformed packets are dropped; we have sent no checks that could be answered."""
    assert agent().answer(datagram, FIRST, 0).response is None


def test_a_user_name_that_is_no_text_is_a_wrong_one() -> None:
    bad = build(BINDING_REQUEST, TRANSACTION, [(USERNAME, b"\xff\xfe:")], password=OURS.password)
    assert code_of(agent().answer(bad, FIRST, 0).response) == 401


def test_without_credentials_there_is_silence() -> None:
    made = Agent()
    assert not made.active
    assert made.answer(check(), FIRST, 0).response is None
    assert made.nominated is None


def test_a_nomination_counts_from_its_check_on() -> None:
    """ICE-03: regular nomination, and a later one in its place."""
    made = agent()
    made.answer(check(), FIRST, 0)
    assert made.nominated is None
    assert made.answer(check(nominate=True), FIRST, 0).nominated
    assert made.answer(check(nominate=True), SECOND, 0).nominated
    assert made.nominated == SECOND


def test_several_forks_are_answered_and_the_one_that_wins_has_nominated_already() -> None:
    """ICE-03, RNG-05: two phones ring; the second one answers, as the session description then says."""
    made = agent()
    assert made.answer(check(nominate=True), FIRST, 0).nominated
    loser = made.answer(check(username="SBC1:fork", nominate=True), SECOND, 0)
    assert (loser.accepted, loser.nominated, made.nominated) == (True, False, FIRST)
    assert not made.use(IceCredentials(OURS.ufrag, OURS.password, "fork"))
    assert made.nominated == SECOND


def test_as_long_as_no_fragment_of_the_peer_is_known_any_may_nominate() -> None:
    made = agent(IceCredentials(OURS.ufrag, OURS.password))
    assert made.answer(check(username="SBC1:any", nominate=True), FIRST, 0).nominated
    assert made.nominated == FIRST


def test_a_restart_forgets_what_was_nominated_and_refuses_old_checks() -> None:
    """ICE-05: new user name fragment and password."""
    made = agent()
    made.answer(check(nominate=True), FIRST, 0)
    assert made.use(IceCredentials("SBC9", "another password", "team"))
    assert made.nominated is None
    assert code_of(made.answer(check(), FIRST, 0).response) == 401
    assert made.answer(check(username="SBC9:team", password="another password"), FIRST, 0).accepted


def test_a_flood_of_checks_is_answered_up_to_a_rate() -> None:
    made = agent()
    answered = sum(made.answer(check(), FIRST, 5.0).response is not None for _ in range(2000))
    assert answered == CHECKS
    assert made.answer(check(), FIRST, 5.1).response is not None


def test_a_flood_of_forged_checks_gets_few_refusals_and_does_not_keep_the_right_ones_out() -> None:
    made = agent()
    forged = check(password="guess")
    assert sum(made.answer(forged, SECOND, 5.0).response is not None for _ in range(1000)) == REFUSALS
    assert made.answer(check(), FIRST, 5.0).accepted


def test_forks_are_remembered_up_to_a_bound() -> None:
    made = agent()
    for number in range(FORKS * 2):
        made.answer(check(username=f"SBC1:{number}", nominate=True), FIRST, 0)
    assert len(made._nominations) == FORKS


def test_a_password_is_in_no_repr() -> None:
    assert OURS.password not in repr(OURS)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 75), st.binary(min_size=1, max_size=8), st.booleans())
def test_whatever_a_check_is_changed_to_nothing_is_raised_and_nobody_is_accepted(
    at: int, junk: bytes, resized: bool
) -> None:
    """ICE-02: each change of what the integrity stands for is noticed, and of the integrity."""
    right = check(nominate=True)
    changed = right[:at] + junk + (right[at:] if resized else right[at + len(junk) :])
    answer = agent().answer(changed, FIRST, 0)
    assert not answer.accepted or changed == right
