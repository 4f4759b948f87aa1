"""The table of a notifier, laid beside RFC 6665 section 4.2, and what the header fields say."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import LocalProtocolError, RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.sip.subscription import EXPIRY, Event, Input, Notify, Span, State, Subscription
from rustalk.sip.transaction.effects import Ended, StartTimer, StopTimer

TOLD_NOW = Notify(anyway=True)
OVER = [StopTimer(EXPIRY), Ended()]
LAST = [StopTimer(EXPIRY), TOLD_NOW]


def active() -> Subscription:
    """One that was granted for ten minutes."""
    subscription = Subscription()
    assert subscription.subscribe(600) == [StartTimer(EXPIRY, 600), TOLD_NOW]
    assert subscription.state is State.ACTIVE
    return subscription


def pending() -> Subscription:
    """One that nobody has decided about."""
    subscription = Subscription()
    assert subscription.subscribe(600, decided=False) == [StartTimer(EXPIRY, 600), TOLD_NOW]
    assert subscription.value(600) == "pending;expires=600"
    return subscription


def test_a_change_is_told() -> None:
    """Section 4.2.2; where the watcher knows it already, it need not be told."""
    assert active().change() == [Notify(anyway=False)]


def test_a_refresh_begins_the_time_anew_and_is_told() -> None:
    """Section 4.2.1.2: a NOTIFY follows each SUBSCRIBE."""
    subscription = active()
    assert subscription.subscribe(300) == [StartTimer(EXPIRY, 300), TOLD_NOW]
    assert subscription.value(300) == "active;expires=300"


def test_what_is_pending_is_told_nothing_until_it_is_approved() -> None:
    """Section 4.1.3: a pending subscription learns no state."""
    subscription = pending()
    assert subscription.change() == []
    assert subscription.approve() == [TOLD_NOW]
    assert subscription.state is State.ACTIVE


@pytest.mark.parametrize("make", [active, pending])
@pytest.mark.parametrize(
    ("how", "reason"),
    [("unsubscribe", "timeout"), ("expire", "timeout"), ("rejected", "rejected"), ("noresource", "noresource")],
)
def test_an_end_is_told_and_answered(make: object, how: str, reason: str) -> None:
    """Section 4.2.1.4: the last NOTIFY says why; then nothing is left."""
    subscription = active() if make is active else pending()
    effects = {
        "unsubscribe": lambda: subscription.subscribe(0),
        "expire": subscription.expire,
    }.get(how, lambda: subscription.end(how))()
    assert effects == LAST
    assert subscription.value(0) == f"terminated;reason={reason}"
    assert subscription.told() == OVER
    assert subscription.state is State.TERMINATED


def test_a_fetch_is_told_once() -> None:
    """Section 4.4.3: Expires 0 outside of a dialog asks for the state, and keeps nothing."""
    subscription = Subscription()
    assert subscription.subscribe(0) == [TOLD_NOW]
    assert subscription.value(0) == "terminated;reason=timeout"
    assert subscription.told() == OVER


@pytest.mark.parametrize("what", ["fail", "lost"])
def test_who_does_not_hear_is_forgotten(what: str) -> None:
    """Section 4.2.2: a NOTIFY that fails ends it, without another."""
    for subscription in (active(), pending()):
        assert getattr(subscription, what)() == OVER
    ending = active()
    ending.expire()
    assert getattr(ending, what)() == OVER


def test_what_has_ended_stays_so() -> None:
    """Nothing moves it, and a SUBSCRIBE must not get as far as here."""
    subscription = active()
    subscription.expire()
    assert [subscription.change(), subscription.expire(), subscription.end("rejected")] == [[], [], []]
    assert subscription.reason == "timeout"
    subscription.told()
    with pytest.raises(LocalProtocolError):
        subscription.subscribe(600)


def test_every_arrow_leads_from_somewhere() -> None:
    """No input of the table is dead, and what has terminated takes none."""
    used = {arrow for cells in Subscription.table.values() for arrow in cells}
    assert used == set(Input)
    assert Subscription.table[State.TERMINATED] == {}


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("presence", Event("presence")),
        ("dialog;id=7", Event("dialog", "7")),
        ("dialog ; sla ; id=a-b", Event("dialog", "a-b")),
        ("message-summary", Event("message-summary")),
        ("presence.winfo", Event("presence.winfo")),
    ],
)
def test_events_are_read(text: str, event: Event) -> None:
    """Section 8.2.1; parameters of the package do not tell subscriptions apart."""
    assert Event.parse(text) == event
    assert str(event) in (text, f"{event.package};id={event.id}")


@pytest.mark.parametrize("text", ["", ";id=1", "a b", "dialog;id=" + "x" * 65, 'dialog;id="q"', "d\xe9"])
def test_what_is_no_event_is_the_peers_fault(text: str) -> None:
    """It would stand in each NOTIFY."""
    with pytest.raises(RemoteProtocolError):
        Event.parse(text)


@pytest.mark.parametrize(
    ("expires", "seconds"),
    [(None, 1800), ("600", 600), ("0", 0), ("59", None), ("1", None), ("99999", 3600), ("soon", 1800), ("-5", 1800)],
)
def test_the_time_is_granted_within_limits(expires: str | None, seconds: int | None) -> None:
    """423 for too little, the most there is for too much (section 4.2.1.1)."""
    fields = [] if expires is None else [("Expires", expires)]
    assert Span(shortest=60, longest=3600, usual=1800).grant(Request("SUBSCRIBE", "sip:a@b", fields)) == seconds
