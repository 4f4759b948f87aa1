"""Thousands of people and their phones: what they do is drawn from a seed, and what they saw of each call is noted.

A crowd calls between a carrier, another provider and Teams. Some give up, are sent elsewhere, hold, dial digits, hand
their calls on, join two of them or take one over, while connections break. ``Witness`` compares in the end what the
switch says of each call with what its sides saw.
"""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random
from typing import Any

from twisted.internet.interfaces import IReactorTime

from rustalk.call import attempt
from rustalk.interfaces import IFlow
from rustalk.media.ports import NoPortsError
from rustalk.observe.snapshots import CallSnapshot, CallState, LegSnapshot
from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.replaces import Replaces
from rustalk.sip.transaction.machine import State
from tests.fakes.agents import CRYPTO, SDP, Agent, Exchange, Leg
from tests.fakes.kernel import CarriedStream, memory_kernel
from tests.fakes.network import StreamFlow
from tests.fakes.relay import MemoryStream
from tests.media.test_kernel import MemoryTable
from tests.scenarios.site import PLAIN, PROXIES, REGION, FallibleRelay, Site, watched_log

__all__ = ["CONFIGURATION", "Crowd", "Phone", "Report", "Witness", "storm"]

CONFIGURATION: dict[str, Any] = {
    "sip": {"ring_timeout": 40},
    "teams": {"dtmf": "info"},
    "trunks": [
        {"id": "carrier", "host": "198.51.100.7", "port": 5060, **PLAIN},
        {"id": "other", "host": "198.51.100.9", "port": 5060, **PLAIN, "refer": "pass"},
    ],
    "routing": {
        "routes": [
            {"id": "special", "pattern": "^[+]1999", "priority": 1, "destination": {"type": "Trunk", "value": "other"}},
            {"id": "in", "pattern": "", "source": "carrier", "destination": {"type": "Trunk", "value": "teams"}},
            {"id": "out", "pattern": "", "source": "teams", "destination": {"type": "Trunk", "value": "carrier"}},
            {"id": "over", "pattern": "", "source": "other", "destination": {"type": "Trunk", "value": "carrier"}},
        ]
    },
}
"""Numbers from +1999 on are the other provider's; Teams dials in INFO, the other provider hands on by itself."""

ELSEWHERE = "+19995550100"
OBJECT = "sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:7c1d;x-t=9f00"
RELIABLE = [("Require", "100rel")]
TIMERS: tuple[list[Field], ...] = ([], [], [("Supported", "timer"), ("Session-Expires", "90;refresher=uas")])
REFUSALS = (404, 480, 486, 503, 603)
WAYS = ("sendrecv", "sendonly", "recvonly", "inactive")
_AFTERWARDS = 600.0
"""Seconds after the last call until everybody has hung up."""

_OF_THEIRS = ("normal", "caller_cancelled", "far_end", "caller_lost")
_TEXT = re.compile(r'text="(\w+)')


class Phone(Leg):
    """A leg with the manners of a real phone: PRACK, 491 while it asks itself, 481 after the end.

    ``told`` are the Reason values that came with what ended it, ``said`` is the one that it sent, ``quit`` whether it
    ended by itself.
    """

    def __init__(self, agent: Agent, flow: IFlow, invite: Request, *, is_caller: bool) -> None:
        super().__init__(agent, flow, invite, is_caller=is_caller)
        self.told: list[str] = []
        self.said = ""
        self.quit = False
        self.versions = count(2)
        self._offer: Exchange | None = None
        self._rings: set[str] = set()
        self._early: dict[str, Dialog] = {}

    @property
    def talks(self) -> bool:
        """Whether it is answered, acknowledged and not over."""
        return bool(self.dialogs) and not self.over and not self._accepted

    @property
    def offers(self) -> bool:
        """Whether a re-INVITE of its own is on the way."""
        return self._offer is not None and not self._offer.is_answered

    @property
    def cut(self) -> bool:
        """Whether its connection broke before anybody answered."""
        gone = isinstance(self.flow, StreamFlow) and not self.flow.is_open
        return not self.dialogs and not self.over and (gone or self.exchange.machine.state is State.TERMINATED)

    # What comes.

    def response_received(self, response: Response) -> None:
        tag, number = response.to.tag, response.get("RSeq")
        if response.status >= 300:
            self.told.append(response.get("Reason") or "")
        elif response.status >= 200 and tag in self._early:
            self.dialogs[tag] = self._early.pop(tag)
        elif response.status > 100 and number is not None and number not in self._rings:
            self._rings.add(number)
            self._prack(response, number)
        super().response_received(response)

    def _prack(self, response: Response, number: str) -> None:
        made = Dialog.as_client(response, self.invite.get("From") or "", self.invite.from_.tag)
        dialog = self._early.setdefault(response.to.tag, made)
        request = dialog.request("PRACK", [("RAck", f"{number} {self.invite.cseq.number} INVITE")])
        self.agent.send(request, self._way(dialog))

    def request_received(self, exchange: Exchange) -> None:
        method = exchange.request.method
        if method in ("BYE", "CANCEL"):
            self.told.append(exchange.request.get("Reason") or "")
        elif self.over:
            exchange.respond(481)
            return
        elif method == "INVITE" and self.offers:
            exchange.respond(491)
            return
        super().request_received(exchange)

    # What goes.

    def ack(self, number: int = 1, body: bytes = b"") -> None:
        if number == self.invite.cseq.number and not self.invite.body:
            self.local = body = self.local or self.agent.describe()
        super().ack(number, body)

    def ask(
        self, method: str, body: bytes = b"", fields: Iterable[Field] = (), *, content: Field = SDP
    ) -> list[Response]:
        responses = super().ask(method, body, fields, content=content)
        if method == "INVITE":
            self._offer = self.asking
        return responses

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        if not self.over and not self.dialogs:
            self._leave(fields)
            super().cancel(fields)

    def refuse(self, status: int, fields: Iterable[Field] = (), *, tag: str = "") -> None:
        if status != 487:
            self._leave(fields)
        super().refuse(status, fields, tag=tag)

    def bye(self, fields: Iterable[Field] = ()) -> list[Response]:
        self._leave(fields)
        return super().bye(fields)

    def _leave(self, fields: Iterable[Field]) -> None:
        self.quit = True
        self.said = next((value for name, value in fields if name == "Reason"), "")


class KernelRelay(FallibleRelay):
    """A relay whose streams the kernel carries where it can; ``most`` is how many routes it had at a time."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(20000, 21999)
        self.table = MemoryTable()
        self.kernel = memory_kernel(self.table, clock)
        self.most = 0

    def _open(self, families: tuple[int, int], treated: bool) -> MemoryStream:
        stream = CarriedStream(self.pool, families, treated=treated, kernel=self.kernel)
        self.streams.append(stream)
        self.most = max(self.most, self.kernel.routes)
        return stream


class KernelSite(Site):
    """A switch with the kernel engine."""

    relay: KernelRelay

    def make_relay(self) -> KernelRelay:
        return KernelRelay(self.clock)

    def leftovers(self) -> dict[str, int]:
        """The elements of nftables too."""
        left = super().leftovers()
        held = len(self.relay.table.held) + self.relay.kernel.routes
        return left | {"routes": held} if held else left


class Crowd:
    """People who call, answer and lose patience. ``done`` counts what they did, by name."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site = site
        self.done: Counter[str] = Counter()
        self._random = Random(seed)
        self._agents = (site.carrier, site.other, site.teams)
        site.network.loss = site.network.copies = site.network.overtaken = 0.05
        for agent in self._agents:
            agent.kind = Phone
            agent.plan = self._rung
            agent.remembers = False
            agent.answers["REFER"] = 202
        site.network.remembers = False

    def gather(self, calls: int, seconds: float, strikes: int) -> None:
        """Place so many calls within so many seconds; meanwhile connections of Teams break."""
        clock = self.site.clock
        for _ in range(calls):
            clock.callLater(self._random.random() * seconds, self._call)
        for _ in range(strikes):
            clock.callLater(self._random.random() * seconds, self._strike)

    def _later(self, longest: float, act: Callable[[], object]) -> None:
        self.site.clock.callLater(self._random.random() * longest, act)

    def _chance(self, rate: float) -> bool:
        return self._random.random() < rate

    # Calling.

    def _call(self) -> None:
        agent = self._random.choice(self._agents)
        called = ELSEWHERE if agent is not self.site.other and self._chance(0.1) else "+15551230002"
        fields = [*self._random.choice(TIMERS), *(RELIABLE if self._chance(0.15) else [])]
        late = self._chance(0.15)
        self.done["calls"] += 1
        self.done["late offers"] += late
        self.done["100rel"] += RELIABLE[0] in fields
        leg = agent.call(called, body=b"" if late else None, fields=fields)
        assert isinstance(leg, Phone)
        if self._chance(0.15):
            self.done["cancels"] += 1
            self._later(8, partial(leg.cancel, self._why(leg, "SIP;cause=487")))
        self._live(leg)

    def _live(self, leg: Phone) -> None:
        """What somebody does in a call, sooner or later, and hang up in the end."""
        for _ in range(3):
            self._later(80, partial(self._act, leg))
        self._later(120, partial(self._hang_up, leg))

    def _rung(self, leg: Leg) -> None:
        """A phone rings: now and then it rings on, forks, is busy or elsewhere."""
        assert isinstance(leg, Phone)
        wait = partial(self._unless_answered, leg)
        self._later(2, partial(wait, partial(self._ring, leg)))
        fate = self._random.random()
        if fate < 0.1:
            why = self._why(leg, "Q.850;cause=17")
            self._later(6, partial(wait, partial(leg.refuse, self._random.choice(REFUSALS), why)))
        elif fate < 0.15:
            moved = ("Contact", f"<sip:{self._random.choice((ELSEWHERE, '+15551239999'))}@198.51.100.99>")
            self._later(4, partial(wait, partial(leg.refuse, 302, [moved])))
        elif fate < 0.97:
            self._later(6, partial(wait, partial(self._answer, leg)))
        self._live(leg)

    @staticmethod
    def _unless_answered(leg: Phone, act: Callable[[], object]) -> None:
        if not leg.exchange.is_answered and not leg.over:
            act()

    def _ring(self, leg: Phone) -> None:
        """180 or 183, with early media or without, from one of several branches, to be acknowledged or not."""
        status = self._random.choice((180, 180, 183))
        body = leg.agent.describe() if status == 183 or self._chance(0.2) else b""
        tag = leg.agent.token() if self._chance(0.2) else ""
        wanted = "100rel" in leg.invite.tokens("Supported") and self._chance(0.3)
        leg.ring(status, tag=tag, body=body, fields=[*RELIABLE, ("RSeq", "1")] if wanted else [])
        if self._chance(0.08):
            self._later(3, partial(self._unless_answered, leg, partial(self._pick_up, leg)))

    def _answer(self, leg: Phone) -> None:
        """200, now and then from another branch than the one that rang."""
        leg.answer(tag=leg.agent.token() if self._chance(0.1) else "")

    # In the call.

    def _act(self, leg: Phone) -> None:
        """One of the things that people do while they talk."""
        if leg.talks:
            acts = (self._offer, self._offer, self._ask, self._refresh, self._dial, self._dial, self._hand_on)
            self._random.choice((*acts, self._join, self._take_over, self._fail))(leg)

    def _offer(self, leg: Phone) -> None:
        """Hold, resume, move to another port, or take another key."""
        if leg.offers and self._chance(0.9):
            return
        self.done["re-INVITEs"] += 1
        leg.ask(self._random.choice(("INVITE", "INVITE", "UPDATE")), self._described(leg))

    def _described(self, leg: Phone) -> bytes:
        body: bytes = leg.agent.describe(
            port=self._random.randrange(4000, 5000, 2),
            version=next(leg.versions),
            lines=[f"a={self._random.choice(WAYS)}"],
        )
        key = "".join(self._random.choices("abcdefghijklmnop", k=8))
        return body.replace(CRYPTO[-37:-29].encode(), key.encode()) if self._chance(0.5) else body

    def _ask(self, leg: Phone) -> None:
        """Let the switch offer."""
        if not leg.offers:
            self.done["offers asked for"] += 1
            leg.ask("INVITE")

    def _refresh(self, leg: Phone) -> None:
        """Say the same again, or ask after the call."""
        if not leg.offers and leg.local:
            self.done["refreshes"] += 1
            leg.ask(self._random.choice(("INVITE", "UPDATE")), leg.local)
            leg.ask("OPTIONS")

    def _dial(self, leg: Phone) -> None:
        """A digit, in INFO or in the media."""
        self.done["digits"] += 1
        if self._chance(0.5):
            content = ("Content-Type", "application/dtmf-relay")
            leg.ask("INFO", b"Signal=5\r\nDuration=160\r\n", content=content)
        elif streams := self._streams(1):
            self._random.choice(streams).on_digit(self._random.randrange(2), "7", 100)

    def _hand_on(self, leg: Phone) -> None:
        """REFER, now and then with no wish to hear of it, and now and then hanging up at once."""
        self.done["blind transfers"] += 1
        target = f"sip:{self._random.choice((f'{ELSEWHERE}@', '+15551230003@', ''))}{leg.agent.hosts[0]}"
        if leg.agent is self.site.teams and self._chance(0.7):
            target = OBJECT
        fields: list[Field] = [("Refer-Sub", "false")] if self._chance(0.2) else []
        leg.ask("REFER", fields=[("Refer-To", f"<{target}>"), *fields])
        if self._chance(0.3):
            self.done["hung up at once"] += 1
            self._later(2, partial(self._hang_up, leg))

    def _join(self, leg: Phone) -> None:
        """Hand a call on to who is at the other end of another call of the same network."""
        mates = [each for each in leg.agent.calls[-100:] if isinstance(each, Phone) and each.talks and each is not leg]
        if not mates:
            return
        self.done["attended transfers"] += 1
        replaces = self._replaces(self._random.choice(mates)).escaped()
        leg.ask("REFER", fields=[("Refer-To", f"<sip:+15551230002@{leg.agent.switch[0]}?Replaces={replaces}>")])
        if self._chance(0.2):
            self._later(1, partial(self._hang_up, leg))

    def _take_over(self, leg: Phone) -> None:
        """Another phone of the same network takes the call."""
        self.done["takeovers"] += 1
        named = self._replaces(leg)
        value = f"{named.call_id};to-tag={named.to_tag};from-tag={named.from_tag}"
        new = leg.agent.call(body=b"" if self._chance(0.3) else None, fields=[("Replaces", value)])
        assert isinstance(new, Phone)
        if self._chance(0.1):
            self._later(1, new.cancel)
        self._live(new)

    def _pick_up(self, leg: Phone) -> None:
        """Another phone of the same network answers for one that rings."""
        self.done["pick-ups"] += 1
        value = f"{leg.call_id};to-tag={leg.invite.from_.tag};from-tag={leg.exchange.tag};early-only"
        new = leg.agent.call(body=b"" if self._chance(0.3) else None, fields=[("Replaces", value)])
        assert isinstance(new, Phone)
        self._live(new)

    @staticmethod
    def _replaces(leg: Phone) -> Replaces:
        dialog = leg.dialog
        return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)

    def _fail(self, leg: Phone) -> None:
        """Now and then the operator ends a call, or the lack of media does."""
        calls = self.site.calls.ids()[: len(self.site.calls)]
        if calls and self._chance(0.3):
            self.done["operator"] += 1
            self.site.calls.hang_up(self._random.choice(calls))
        elif streams := self._streams(0.4):
            self.done["silences"] += 1
            self._random.choice(streams).on_silence()

    def _streams(self, rate: float) -> list[MemoryStream]:
        """At such a rate, streams that are open."""
        return [each for each in self.site.relay.streams[-200:] if not each.closed] if self._chance(rate) else []

    def _hang_up(self, leg: Phone) -> None:
        """End the call, or give it up."""
        if leg.dialogs and not leg.over:
            self.done["hang-ups"] += 1
            leg.bye(self._why(leg, "Q.850;cause=16"))
        elif leg.is_caller:
            leg.cancel()
        elif not (leg.over or leg.cut):
            self._later(60, partial(self._hang_up, leg))

    def _why(self, leg: Phone, cause: str) -> list[Field]:
        """Now and then a Reason that nobody else gives."""
        return [("Reason", f"{cause};text={leg.call_id}")] if self._chance(0.3) else []

    # What befalls the network.

    def _strike(self) -> None:
        """Cut the connections of a host of Teams, silence it for a while, or leave nobody a port for media."""
        self.done["strikes"] += 1
        site, kind = self.site, self._random.random()
        host = self._random.choice([*PROXIES.values(), REGION[1]])
        if kind < 0.7:
            site.network.break_all(host)
        elif kind < 0.85:
            site.network.silent.add(host)
            site.clock.callLater(20, site.network.silent.discard, host)
        else:
            site.relay.fault = NoPortsError("none is free")
            site.clock.callLater(3, setattr, site.relay, "fault", None)


@dataclass(frozen=True)
class Report:
    """What a storm has left, and what it was made of. ``stranded`` are the phones that had to ask."""

    done: Counter[str]
    reasons: Counter[str]
    transfers: Counter[str]
    routes: int
    stranded: int
    left: dict[str, int]
    failures: list[str]
    doubts: list[str]

    @property
    def trouble(self) -> list[str]:
        """What should not be, as text."""
        left = [f"left behind: {self.left}"] if self.left else []
        return [*left, *self.failures, *self.doubts]


def storm(calls: int, seed: int, rate: float = 2.0, calm: float = 20.0) -> Report:
    """So many calls, ``rate`` of them a second, with a connection of Teams cut every ``calm`` seconds."""
    with watched_log() as failures:
        site = KernelSite(seed, **CONFIGURATION)
        crowd, witness = Crowd(site, seed), Witness(site)
        seconds = calls / rate
        crowd.gather(calls, seconds, int(seconds / calm))
        witness.watch(seconds + _AFTERWARDS)
        witness.sweep()
        witness.look()
        witness.compare()
        left = site.leftovers()
        gc.collect()
    reasons = Counter(record.reason or "" for record in witness.records.values())
    transfers = Counter(witness.outcomes())
    return Report(
        crowd.done, reasons, transfers, site.relay.most, len(witness.stranded), left, failures, witness.doubts
    )


class Witness:
    """Takes down every call that ends, while the switch still remembers it, and compares.

    ``records`` are what the switch says, ``doubts`` what does not agree, as sentences.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.records: dict[str, CallSnapshot] = {}
        self.doubts: list[str] = []
        self.stranded: list[Phone] = []

    def watch(self, seconds: float) -> None:
        """Let time pass, and look after every few seconds."""
        end = self.site.clock.seconds() + seconds
        while self.site.clock.seconds() < end:
            self.site.run(5)
            self.look()

    def look(self) -> None:
        """Take down what has ended since."""
        calls = self.site.calls
        for each in calls.ids()[len(calls) :]:
            if each in self.records:
                break
            self.records[each] = calls.look(each)

    def sweep(self) -> None:
        """Whoever still believes in a call hangs up, and hears that there is none."""
        for phone in self._phones():
            if not (phone.over or phone.cut):
                self.stranded.append(phone)
                if phone.agent is not self.site.teams:
                    self.doubts.append(f"{phone.call_id} of {phone.agent.name} was never told of its end")
                answers = phone.bye() if phone.dialogs else []
                self.site.run(40)
                if [answer.status for answer in answers] != ([481] if phone.dialogs else []):
                    self.doubts.append(f"{phone.call_id} of {phone.agent.name} was not over: {answers}")

    def outcomes(self) -> Iterator[str]:
        """The last word that each REFER got."""
        for phone in self._phones():
            for request in phone.received("NOTIFY"):
                if (request.get("Subscription-State") or "").startswith("terminated"):
                    yield request.body.decode().split()[1]

    def compare(self) -> None:
        """Look at every call from all its sides; of one that was joined with another the sides are not known."""
        phones = {phone.call_id: phone for phone in self._phones()}
        for record in self.records.values():
            sides = [(phones.get(leg.sip_call_id), leg) for leg in record.legs]
            known = [(phone, leg) for phone, leg in sides if phone is not None and not leg.goes_on]
            ended = sides[:1] if record.hung_up_by != "callee" else sides[1:2] if record.answered else sides[1:]
            blamed = [phone for phone, _ in ended if phone is not None]
            if record.reason in _OF_THEIRS and blamed and not any(phone.quit or phone.cut for phone in blamed):
                self._doubt(record, f"was not ended by {', '.join(phone.call_id for phone in blamed)}")
            is_whole = all(phone is not None for phone, _ in sides)
            self._compare(record, known, [phone for phone, _ in known] if is_whole else phones.values())

    def _phones(self) -> list[Phone]:
        agents = (self.site.carrier, self.site.other, self.site.teams)
        return [leg for agent in agents for leg in agent.calls if isinstance(leg, Phone)]

    def _compare(self, record: CallSnapshot, sides: list[tuple[Phone, LegSnapshot]], speakers: Iterable[Phone]) -> None:
        if (
            record.state not in (CallState.ENDED, CallState.FAILED)
            or record.reason is None
            or record.hung_up_by is None
        ):
            self._doubt(record, "is not over")
        said = {phone.said for phone in speakers if phone.said}
        for phone, leg in sides:
            codes = {found[1] for found in map(_TEXT.search, phone.told) if found is not None}
            is_told = (leg.reason or record.reason) in codes or (_is_elsewhere(leg) and attempt.ELSEWHERE in phone.told)
            if not (phone.quit or phone.cut or is_told or said & set(phone.told)):
                self._doubt(record, f"ended for {phone.agent.name} {phone.call_id} with {phone.told}")

    def _doubt(self, record: CallSnapshot, text: str) -> None:
        self.doubts.append(f"{record.id} ({record.reason}, {record.hung_up_by}, {record.sip_status}) {text}")


def _is_elsewhere(leg: LegSnapshot) -> bool:
    """Whether somebody else took the call that rang here."""
    return leg.sip_status == 487 and leg.reason is None
