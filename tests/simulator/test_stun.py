"""STUN as the simulator's ICE agent writes and reads it: the vectors of RFC 5769."""

from __future__ import annotations

import pytest

from rustalk.simulator.stun import BINDING, SUCCESS, USERNAME, Stun, is_stun

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)
RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)


def test_the_request_of_rfc_5769() -> None:
    """Section 2.1: integrity and fingerprint are right, the user name is read."""
    message = Stun.read(REQUEST, PASSWORD)
    assert message is not None
    assert (message.kind, message.get(USERNAME)) == (BINDING, b"evtj:h6vY")


def test_the_response_of_rfc_5769() -> None:
    """Section 2.2: the mapped address."""
    message = Stun.read(RESPONSE, PASSWORD)
    assert message is not None
    assert (message.kind, message.mapped) == (SUCCESS, ("192.0.2.1", 32853))


@pytest.mark.parametrize("position", range(len(REQUEST)))
def test_a_changed_byte_is_noticed(position: int) -> None:
    changed = REQUEST[:position] + bytes([REQUEST[position] ^ 1]) + REQUEST[position + 1 :]
    assert Stun.read(changed, PASSWORD) is None


def test_another_password_is_noticed() -> None:
    assert Stun.read(REQUEST, "another") is None


@pytest.mark.parametrize("source", [("192.0.2.77", 50000), ("2001:db8::1", 50001)])
def test_what_is_written_is_read_again(source: tuple[str, int]) -> None:
    asked = Stun(BINDING, ((USERNAME, b"abc:de"),))
    got = Stun.read(asked.to_bytes("secret"), "secret")
    assert got == Stun(BINDING, got.attributes if got else (), asked.transaction)
    answer = Stun.read(asked.answer(source).to_bytes("secret"), "secret")
    assert answer is not None
    assert (answer.mapped, answer.transaction) == (source, asked.transaction)


def test_rtp_is_no_stun() -> None:
    assert not is_stun(b"\x80\x00" + bytes(30))
    assert not is_stun(REQUEST[:10])
    assert Stun(SUCCESS).mapped == ("", 0)
