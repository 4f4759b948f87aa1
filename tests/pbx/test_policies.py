"""Limits on calls."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from rustalk.config.model import Policy
from rustalk.config.policy import Concurrency, DailyLimit, FrequencyLimit, SpendLimit, TimeWindow
from rustalk.pbx.policies import Asked, Policies, Refused, Slot
from rustalk.ua.reasons import REASONS
from tests.pbx.plans import MONDAY_NOON, at

HOUR = datetime.timedelta(hours=1)
THREE = Policy(id="three", frequency_limit=FrequencyLimit(count=3, window_hours=1))
DAILY = Policy(id="daily", daily_limit=DailyLimit(count=2), timezone="Europe/Berlin")
SPEND = Policy(id="spend", spend_limit=SpendLimit(per_day=Decimal("1.50"), currency="EUR"))


def asked(caller: str = "1001", callee: str = "+4930", **keys: Any) -> Asked:
    """A call through the carrier at noon on a Monday."""
    parts: dict[str, Any] = {"caller": caller, "callee": callee, "trunk": "carrier", "now": MONDAY_NOON}
    return Asked(**(parts | keys))


def code(policies: Policies, policy: str | Policy, **keys: Any) -> str:
    """Why a call is refused, '' where it is placed; it then lasts for ever."""
    made = policies.admit([("place", policy)], asked(**keys))
    return made.code if isinstance(made, Refused) else ""


def slot(policies: Policies, policy: str | Policy, **keys: Any) -> Slot:
    """The place of a call that is admitted."""
    made = policies.admit([("place", policy)], asked(**keys))
    assert isinstance(made, Slot)
    return made


def test_so_many_calls_in_a_sliding_window() -> None:
    """The fourth has to wait until the first is an hour ago; what is refused does not count."""
    policies = Policies([THREE])
    minutes = [0, 10, 20, 30, 59, 61, 62]
    moments = [MONDAY_NOON + datetime.timedelta(minutes=minute) for minute in minutes]
    codes = [code(policies, "three", now=now) for now in moments]
    assert codes == ["", "", "", "policy_frequency", "policy_frequency", "", "policy_frequency"]


def test_so_many_calls_a_day_of_the_zone() -> None:
    """In Berlin the next day begins at 23:00 UTC."""
    policies = Policies([DAILY])
    hours = [at(f"2026-11-23T{clock}+00:00") for clock in ("10:00", "11:00", "22:59", "23:00")]
    assert [code(policies, "daily", now=now) for now in hours] == ["", "", "policy_daily", ""]


@pytest.mark.parametrize(
    ("by", "other", "code_then"),
    [
        ("caller", {"callee": "+33"}, "policy_daily"),
        ("caller", {"caller": "1002"}, ""),
        ("callee", {"caller": "1002"}, "policy_daily"),
        ("callee", {"callee": "+33"}, ""),
        ("pair", {}, "policy_daily"),
        ("pair", {"callee": "+33"}, ""),
        ("trunk", {"caller": "1002", "callee": "+33"}, "policy_daily"),
        ("trunk", {"trunk": "other"}, ""),
    ],
)
def test_whose_calls_are_counted_together(by: Any, other: dict[str, str], code_then: str) -> None:
    """After one call, one that differs in this."""
    policies = Policies([Policy(id="one", by=by, daily_limit=DailyLimit(count=1))])
    assert code(policies, "one") == ""
    assert code(policies, "one", **other) == code_then


def test_calls_at_once_in_all_and_of_one_account() -> None:
    """A place is free again when a call is over."""
    policies = Policies([Policy(id="p", concurrency=Concurrency(max_total=3, max_per_account=2))])
    first = slot(policies, "p")
    assert code(policies, "p") == ""
    assert code(policies, "p") == "policy_account"
    assert code(policies, "p", caller="1002") == ""
    assert code(policies, "p", caller="1003") == "policy_concurrency"
    first.release()
    first.release()
    assert code(policies, "p") == ""
    assert code(policies, "p", caller="1003") == "policy_concurrency"


def test_hours() -> None:
    """Of the policy's own time zone."""
    window = TimeWindow(start=datetime.time(8), end=datetime.time(13), timezone="Europe/Berlin")
    policies = Policies([Policy(id="p", time_window=window)])
    assert code(policies, "p") == ""
    assert code(policies, "p", now=MONDAY_NOON + HOUR) == "policy_hours"


@pytest.mark.parametrize(
    ("keys", "country", "refused"),
    [
        ({"allowed_countries": ("DE",)}, "DE", False),
        ({"allowed_countries": ("DE",)}, "FR", True),
        ({"allowed_countries": ("DE",)}, "", True),
        ({"allowed_countries": ("DE",)}, None, False),
        ({"denied_countries": ("FR",)}, "FR", True),
        ({"denied_countries": ("FR",)}, "", False),
    ],
)
def test_countries(keys: dict[str, Any], country: str | None, refused: bool) -> None:
    """One that is not known is none of those allowed; a call inside has none."""
    policies = Policies([Policy(id="p", **keys)])
    assert code(policies, "p", country=country) == ("policy_country" if refused else "")


def test_a_spend_ceiling() -> None:
    """What a call costs is told again and again; another currency does not count, and the next day begins at zero."""
    policies = Policies([SPEND])
    call = slot(policies, "spend")
    assert call.costs(Decimal("0.50"), "EUR", MONDAY_NOON)
    assert call.costs(Decimal("1.00"), "EUR", MONDAY_NOON)
    assert slot(policies, "spend").costs(Decimal("9.00"), "USD", MONDAY_NOON)
    assert code(policies, "spend") == ""
    again = slot(policies, "spend")
    assert again.costs(Decimal("0.50"), "EUR", MONDAY_NOON)
    assert code(policies, "spend") == "policy_spend"
    assert not again.costs(Decimal("0.51"), "EUR", MONDAY_NOON)
    assert code(policies, "spend", now=MONDAY_NOON + 24 * HOUR) == ""


def test_a_call_that_would_cross_the_ceiling_is_refused() -> None:
    """Its first increment counts from the beginning, so that two at once do not both get the last of the money."""
    policies = Policies([SPEND])
    first = slot(policies, "spend", price=Decimal("0.80"), currency="EUR")
    assert code(policies, "spend", price=Decimal("0.80"), currency="EUR") == "policy_spend"
    assert code(policies, "spend", price=Decimal("0.80"), currency="USD") == ""
    first.release()
    assert code(policies, "spend", price=Decimal("0.80"), currency="EUR") == ""


def test_what_a_call_has_cost_stays_counted_after_its_end() -> None:
    """What it was only expected to cost does not; a call that takes its place after a transfer begins anew."""
    policies = Policies([SPEND])
    call = slot(policies, "spend", price=Decimal("0.80"), currency="EUR")
    assert call.costs(Decimal("0.10"), "EUR", MONDAY_NOON, ends=True)
    assert call.costs(Decimal("0.20"), "EUR", MONDAY_NOON, ends=True)
    call.release()
    [count] = policies.counts(MONDAY_NOON)
    assert (count.limit_type, count.count) == ("spend", Decimal("0.30"))


def test_all_policies_are_asked_before_any_counts() -> None:
    """A call that the second refuses is none for the first; one that is named twice counts once."""
    policies = Policies([THREE, DAILY])
    shut = Policy(frequency_limit=FrequencyLimit(count=0, window_hours=1))
    made = policies.admit([("a", "three"), ("b", shut)], asked())
    assert made == Refused("policy_frequency", "b", "1001")
    for _ in range(2):
        assert isinstance(policies.admit([("a", "three"), ("b", "three"), ("c", "daily")], asked()), Slot)
    assert code(policies, "three") == ""


def test_help_is_neither_refused_nor_counted() -> None:
    """EMG-03: whatever the policy says."""
    policies = Policies([Policy(id="shut", daily_limit=DailyLimit(count=0))])
    assert code(policies, "shut", is_emergency=True) == ""
    assert code(policies, "shut") == "policy_daily"
    assert list(policies.counts(MONDAY_NOON)) == []


def test_who_only_asks_is_not_counted() -> None:
    """Whatever the moment: tomorrow begins at zero, and today is as it was."""
    policies = Policies([DAILY, THREE])
    both = [("", "daily"), ("", "three")]
    assert policies.refusal(both, asked()) is None
    assert len(policies) == 0
    for _ in range(2):
        assert isinstance(policies.admit(both, asked()), Slot)
    assert policies.refusal(both, asked()) == Refused("policy_daily", "daily", "1001")
    assert policies.refusal(both, asked(now=MONDAY_NOON + 36 * HOUR)) is None
    assert policies.refusal(both, asked(is_emergency=True)) is None
    assert code(policies, "daily") == "policy_daily"
    assert code(policies, "three") == ""


def test_a_policy_that_is_off_or_gone_limits_nothing() -> None:
    """The configuration says so where a name is not defined."""
    policies = Policies([Policy(id="off", enabled=False, daily_limit=DailyLimit(count=0))])
    assert code(policies, "off") == ""
    assert code(policies, "gone") == ""


def test_counters_are_shown() -> None:
    """With their limits, and when they go down by themselves."""
    policies = Policies([DAILY, SPEND])
    both = [("", "daily"), ("", "spend")]
    place = policies.admit(both, asked())
    assert isinstance(place, Slot)
    place.costs(Decimal("0.35"), "EUR", MONDAY_NOON)
    daily, spend = policies.counts(MONDAY_NOON)
    assert (daily.policy, daily.scope, daily.scope_value, daily.limit_type) == ("daily", "caller", "1001", "daily")
    assert (daily.count, daily.limit, daily.resets) == (1, 2, at("2026-11-23T23:00+00:00"))
    assert (spend.count, spend.limit, spend.resets) == (Decimal("0.35"), Decimal("1.50"), at("2026-11-24T00:00+00:00"))


def test_the_window_and_the_calls_at_once_are_shown_too() -> None:
    """The window ends an hour after the second of the oldest call."""
    policy = Policy(id="p", frequency_limit=THREE.frequency_limit, concurrency=Concurrency(max_per_account=5))
    policies = Policies([policy])
    assert code(policies, "p") == ""
    frequency, concurrency = policies.counts(MONDAY_NOON)
    assert (frequency.count, frequency.limit, frequency.resets) == (1, 3, at("2026-11-23T13:00:01+00:00"))
    assert (concurrency.count, concurrency.limit, concurrency.resets) == (1, 5, None)


@pytest.mark.parametrize(
    ("which", "codes"),
    [
        ({}, ["", ""]),
        ({"policy": "three"}, ["", ""]),
        ({"policy": "other"}, ["policy_frequency", "policy_frequency"]),
        ({"scope_value": "1001"}, ["", "policy_frequency"]),
        ({"limit_type": "daily"}, ["policy_frequency", "policy_frequency"]),
    ],
)
def test_counters_are_cleared(which: dict[str, Any], codes: list[str]) -> None:
    """All, or those of a policy, a caller, or a kind."""
    policies = Policies([THREE])
    for caller in ("1001", "1002") * 3:
        assert code(policies, "three", caller=caller) == ""
    policies.clear(**which)
    assert [code(policies, "three", caller=caller) for caller in ("1001", "1002")] == codes


def test_calls_in_progress_are_never_cleared() -> None:
    """They are there."""
    policies = Policies([Policy(id="p", concurrency=Concurrency(max_per_account=1))])
    assert code(policies, "p") == ""
    assert policies.clear() == 1
    assert code(policies, "p") == "policy_account"


def test_a_policy_that_is_changed_keeps_what_it_counted() -> None:
    """But a window of another length begins anew."""
    policies = Policies([DAILY])
    assert code(policies, "daily") == ""
    policies.use([Policy(id="daily", daily_limit=DailyLimit(count=1), frequency_limit=THREE.frequency_limit)])
    assert code(policies, "daily") == "policy_daily"


def test_made_up_callers_do_not_make_it_grow() -> None:
    """The one that called the longest ago is forgotten, and none that is in a call."""
    policies = Policies([THREE], most=10)
    talking = slot(policies, "three", caller="talking")
    for number in range(100):
        slot(policies, "three", caller=str(number)).release()
    assert len(policies) == 10
    assert [count.scope_value for count in policies.counts(MONDAY_NOON)][:2] == ["talking", "91"]
    talking.release()


@pytest.mark.parametrize("code", [code for code in REASONS if code.startswith("policy_")])
def test_a_refusal_is_final_for_the_caller(code: str) -> None:
    """603, as another gateway would refuse it as well."""
    assert REASONS[code].status == 603
