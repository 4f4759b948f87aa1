"""The ring of events and its readers."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.observe.events import Events


def numbers(events: Events, after: str = "") -> list[object]:
    """What a reader gets."""
    return [event.data["n"] for event in events.reader(after).take()]


def filled(count: int, kept: int = 10) -> Events:
    """A ring in which so many events were published."""
    events = Events(Clock().seconds, kept)
    for number in range(count):
        events.publish("call", {"n": number})
    return events


def test_a_new_reader_reads_what_comes_from_now_on() -> None:
    events = filled(3)
    reader = events.reader()
    assert (reader.take(), reader.missed) == ([], False)
    events.publish("call", {"n": 3})
    assert [event.data["n"] for event in reader.take()] == [3]


def test_a_reader_goes_on_where_it_was() -> None:
    events = filled(5)
    ids = [event.id for event in events.since(1, 10)]
    assert [numbers(events, id) for id in ids] == [[1, 2, 3, 4], [2, 3, 4], [3, 4], [4], []]
    assert not events.reader(ids[0]).missed


def test_what_is_gone_is_told() -> None:
    events = filled(25)
    assert numbers(events, "x-3") == list(range(15, 25))
    run = events.since(16, 1)[0].id.partition("-")[0]
    assert events.reader(f"{run}-14").missed
    assert not events.reader(f"{run}-15").missed
    assert events.reader(f"{run}-99").missed
    assert events.reader(f"{run}-\u0663").missed


def test_a_reader_that_falls_behind_notices() -> None:
    events = filled(1)
    reader = events.reader()
    for number in range(10):
        events.publish("call", {"n": number})
    assert not reader.behind
    events.publish("call", {"n": 10})
    assert reader.behind


def test_waiting_ends_with_the_next_event() -> None:
    events = filled(0)
    reader, told = events.reader(), []
    reader.wait().addCallback(told.append)
    assert not told
    events.publish("call", {"n": 0})
    assert told == [None]
    reader.wait().addCallback(told.append)
    assert told == [None, None]


def test_one_who_waits_no_more_is_forgotten() -> None:
    events = filled(0)
    waiting = events.reader().wait()
    waiting.addErrback(lambda reason: None)
    waiting.cancel()
    events.publish("call", {"n": 0})
    assert events.reader().take() == []


def test_much_is_read_in_pieces() -> None:
    events = filled(10)
    reader = events.reader("x-1")
    assert [len(reader.take(4)) for _ in range(4)] == [4, 4, 2, 0]
