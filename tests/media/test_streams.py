"""The streams of one call; what they are told is in tests/media/test_session*.py."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from rustalk.media.line import UNSAID, Ending, Line
from rustalk.media.ports import NoPortsError
from rustalk.media.side import MediaSide
from rustalk.media.standing import NOTHING_SAID, Description, Standing
from rustalk.media.streams import STREAMS, SessionClosedError, Streams
from rustalk.sdp.errors import SdpError
from tests.fakes.relay import MemoryRelay

NONE: frozenset[int] = frozenset()


def outcome(waiting: Deferred[None]) -> Failure | str | None:
    """What came of it; "waiting" if nothing has yet."""
    results: list[Failure | None] = []
    waiting.addBoth(results.append)
    return results[0] if results else "waiting"


def opened(relay: MemoryRelay, lines: list[int], needy: frozenset[int] = NONE, *, treatable: bool = True) -> Streams:
    """Streams for these lines, of an engine that can treat packets later or not."""
    relay.treatable = treatable
    streams = Streams(relay)
    assert outcome(streams.open(lines, needy, (4, 4))) is None
    return streams


def test_streams_are_opened_once_and_only_so_many() -> None:
    relay = MemoryRelay()
    streams = opened(relay, list(range(9)))
    assert outcome(streams.open(list(range(9)), NONE, (4, 4))) is None
    assert [index in streams for index in range(5)] == [True] * STREAMS + [False]


def test_only_what_needs_it_is_opened_as_treated() -> None:
    relay = MemoryRelay()
    opened(relay, [0, 1], frozenset({1}))
    assert [stream.treated for stream in relay.streams] == [False, True]


def test_what_cannot_be_treated_is_given_back() -> None:
    relay = MemoryRelay()
    streams = opened(relay, [0, 1], frozenset({1}), treatable=False)
    streams.release(frozenset({0, 1, 2}))
    assert [stream.closed for stream in relay.streams] == [True, False]
    assert (0 in streams, 1 in streams) == (False, True)


def test_treatment_of_what_cannot_be_treated_is_refused() -> None:
    ended = Standing(said=(Description(lines=(Line(ending=Ending(None, {}, {})),)), Description()))
    streams = opened(MemoryRelay(), [0], treatable=False)
    streams.check(NOTHING_SAID)
    with pytest.raises(SdpError, match="cannot be changed"):
        streams.check(ended)
    opened(MemoryRelay(), [0], treatable=True).check(ended)


def test_one_failure_fails_the_lease_once_all_have_settled() -> None:
    """What was opened beside it is kept, and closed with the rest."""
    relay = MemoryRelay(20000, 20005)
    streams = Streams(relay)
    failure = outcome(streams.open([0, 1], NONE, (4, 4)))
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, NoPortsError)
    assert 0 in streams
    streams.close()
    assert relay.pool.leased == 0


def test_streams_that_open_after_the_end_are_closed() -> None:
    relay = MemoryRelay()
    relay.slow = []
    streams = Streams(relay)
    waiting = streams.open([0, 1], NONE, (4, 4))
    streams.close()
    for open_now in relay.slow:
        open_now()
    failure = outcome(waiting)
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, SessionClosedError)
    assert relay.pool.leased == 0


def test_a_stream_changes_its_protocol_once_both_sides_have() -> None:
    """Until then nothing that one side has said of it counts; a side that has said nothing waits for no answer."""
    relay = MemoryRelay()
    streams = opened(relay, [0])
    audio, fax = Line(("192.0.2.1", 4000)), Line(("192.0.2.1", 4400), opaque=True)
    seen, previous = [], NOTHING_SAID
    for lines in ((audio, audio), (fax, audio), (fax, fax), (audio, fax), (audio, audio), (UNSAID, fax)):
        standing = Standing(said=(Description(lines=lines[:1]), Description(lines=lines[1:])))
        streams.apply(standing, (MediaSide(4), MediaSide(4)), True, previous)
        seen.append((relay.streams[0].is_opaque, (relay.streams[0].expected[0][0] or ("", 0))[1]))
        previous = standing
    assert seen == [(False, 4000), (False, 4000), (True, 4400), (True, 4400), (False, 4000), (True, 0)]


def test_nothing_is_dialled_into_what_carries_byte_for_byte() -> None:
    """INFO from a phone that sends it unasked."""
    for treatable in (False, True):
        relay = MemoryRelay()
        opened(relay, [0], treatable=treatable).digit(1, "5", 100)
        assert relay.streams[0].dialled == ([(1, "5", 100)] if treatable else [])
