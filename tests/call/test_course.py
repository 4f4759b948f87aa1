"""How one INVITE went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.call.course import Course
from rustalk.ua.timeouts import Timeouts


def at(seconds: float) -> datetime:
    """So long after the beginning."""
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def course(clock: Clock) -> Course:
    """An INVITE that passes at the beginning."""
    return Course(Timeouts(cast(Any, clock)).now, "1001", "1002")


def test_it_rings_is_answered_and_leaves(clock: Clock, course: Course) -> None:
    """The first ring counts, and so does the first end."""
    for act in (course.rings, course.rings, course.succeeds):
        clock.advance(1)
        act()
    clock.advance(1)
    course.leaves("transferred")
    course.fails(500)
    assert (course.started, course.progressed, course.answered, course.ended) == (at(0), at(1), at(3), at(4))
    assert (course.status, course.code) == (200, "transferred")


@pytest.mark.parametrize(
    ("status", "cause", "counts_as", "code"),
    [
        (486, "", 486, "far_end"),
        (0, "timeout", 408, "target_silent"),
        (0, "transport", 503, "target_unreachable"),
    ],
)
def test_it_fails(clock: Clock, course: Course, status: int, cause: str, counts_as: int, code: str) -> None:
    """Silence and a dead transport count as statuses (RFC 3261 section 8.1.3.1)."""
    clock.advance(5)
    course.fails(status, cause)
    assert (course.status, course.code, course.ended) == (counts_as, code, at(5))


def test_it_is_given_up(course: Course) -> None:
    """For a reason, or for none where somebody else has answered."""
    course.cancelled("")
    assert (course.status, course.code, course.ended) == (487, "", at(0))
