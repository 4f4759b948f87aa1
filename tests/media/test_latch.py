"""Whose packets a media port takes: strict, learned, held."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from rustalk.media.latch import (
    CANDIDATES,
    CHECKED,
    PROBATION,
    SETTLE,
    Address,
    ControlLatch,
    Latch,
    Latching,
    UnusableAddressError,
    learns,
    usable,
)

ANNOUNCED = ("10.1.1.1", 4000)
NAT = ("198.51.100.7", 62000)
ATTACKER = ("203.0.113.66", 4000)


def learning_latch() -> Latch:
    latch = Latch()
    latch.expect(ANNOUNCED, learning=True)
    return latch


def taken(latch: Latch, source: Address, count: int, *, first: int = 0, now: float = 0.0) -> int:
    """How many of so many packets in sequence are taken."""
    return sum(latch.judge(source, (first + i) & 0xFFFF, 7, now) for i in range(count))


def test_nothing_is_taken_before_anything_is_announced() -> None:
    latch = Latch()
    assert (taken(latch, ANNOUNCED, 9), latch.target) == (0, None)


def test_a_strict_latch_takes_the_announced_address_and_port_only() -> None:
    """A20: injected 0, bled 0."""
    latch = Latch()
    latch.expect(ANNOUNCED)
    assert taken(latch, ATTACKER, 99) == taken(latch, (ANNOUNCED[0], 4001), 99) == 0
    assert taken(latch, ANNOUNCED, 99) == 99
    assert latch.target == ANNOUNCED


def test_the_announced_address_wins_with_its_first_packet() -> None:
    latch = learning_latch()
    assert latch.judge(ANNOUNCED, 5, 7, 0.0)
    assert latch.held == ANNOUNCED
    assert taken(latch, ATTACKER, 99) == 0


def test_a_source_behind_nat_wins_after_its_probation() -> None:
    """MED-16: the address is learned from valid packets, and is where ours go from then on."""
    latch = learning_latch()
    assert latch.target == ANNOUNCED
    assert taken(latch, NAT, PROBATION + 6) == 7
    assert (latch.target, latch.held) == (NAT, None)


def test_a_learned_source_is_held_once_it_has_settled() -> None:
    latch = learning_latch()
    taken(latch, NAT, PROBATION)
    taken(latch, NAT, 1, first=PROBATION, now=SETTLE)
    assert latch.held == NAT
    assert taken(latch, ANNOUNCED, 99) == taken(latch, ATTACKER, 99) == 0


def test_what_repeats_the_last_packet_neither_counts_nor_begins_anew() -> None:
    """Senders of fax repeat themselves."""
    latch = learning_latch()
    verdicts = [latch.judge(NAT, number, 7, 0.0) for number in (0, 0, 1, 1, 1, 2, 2, 3)]
    assert verdicts == [False] * 7 + [True]


def test_until_then_the_announced_address_may_take_its_place() -> None:
    latch = learning_latch()
    taken(latch, ATTACKER, PROBATION)
    assert latch.judge(ANNOUNCED, 0, 8, SETTLE - 1)
    assert (latch.held, taken(latch, ATTACKER, 99, first=PROBATION)) == (ANNOUNCED, 0)


def test_nobody_else_may() -> None:
    latch = learning_latch()
    taken(latch, NAT, PROBATION)
    assert (taken(latch, ATTACKER, 99), latch.source) == (0, NAT)


def test_packets_out_of_sequence_or_of_changing_sources_teach_nothing() -> None:
    latch = learning_latch()
    assert not any(latch.judge(ATTACKER, number * 2, 7, 0.0) for number in range(99))
    assert not any(latch.judge(ATTACKER, number, number, 0.0) for number in range(99))


def test_the_sequence_may_wrap_in_probation() -> None:
    assert taken(learning_latch(), NAT, PROBATION, first=0xFFFE) == 1


def test_only_a_few_candidates_are_remembered() -> None:
    latch = learning_latch()
    for number in range(1000):
        latch.judge((f"203.0.113.{number % 250}", 1024 + number), 1, 7, 0.0)
    assert len(latch._candidates) == CANDIDATES


def test_a_source_is_learned_from_the_given_networks_only() -> None:
    """MED-16: first valid packet inside the allowed ranges."""
    latch = Latch()
    latch.expect(ANNOUNCED, learning=True, within=[ip_network("198.51.100.0/24")])
    assert taken(latch, ATTACKER, 99) == 0
    assert taken(latch, NAT, PROBATION) == 1


def test_the_same_address_again_changes_nothing() -> None:
    latch = learning_latch()
    taken(latch, NAT, PROBATION)
    assert not latch.expect(ANNOUNCED, learning=True)
    assert latch.source == NAT


def test_another_address_lets_the_source_be_learned_anew() -> None:
    latch = learning_latch()
    taken(latch, NAT, PROBATION)
    assert latch.expect(("10.1.1.2", 4000), learning=True)
    assert (latch.source, latch.target) == (None, ("10.1.1.2", 4000))


def test_a_side_that_receives_nothing_may_still_be_heard() -> None:
    latch = Latch()
    latch.expect(ANNOUNCED)
    assert not latch.expect(None)
    assert (latch.target, taken(latch, ANNOUNCED, 3)) == (None, 3)
    assert not latch.expect(ANNOUNCED)
    assert latch.target == ANNOUNCED


def test_rtcp_is_learned_from_the_host_that_rtp_holds() -> None:
    rtp = learning_latch()
    control = ControlLatch(rtp)
    control.expect(("10.1.1.1", 4001), learning=True)
    assert not control.judge_control((NAT[0], 62001))
    rtp.expect(NAT)
    assert not control.judge_control((ATTACKER[0], 62001))
    assert control.judge_control((NAT[0], 62001))
    assert control.target == (NAT[0], 62001)
    assert not control.judge_control((NAT[0], 62003))


def test_rtcp_from_the_announced_address_is_taken_at_once() -> None:
    control = ControlLatch(Latch())
    control.expect(("10.1.1.1", 4001), learning=True)
    assert control.judge_control(("10.1.1.1", 4001))


@pytest.mark.parametrize(
    ("latching", "host", "expected"),
    [
        ("strict", "10.1.1.1", False),
        ("learn", "198.51.100.7", True),
        ("auto", "198.51.100.7", False),
        ("auto", "10.1.1.1", True),
        ("auto", "172.31.0.1", True),
        ("auto", "172.32.0.1", False),
        ("auto", "192.168.0.9", True),
        ("auto", "100.64.0.1", True),
        ("auto", "127.0.0.1", False),
        ("auto", "fd00::1", True),
        ("auto", "2001:db8::1", False),
    ],
)
def test_auto_learns_where_a_private_address_is_announced(latching: Latching, host: str, expected: bool) -> None:
    assert learns(latching, (host, 4000)) is expected


def test_an_address_is_written_as_the_system_writes_it() -> None:
    assert usable(("2001:DB8:0:0::1", 4000), 6) == ("2001:db8::1", 4000)
    assert usable(("192.0.2.1", 65535), 4) == ("192.0.2.1", 65535)


@pytest.mark.parametrize(
    ("address", "family", "cause"),
    [
        (("media.example.com", 4000), 4, "'media.example.com' is not an IP address"),
        (("192.0.2.1", 4000), 6, "is IPv4 on a side that speaks IPv6"),
        (("224.0.0.1", 4000), 4, "not the address of one host"),
        (("0.0.0.0", 4000), 4, "not the address of one host"),
        (("255.255.255.255", 4000), 4, "not the address of one host"),
        (("fe80::1", 4000), 6, "not the address of one host"),
        (("::ffff:192.0.2.1", 4000), 6, "not the address of one host"),
        (("192.0.2.1", 0), 4, "port 0 is not between"),
        (("192.0.2.1", 65536), 4, "port 65536 is not between"),
    ],
)
def test_an_address_that_media_cannot_go_to_is_refused(address: Address, family: int, cause: str) -> None:
    with pytest.raises(UnusableAddressError, match=cause):
        usable(address, family)


def checking(announced: Address = ANNOUNCED) -> Latch:
    """A latch whose peer makes connectivity checks."""
    latch = Latch()
    latch.expect(announced)
    latch.ice(True, restart=True)
    return latch


def test_with_checks_the_first_that_streams_is_held() -> None:
    """RNG-05: the announced one, or one that was checked; nobody else."""
    for first, second in ((ANNOUNCED, NAT), (NAT, ANNOUNCED)):
        latch = checking()
        latch.vouch(NAT)
        assert not latch.judge(ATTACKER, 1, 1, 0)
        assert (latch.judge(first, 1, 1, 0), latch.judge(second, 1, 1, 0), latch.held) == (True, False, first)


def test_a_nomination_takes_the_place_of_whoever_is_held() -> None:
    """ICE-03, and ICE-04: a new description does not undo it."""
    latch = checking()
    assert latch.judge(ANNOUNCED, 1, 1, 0)
    latch.nominate(NAT)
    assert (latch.target, latch.expect(ATTACKER), latch.target) == (NAT, False, NAT)
    assert not latch.judge(ANNOUNCED, 2, 1, 0)


def test_after_a_restart_another_source_takes_over_when_it_streams() -> None:
    """ICE-05: and only then."""
    latch = checking()
    latch.nominate(NAT)
    latch.ice(True, restart=True)
    assert (latch.judge(NAT, 1, 1, 0), latch.judge(NAT, 2, 1, 100), latch.target) == (True, True, NAT)
    latch.vouch(ATTACKER)
    assert (latch.judge(ATTACKER, 1, 1, 0), latch.judge(NAT, 3, 1, 0), latch.held) == (True, False, ATTACKER)


def test_without_checks_any_more_the_announced_address_counts_again() -> None:
    latch = checking()
    latch.nominate(NAT)
    latch.ice(False, restart=True)
    assert (latch.held, latch.judge(NAT, 1, 1, 0)) == (ANNOUNCED, False)
    latch.vouch(NAT)
    assert not latch.considers(NAT)


def test_checked_sources_are_remembered_up_to_a_bound() -> None:
    latch = checking()
    for port in range(1, CHECKED * 2):
        latch.vouch((NAT[0], port))
    assert not latch.considers((NAT[0], 1))
    assert latch.considers((NAT[0], CHECKED * 2 - 1))


def test_only_who_could_be_taken_is_considered() -> None:
    """Whoever is not, needs no verification."""
    latch = Latch()
    latch.expect(ANNOUNCED, learning=True)
    assert latch.considers(ATTACKER)
    latch.expect(NAT)
    assert [latch.considers(source) for source in (NAT, ATTACKER)] == [True, False]


def test_the_rtcp_port_follows_checks_too() -> None:
    latch = ControlLatch(Latch())
    latch.expect(ANNOUNCED)
    latch.ice(True, restart=True)
    latch.nominate(NAT)
    assert (latch.judge_control(NAT), latch.judge_control(ANNOUNCED)) == (True, False)
    latch.ice(True, restart=True)
    assert latch.judge_control(NAT)
    assert (latch.judge_control(ANNOUNCED), latch.judge_control(NAT)) == (True, False)
