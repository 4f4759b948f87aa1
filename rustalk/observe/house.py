"""The phones and their protection as the outside sees them: frozen values, as in `snapshots`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

__all__ = ["BanSnapshot", "LimitSnapshot", "LoginSnapshot", "RegistrationSnapshot"]


@dataclass(frozen=True, slots=True)
class RegistrationSnapshot:
    """One way to one phone. ``address`` is where its REGISTER came from, ``node`` the one that holds the connection."""

    id: str
    extension: str
    contact: str
    address: str
    transport: str
    profile: str
    user_agent: str
    expires: datetime
    registered: datetime | None
    refreshed: datetime | None
    instance: str
    reg_id: int
    q: float
    path: tuple[str, ...]
    node: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class BanSnapshot:
    """One source that is shut out: an address, or the /64 of an IPv6 address."""

    address: str
    reason: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class LimitSnapshot:
    """One counter of a policy; ``resets`` is None for calls in progress."""

    policy_id: str
    scope: str
    scope_value: str
    limit_type: str
    count: int | Decimal
    limit: int | Decimal
    resets: datetime | None


@dataclass(frozen=True, slots=True)
class LoginSnapshot:
    """Logins of one account from one address that failed: how often since when, and why the last one did."""

    account: str
    address: str
    count: int
    first: datetime
    last: datetime
    reason: str
