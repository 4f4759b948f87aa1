"""Plays the stories one after the other and says of each whether it passed, or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from rustalk.sip.errors import RemoteProtocolError

from ..call import CallError
from .claim import UnmetError
from .scene import Scene
from .story import Story

__all__ = ["Verdict", "play", "play_all"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a story went: ``cause`` is '' when it passed."""

    story: Story
    cause: str = ""

    @property
    def line(self) -> str:
        """The verdict for people: rows, name, and passed or why not."""
        rows = ", ".join(self.story.rows)
        return f"{rows:34} {self.story.name:38} {self.cause or 'passed'}"


async def play(scene: Scene, story: Story) -> Verdict:
    """Play one story to its end; whatever goes wrong in it becomes the cause."""
    scene.begin()
    told: Deferred[str] = Deferred.fromCoroutine(_told(scene, story)).addErrback(_cause)
    cause = await told
    if cause:
        scene.abandon()
        await scene.pause(1.5)
        broken = "; ".join(str(one) for one in scene.teams.violations)
        cause = f"{cause} [{broken}]" if broken and broken not in cause else cause
    return Verdict(story, cause)


async def play_all(scene: Scene, stories: Iterable[Story], say: Callable[[str], None]) -> list[Verdict]:
    """Play every story; each verdict is said as it comes, and at the end how many passed."""
    verdicts = []
    for story in stories:
        verdicts.append(await play(scene, story))
        say(verdicts[-1].line)
    say(f"{sum(not one.cause for one in verdicts)}/{len(verdicts)} passed")
    return verdicts


async def _told(scene: Scene, story: Story) -> str:
    await story.play(scene)
    await scene.end()
    return ""


def _cause(failure: Failure) -> str:
    """Why a story ended before its time: a claim that did not hold, or a message that no script expected."""
    error = failure.value
    if isinstance(error, CancelledError):
        raise error
    text = str(error) or type(error).__name__
    if isinstance(error, UnmetError | CallError):
        return text
    if isinstance(error, RemoteProtocolError):
        return f"a message that cannot be read: {text}"
    _, file, line, _, _ = failure.frames[-1] if failure.frames else ("", "?", 0, (), ())
    return f"{type(error).__name__} in the story itself at {Path(file).name}:{line}: {text}"
