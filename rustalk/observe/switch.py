"""The seam between the switch and its doors: what the API, the console and the pages may ask of it.

It stands here and not in rustalk.interfaces because it speaks in the snapshots of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
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
    """A running switch. Nothing here waits or raises; what comes back is a snapshot."""

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
