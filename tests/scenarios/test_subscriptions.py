"""Phones that watch each other through the switch: with their passwords, over their registrations (RFC 6665)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rustalk.pbx.dialog_info import CallState
from rustalk.pbx.pidf import Condition, write
from rustalk.sip.message import Request
from tests.fakes.watcher import Watcher
from tests.scenarios.office import Office
from tests.scenarios.site import watched_log

TALKS = CallState("c1", "confirmed", "recipient", "1003", "Carol")


class Watched(Office):
    """A switch whose phones can watch each other."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(register=False, **changes)
        self.watching = self.core.watching
        for phone in self.phones.values():
            assert self.registered(phone)

    def watch(self, event: str, number: str = "1002", *, by: str = "1001", **parts: Any) -> Watcher:
        """A subscription that has been answered."""
        watcher = Watcher(self.phones[by], event, number, **parts)
        self.run(1)
        return watcher


@pytest.fixture
def house() -> Iterator[Callable[..., Watched]]:
    """Makes a switch whose phones watch each other; afterwards nothing may be left."""
    made: list[Watched] = []

    def build(**changes: Any) -> Watched:
        made.append(Watched(**changes))
        return made[-1]

    with watched_log() as failures:
        yield build
        assert [each.leftovers() for each in made] == [{} for _ in made]
    assert failures == []


@pytest.mark.parametrize("event", ["presence", "dialog", "message-summary"])
def test_a_phone_subscribes_with_its_password(house: Callable[..., Watched], event: str) -> None:
    """407, then 200 and the first NOTIFY, over the flow of the registration."""
    office = house()
    lamp = office.watch(event, "1001" if event == "message-summary" else "1002")
    assert [each.status for each in lamp.responses] == [407, 200]
    assert lamp.states == ["active"]
    assert lamp.notifies[0].get("Event") == event


def test_without_the_password_nobody_watches(house: Callable[..., Watched]) -> None:
    """Nor publishes, and nothing is kept."""
    office = house()
    office.phones["1001"].password = "guessed"
    assert office.watch("dialog").status == 403
    office.phones["1001"].prove("PUBLISH", fields=[("Event", "presence")])
    office.run()
    assert len(office.watching.subscriptions) == len(office.watching.publications) == 0


@pytest.mark.parametrize("method", ["SUBSCRIBE", "PUBLISH"])
def test_trunks_and_strangers_watch_nobody(house: Callable[..., Watched], method: str) -> None:
    """Teams is on a profile without phones; others are asked for a password that they do not have."""
    office = house()
    answers = {
        name: agent.ask(method, called="1002", fields=[("Event", "presence"), ("Expires", "600")])
        for name, agent in (("teams", office.teams), ("carrier", office.carrier), ("stranger", office.stranger))
    }
    office.run()
    assert answers["teams"][-1].status == 405
    assert [answers[name][-1].status for name in ("carrier", "stranger")] == [407, 407]
    assert len(office.watching.subscriptions) == 0


def test_a_lamp_shows_a_call(house: Callable[..., Watched]) -> None:
    """Refreshed without a password over the flow of the registration, and given back."""
    office = house()
    lamp = office.watch("dialog")
    office.watching.call_changed("1002", TALKS)
    office.run(2)
    assert lamp.texts("state") == ["confirmed"]
    refresh = lamp.ask(1200)
    office.run()
    assert [each.status for each in refresh] == [200]
    office.watching.call_ended("1002", "c1")
    office.run(2)
    assert lamp.texts("state") == ["terminated"]
    lamp.ask(0)
    office.run()
    assert lamp.states[-1] == "terminated;reason=timeout"
    assert len(office.watching.subscriptions) == 0


def test_a_lamp_follows_a_real_call(house: Callable[..., Watched]) -> None:
    """It rings, is answered and is over; who is called, who calls, and a call that nobody answers."""
    office = house()
    callee, caller = office.watch("dialog"), office.watch("dialog", "1003")
    leg = office.phones["1003"].call("1002")
    office.run()
    office.phones["1002"].last.ring()
    office.run(2)
    assert (callee.texts("state"), caller.texts("state")) == (["early"], ["early"])
    office.phones["1002"].last.answer()
    office.run(2)
    assert (callee.texts("state"), caller.texts("state")) == (["confirmed"], ["confirmed"])
    leg.bye()
    office.run(2)
    assert (callee.texts("state"), caller.texts("state")) == (["terminated"], ["terminated"])
    missed = office.phones["1003"].call("1002")
    office.run()
    office.phones["1002"].last.ring()
    office.run(2)
    missed.cancel()
    office.run(2)
    assert (callee.texts("state"), caller.texts("state")) == (["terminated"], ["terminated"])


def test_a_lamp_of_somebody_else_is_not_refreshed(house: Callable[..., Watched]) -> None:
    """From another phone's flow the dialog wants the password of who it belongs to."""
    office = house()
    lamp = office.watch("dialog")
    thief = office.phones["1003"]
    request = lamp.dialog.request("SUBSCRIBE", [("Event", "dialog"), ("Expires", "0"), ("Contact", "<sip:1003@evil>")])
    answers: list[Any] = []
    thief.send(request, thief.flow(), answers.append)
    office.run()
    assert answers[-1].status == 407
    fields = thief.answer_to(answers[-1], request)
    again = Request("SUBSCRIBE", request.uri, [*_without(request, "Via", "CSeq"), ("CSeq", "9 SUBSCRIBE"), *fields])
    thief.send(again, thief.flow(), answers.append)
    office.run()
    assert answers[-1].status == 481
    assert len(office.watching.subscriptions) == 1


def _without(request: Request, *names: str) -> list[tuple[str, str]]:
    return [field for field in request.fields if field[0] not in names]


def test_presence_is_published_and_watched(house: Callable[..., Watched]) -> None:
    """A note in the user's own words, until the phone takes it back or goes (RFC 3903)."""
    office = house()
    lamp = office.watch("presence")
    bob = office.phones["1002"]
    fields = [("Event", "presence"), ("Expires", "600"), ("Content-Type", "application/pidf+xml")]
    body = write("sip:1002@pbx.example.com", Condition(True, ("lunch",), "Back at 2"))
    answers = bob.prove("PUBLISH", fields=fields[:2], body=body, replace={"Content-Type": fields[2][1]})
    office.run(6)
    assert answers[-1].status == 200
    assert (lamp.texts("basic"), lamp.texts("note")) == (["open"], ["Back at 2"])
    bob.register(0)
    office.run(6)
    assert (lamp.texts("basic"), lamp.texts("note")) == (["closed"], ["Back at 2"])


def test_a_subscription_survives_the_next_registration_and_ends_with_the_last(house: Callable[..., Watched]) -> None:
    """The phone registers again, and later no more."""
    office = house()
    lamp = office.watch("dialog", expires=3600)
    office.run(300)
    assert office.registered(office.phones["1001"])
    office.run(400)
    office.watching.call_changed("1002", TALKS)
    office.run(2)
    assert lamp.texts("state") == ["confirmed"]
    office.phones["1001"].register(0)
    office.run(10)
    assert len(office.watching.subscriptions) == 0


def test_permissions_hold_for_lamps(house: Callable[..., Watched]) -> None:
    """Who may not call inside may not look inside, and numbers outside are none of the house."""
    office = house(more={"1001": {"permissions": {"internal": False}}})
    assert office.watch("dialog").status == 403
    assert office.watch("dialog", "+15551230002", by="1003").status == 404
    assert office.watch("dialog", "teams", by="1003").status == 404
