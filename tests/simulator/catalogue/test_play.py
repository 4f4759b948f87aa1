"""How a story that fails is told."""

from __future__ import annotations

from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, succeed

from rustalk.simulator.call import CallError
from rustalk.simulator.catalogue.claim import UnmetError, has, need, same
from rustalk.simulator.catalogue.play import play, play_all
from rustalk.simulator.catalogue.scene import Scene
from rustalk.simulator.catalogue.story import STORIES, Story, story
from rustalk.sip.errors import RemoteProtocolError


class Bare:
    """A scene with nobody on it."""

    def __init__(self) -> None:
        self.ended = self.abandoned = 0
        self.teams = self
        self.violations: list[str] = []

    def begin(self) -> None:
        self.violations.clear()

    async def end(self) -> None:
        self.ended += 1

    def abandon(self) -> None:
        self.abandoned += 1

    def pause(self, seconds: float) -> Deferred[None]:
        return succeed(None)


def telling(error: Exception | None) -> Story:
    async def play(scene: Scene) -> None:
        if error is not None:
            cast(Any, scene).violations.append("HDR-01: a breach")
            raise error

    return Story("told", ("XFR-01",), "Told.", play)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (UnmetError("no NOTIFY"), "no NOTIFY [HDR-01: a breach]"),
        (CallError("no dialog"), "no dialog [HDR-01: a breach]"),
        (RemoteProtocolError("bad Via"), "a message that cannot be read: bad Via [HDR-01: a breach]"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_story_that_fails_tells_why_and_what_else_was_broken(error: Exception, cause: str) -> None:
    scene = Bare()
    verdict = await play(cast(Scene, scene), telling(error))
    assert verdict.cause == cause
    assert (scene.ended, scene.abandoned) == (0, 1)


@pytest_twisted.ensureDeferred
async def test_a_mistake_of_the_story_itself_is_told_with_its_place() -> None:
    verdict = await play(cast(Scene, Bare()), telling(KeyError("x")))
    assert verdict.cause.startswith("KeyError in the story itself at test_play.py:")


@pytest_twisted.ensureDeferred
async def test_all_are_played_and_counted() -> None:
    said: list[str] = []
    verdicts = await play_all(cast(Scene, Bare()), [telling(None), telling(UnmetError("no"))], said.append)
    assert [bool(one.cause) for one in verdicts] == [False, True]
    assert said[0].split() == ["XFR-01", "told", "passed"]
    assert said[-1] == "1/2 passed"


def test_claims_say_what_was_found() -> None:
    for claim in (lambda: need(0, "nothing"), lambda: same(1, 2, "it"), lambda: has(["a"], "b", "it")):
        with pytest.raises(UnmetError):
            claim()
    need(1, "")
    same(1, 1, "it")
    has(["a"], "a", "it")


def test_a_name_is_given_once() -> None:
    async def plain_call_each_way(scene: Scene) -> None:
        """A name that is taken."""

    assert "plain-call-each-way" in STORIES
    with pytest.raises(ValueError, match="two stories"):
        story("XFR-01")(plain_call_each_way)
