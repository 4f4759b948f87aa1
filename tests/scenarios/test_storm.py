"""F-01 as a property: whatever the network loses, copies, reorders or cuts, every call ends and nothing stays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from tests.fakes.agents import Leg
from tests.scenarios.crowd import storm
from tests.scenarios.site import CARRIER, PROXIES, REGION, Site

Build = Callable[..., Site]
RATES = [0.0, 0.1, 0.2, 0.3]
CALLS = 60
TIMERS = ([], [("Supported", "timer"), ("Session-Expires", "90;refresher=uas")])


class Chance:
    """What two people do with their phones, drawn from a seed."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site = site
        self.random = Random(seed)
        site.carrier.plan = self.take

    def later(self, longest: float, act: Callable[[], object]) -> None:
        """Do something within so many seconds."""
        self.site.clock.callLater(self.random.random() * longest, act)

    def place(self) -> None:
        """Call; some give up before long, the others hang up in the end."""
        leg = self.site.other.call()
        if self.random.random() < 0.3:
            self.later(6, leg.cancel)
        self.later(60, partial(self.hang_up, leg))

    def take(self, leg: Leg) -> None:
        """Ring, then answer or refuse, hang up or hold sooner or later; some phones fork."""
        self.later(2, partial(self.unless_answered, leg, leg.ring))
        if self.random.random() < 0.2:
            self.later(6, partial(self.unless_answered, leg, partial(leg.refuse, 486)))
        else:
            self.later(6, partial(self.unless_answered, leg, leg.answer))
        self.later(60, partial(self.hold, leg))
        self.later(90, partial(self.hang_up, leg))

    @staticmethod
    def unless_answered(leg: Leg, act: Callable[[], object]) -> None:
        """Act where the INVITE still waits."""
        if not leg.exchange.is_answered and not leg.over:
            act()

    @staticmethod
    def hold(leg: Leg) -> None:
        """Offer other media inside a call."""
        if leg.acks and not leg.over:
            leg.ask("INVITE", leg.agent.describe(version=2, lines=["a=inactive"]))

    @staticmethod
    def hang_up(leg: Leg) -> None:
        """End the call, or give it up."""
        if leg.dialogs and not leg.over:
            leg.bye()
        elif not leg.over and leg.is_caller:
            leg.cancel()


@pytest.mark.parametrize("rate", RATES)
def test_every_call_ends_on_both_sides(build: Build, rate: float) -> None:
    """F-01, F-15: seeded loss, copies and reordering; the fixture sees that no timer, dialog or port is left."""
    seed = round(rate * 100)
    site = build(seed=seed, sip={"ring_timeout": 60})
    site.network.loss, site.network.copies, site.network.jitter = rate, rate, rate
    chance = Chance(site, seed)
    for _ in range(CALLS):
        chance.later(60, chance.place)
    site.run(1200)
    assert len(site.other.calls) == CALLS
    assert site.endpoint.transactions == len(site.calls) == len(site.dialogs) == site.relay.pool.leased == 0
    assert all(leg.over for leg in site.other.calls)
    assert all(leg.over for leg in site.carrier.calls)
    answered = [call for call in map(site.calls.look, site.calls.ids()) if call.answered]
    assert len(answered) > CALLS / 10


class Weather(Chance):
    """Calls between all networks, with offers and INFO inside, while connections break and hosts fall silent."""

    def __init__(self, site: Site, seed: int) -> None:
        super().__init__(site, seed)
        site.teams.plan = self.take
        self.hosts = [*PROXIES.values(), REGION[1], CARRIER]

    def place(self) -> None:
        """Call from somewhere, with a session timer or without."""
        agent = self.random.choice((self.site.other, self.site.carrier, self.site.teams))
        leg = agent.call(fields=self.random.choice(TIMERS))
        if self.random.random() < 0.3:
            self.later(6, leg.cancel)
        self.later(90, partial(self.change, leg))
        self.later(150, partial(self.hang_up, leg))

    def change(self, leg: Leg) -> None:
        """Offer, refresh and inform."""
        if leg.dialogs and not leg.over:
            body = leg.agent.describe(version=2, lines=[self.random.choice(("a=inactive", "a=ptime:30"))])
            leg.ask(self.random.choice(("INVITE", "UPDATE")), body)
            leg.ask("INFO")

    def strike(self) -> None:
        """Cut the connections of a host, or silence it for a while."""
        host = self.random.choice(self.hosts)
        if self.random.random() < 0.7:
            self.site.network.break_all(host)
        else:
            self.site.network.silent.add(host)
            self.later(40, partial(self.site.network.silent.discard, host))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_stays_of_calls_between_broken_networks(build: Build, seed: int) -> None:
    """F-01, F-03, A14: UDP and TLS together; whatever became of the calls, the switch has forgotten them."""
    site = build(seed=seed, sip={"ring_timeout": 60})
    site.network.loss = site.network.copies = 0.1 * seed
    weather = Weather(site, seed)
    for _ in range(CALLS):
        weather.later(60, weather.place)
    for _ in range(20):
        weather.later(120, weather.strike)
    site.run(1200)
    assert len(site.calls.ids()) > CALLS / 2
    assert site.endpoint.transactions == len(site.calls) == len(site.dialogs) == site.relay.pool.leased == 0


def test_a_storm_leaves_nothing_and_both_sides_of_every_call_agree() -> None:
    """XFR-04, XFR-07, XFR-08, A14: whatever people do with calls, all at once; tests/bench/storm.py places more."""
    report = storm(1000, seed=1)
    assert report.trouble == []
    assert report.stranded < 8
    assert report.routes > 0
    assert report.transfers["200"] > 80
    assert min(report.done.values()) > 15
    assert len(report.reasons) > 9
