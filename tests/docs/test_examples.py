"""The examples of the pages: each configuration loads, each command prints what is shown, each call goes as told."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from docs.pages.examples import PAGES, configurations, fill
from rustalk.config.load import load
from rustalk.rating.bill import FinishedCall, bill, period
from rustalk.rating.cost import cost
from tests.docs.conftest import ROOT
from tests.fakes.agents import Leg
from tests.fakes.phone import Phone
from tests.scenarios.site import CARRIER, SBC, Site

TEXTS = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in PAGES if (ROOT / "docs" / name).exists()}
SHOWN = [(name, text) for name, page in TEXTS.items() for text in configurations(page)]
MOMENT = datetime(2026, 11, 23, 10, tzinfo=UTC)
DOMAIN = "pbx.example.com"
AT_HAND = {"host": CARRIER, "options_ping_enabled": False, "srtp": "off"}
"""What the carrier of the tests needs."""


@pytest.mark.parametrize(("page", "text"), SHOWN, ids=[f"{name}-{at}" for at, (name, _) in enumerate(SHOWN)])
def test_a_configuration_loads(page: str, text: str) -> None:
    """Without a warning, whatever is told of it; each leaves out the route for calls for help, but the tenth."""
    assert [notice for notice in load(text, page).warnings if notice.path != "$.routing.routes"] == []


@pytest.mark.parametrize("page", TEXTS)
def test_commands_print_what_is_shown(page: str) -> None:
    """Run: python -m docs.generate."""
    assert fill(TEXTS[page]) == TEXTS[page]


def test_there_are_ten_examples_of_routing() -> None:
    """Each with a configuration and something asked of it."""
    examples = re.split(r"^### \d+\. ", TEXTS["routing.md"], flags=re.MULTILINE)[1:]
    assert len(examples) == 10
    assert all("```json\n" in example and "$ rustalk route test" in example for example in examples)


class Example(Site):
    """The switch of one example of docs/routing.md, with its phones registered."""

    def __init__(self, number: int) -> None:
        shown: dict[str, Any] = json.loads(list(configurations(TEXTS["routing.md"]))[number - 1])
        shown["trunks"] = [{**trunk, **AT_HAND} for trunk in shown["trunks"]]
        super().__init__(sip={"domain": DOMAIN}, **shown)
        self.phones = {each["extension"]: self._phone(each) for each in shown["extensions"]}

    def _phone(self, extension: dict[str, Any]) -> Phone:
        number = extension["extension"]
        host, password = f"203.0.113.{int(number) - 900}", extension["password"]
        phone = Phone(self.network, number, host, password=password, domain=DOMAIN, switch=(SBC, 5060))
        phone.register(3600)
        self.run()
        return phone

    @property
    def ringing_now(self) -> list[str]:
        """The phones with a call that is neither answered nor over."""
        return [number for number, phone in self.phones.items() if phone.calls and not phone.last.over]

    def finish(self, leg: Leg) -> None:
        """Let the caller give up."""
        if not leg.statuses or leg.statuses[-1] < 200:
            leg.cancel()
            self.run()


def test_a_group_rings_as_the_page_says() -> None:
    """Example 8: the delay of a member, the overflow to reception, its forward to a mobile."""
    site = Example(8)
    leg = site.carrier.call("+12025550100", caller="+12025550177")
    heard = []
    for seconds in (1, 10, 10, 15):
        site.run(seconds)
        for number in site.ringing_now:
            site.phones[number].last.ring()
        heard.append(site.ringing_now)
    assert heard == [["1001"], ["1001", "1002"], ["1003"], []]
    assert site.carrier.last.invite.uri.startswith("sip:+12025550133@")
    site.finish(leg)


def test_the_lobby_calls_three_times_a_day() -> None:
    """Example 9: the fourth call gets 603, and its Reason says why."""
    site = Example(9)
    lobby = site.phones["1000"]
    for _ in range(3):
        leg = lobby.call("+12025550177")
        site.run()
        site.carrier.last.ring()
        site.carrier.last.answer()
        site.run()
        leg.bye()
        site.run()
        assert leg.statuses[-2:] == [180, 200]
    leg = lobby.call("+12025550177")
    site.run()
    assert leg.statuses[-1] == 603
    assert "policy_daily" in (leg.responses[-1].get("Reason") or "")


def test_help_comes_from_the_carrier_where_the_desk_does_not_answer() -> None:
    """Example 10: fifteen seconds at the desk, then the trunk."""
    site = Example(10)
    leg = site.teams.call("+911", caller="+12025552007")
    site.run(1)
    assert site.ringing_now == ["1009"]
    site.phones["1009"].last.ring()
    site.run(15)
    assert site.ringing_now == []
    assert site.carrier.last.invite.uri.startswith("sip:911@")
    site.finish(leg)


def shown_costs() -> list[tuple[str, str, str]]:
    """The rows of the worked example of docs/records.md: answered for, charged, and what the cost comes to."""
    rows = re.findall(r"^\| ([^|]+) \| (\d+) s \| ([^|]+) \|$", TEXTS["records.md"], re.MULTILINE)
    return [(answered, charged, sum_.rpartition("= ")[2]) for answered, charged, sum_ in rows]


@pytest.mark.parametrize(("answered", "charged", "total"), shown_costs())
def test_the_worked_example_of_records_costs_what_is_shown(answered: str, charged: str, total: str) -> None:
    """120 seconds are 0.35."""
    rates = load(next(configurations(TEXTS["records.md"])), "records.md").rates
    seconds = Decimal(answered.removesuffix(" s")) if answered[0].isdigit() else Decimal(0)
    found = cost(rates, "+447700900123", seconds, answered[0].isdigit(), MOMENT)
    assert (str(found.total), str(found.seconds)) == (total, charged)


def test_the_bill_of_the_page() -> None:
    """Two calls, of which two minutes are beyond those included."""
    template = load(next(configurations(TEXTS["records.md"])), "records.md").bill_templates[0]
    calls = [FinishedCall("a", MOMENT, Decimal(61)), FinishedCall("b", MOMENT, Decimal(580))]
    made = bill(template, period(template, MOMENT), calls)
    assert [str(each) for each in (made.subtotal, made.total)] == ["9.94", "11.8286"]
