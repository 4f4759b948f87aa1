"""One-way audio and silence, in virtual time."""

from __future__ import annotations

from rustalk.media.watch import Watch

ONE_WAY, SILENT = 5.0, 60.0


def watched(now: float = 0.0) -> Watch:
    watch = Watch(ONE_WAY, SILENT)
    watch.start(now)
    return watch


def missing_at(watch: Watch, speakers: dict[int, range], seconds: int) -> list[tuple[int, int]]:
    """When which side is missed, of looks once a second; each speaker is heard in the seconds given."""
    heard: list[float | None] = [None, None]
    noticed = []
    for now in range(1, seconds):
        for side, times in speakers.items():
            if now in times:
                heard[side] = now
        side = watch.missing(heard, now)
        if side is not None:
            noticed.append((now, side))
    return noticed


def test_a_side_that_was_never_heard_is_missed_once() -> None:
    """5 s after the other side began to speak."""
    assert missing_at(watched(), {0: range(1, 100)}, 60) == [(6, 1)]


def test_a_side_that_fell_silent_is_missed() -> None:
    assert missing_at(watched(), {0: range(1, 100), 1: range(1, 21)}, 60) == [(25, 1)]


def test_it_is_missed_again_after_it_was_heard_in_between() -> None:
    watch = watched()
    assert missing_at(watch, {0: range(1, 100), 1: range(20, 30)}, 60) == [(6, 1), (34, 1)]


def test_a_side_that_speaks_late_counts_from_its_own_beginning() -> None:
    assert missing_at(watched(), {1: range(30, 100)}, 60) == [(35, 0)]


def test_two_that_speak_miss_nobody() -> None:
    assert missing_at(watched(), {0: range(1, 100), 1: range(3, 100)}, 60) == []


def test_two_that_are_silent_miss_nobody() -> None:
    assert missing_at(watched(), {}, 60) == []


def test_nobody_is_missed_before_the_start_or_on_hold() -> None:
    watch = Watch(ONE_WAY, SILENT)
    assert missing_at(watch, {0: range(1, 100)}, 60) == []
    watch.start(0)
    watch.stop()
    assert missing_at(watch, {0: range(1, 100)}, 60) == []
    assert not watch.fell_silent([None], 1000)


def test_what_was_heard_before_the_start_does_not_count() -> None:
    watch = watched(now=50)
    assert watch.missing([49.0, None], 51) is None
    assert watch.missing([49.0, None], 58) is None


def test_starting_again_does_not_begin_anew() -> None:
    watch = watched()
    watch.start(40)
    assert watch.fell_silent([None], 60)


def test_silence_is_told_once_after_its_time() -> None:
    watch = watched()
    assert [now for now in range(200) if watch.fell_silent([None], now)] == [60]


def test_silence_counts_from_the_last_that_was_heard() -> None:
    watch = watched()
    assert [now for now in range(200) if watch.fell_silent([None, min(now, 30)], now)] == [90]


def test_silence_is_told_again_after_someone_was_heard() -> None:
    watch = watched()
    assert watch.fell_silent([None], 60)
    assert [now for now in range(100, 300) if watch.fell_silent([100], now)] == [160]


def test_each_check_can_be_turned_off() -> None:
    watch = Watch(None, None)
    watch.start(0)
    assert watch.missing([99.0, None], 100) is None
    assert not watch.fell_silent([None], 1000)
