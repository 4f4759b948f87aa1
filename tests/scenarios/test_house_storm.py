"""F-01 for a house: phones with two devices each, groups, forwards, transfers, and a network that loses datagrams."""

from __future__ import annotations

import gc
from collections import Counter
from functools import partial
from itertools import chain
from typing import Any

from tests.fakes.agents import Agent, Leg
from tests.fakes.phone import PhoneLeg
from tests.scenarios import crowd
from tests.scenarios.crowd import REFUSALS, TIMERS, Crowd, Witness
from tests.scenarios.office import Build, Office, extension
from tests.scenarios.site import CARRIER, PLAIN

CALLS, SECONDS = 500, 250.0
NUMBERS = [str(number) for number in range(2001, 2031)]
GROUPS = ["sales", "support", "desk", "night"]
OUTSIDE = "+442079460000"
FORWARDS: list[dict[str, Any]] = [
    {},
    {},
    {"busy": "2001"},
    {"no_answer": "2002", "no_answer_seconds": 4},
    {"unreachable": "2003"},
    {"always": "sales"},
    {"no_answer": OUTSIDE, "no_answer_seconds": 3},
]


class DeskLeg(PhoneLeg, crowd.Phone):
    """A leg of a phone that shows its password, with the manners of a real one."""


class Staff(Crowd):
    """Thirty people who call each other, groups and the world from two phones each, and are called."""

    site: Office

    def __init__(self, site: Office, seed: int) -> None:
        super().__init__(site, seed)
        self._phones = site.all_phones
        self._agents: tuple[Agent, ...] = (*self._phones, site.carrier)
        for phone in self._phones:
            phone.kind = DeskLeg
            phone.plan = self._rung
            phone.remembers = False
            phone.answers["REFER"] = 202

    def _call(self) -> None:
        self.done["calls"] += 1
        agent = self._random.choice(self._phones) if self._chance(0.85) else self.site.carrier
        called = self._random.choice([*NUMBERS, *GROUPS * 3, *[OUTSIDE] * 4])
        leg = agent.call(OUTSIDE if agent is self.site.carrier else called, fields=self._random.choice(TIMERS))
        assert isinstance(leg, crowd.Phone)
        if self._chance(0.15):
            self.done["cancels"] += 1
            self._later(8, leg.cancel)
        self._live(leg)

    def _rung(self, leg: Leg) -> None:
        """Ring, then answer, refuse, send elsewhere, or let it ring."""
        assert isinstance(leg, crowd.Phone)
        wait = partial(self._unless_answered, leg)
        self._later(1, partial(wait, partial(self._ring, leg)))
        fate = self._random.random()
        if fate < 0.15:
            self._later(6, partial(wait, partial(leg.refuse, self._random.choice(REFUSALS))))
        elif fate < 0.25:
            self.done["sent elsewhere"] += 1
            contact = ("Contact", f"<sip:{self._random.choice(NUMBERS)}@pbx.example.com>")
            self._later(4, partial(wait, partial(leg.refuse, 302, [contact])))
        elif fate < 0.7:
            self._later(6, partial(wait, partial(self._answer, leg)))
        self._live(leg)

    def _hand_on(self, leg: crowd.Phone) -> None:
        """REFER to somebody in the house or outside."""
        self.done["blind transfers"] += 1
        target = self._random.choice([*NUMBERS, *GROUPS, OUTSIDE])
        leg.ask("REFER", fields=[("Refer-To", f"<sip:{target}@pbx.example.com>")])
        if self._chance(0.3):
            self._later(2, partial(self._hang_up, leg))


class Inspector(Witness):
    """Looks at the phones as well."""

    def _phones(self) -> list[crowd.Phone]:
        office = self.site
        assert isinstance(office, Office)
        legs = chain.from_iterable(agent.calls for agent in (*office.all_phones, office.carrier))
        return [leg for leg in legs if isinstance(leg, crowd.Phone)]


def inhabited(house: Build, seed: int) -> Office:
    """A house of thirty extensions, at two phones each, with four groups and all kinds of forwards."""
    routes = [
        {"id": "out", "pattern": "^[+]", "source": "extensions", "destination": {"type": "Trunk", "value": "carrier"}}
    ]
    groups = [
        {
            "id": name,
            "extensions": NUMBERS[at : at + 5],
            "strategy": ("simultaneous", "sequential", "roundrobin")[at % 3],
            "timeout_seconds": 4,
            "skip_busy": bool(at % 2),
            "overflow": {"type": "RingGroup", "value": GROUPS[(at + 1) % 4]} if at else NUMBERS[-1],
        }
        for at, name in enumerate(GROUPS)
    ]
    office = house(
        seed=seed,
        sip={"domain": "pbx.example.com", "ring_timeout": 30},
        limits={"calls_per_second": 0},
        trunks=[{"id": "carrier", "host": CARRIER, "port": 5060, "country": "GB", **PLAIN}],
        dids=[{"id": "main", "number": OUTSIDE, "destination": {"type": "RingGroup", "value": "sales"}}],
        routing={"routes": routes},
        ring_groups=groups,
        extensions=[
            extension(number, call_forwarding=FORWARDS[at % len(FORWARDS)], max_concurrent_calls=0 if at % 4 else 2)
            for at, number in enumerate(NUMBERS)
        ],
        register=False,
    )
    office.all_phones.clear()
    for at, number in enumerate(NUMBERS):
        for device in range(2):
            assert office.registered(office.phone(number, f"203.0.113.{100 + 2 * at + device}"), seconds=3600)
    return office


def test_a_storm_in_the_house(house: Build) -> None:
    """A39, XFR-04, XFR-08: nothing is left, everybody agrees how each call ended, and everything has happened."""
    office = inhabited(house, seed=7)
    staff, inspector = Staff(office, 7), Inspector(office)
    staff.gather(CALLS, SECONDS, 0)
    inspector.watch(SECONDS + 400)
    inspector.sweep()
    inspector.look()
    inspector.compare()
    assert inspector.doubts == []
    reasons = Counter(record.reason or "" for record in inspector.records.values())
    assert len(inspector.records) > CALLS
    assert sum(bool(record.answered) for record in inspector.records.values()) > CALLS / 5
    assert reasons["transferred"] > 10
    assert len(reasons) > 8
    assert min(staff.done.values()) > 10
    gc.collect()


def test_the_house_counts_no_call_that_is_not(house: Build) -> None:
    """Limits, policies and lamps agree that nobody talks, once nobody does."""
    office = inhabited(house, seed=8)
    staff = Staff(office, 8)
    staff.gather(100, 50, 0)
    office.run(600)
    for leg in chain.from_iterable(agent.calls for agent in (*office.all_phones, office.carrier)):
        if not leg.over and leg.dialogs:
            leg.bye()
    office.run(60)
    assert len(office.calls) == 0
    assert not any(office.core.peers.is_busy(number) for number in NUMBERS)
    assert [count for count in office.switch.limits() if count.limit_type == "concurrency"] == []
