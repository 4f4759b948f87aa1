"""SUBSCRIBE: who may watch what, how much of it, and how many NOTIFYs come of it (RFC 6665)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from zope.interface import implementer

from rustalk.config.extension import Extension, Permissions
from rustalk.interfaces import IFlow
from rustalk.pbx.dialog_info import CallState
from rustalk.pbx.subscriptions import Bounds, Watch
from rustalk.sip.message import Request
from rustalk.sip.subscription import Span
from tests.fakes.network import run
from tests.pbx.desk import DOMAIN, SBC, Desk

RINGS = CallState("c1", "early", "recipient", "1003")


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Three registered phones; afterwards nothing may be left."""
    desk = Desk()
    yield desk
    assert not desk.leftovers()


@pytest.mark.parametrize(
    ("parts", "status", "named"),
    [
        ({"event": "weather"}, 489, ("Allow-Events", "dialog, message-summary, presence")),
        ({"event": ""}, 489, ("", "")),
        ({"fields": [("Accept", "text/plain, application/sdp")]}, 406, ("Accept", "application/dialog-info+xml")),
        ({"expires": 59}, 423, ("Min-Expires", "60")),
        ({"fields": [("Require", "eventlist")]}, 420, ("Unsupported", "eventlist")),
        ({"number": "4711"}, 404, ("", "")),
        ({"number": "carrier"}, 404, ("", "")),
        ({"number": "+15551230002"}, 404, ("", "")),
        ({"replace": {"Contact": None}}, 400, ("", "")),
        ({"replace": {"Contact": "<mailto:a@b>"}}, 416, ("", "")),
        ({"replace": {"Contact": f"<sip:{'x' * 600}@b>"}}, 400, ("", "")),
        ({"fields": [("Record-Route", f"<sip:h{each};lr>") for each in range(6)]}, 400, ("", "")),
    ],
)
def test_what_is_refused(desk: Desk, parts: dict[str, Any], status: int, named: tuple[str, str]) -> None:
    """With the field that says what would do, and nothing is kept. Trunks and other numbers are watched by nobody."""
    lamp = desk.watch(**{"event": "dialog", **parts})
    assert lamp.status == status
    assert not named[0] or lamp.responses[-1].get(named[0]) == named[1]
    assert len(desk.subscriptions) == len(desk.dialogs) == 0


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.5", "application/rlmi+xml, application/dialog-info+xml"])
def test_a_watcher_says_what_it_reads(desk: Desk, accept: str) -> None:
    """Where our format is among it, all is well."""
    assert desk.watch("dialog", fields=[("Accept", accept)]).status == 200


def test_the_longest_time_is_ours_to_say() -> None:
    """And the usual one for who does not ask."""
    desk = Desk(Bounds(span=Span(shortest=30, longest=300, usual=120)))
    assert desk.watch("dialog", expires=86400).responses[-1].get("Expires") == "300"
    assert desk.watch("dialog", expires=None).responses[-1].get("Expires") == "120"
    assert not desk.leftovers()


def test_who_may_not_call_inside_watches_nobody(desk: Desk) -> None:
    """403, but everybody may watch themselves."""
    desk.extensions["1001"] = replace(desk.extensions["1001"], permissions=Permissions(internal=False))
    assert desk.watch("dialog", "1002").status == 403
    assert desk.watch("presence", "1002").status == 403
    assert desk.watch("dialog", "1001").status == 200


def test_an_extension_has_so_many_and_no_more() -> None:
    """403, until one of them has ended; others go on."""
    desk = Desk(Bounds(per_extension=2))
    first = desk.watch("dialog", "1002")
    desk.watch("presence", "1002")
    assert desk.watch("dialog", "1003").status == 403
    assert desk.watch("dialog", "1003", by="1002").status == 200
    first.ask(0)
    desk.run()
    assert desk.watch("dialog", "1003").status == 200
    assert not desk.leftovers()


def test_a_phone_that_has_restarted_gets_what_it_had() -> None:
    """What it left behind gives way where there is no room for both."""
    desk = Desk(Bounds(per_extension=2))
    for _ in range(3):
        assert desk.watch("dialog", "1002").status == desk.watch("dialog", "1003").status == 200
        assert len(desk.subscriptions) == 2
    assert not desk.leftovers()


def test_a_phone_that_asks_again_and_again_is_told_a_few_times(desk: Desk) -> None:
    """There are phones that never stop; the subscriptions asked for first give way."""
    lamps = [desk.watch("dialog") for _ in range(20)]
    assert {lamp.status for lamp in lamps} == {200}
    assert len(desk.subscriptions) == 4
    assert desk.ask(lamps[0]).status == 481
    assert desk.ask(lamps[-1]).status == 200


def test_the_switch_has_so_many_and_no_more() -> None:
    """Whoever asks."""
    desk = Desk(Bounds(total=1))
    assert desk.watch("dialog", "1002").status == 200
    assert desk.watch("dialog", "1003", by="1002").status == 403
    assert not desk.leftovers()


def test_a_change_is_told_at_once_and_the_next_after_the_interval(desk: Desk) -> None:
    """One NOTIFY a second for one subscription, and only of the newest state (F-16)."""
    lamp = desk.watch("dialog")
    desk.run(5)
    for number in range(50):
        desk.watching.call_changed("1002", CallState(f"c{number}", "early", "recipient"))
        desk.run(0.02)
    assert len(lamp.notifies) == 2
    desk.run(2)
    assert len(lamp.notifies) == 3
    assert len(lamp.texts("state")) == 20


def test_what_changes_back_is_not_told(desk: Desk) -> None:
    """A state that flaps within the interval ends where it was."""
    lamp = desk.watch("dialog")
    for _ in range(20):
        desk.watching.call_changed("1002", RINGS)
        desk.watching.call_ended("1002", "c1")
        desk.run(0.01)
    desk.run(5)
    assert len(lamp.notifies) == 1


def test_nobody_hears_of_what_nobody_watches(desk: Desk) -> None:
    """It costs nothing, either."""
    lamp = desk.watch("dialog", "1003")
    desk.watching.call_changed("1002", RINGS)
    desk.run(5)
    assert len(lamp.notifies) == 1


def test_the_configuration_changes(desk: Desk) -> None:
    """Who is no more is watched no more, who may not any more does not, and a new state is told."""
    gone, barred = desk.watch("dialog", "1002"), desk.watch("dialog", "1001", by="1003")
    stays = desk.watch("presence", "1001", by="1001")
    desk.run(6)
    del desk.extensions["1002"]
    desk.extensions["1003"] = replace(desk.extensions["1003"], permissions=Permissions(internal=False))
    desk.extensions["1001"] = replace(desk.extensions["1001"], do_not_disturb=True)
    desk.watching.review()
    desk.run(2)
    assert gone.states == ["active", "terminated;reason=noresource"]
    assert barred.states == ["active", "terminated;reason=rejected"]
    assert stays.texts("basic") == ["closed"]


def test_what_is_watched_is_listed(desk: Desk) -> None:
    """For the API."""
    desk.watch("dialog", "1002", expires=600)
    assert list(desk.subscriptions.listed()) == [Watch("1001", "1002", "dialog", "active", 600)]


# The storm.


@implementer(IFlow)
class Crowd:
    """Ten thousand lamps behind one address: each NOTIFY is counted and answered at once."""

    transport, reliable, profile, identity = "UDP", False, "inside", None
    local, peer = (SBC, 5060), ("203.0.113.50", 5060)

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.notifies: list[float] = []
        self.shown: dict[str, str] = {}

    def subscribe(self, number: int) -> None:
        """One more lamp for 1002, a hundred of each extension."""
        watcher = str(2000 + number // 100)
        self.desk.extensions.setdefault(watcher, Extension(extension=watcher))
        fields = [
            ("Via", f"SIP/2.0/UDP 203.0.113.50;branch=z9hG4bKs{number};rport"),
            ("From", f"<sip:{watcher}@{DOMAIN}>;tag=t{number}"),
            ("To", f"<sip:1002@{DOMAIN}>"),
            ("Call-ID", f"lamp{number}"),
            ("CSeq", "1 SUBSCRIBE"),
            ("Contact", f"<sip:lamp{number}@203.0.113.50>"),
            ("Event", "dialog"),
        ]
        self.desk.endpoint.message_received(Request("SUBSCRIBE", f"sip:1002@{SBC}", fields), self)

    def send(self, data: bytes) -> None:
        """A message for a lamp."""
        if data.startswith(b"NOTIFY"):
            head, _, body = data.decode().partition("\r\n\r\n")
            fields = [(name, value) for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])]
            request = Request("NOTIFY", "", fields)
            self.notifies.append(self.desk.clock.seconds())
            self.shown[request.call_id] = body
            self.desk.endpoint.message_received(request.response(200), self)

    def close(self, reason: str) -> None:
        """UDP has no connections."""

    def toward(self, port: int) -> Crowd:
        """All of them are here."""
        return self


def busiest(times: list[float]) -> int:
    """The most that happened within any second."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] <= time - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_ten_thousand_lamps_of_a_number_that_flaps() -> None:
    """F-16: NOTIFYs keep to their pace, and when it is calm each lamp shows what is so."""
    desk = Desk(Bounds(notifies_per_second=1000), register=False)
    crowd = Crowd(desk)
    for number in range(10_000):
        crowd.subscribe(number)
    assert len(desk.subscriptions) == 10_000
    for change in range(100):
        desk.watching.call_changed("1002", CallState(f"c{change}", "early", "recipient"))
        desk.watching.call_ended("1002", f"c{change - 1}")
        run(desk.clock, 0.02)
    assert 1000 < len(crowd.notifies) <= 2200
    run(desk.clock, 12)
    assert len(crowd.notifies) <= 12_200
    assert busiest(crowd.notifies) <= 1100
    assert len(crowd.shown) == 10_000
    assert all('id="c99"' in body for body in crowd.shown.values())
