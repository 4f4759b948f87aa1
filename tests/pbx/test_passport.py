"""What shows that an INVITE comes from a node: good once, for one call, for one node, for a minute."""

from __future__ import annotations

import pytest

from rustalk.pbx.passport import Passport, Passports, read_passport

NOW = 1_800_000_000.0
PHONES = ("0a1b2c3d4e5f", "a0b1c2d3e4f5")
CALL = {"caller": "+4930123", "called": "1001"}


class Desk:
    """Both nodes' passports, and the time."""

    def __init__(self) -> None:
        self.now = NOW
        self.count = 0
        self.here, self.there = self.made("a-00000000"), self.made("b-00000000")

    def made(self, id: str, key: bytes = b"k" * 32) -> Passports:
        return Passports(key, id, lambda: self.now, self.random)

    def random(self, length: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(length, "big")

    def issued(self, trusted: bool = True) -> str:
        return self.here.issue("b-00000000", PHONES, trusted=trusted, **CALL)


@pytest.fixture
def desk() -> Desk:
    """Nothing has been issued."""
    return Desk()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_passport_is_read_as_it_was_written(desk: Desk, trusted: bool) -> None:
    """By the node that it is for."""
    field = desk.issued(trusted)
    expected = Passport("a-00000000", PHONES, trusted)
    assert desk.there.check(field, call_id="c", **CALL) == expected
    assert read_passport(field) == expected


def test_it_may_say_which_call_it_is_for_and_that_is_sealed_too(desk: Desk) -> None:
    """The id of the call at the node that sends it."""
    field = desk.here.issue("b-00000000", PHONES, trusted=True, call="5c8581d835a7b48b", **CALL)
    read = desk.there.check(field, call_id="c", **CALL)
    assert read is not None
    assert read.call == "5c8581d835a7b48b"
    assert desk.there.check(field.replace("call=5c", "call=6c"), call_id="c", **CALL) is None
    assert desk.there.check(field.replace(";call=5c8581d835a7b48b", ""), call_id="c", **CALL) is None


def test_it_is_good_for_one_call(desk: Desk) -> None:
    """The same INVITE may be sent again, with a longer session interval; another one may not use it."""
    field = desk.issued()
    assert desk.there.check(field, call_id="c", **CALL)
    assert desk.there.check(field, call_id="c", **CALL)
    assert desk.there.check(field, call_id="other", **CALL) is None


@pytest.mark.parametrize("changed", [{"caller": "+1"}, {"called": "1002"}])
def test_it_is_good_for_these_numbers(desk: Desk, changed: dict[str, str]) -> None:
    """Who has seen one calls nobody else with it, and as nobody else."""
    assert desk.there.check(desk.issued(), call_id="c", **{**CALL, **changed}) is None


def test_it_is_for_one_node(desk: Desk) -> None:
    """Neither for the one that wrote it nor for a third."""
    field = desk.issued()
    assert desk.here.check(field, call_id="c", **CALL) is None
    assert desk.made("c-00000000").check(field, call_id="c", **CALL) is None


@pytest.mark.parametrize("seconds", [61, -61])
def test_it_is_good_for_a_minute(desk: Desk, seconds: int) -> None:
    """Also where the clock of the other node is behind."""
    field = desk.issued()
    desk.now += seconds
    assert desk.there.check(field, call_id="c", **CALL) is None


def test_nothing_of_it_can_be_changed(desk: Desk) -> None:
    """Each character counts, and without the key nobody writes one."""
    field = desk.issued()
    for place, character in enumerate(field):
        other = field[:place] + ("1" if character != "1" else "2") + field[place + 1 :]
        assert desk.there.check(other, call_id="c", **CALL) is None
    forged = desk.made("a-00000000", b"x" * 32).issue("b-00000000", PHONES, trusted=True, **CALL)
    assert desk.there.check(forged, call_id="c", **CALL) is None
    assert not desk.there._used


@pytest.mark.parametrize("text", ["", "x", "a-00000000;to=b", "é" * 400, ";".join(["a"] * 10000)])
def test_what_is_no_passport_is_none(desk: Desk, text: str) -> None:
    """Whatever the network sends."""
    assert desk.there.check(text, call_id="c", **CALL) is None
    assert read_passport(text) is None


def test_what_was_used_is_forgotten_when_it_is_too_old(desk: Desk) -> None:
    """Memory is bounded by the calls of two minutes."""
    for _ in range(100):
        assert desk.there.check(desk.issued(), call_id="c", **CALL)
        desk.now += 10
    assert len(desk.there._used) <= 14
