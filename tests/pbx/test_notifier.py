"""One subscription on the wire: refreshes, the way to a phone that moves, and NOTIFYs that fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rustalk.pbx.dialog_info import CallState
from tests.pbx.desk import Desk

RINGS = CallState("c1", "early", "recipient", "1003")
TALKS = CallState("c1", "confirmed", "recipient", "1003")


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Three registered phones; afterwards nothing may be left."""
    desk = Desk()
    yield desk
    assert not desk.leftovers()


def test_the_first_notify_follows_the_answer(desk: Desk) -> None:
    """RFC 6665 section 4.2.1.2: 200 with what was granted, then the state, in the dialog that the 200 made."""
    lamp = desk.watch("dialog", expires=900)
    (response,) = lamp.responses
    assert (response.status, response.get("Expires")) == (200, "900")
    (notify,) = lamp.notifies
    assert notify.uri == desk.phones["1001"].contact_uri
    assert notify.to.tag == response.from_.tag
    assert notify.from_.tag == response.to.tag
    assert notify.get("Event") == "dialog"
    assert notify.get("Subscription-State") == "active;expires=900"
    assert notify.get("Content-Type") == "application/dialog-info+xml"


def test_the_id_of_an_event_comes_back(desk: Desk) -> None:
    """Section 8.2.1: who uses it knows the NOTIFY by it."""
    assert desk.watch("dialog;id=k7").notifies[0].get("Event") == "dialog;id=k7"


def test_a_refresh_is_granted_and_told(desk: Desk) -> None:
    """In the dialog, with the same Event."""
    lamp = desk.watch("dialog")
    desk.run(300)
    response = desk.ask(lamp, 1200)
    assert (response.status, response.get("Expires")) == (200, "1200")
    assert [each.get("Subscription-State") for each in lamp.notifies][1:] == ["active;expires=1200"]
    desk.run(900)
    assert lamp.states == ["active"] * 2


def test_it_expires(desk: Desk) -> None:
    """Section 4.2.1.4: the watcher is told, and the dialog is gone."""
    lamp = desk.watch("dialog", expires=60)
    desk.run(65)
    assert lamp.states == ["active", "terminated;reason=timeout"]
    response = desk.ask(lamp)
    assert response.status == 481


def test_a_watcher_wants_to_hear_no_more(desk: Desk) -> None:
    """Expires 0 in the dialog; the last NOTIFY does not wait for the interval."""
    lamp = desk.watch("presence")
    response = desk.ask(lamp, 0)
    assert (response.status, response.get("Expires")) == (200, "0")
    assert lamp.states == ["active", "terminated;reason=timeout"]
    assert len(desk.subscriptions) == 0


def test_a_state_is_fetched(desk: Desk) -> None:
    """Expires 0 outside of a dialog: one NOTIFY, which ends it."""
    lamp = desk.watch("presence", expires=0)
    assert lamp.states == ["terminated;reason=timeout"]
    assert lamp.texts("basic") == ["open"]
    assert len(desk.dialogs) == 0


@pytest.mark.parametrize(
    ("fields", "method", "expires", "status"),
    [
        ([("Event", "presence")], "SUBSCRIBE", 600, 481),
        ([("Event", "dialog;id=other")], "SUBSCRIBE", 600, 481),
        ([], "SUBSCRIBE", 600, 489),
        ([("Event", "dialog")], "SUBSCRIBE", 5, 423),
        ([("Event", "dialog"), ("Require", "wings")], "SUBSCRIBE", 600, 420),
        ([("Event", "dialog")], "MESSAGE", 600, 405),
    ],
)
def test_what_is_no_refresh_is_refused(
    desk: Desk, fields: list[tuple[str, str]], method: str, expires: int, status: int
) -> None:
    """And the subscription stays as it is."""
    lamp = desk.watch("dialog")
    response = desk.ask(lamp, expires, fields, method)
    assert response.status == status
    assert (len(lamp.notifies), len(desk.subscriptions)) == (1, 1)


def test_an_old_refresh_comes_late(desk: Desk) -> None:
    """RFC 3261 section 12.2.2: 500."""
    lamp = desk.watch("dialog")
    lamp.dialog.local_seq -= 1
    response = desk.ask(lamp)
    assert response.status == 500


def test_who_may_watch_no_longer_is_told_at_the_refresh(desk: Desk) -> None:
    """The permission was taken away meanwhile."""
    lamp = desk.watch("dialog")
    del desk.extensions["1002"]
    response = desk.ask(lamp)
    assert response.status == 404
    assert lamp.states == ["active", "terminated;reason=rejected"]


@pytest.mark.parametrize("status", [481, 404, 500, 603])
def test_a_watcher_that_refuses_is_forgotten(desk: Desk, status: int) -> None:
    """Section 4.2.2, whether it knows the dialog no more or refuses without saying when to come again."""
    lamp = desk.watch("dialog")
    lamp.answer = status
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert len(desk.subscriptions) == 0
    assert len(lamp.notifies) == 2


def test_a_watcher_asks_for_patience(desk: Desk) -> None:
    """Section 4.2.2: Retry-After, then the newest state; but not where the dialog is gone."""
    lamp = desk.watch("dialog")
    lamp.answer, lamp.answer_fields = 503, [("Retry-After", "30")]
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    desk.watching.call_changed("1002", TALKS)
    desk.run(20)
    assert len(lamp.notifies) == 2
    lamp.answer, lamp.answer_fields = 200, []
    desk.run(20)
    assert lamp.texts("state") == ["confirmed"]
    lamp.answer, lamp.answer_fields = 481, [("Retry-After", "30")]
    desk.watching.call_ended("1002", "c1")
    desk.run(2)
    assert len(desk.subscriptions) == 0


def test_the_last_notify_does_not_wait_for_a_watchers_patience(desk: Desk) -> None:
    """It expires, whatever Retry-After said."""
    lamp = desk.watch("dialog", expires=60)
    lamp.answer, lamp.answer_fields = 503, [("Retry-After", "600")]
    desk.watching.call_changed("1002", RINGS)
    desk.run(65)
    assert lamp.states[-1] == "terminated;reason=timeout"
    assert len(desk.subscriptions) == 0


def test_a_watcher_that_does_not_answer_is_forgotten(desk: Desk) -> None:
    """Timer F; until then nothing else is sent to it."""
    lamp = desk.watch("dialog")
    lamp.answer = 0
    for call in (RINGS, TALKS):
        desk.watching.call_changed("1002", call)
        desk.run(10)
    assert len({each.cseq for each in lamp.notifies}) == 2
    desk.run(20)
    assert len(desk.subscriptions) == 0


def test_what_changes_while_a_notify_is_on_its_way_is_told_after_it(desk: Desk) -> None:
    """Only the newest of it (F-16)."""
    lamp = desk.watch("dialog")
    desk.run(2)
    desk.network.latency = 2.0
    desk.watching.call_changed("1002", RINGS)
    desk.run(1)
    desk.watching.call_changed("1002", TALKS)
    desk.watching.call_ended("1002", "c1")
    desk.watching.call_changed("1002", CallState("c2", "early", "initiator"))
    desk.run(20)
    assert len({each.cseq for each in lamp.notifies}) == 3
    assert lamp.texts("state") == ["early", "terminated"]


# The way to a phone that moves.


def test_it_survives_that_the_phone_registers_again(desk: Desk) -> None:
    """The same registration, over the same flow."""
    lamp = desk.watch("dialog", expires=3000)
    for _ in range(3):
        desk.run(500)
        assert desk.register("1001") == 200
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert lamp.texts("state") == ["early"]


def test_it_follows_the_phone_to_another_flow(desk: Desk) -> None:
    """The NAT gave it another port: the same Contact is registered from there."""
    lamp = desk.watch("dialog", expires=3000)
    moved = desk.phone("1001", "203.0.113.11", port=40001)
    moved.contact_uri = desk.phones["1001"].contact_uri
    moved._legs = desk.phones["1001"]._legs
    assert desk.register("1001", agent=moved) == 200
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert len(lamp.notifies) == 2
    assert moved.flows[-1].local == ("203.0.113.11", 40001)


def test_it_follows_a_phone_by_its_instance(desk: Desk) -> None:
    """A phone with an instance comes back under another Contact (RFC 5626)."""
    phone = desk.phones["1001"]
    instance = '+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
    phone.ask(
        "REGISTER",
        called="1001",
        caller="1001",
        fields=[("Expires", "600")],
        replace={"Contact": f"<{phone.contact_uri}>;{instance}"},
    )
    desk.run()
    lamp = desk.watch("dialog", expires=3000)
    moved = desk.phone("1001", "203.0.113.99")
    moved._legs = phone._legs
    moved.ask(
        "REGISTER",
        called="1001",
        caller="1001",
        fields=[("Expires", "600")],
        replace={"Contact": f"<{moved.contact_uri}>;{instance}"},
    )
    desk.run(10)
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert lamp.texts("state") == ["early"]
    assert moved.flows[-1].local[0] == "203.0.113.99"


def test_it_ends_with_the_registration(desk: Desk) -> None:
    """Nobody is told: nobody would hear it."""
    lamp = desk.watch("dialog", expires=3000)
    assert desk.register("1001", 0) == 200
    desk.run(10)
    assert len(desk.subscriptions) == 0
    assert lamp.states == ["active"]


def test_a_phone_that_starts_anew_keeps_it(desk: Desk) -> None:
    """It takes its registration back and registers again at once."""
    desk.watch("dialog", expires=3000)
    assert desk.register("1001", 0) == 200
    assert desk.register("1001") == 200
    desk.run(10)
    assert len(desk.subscriptions) == 1


def test_it_ends_with_the_connection() -> None:
    """Unless the phone is back in a moment."""
    desk = Desk(register=False)
    desk.network.open(desk.phones["1001"], "TCP", ("203.0.113.11", 5060))
    phone = desk.phone("1001", "203.0.113.11", transport="TCP")
    assert desk.register("1001", agent=phone) == 200
    lamp = desk.watch("dialog", agent=phone)
    assert lamp.states == ["active"]
    desk.network.break_all("203.0.113.11")
    desk.run(1)
    assert len(desk.subscriptions) == 1
    desk.run(10)
    assert len(desk.subscriptions) == 0
    assert not desk.leftovers()


def test_a_phone_is_back_over_another_connection() -> None:
    """It goes on there."""
    desk = Desk(register=False)
    phone = desk.phone("1001", "203.0.113.11", transport="TCP")
    assert desk.register("1001", agent=phone) == 200
    lamp = desk.watch("dialog", agent=phone, expires=3000)
    desk.network.break_all("203.0.113.11")
    desk.run(1)
    desk.watching.call_changed("1002", RINGS)
    desk.run(1)
    assert desk.register("1001", agent=phone) == 200
    desk.run(10)
    assert len(desk.subscriptions) == 1
    assert lamp.texts("state") == ["early"]
    assert not desk.leftovers()


def test_a_phone_that_is_not_registered_may_watch() -> None:
    """For as long as its flow is there."""
    desk = Desk(register=False)
    lamp = desk.watch("dialog")
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert lamp.texts("state") == ["early"]
    phone = desk.phone("1001", "203.0.113.77", transport="TCP")
    desk.watch("dialog", agent=phone)
    assert len(desk.subscriptions) == 2
    desk.network.break_all("203.0.113.77")
    desk.run(10)
    assert len(desk.subscriptions) == 1
    assert not desk.leftovers()


def test_a_notify_that_is_lost_with_its_connection_is_told_over_the_next() -> None:
    """What the phone has not answered it has not heard."""
    desk = Desk(register=False)
    phone = desk.phone("1001", "203.0.113.11", transport="TCP")
    assert desk.register("1001", agent=phone) == 200
    lamp = desk.watch("dialog", agent=phone, expires=3000)
    lamp.answer = 0
    desk.run(2)
    desk.watching.call_changed("1002", RINGS)
    desk.run(1)
    desk.network.break_all("203.0.113.11")
    desk.run(1)
    lamp.answer = 200
    assert desk.register("1001", agent=phone) == 200
    desk.run(10)
    assert len(lamp.notifies) == 3
    assert lamp.texts("state") == ["early"]
    assert not desk.leftovers()


def test_patience_without_a_number_is_none(desk: Desk) -> None:
    """It counts as a refusal."""
    lamp = desk.watch("dialog")
    lamp.answer, lamp.answer_fields = 503, [("Retry-After", "soon")]
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert len(desk.subscriptions) == 0


def test_a_phone_leaves_while_it_wants_patience(desk: Desk) -> None:
    """Nothing is left to be sent."""
    lamp = desk.watch("dialog", expires=3000)
    lamp.answer, lamp.answer_fields = 503, [("Retry-After", "300")]
    desk.watching.call_changed("1002", RINGS)
    desk.run(2)
    assert desk.register("1001", 0) == 200
    desk.run(60)
    assert (len(desk.subscriptions), len(desk.timeouts)) == (0, 0)


def test_who_is_switched_off_watches_nobody(desk: Desk) -> None:
    """The refresh is refused, and that ends it."""
    lamp = desk.watch("dialog")
    desk.extensions["1001"] = replace(desk.extensions["1001"], enabled=False)
    assert desk.ask(lamp).status == 404
    assert lamp.states == ["active", "terminated;reason=rejected"]
