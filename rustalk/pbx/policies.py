"""Limits on calls, by whoever a policy counts together: how many in a time, a day, at once, where to, at what cost.

Counters are kept in memory. Beyond a bound the one that was used the longest ago is dropped, so that a flood of made-up
callers can make the switch forget what others did but never makes it grow; calls in progress are never forgotten. A
call that is refused counts for nothing, and an emergency call is neither refused nor counted.
"""

from __future__ import annotations

import datetime
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import Literal

from rustalk.config.model import Policy

from .conditions import is_open, local
from .window import Window

__all__ = ["MOST_ACCOUNTS", "Asked", "Count", "LimitType", "Policies", "Refused", "Slot"]

MOST_ACCOUNTS = 100_000
"""The callers, called numbers, pairs and trunks that are counted at the same time."""

_LOOKED_AT = 64
_HOUR = 3600.0

LimitType = Literal["frequency", "daily", "concurrency", "spend"]
Named = tuple[str, str | Policy]
"""A policy by its id, or one that stands where it is used, with the name of that place."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that policies are asked about. ``now`` must have a time zone.

    ``trunk`` is the one that it goes to or comes from, '' in the house; ``country`` that of the called number, '' where
    it is not known, None for a call that does not leave the house. ``price`` is what its first increment costs, as soon
    as it is answered, in ``currency``.
    """

    caller: str
    callee: str
    trunk: str
    now: datetime.datetime
    country: str | None = None
    is_emergency: bool = False
    price: Decimal = Decimal(0)
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The ``code`` of the reason, the ``policy`` that refuses, and whose calls it counts together."""

    code: str
    policy: str
    scope_value: str


@dataclass(frozen=True, slots=True)
class Count:
    """One counter. ``resets`` is when it goes down by itself; None for what ends with the calls."""

    policy: str
    scope: str
    scope_value: str
    limit_type: LimitType
    count: int | Decimal
    limit: int | Decimal
    resets: datetime.datetime | None


@dataclass(slots=True)
class _Account:
    """What is counted together under one policy."""

    name: str
    scope_value: str
    policy: Policy
    window: Window | None = None
    day: datetime.date = datetime.date.min
    today: int = 0
    spent: Decimal = Decimal(0)
    active: int = 0

    def follow(self, policy: Policy, now: datetime.datetime) -> None:
        """Go by the policy as it is now, and by the day that it is."""
        before, after = self.policy.frequency_limit, policy.frequency_limit
        if after is None:
            self.window = None
        elif self.window is None or before is None or before.window_hours != after.window_hours:
            self.window = Window(after.window_hours * _HOUR)
        self.policy = policy
        today = local(now, policy.timezone).date()
        if today != self.day:
            self.day, self.today, self.spent = today, 0, Decimal(0)

    def spends(self, more: Decimal, currency: str) -> bool:
        """Count money, where the limit is in its currency, and answer whether it still holds."""
        limit = self.policy.spend_limit
        if limit is None or limit.currency != currency:
            return True
        self.spent = max(Decimal(0), self.spent + more)
        return self.spent <= limit.per_day


class Slot:
    """The place that one call takes up under its policies. It must be released once."""

    __slots__ = ("_accounts", "_cost", "_currency", "_policies")

    def __init__(self, policies: Policies, accounts: Sequence[_Account]) -> None:
        self._policies = policies
        self._accounts = accounts
        self._cost = Decimal(0)
        self._currency = ""

    @property
    def is_watched(self) -> bool:
        """Whether a spend limit counts what the call costs."""
        return any(account.policy.spend_limit is not None for account in self._accounts)

    def costs(self, total: Decimal, currency: str, now: datetime.datetime, *, ends: bool = False) -> bool:
        """Tell what the call has cost so far in all; answer whether every spend limit still holds.

        To be told when the call ``ends``, and before as often as limits shall be watched; what is told after the end
        is of another one that has taken its place. Money in another currency than that of a limit does not count.
        """
        if currency != self._currency:
            self._give_back()
        more, self._cost, self._currency = total - self._cost, Decimal(0) if ends else total, currency
        holds = True
        for account in self._accounts:
            account.follow(account.policy, now)
            holds = account.spends(more, currency) and holds
        return holds

    def release(self) -> None:
        """The call is over; what it was expected to cost, and did not, is given back."""
        self._give_back()
        self._policies.release(self._accounts)
        self._accounts = ()

    def _give_back(self) -> None:
        for account in self._accounts:
            account.spends(-self._cost, self._currency)
        self._cost = Decimal(0)


class Policies:
    """The policies of the settings, and what they count. ``most`` bounds the accounts."""

    __slots__ = ("_accounts", "_active", "_by_id", "_most")

    def __init__(self, policies: Iterable[Policy] = (), *, most: int = MOST_ACCOUNTS) -> None:
        self._by_id: dict[str, Policy] = {}
        self._accounts: OrderedDict[tuple[str, str], _Account] = OrderedDict()
        self._active: Counter[str] = Counter()
        self._most = most
        self.use(policies)

    def use(self, policies: Iterable[Policy]) -> None:
        """Go by these policies from now on; what was counted stays with their ids."""
        self._by_id = {policy.id: policy for policy in policies}

    def admit(self, named: Iterable[Named], asked: Asked) -> Slot | Refused:
        """Ask all policies, and count the call under each where none refuses it. One that is named twice counts once.

        A policy that stands where it is used is counted under the name of that place.
        """
        if asked.is_emergency:
            return Slot(self, ())
        policies = dict(self._resolved(named))
        accounts = [self._account(name, policy, asked) for name, policy in policies.items()]
        for account in accounts:
            code = self._refusal(account, asked)
            if code:
                return Refused(code, account.name, account.scope_value)
        for account in accounts:
            self._count(account, asked)
        slot = Slot(self, accounts)
        if asked.price:
            slot.costs(asked.price, asked.currency, asked.now)
        return slot

    def refusal(self, named: Iterable[Named], asked: Asked) -> Refused | None:
        """Which policy would refuse the call, at whatever moment; nothing is counted, made or forgotten."""
        for name, policy in dict(self._resolved(named)).items() if not asked.is_emergency else ():
            key = name, _scope_value(policy, asked)
            found = self._accounts.get(key)
            account = replace(found, window=deepcopy(found.window)) if found is not None else _Account(*key, policy)
            account.follow(policy, asked.now)
            code = self._refusal(account, asked)
            if code:
                return Refused(code, *key)
        return None

    def release(self, accounts: Iterable[_Account]) -> None:
        """A call that was counted under these is over."""
        for account in accounts:
            account.active -= 1
            self._active[account.name] -= 1

    def counts(self, now: datetime.datetime) -> Iterator[Count]:
        """Every counter that is not at zero."""
        for account in self._accounts.values():
            account.follow(account.policy, now)
            yield from _counts(account, now)

    def clear(self, policy: str = "", scope_value: str = "", limit_type: LimitType | Literal[""] = "") -> int:
        """Forget what was counted, all of it or of one policy, account or kind; return how many accounts that were.

        Calls in progress go on counting.
        """
        found = [
            account
            for account in self._accounts.values()
            if policy in ("", account.name) and scope_value in ("", account.scope_value)
        ]
        for account in found:
            if limit_type in ("", "frequency"):
                account.window = None
            if limit_type in ("", "daily"):
                account.today = 0
            if limit_type in ("", "spend"):
                account.spent = Decimal(0)
        return len(found)

    def __len__(self) -> int:
        return len(self._accounts)

    def _resolved(self, named: Iterable[Named]) -> Iterator[tuple[str, Policy]]:
        for place, policy in named:
            found = self._by_id.get(policy) if isinstance(policy, str) else policy
            if found is not None and found.enabled:
                yield (policy if isinstance(policy, str) else found.id or place), found

    def _account(self, name: str, policy: Policy, asked: Asked) -> _Account:
        """The account of this call, made where there is none."""
        key = name, _scope_value(policy, asked)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account(*key, policy)
            self._forget()
        else:
            self._accounts.move_to_end(key)
        account.follow(policy, asked.now)
        return account

    def _forget(self) -> None:
        """Drop the account that was used the longest ago and has no call, where there are too many."""
        if len(self._accounts) > self._most:
            oldest = islice(self._accounts.items(), _LOOKED_AT)
            key = next((key for key, account in oldest if not account.active), None)
            if key is not None:
                del self._accounts[key]

    def _refusal(self, account: _Account, asked: Asked) -> str:
        """The code of the limit that the call would break, '' for none."""
        policy = account.policy
        if policy.time_window is not None and not is_open(policy.time_window, asked.now):
            return "policy_hours"
        if asked.country is not None and not _may_call(policy, asked.country):
            return "policy_country"
        frequency, daily, spend = policy.frequency_limit, policy.daily_limit, policy.spend_limit
        window = account.window
        if frequency is not None and window is not None and window.count(asked.now.timestamp()) >= frequency.count:
            return "policy_frequency"
        if daily is not None and account.today >= daily.count:
            return "policy_daily"
        if spend is not None:
            price = asked.price if asked.currency == spend.currency else Decimal(0)
            if account.spent >= spend.per_day or account.spent + price > spend.per_day:
                return "policy_spend"
        return self._at_once(account)

    def _at_once(self, account: _Account) -> str:
        concurrency = account.policy.concurrency
        if concurrency is None:
            return ""
        if 0 < concurrency.max_total <= self._active[account.name]:
            return "policy_concurrency"
        return "policy_account" if 0 < concurrency.max_per_account <= account.active else ""

    def _count(self, account: _Account, asked: Asked) -> None:
        if account.window is not None:
            account.window.add(asked.now.timestamp())
        account.today += 1
        account.active += 1
        self._active[account.name] += 1


def _scope_value(policy: Policy, asked: Asked) -> str:
    """Whose calls are counted together with this one."""
    if policy.by == "pair":
        return f"{asked.caller} {asked.callee}"
    return {"caller": asked.caller, "callee": asked.callee, "trunk": asked.trunk}[policy.by]


def _may_call(policy: Policy, country: str) -> bool:
    """Whether a country may be called; one that is not known is none of those that are allowed."""
    if country in policy.denied_countries:
        return False
    return not policy.allowed_countries or country in policy.allowed_countries


def _counts(account: _Account, now: datetime.datetime) -> Iterator[Count]:
    policy, of = account.policy, (account.name, account.policy.by, account.scope_value)
    window, moment = account.window, now.timestamp()
    if policy.frequency_limit is not None and window is not None and window.count(moment):
        ends = datetime.datetime.fromtimestamp(window.ends(), datetime.UTC)
        yield Count(*of, "frequency", window.count(moment), policy.frequency_limit.count, ends)
    if policy.daily_limit is not None and account.today:
        yield Count(*of, "daily", account.today, policy.daily_limit.count, _midnight(policy, now))
    if policy.spend_limit is not None and account.spent:
        yield Count(*of, "spend", account.spent, policy.spend_limit.per_day, _midnight(policy, now))
    if policy.concurrency is not None and account.active:
        yield Count(*of, "concurrency", account.active, policy.concurrency.max_per_account, None)


def _midnight(policy: Policy, now: datetime.datetime) -> datetime.datetime:
    """When the next day begins in the zone of the policy, in UTC."""
    here = local(now, policy.timezone)
    tomorrow = here.date() + datetime.timedelta(days=1)
    return datetime.datetime.combine(tomorrow, datetime.time(), here.tzinfo).astimezone(datetime.UTC)
