"""Snapshots: talk time and pages."""

from __future__ import annotations

from datetime import timedelta

from rustalk.observe.snapshots import CallState, cut_page
from tests.fakes.switch import START, make_call


def test_talk_is_counted_from_the_answer_to_now() -> None:
    assert make_call().duration(START + timedelta(seconds=12)) == 10


def test_talk_of_an_ended_call_stands_still() -> None:
    call = make_call(state=CallState.ENDED, ended=START + timedelta(seconds=7))
    assert call.duration(START + timedelta(hours=1)) == 5


def test_a_call_that_was_never_answered_has_no_talk() -> None:
    assert make_call(answered=None).duration(START) is None


def test_a_clock_that_went_back_gives_no_negative_talk() -> None:
    """F-06: negative durations = 0."""
    assert make_call().duration(START - timedelta(hours=1)) == 0


def test_pages_follow_each_other_until_all_are_seen() -> None:
    ids = [str(number) for number in range(25)]
    seen, cursor = [], None
    while True:
        page = cut_page(ids, 10, cursor, make_call)
        seen += [call.id for call in page.calls]
        cursor = page.next
        if cursor is None:
            break
    assert (seen, page.total) == (ids, 25)


def test_only_the_calls_of_the_page_are_looked_at() -> None:
    looked: list[str] = []
    cut_page(["a", "b", "c"], 1, "a", lambda id: looked.append(id) or make_call(id))
    assert looked == ["b"]


def test_a_cursor_that_is_gone_begins_anew() -> None:
    assert cut_page(["a"], 1, "gone", make_call).calls[0].id == "a"


def test_no_calls_make_an_empty_last_page() -> None:
    assert cut_page([], 5, None, make_call).next is None
