"""The hunt for somebody who answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from twisted.internet.defer import Deferred

from rustalk.call.events import Refused
from rustalk.call.setup import hunt
from rustalk.call.target import Target
from rustalk.transport.errors import TransportError


@dataclass
class Host:
    """A target whose outcome is given; 503 and silence move on."""

    outcome: Refused | TransportError | None
    reports: list[str] = field(default_factory=list)

    def failed(self, why: str) -> None:
        self.reports.append(why)

    def moves_on(self, status: int, progressed: bool) -> bool:
        return not progressed and status in (0, 503)


class Caller:
    """Who hunts; ``called`` are the targets that were tried."""

    def __init__(self, progressed: bool = False) -> None:
        self.progressed = progressed
        self.called: list[Host] = []
        self.verdict: Refused | None = None

    async def attempt(self, target: Target) -> Refused | None:
        host = cast(Host, target)
        self.called.append(host)
        if isinstance(host.outcome, TransportError):
            raise host.outcome
        return host.outcome

    def refused(self, refusal: Refused) -> None:
        self.verdict = refusal


def hunted(*outcomes: Any, progressed: bool = False) -> Caller:
    """A hunt that is over."""
    caller = Caller(progressed)
    Deferred.fromCoroutine(hunt(caller, [cast(Target, Host(outcome)) for outcome in outcomes]))
    return caller


def test_the_first_that_answers_is_the_last_that_is_called() -> None:
    """FO-01."""
    caller = hunted(Refused(503), None, None)
    assert len(caller.called) == 2
    assert caller.verdict is None


def test_a_decision_of_the_callee_ends_the_hunt() -> None:
    """FO-03."""
    caller = hunted(Refused(486), None)
    assert (len(caller.called), caller.verdict) == (1, Refused(486))


def test_a_ring_ends_the_hunt() -> None:
    """FO-04."""
    assert hunted(Refused(503), None, progressed=True).verdict == Refused(503)


def test_a_host_that_cannot_be_reached_is_told_so() -> None:
    """FO-02."""
    caller = hunted(TransportError("tls", "expired"), None)
    assert caller.called[0].reports == ["tls: expired"]
    assert len(caller.called) == 2


def test_what_is_our_own_fault_is_no_reason_to_try_another() -> None:
    """No port, no usable description: the next host would not change it."""
    assert len(hunted(Refused(0, "no_media_ports"), None).called) == 1


def test_a_trunk_without_hosts() -> None:
    """The verdict has a code of its own."""
    assert hunted().verdict == Refused(0, "no_target")
