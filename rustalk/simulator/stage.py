"""Where scripts are played: one of these per peer chooses them, runs them to their end and keeps how the calls went."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.python.failure import Failure

from . import answering, calling
from .agent import Agent
from .call import Call
from .result import CallResult, Plan
from .scripts import ANSWERS, CALLS, Answering, Calling, Story

__all__ = ["Stage"]

CATALOGUE = (answering, calling)
KEPT = 1000


class Stage:
    """The calls of one peer. ``notice`` gets a line for people about each call that has ended."""

    def __init__(self, agent: Agent, plan: Plan, notice: Callable[[str], None]) -> None:
        self.plan = plan
        self.results: list[CallResult] = []
        self._agent = agent
        self._notice = notice
        self._answers: dict[tuple[str, str], tuple[Answering, Plan]] = {}
        self._stories: set[Deferred[CallResult]] = set()
        self._kept: OrderedDict[str, Call] = OrderedDict()

    def answer_with(self, script: str | Answering, place: str, number: str, plan: Plan | None) -> None:
        """Answer by this script, or the one of this name, what comes to this place ('': anywhere) for this number
        ('': any). Raises KeyError.
        """
        if isinstance(script, str):
            if script not in ANSWERS:
                raise KeyError(f"no script {script!r} answers calls; there are {', '.join(sorted(ANSWERS))}")
            script = ANSWERS[script]
        self._answers[place, number] = script, plan or self.plan

    def answering(self, place: str, number: str) -> tuple[Answering, Plan]:
        """The script for a call that has come; ``answer`` where nothing else was set."""
        for key in ((place, number), (place, ""), ("", number), ("", "")):
            if key in self._answers:
                return self._answers[key]
        return ANSWERS["answer"], self.plan

    def calling(self, script: str | Calling) -> Calling:
        """The script that places a call, itself or by its name. Raises KeyError."""
        if not isinstance(script, str):
            return script
        if script not in CALLS:
            raise KeyError(f"no script {script!r} places calls; there are {', '.join(sorted(CALLS))}")
        return CALLS[script]

    def follow(self, story: Deferred[CallResult]) -> Deferred[CallResult]:
        """Keep hold of a running story, so that ``close`` can end it."""
        self._stories.add(story)

        def over(result: CallResult) -> CallResult:
            self._stories.discard(story)
            return result

        return story.addBoth(over)

    async def play(self, call: Call, story: Story) -> CallResult:
        """Run a script to its end, whatever that is, and return how the call went; only cancellation passes through."""
        self._agent.calls[call.call_id] = call
        try:
            await Deferred.fromCoroutine(story).addErrback(_unless_cancelled, call)
        finally:
            await call.close()
            self._keep(call)
        result = call.result()
        self.results.append(result)
        del self.results[:-KEPT]
        audio = f"{result.media.verified} of {result.media.received} packets verified"
        ending = f", ended by {result.ended_by}" if result.ended_by else ""
        cause = f", {result.cause}" if result.cause else ""
        self._notice(f"call {call.call_id} ({call.script}): {result.status}{ending}, {audio}{cause}")
        return result

    async def close(self) -> None:
        """End every call that is still going on."""
        stories = list(self._stories)
        for story in stories:
            story.addErrback(lambda failure: None)
            story.cancel()
        await gatherResults(stories)

    def _keep(self, call: Call) -> None:
        """Remember a call for a while after its end, so that what still comes in it is answered rightly."""
        self._kept[call.call_id] = call
        while len(self._kept) > KEPT:
            old, _ = self._kept.popitem(last=False)
            self._agent.calls.pop(old, None)


def _unless_cancelled(failure: Failure, call: Call) -> Failure | None:
    if isinstance(failure.value, CancelledError):
        return failure
    call.failed(failure)
    return None
