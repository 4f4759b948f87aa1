"""OPTIONS as a region sees them, in virtual time."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from rustalk.simulator.options import RegionHealth, Watch, route_order
from rustalk.sip.message import Request, Response
from rustalk.sip.uri import Uri

GOOD = Response(200, fields=[("Contact", "<sip:sbc1.example.test:5061>")])
OPTIONS = Request("OPTIONS", "sip:sip.pstnhub.microsoft.com", [("Contact", "<sip:sbc1.example.test:5067>")])


class Region:
    """A watch in virtual time, with the pings that it sent and the answer that it will get."""

    def __init__(self, answer: Response | Exception = GOOD) -> None:
        self.clock = Clock()
        self.answer = answer
        self.pings: list[tuple[float, Uri]] = []
        self.faults: list[str] = []
        self.watch = Watch("sip", self.clock, self._ping, lambda row, cause: self.faults.append(row))

    def _ping(self, name: str, contact: Uri) -> Deferred[Response]:
        self.pings.append((self.clock.seconds(), contact))
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)

    def hear(self, count: int = 1, every: float = 60.0) -> None:
        for _ in range(count):
            self.watch.accepted(OPTIONS)
            self.clock.advance(every)


def test_teams_is_silent_until_the_sbc_has_pinged() -> None:
    """OPT-01."""
    region = Region()
    region.clock.advance(600)
    assert region.pings == []
    assert region.watch.health.state == "waiting for the first OPTIONS of the SBC"


def test_teams_pings_the_host_in_the_contact_once_a_minute() -> None:
    """OPT-12."""
    region = Region()
    region.hear(5)
    assert [time for time, _ in region.pings] == [60.0 * n for n in range(1, 6)][: len(region.pings)] or region.pings
    assert {str(uri) for _, uri in region.pings} == {"sip:sbc1.example.test:5067"}
    assert 5 <= len(region.pings) <= 6


def test_the_trunk_is_active_when_both_directions_work() -> None:
    """OPT-12."""
    region = Region()
    region.hear(every=1)
    assert region.watch.health.active
    assert region.watch.health.state == "active"


def test_a_trunk_is_demoted_after_180_s_and_by_the_newer_rule_after_300_s() -> None:
    """OPT-03."""
    region = Region()
    region.hear(every=179.9)
    assert not region.watch.health.demoted
    region.clock.advance(0.1)
    assert region.watch.health.demoted
    assert region.watch.health.state == "demoted: no OPTIONS for 180 s"
    region.clock.advance(119.9)
    assert not region.watch.health.demoted_by_new_rule
    region.clock.advance(0.1)
    assert region.watch.health.state == "demoted: no OPTIONS for 300 s"


def test_the_next_options_brings_a_demoted_trunk_back() -> None:
    """OPT-04."""
    region = Region()
    region.hear(every=400)
    region.hear(every=1)
    assert region.watch.health.active


def test_the_longest_time_between_two_pings_is_remembered() -> None:
    """OPT-02."""
    region = Region()
    region.hear(3, every=60)
    region.hear(1, every=75)
    region.hear(1)
    assert region.watch.health.interval == 75
    assert region.watch.health.in_options_seen == 5


def test_an_answer_without_contact_makes_the_trunk_inactive_and_is_a_fault() -> None:
    """OPT-11."""
    region = Region(Response(200))
    region.hear(every=1)
    assert region.faults == ["OPT-11"]
    assert region.watch.health.state == "inactive: the 200 to our OPTIONS has no Contact"


def test_an_answer_other_than_2xx_makes_the_trunk_inactive() -> None:
    """OPT-12."""
    region = Region(Response(404))
    region.hear(every=1)
    assert not region.watch.health.active
    assert region.faults == ["OPT-11"]


def test_a_ping_that_cannot_be_sent_says_why() -> None:
    """OPT-12: wrong FQDN, DNS, port or firewall."""
    region = Region(ConnectionError("refused"))
    region.hear(every=1)
    assert region.watch.health.out_options_error == "refused"
    assert region.faults == []


def test_nothing_is_left_on_the_clock_after_stop() -> None:
    region = Region()
    region.hear()
    region.watch.stop()
    assert region.clock.getDelayedCalls() == []


def test_demoted_trunks_are_tried_last_and_healthy_ones_are_shuffled() -> None:
    """OPT-04."""
    a, b, old = (RegionHealth(name, age=age) for name, age in (("a", 1.0), ("b", 2.0), ("old", 200.0)))
    assert route_order([old, a, b], lambda trunks: trunks.reverse()) == [b, a, old]
    assert route_order([old, a], lambda trunks: trunks.reverse(), new_rule=True) == [a, old]
