"""Sequence numbers through a translator."""

from __future__ import annotations

import pytest

from rustalk.rtp.numbering import CHANGES, Numbering


def test_numbers_stay_while_nothing_is_left_out_or_put_in() -> None:
    numbering = Numbering(65534)
    assert [numbering.place(number & 0xFFFF) for number in range(65534, 65540)] == [65534, 65535, 0, 1, 2, 3]
    assert (numbering.packets, numbering.octets) == (0, 0)


def test_what_is_left_out_is_no_loss() -> None:
    numbering = Numbering(10)
    assert numbering.place(10) == 10
    numbering.leave_out(11, 1)
    numbering.leave_out(12, 1)
    assert numbering.place(13) == 11
    assert (numbering.packets, numbering.octets) == (-2, -2)


def test_what_was_lost_before_stays_a_gap() -> None:
    numbering = Numbering(10)
    numbering.leave_out(10, 1)
    assert [numbering.place(11), numbering.place(14)] == [10, 13]


def test_what_is_put_in_moves_the_others_down() -> None:
    numbering = Numbering(65535)
    assert numbering.place(65535) == 65535
    assert [numbering.insert(160), numbering.insert(160)] == [0, 1]
    assert numbering.place(0) == 2
    assert (numbering.packets, numbering.octets) == (2, 320)


def test_a_late_packet_gets_the_number_that_was_kept_for_it() -> None:
    numbering = Numbering(1)
    assert [numbering.place(1), numbering.place(3)] == [1, 3]
    numbering.leave_out(4, 1)
    assert numbering.insert(4) == 4
    assert [numbering.place(5), numbering.place(2)] == [5, 2]


def test_a_late_packet_that_is_left_out_leaves_a_gap() -> None:
    numbering = Numbering(1)
    assert [numbering.place(1), numbering.place(3)] == [1, 3]
    numbering.leave_out(2, 1)
    assert numbering.place(4) == 4


def test_a_packet_that_came_twice_keeps_its_number() -> None:
    """The receiver, or SRTP on the way to it, tells that it is one."""
    numbering = Numbering(1)
    assert [numbering.place(1), numbering.place(1)] == [1, 1]


def test_what_is_too_late_to_be_numbered_goes_no_further() -> None:
    numbering = Numbering(100)
    for number in range(100, 100 + CHANGES):
        numbering.leave_out(number, 1)
    assert numbering.place(99) is None


@pytest.mark.parametrize("jump", [5000, 30000, 60000])
def test_after_a_jump_what_goes_out_continues(jump: int) -> None:
    """SRTP would take a jump for a change of its rollover counter, or refuse what lies behind."""
    numbering = Numbering(40000)
    assert numbering.place(40000) == 40000
    assert [numbering.place(40000 + jump + step & 0xFFFF) for step in (0, 1, 3)] == [40001, 40002, 40004]


def test_no_number_is_used_twice_in_a_day_of_comfort_noise() -> None:
    numbering = Numbering(0)
    placed = []
    for number in range(200_000):
        if number % 7 == 3:
            numbering.leave_out(number & 0xFFFF, 1)
        elif number % 1000 == 5:
            placed.append(numbering.insert(4))
            placed.append(numbering.place(number & 0xFFFF))
        else:
            placed.append(numbering.place(number & 0xFFFF))
    assert placed == [number & 0xFFFF for number in range(len(placed))]
