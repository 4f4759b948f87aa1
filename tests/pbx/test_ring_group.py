"""Whom a ring group rings."""

from __future__ import annotations

from typing import Any

from rustalk.config.model import Extension, Member, RingGroup
from rustalk.pbx.ring_group import Ring, Stage, Turns, rings
from tests.pbx.plans import phone

PHONES = {number: phone(number) for number in ("1001", "1002", "1003")} | {"alice": phone("1001", id="alice")}


def group(*extensions: str, **keys: Any) -> RingGroup:
    """A group."""
    return RingGroup(id="sales", extensions=extensions, **keys)


def stages(
    of: RingGroup,
    *,
    turns: Turns | None = None,
    busy: str = "",
    away: str = "",
    phones: dict[str, Extension] | None = None,
) -> list[list[str]]:
    """Who rings in each stage."""
    made = rings(
        of,
        find=(phones or PHONES).get,
        is_there=lambda number: number != away,
        is_busy=lambda number: number == busy,
        turns=turns or Turns(),
    )
    return [[ring.extension for ring in stage.members] for stage in made]


def test_all_at_once() -> None:
    """Each once, an id being as good as a number."""
    assert stages(group("alice", "1002", "1001")) == [["1001", "1002"]]


def test_one_after_another() -> None:
    """In the order of the group."""
    assert stages(group("1002", "1001", strategy="sequential")) == [["1002"], ["1001"]]


def test_taking_turns() -> None:
    """Each call begins with the next, also where the one whose turn it was is away."""
    turns, three = Turns(), group("1001", "1002", "1003", strategy="roundrobin")
    assert [stages(three, turns=turns)[0] for _ in range(4)] == [["1001"], ["1002"], ["1003"], ["1001"]]
    assert stages(three, turns=turns, away="1002") == [["1003"], ["1001"]]
    assert stages(three, turns=turns) == [["1001"], ["1002"], ["1003"]]


def test_turns_survive_a_change_of_the_members() -> None:
    """Who was served and left starts the round anew; groups that are gone are forgotten."""
    turns = Turns()
    assert stages(group("1001", "1002", strategy="roundrobin"), turns=turns)[0] == ["1001"]
    assert stages(group("1002", "1003", strategy="roundrobin"), turns=turns)[0] == ["1002"]
    turns.keep(())
    assert stages(group("1002", "1003", strategy="roundrobin"), turns=turns)[0] == ["1002"]


def test_delays_and_times() -> None:
    """All together end with the group, alone a delay comes before; who would ring too late does not ring."""
    late = Member(extension="1002", delay=5), Member(extension="1003", delay=30)
    keys: dict[str, Any] = {"find": PHONES.get, "is_there": bool, "is_busy": lambda _: False, "turns": Turns()}
    together = rings(group("1001", members=late), **keys)
    assert together == (Stage((Ring("1001", 0), Ring("1002", 5)), 30),)
    alone = rings(group(members=late[:1], strategy="sequential"), **keys)
    assert alone == (Stage((Ring("1002", 5),), 35),)


def test_who_is_busy_rings_unless_the_group_skips_the_busy() -> None:
    """A second call may be welcome."""
    assert stages(group("1001", "1002"), busy="1001") == [["1001", "1002"]]
    assert stages(group("1001", "1002", skip_busy=True), busy="1001") == [["1002"]]


def test_who_cannot_be_rung_is_left_out() -> None:
    """Nobody registered, not enabled, not to be disturbed, not there at all."""
    phones = {"1001": phone("1001", enabled=False), "1002": phone("1002", do_not_disturb=True), "1003": phone("1003")}
    everybody = group("1001", "1002", "1003", "1004")
    assert stages(everybody, phones=phones) == [["1003"]]
    assert stages(everybody, phones=phones, away="1003") == []
    assert stages(group("1003", enabled=False)) == []
