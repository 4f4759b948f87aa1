"""What a caller hears before the answer."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from rustalk.call.early import EarlyMedia
from rustalk.media.session import MediaSession, MediaSide
from rustalk.ua.timeouts import Timeouts
from tests.fakes.agents import describe
from tests.fakes.network import run
from tests.fakes.relay import MemoryRelay

BODY = b"v=0\r\n"


class Early:
    """Early media of one call, and what was passed on."""

    def __init__(self, policy: str, *, direct: bool = False) -> None:
        self.clock = Clock()
        self.relay = MemoryRelay()
        self.media = MediaSession(self.relay, (MediaSide(4, direct=direct), MediaSide(4)), random=lambda: 1)
        self.media.lease(describe("198.51.100.7"), 0)
        self.media.translate(describe("198.51.100.7"), 0)
        self.heard: list[tuple[int, bytes]] = []
        self.early = EarlyMedia(policy, self.media, Timeouts(self.clock), lambda *heard: self.heard.append(heard))

    def progress(self, *steps: tuple[int, bytes]) -> list[tuple[int, bytes]]:
        """What crosses of these."""
        for step in steps:
            self.early.progress(*step)
        return self.heard


@pytest.mark.parametrize(
    ("policy", "heard"),
    [
        ("first", [(180, b"")]),
        ("pass", [(181, b""), (183, BODY), (180, b"")]),
        ("ring", [(180, b"")]),
    ],
)
def test_the_policies(policy: str, heard: list[tuple[int, bytes]]) -> None:
    """RNG-03."""
    first = 181 if policy == "pass" else 180
    assert Early(policy).progress((first, b""), (183, BODY), (180, b"")) == heard


def test_first_lets_a_183_cross_when_audio_comes() -> None:
    """RNG-03: not before, and once."""
    early = Early("first")
    assert early.progress((183, BODY)) == [(180, b"")]
    run(early.clock, 3)
    early.relay.streams[0].packets[1] = 1
    run(early.clock, 3)
    assert early.heard == [(180, b""), (183, BODY)]
    assert early.clock.getDelayedCalls() == []


def test_the_last_description_is_the_one_that_crosses() -> None:
    """RNG-02: of several forks."""
    early = Early("first")
    early.progress((183, b"old"), (183, BODY))
    early.relay.streams[0].packets[1] = 1
    run(early.clock, 1)
    assert early.heard[-1] == (183, BODY)


def test_nothing_crosses_after_the_end() -> None:
    """The answer is there, or there will be none."""
    early = Early("first")
    early.progress((183, BODY))
    early.early.stop()
    early.relay.streams[0].packets[1] = 1
    run(early.clock, 1)
    assert early.heard == [(180, b"")]


def test_media_that_flow_past_us_are_not_watched() -> None:
    """With media "direct" we cannot know whether audio comes, so all crosses."""
    assert Early("first", direct=True).progress((183, BODY)) == [(183, BODY)]
