"""The way to a phone: over the flow on which it registered or called, whatever its Contact says (RFC 5626)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from rustalk.interfaces import IFlow
from rustalk.sip.uri import Uri

__all__ = ["Tether"]


class Tether:
    """Where the requests of a dialog with a phone go.

    A phone behind NAT writes an address into its Contact that nobody else can reach. ``again`` gives the flow of its
    registration, None without one, for when the flow that the dialog began on is lost.
    """

    __slots__ = ("_again", "_flow")

    def __init__(self, flow: IFlow, again: Callable[[], IFlow | None]) -> None:
        self._flow: IFlow | None = flow
        self._again = again

    def follow(self, uri: Uri, use: Callable[[IFlow], None], failed: Callable[[str], None]) -> None:
        """Call ``use`` with the flow, or ``failed`` with the cause where the phone has none any more."""
        if self._flow is None:
            self._flow = self._again()
        if self._flow is None:
            failed("the phone's connection is lost and it has not registered again")
        else:
            use(self._flow)

    def lost(self, flows: Collection[IFlow]) -> None:
        """Flows are gone; if it was one of them the next request looks for that of the registration."""
        if self._flow in flows:
            self._flow = None
