"""One host being called: how an attempt ends, and what its outcome says about the host."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.call.attempt import Attempt, blame
from rustalk.call.course import Course
from rustalk.call.events import Refused
from rustalk.call.leg import CalleeLeg
from rustalk.ua.subject import Subject
from rustalk.ua.timeouts import Timeouts


class Host:
    """Remembers what it is told of itself."""

    trunk = "carrier"

    def __init__(self) -> None:
        self.told: list[str] = []

    def worked(self) -> None:
        self.told.append("")

    def failed(self, why: str) -> None:
        self.told.append(why)


class Sent:
    """An INVITE on its way."""

    def __init__(self) -> None:
        self.cancelled: list[Any] = []

    def cancel(self, fields: Any) -> None:
        self.cancelled.append(fields)


class Wire:
    """Where a leg leads."""

    peer = ("198.51.100.7", 5060)
    transport = "UDP"


@pytest.fixture
def leg() -> CalleeLeg:
    """A leg that nobody hears."""
    return CalleeLeg("carrier", Wire(), "call-1", lambda leg, event: None, Course(Timeouts(cast(Any, Clock())).now))


def place(attempt: Attempt, sent: Sent, *, is_secure: bool = False) -> list[Refused | None]:
    """Begin; the list fills with the outcome."""
    subject = Subject("1", "2", is_secure=is_secure)
    outcome: list[Refused | None] = []
    dial = cast(Any, lambda *_: sent)
    waiting = Deferred.fromCoroutine(attempt.place(dial, cast(Any, Host()), cast(Any, Wire()), subject, b""))
    waiting.addCallback(outcome.append)
    return outcome


def test_an_attempt_ends_once(leg: CalleeLeg) -> None:
    """The first word counts."""
    attempt = Attempt(leg)
    outcome = place(attempt, Sent())
    assert attempt.is_open
    attempt.resolve(Refused(486))
    attempt.resolve(None)
    assert outcome == [Refused(486)]
    assert not attempt.is_open


def test_giving_up_cancels_the_invite_and_ends_the_attempt(leg: CalleeLeg) -> None:
    """With the reason that it is told."""
    attempt, sent = Attempt(leg), Sent()
    outcome = place(attempt, sent)
    attempt.cancel("SIP;cause=200")
    attempt.cancel("again")
    assert (outcome, sent.cancelled) == ([None], [[("Reason", "SIP;cause=200")]])


@pytest.mark.parametrize(("transport", "outcome"), [("UDP", [Refused(0, "tls_required")]), ("TLS", [])])
def test_who_is_called_over_tls_only(
    leg: CalleeLeg, monkeypatch: pytest.MonkeyPatch, transport: str, outcome: list[Refused | None]
) -> None:
    """RFC 5630 section 4: nobody else is sent an INVITE."""
    monkeypatch.setattr(Wire, "transport", transport)
    attempt = Attempt(leg)
    assert place(attempt, Sent(), is_secure=True) == outcome
    assert attempt.is_open is (transport == "TLS")
    attempt.resolve(None)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (None, ""),
        (Refused(486), ""),
        (Refused(0, "bad_media"), ""),
        (Refused(503), "503 to INVITE"),
        (Refused(0, "silent"), "no answer to INVITE"),
        (Refused(0, "transport"), "the connection was lost"),
    ],
)
def test_what_an_outcome_says_about_the_host(refusal: Refused | None, said: str) -> None:
    """OPT-13: only silence, a lost connection and 503 speak against it."""
    host = Host()
    blame(cast(Any, host), refusal)
    assert host.told == [said]
