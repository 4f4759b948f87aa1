"""The seam between the switch and its doors: what the API, the console and the pages may ask of it.

It stands here and not in rustalk.interfaces because it speaks in the snapshots of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from zope.interface import Interface

if TYPE_CHECKING:
    from .figures import TrunkFigures
    from .house import BanSnapshot, LimitSnapshot, LoginSnapshot, RegistrationSnapshot
    from .snapshots import (
        CallPage,
        CallSnapshot,
        CertificateReload,
        Readiness,
        Statistics,
        TeamsSnapshot,
        TrunkSnapshot,
    )
    from .trace import TraceEntry

__all__ = ["ISwitch"]


class ISwitch(Interface):
    """A running switch. Nothing here waits, and nothing raises but what says so; what comes back is a snapshot."""

    def calls(limit: int, cursor: str | None) -> CallPage:
        """The calls in progress and the last ones that ended, newest first, ``limit`` at a time.

        ``rustalk.observe.snapshots.cut_page`` makes the page from a list of ids.
        """

    def call(call_id: str) -> CallSnapshot | None:
        """One call by our id; None when it is not known or no longer."""

    def hang_up(call_id: str) -> bool:
        """End a call on both sides; False when it is not in progress."""

    def trace(call_id: str) -> list[TraceEntry]:
        """The SIP messages of a call in the order in which they passed, leg 0 being the caller's."""

    def trunks() -> list[TrunkSnapshot]:
        """Every configured trunk with its health, Teams among them where it is enabled."""

    def teams() -> TeamsSnapshot:
        """The Teams trunk."""

    def statistics() -> Statistics:
        """The figures since the start."""

    def ready() -> Readiness:
        """Whether a call can be taken now."""

    def reload_certificates() -> list[CertificateReload]:
        """Read every certificate file anew; what is bad leaves the old one in force."""

    def figures() -> Mapping[str, TrunkFigures]:
        """The figures of RFC 6076 by trunk, since the start."""

    def registrations() -> list[RegistrationSnapshot]:
        """Every registration that has not expired, on whichever node."""

    def unregister(id: str) -> bool:
        """End a registration, whatever the phone wants; False where there is none of that id."""

    def last_seen(extension: str) -> datetime | None:
        """When a phone of the extension was registered last, now if one is; None when that is not known."""

    def failed_logins() -> list[LoginSnapshot]:
        """The logins that failed lately, the latest first."""

    def bans() -> list[BanSnapshot]:
        """Who is shut out now, the oldest ban first."""

    def ban(address: str, seconds: float, reason: str) -> BanSnapshot | None:
        """Shut an address out for so long, or longer where it is already; None for who is never banned."""

    def lift_ban(address: str) -> bool:
        """End a ban; False where there is none."""

    def limits() -> list[LimitSnapshot]:
        """The counters of the policies that are not at zero."""

    def clear_limits(policy_id: str, scope_value: str, limit_type: str) -> int:
        """Forget what was counted, all where a name is ''; how many accounts that were."""

    def test_route(caller_id: str, destination: str, source_trunk: str, at: datetime) -> dict[str, Any]:
        """What would become of a call, as JSON. Raises LookupError for a trunk that there is not."""
