"""What strangers try: counted in a window, forgotten after it, bounded whatever they choose as keys."""

from __future__ import annotations

from rustalk.security.attempts import Attempts, Unanswered


def test_failures_count_within_the_window_and_no_longer() -> None:
    """Ten a minute is an attack; ten a day is somebody with thick fingers."""
    attempts = Attempts(limit=10, window=600)
    assert [attempts.add("a", float(now)) for now in (0, 100, 599)] == [1, 2, 3]
    assert attempts.add("a", 600.0) == 3
    assert attempts.count("a", 700.0) == 2
    assert attempts.count("a", 5000.0) == 0
    assert attempts.count("b", 0.0) == 0


def test_something_may_count_several_times_and_never_beyond_the_limit() -> None:
    """A scanner that gives its name away needs no second look."""
    attempts = Attempts(limit=10, window=600)
    assert attempts.add("a", 0.0, times=4) == 4
    assert attempts.add("a", 0.0, times=1_000_000_000) == 10
    attempts.forget("a")
    assert attempts.add("a", 0.0) == 1


def test_another_limit_keeps_what_was_counted() -> None:
    """Settings change while an attack is on."""
    attempts = Attempts(limit=10, window=600)
    attempts.add("a", 0.0, times=5)
    attempts.use(3, 60)
    assert attempts.count("a", 1.0) == 3
    assert attempts.count("a", 61.0) == 0


def test_keys_are_bounded_and_the_least_recent_goes() -> None:
    """A6: forged addresses cannot grow memory, nor can a large limit."""
    attempts = Attempts(limit=10, window=600)
    for n in range(25_000):
        attempts.add(str(n), 0.0)
    assert len(attempts) == 20_000
    attempts.use(1_000_000, 600)
    assert len(attempts) == 100
    assert attempts.count("24999", 0.0) == 1


def test_a_phone_that_answers_its_challenge_counts_for_nothing() -> None:
    """Negative control: 50 phones of an office, each challenged and logged in."""
    unanswered = Unanswered()
    for n in range(50):
        assert unanswered.add("office", str(n), float(n)) == 0
        unanswered.answered("office", str(n))
    assert len(unanswered) == 0


def test_challenges_count_once_nobody_has_answered_them_in_time() -> None:
    """A5: svwar asks for one account after the other and never answers."""
    unanswered = Unanswered(patience=5)
    assert [unanswered.add("scan", str(n), float(n)) for n in range(8)] == [0, 0, 0, 0, 0, 1, 1, 1]


def test_one_account_that_is_tried_again_counts_once() -> None:
    """Retransmissions, and a phone that looks for its password."""
    unanswered = Unanswered(patience=5)
    assert sum(unanswered.add("phone", "200", 0.5 * n) for n in range(10)) == 0
    assert unanswered.add("phone", "200", 6.0) == 1


def test_a_fast_scan_counts_before_it_is_old() -> None:
    """A6: a hundred phones may be switched on together; the hundred and first account in a second is a scan."""
    unanswered = Unanswered(patience=5, crowd=100)
    counted = [unanswered.add("scan", str(n), 0.001 * n) for n in range(110)]
    assert counted == [0] * 100 + [1] * 10


def test_sources_are_bounded() -> None:
    """A6: forged addresses cannot grow memory."""
    unanswered = Unanswered(most=10)
    for n in range(100):
        unanswered.add(str(n), "200", 0.0)
    assert len(unanswered) == 10
    unanswered.forget("99")
    assert len(unanswered) == 9
