"""OPTIONS as the cloud sees them: who pinged which region when, and the cloud's own pings back (OPT-01 to OPT-12).

A region stays silent towards the SBC until the SBC's first OPTIONS has been answered with 200; then it pings once a
minute the host that stood in the Contact, over a connection of its own. A trunk is active when both directions work and
is demoted when its last OPTIONS is older than 180 s (300 s by the newer text); it recovers with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from rustalk.sip.message import Request, Response
from rustalk.sip.uri import Uri

__all__ = ["DEMOTED_AFTER", "DEMOTED_AFTER_NEW", "INTERVAL", "RegionHealth", "Watch", "route_order"]

INTERVAL = 60.0
DEMOTED_AFTER = 180.0
DEMOTED_AFTER_NEW = 300.0

Ping = Callable[[str, Uri], Deferred[Response]]
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RegionHealth:
    """What one region knows of the SBC at one moment.

    ``in_options_seen``: the SBC's OPTIONS accepted so far; ``age``: seconds since the last, None before the first.
    ``out_options_ok``: whether the region's own last OPTIONS got a good 200; None before the first. ``interval`` is the
    longest time between two of the SBC's OPTIONS.
    """

    name: str
    in_options_seen: int = 0
    age: float | None = None
    interval: float = 0.0
    out_options_ok: bool | None = None
    out_options_error: str = ""
    out_options_ms: float | None = None

    @property
    def active(self) -> bool:
        """Whether calls are routed to this trunk first: OPT-12, and OPT-03 in the stricter form."""
        return bool(self.out_options_ok) and not self.demoted

    @property
    def demoted(self) -> bool:
        """Whether no OPTIONS came within 180 s; True also before the first."""
        return self.age is None or self.age >= DEMOTED_AFTER

    @property
    def demoted_by_new_rule(self) -> bool:
        """The same with the 300 s of the newer text."""
        return self.age is None or self.age >= DEMOTED_AFTER_NEW

    @property
    def state(self) -> str:
        """The health in a few words, for people."""
        if self.age is None:
            return "waiting for the first OPTIONS of the SBC"
        if self.demoted_by_new_rule:
            return "demoted: no OPTIONS for 300 s"
        if self.demoted:
            return "demoted: no OPTIONS for 180 s"
        if self.out_options_ok is None:
            return "pinged, own OPTIONS not answered yet"
        return "active" if self.out_options_ok else f"inactive: {self.out_options_error}"


class Watch:
    """The OPTIONS of one region: notes those of the SBC and sends its own.

    ``ping`` sends one OPTIONS to a Contact and yields its final response; ``fault`` is told of an answer that Teams
    would not accept.
    """

    def __init__(self, name: str, clock: IReactorTime, ping: Ping, fault: Callable[[str, str], None]) -> None:
        self.name = name
        self._clock = clock
        self._ping = ping
        self._fault = fault
        self._seen = 0
        self._last: float | None = None
        self._interval = 0.0
        self._ok: bool | None = None
        self._error = ""
        self._ms: float | None = None
        self._contact: Uri | None = None
        self._timer: IDelayedCall | None = None
        self._running = True

    @property
    def health(self) -> RegionHealth:
        """What this region knows now."""
        age = None if self._last is None else self._clock.seconds() - self._last
        return RegionHealth(self.name, self._seen, age, self._interval, self._ok, self._error, self._ms)

    def accepted(self, request: Request) -> None:
        """Note an OPTIONS of the SBC that got its 200."""
        now = self._clock.seconds()
        if self._last is not None:
            self._interval = max(self._interval, now - self._last)
        self._last = now
        self._seen += 1
        contact = request.contact
        if contact is None:
            return
        self._contact = contact.uri
        if self._seen == 1:
            self._timer = self._clock.callLater(0, self._send)

    def stop(self) -> None:
        """Send no more."""
        self._running = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _send(self) -> None:
        self._timer = None
        if self._contact is None or not self._running:
            return
        self._timer = self._clock.callLater(INTERVAL, self._send)
        started = self._clock.seconds()
        self._ping(self.name, self._contact).addCallbacks(self._answered, self._failed, callbackArgs=(started,))

    def _answered(self, response: Response, started: float) -> None:
        self._ms = (self._clock.seconds() - started) * 1000
        self._ok, self._error = True, ""
        if not 200 <= response.status < 300:
            self._refuse("OPT-11", f"our OPTIONS was answered {response.status}")
        elif response.contact is None and response.get("Record-Route") is None:
            self._refuse("OPT-11", "the 200 to our OPTIONS has no Contact")

    def _refuse(self, row: str, cause: str) -> None:
        self._ok, self._error = False, cause
        self._fault(row, f"{cause} (region {self.name})")

    def _failed(self, failure: Failure) -> None:
        self._ok, self._error = False, failure.getErrorMessage()


def route_order(
    trunks: Iterable[RegionHealth], shuffle: Callable[[list[RegionHealth]], None], *, new_rule: bool = False
) -> list[RegionHealth]:
    """The order in which the cloud tries trunks: the healthy ones shuffled, then the demoted ones (OPT-04)."""
    found = list(trunks)
    healthy = [one for one in found if not (one.demoted_by_new_rule if new_rule else one.demoted)]
    shuffle(healthy)
    return healthy + [one for one in found if one not in healthy]
