"""What the process consumes."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.task import Clock

from rustalk.observe.usage import ProcessUsage


def test_processor_time_is_a_percentage_of_the_time_between_two_readings() -> None:
    clock, used = Clock(), [0.0]
    usage = ProcessUsage(clock.seconds, lambda: used[0])
    clock.advance(4)
    used[0] = 1.0
    assert usage.cpu() == 25.0


def test_a_reading_within_the_same_second_repeats_the_last_one() -> None:
    clock, used = Clock(), [0.0]
    usage = ProcessUsage(clock.seconds, lambda: used[0])
    assert usage.cpu() is None
    clock.advance(2)
    assert usage.cpu() == 0.0
    clock.advance(0.5)
    used[0] = 0.5
    assert usage.cpu() == 0.0


def test_memory_is_the_resident_part_in_octets(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("5000 100 50 1 0 900 0\n")
    assert ProcessUsage(Clock().seconds, statm=statm).memory() == 100 * 4096


def test_memory_is_unknown_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert ProcessUsage(Clock().seconds, statm=tmp_path / "missing").memory() is None
