"""The session timer of one leg, in both roles (RFC 4028). Pure: the leg owns the clock."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import LocalProtocolError, RemoteProtocolError
from .headers import parse_params
from .message import Field, Message, Request, Response
from .uri import find

__all__ = ["SHORTEST", "SessionTimer", "Terms"]

SHORTEST = 90
"""Seconds: no session interval may be smaller (section 4)."""

_PATIENCE = 4
"""So many elements on the path may each have their own minimum."""

_SUPPORTED = ("Supported", "timer")
_REQUIRED = ("Require", "timer")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the two sides agreed on: the session interval in seconds, and whether we are the one who refreshes."""

    interval: int
    refresher: bool

    @property
    def refresh_after(self) -> float | None:
        """Seconds from a 2xx until our next refresh, half the interval (section 7.4); None when it is the peer's."""
        return self.interval / 2 if self.refresher else None

    @property
    def give_up_after(self) -> float:
        """Seconds from a 2xx after which, without another, BYE is due: shortly before the end (section 10)."""
        return self.interval - min(32, self.interval / 3)


class SessionTimer:
    """What one leg writes into its requests and answers, and what it has agreed with its peer.

    ``interval`` is the session interval that we ask for, 0 to leave timers to the peer; ``minimum`` the smallest that
    we bear; ``refreshing`` whether we would rather refresh ourselves where the choice is ours. ``terms`` is None while
    no timer runs, as with a peer that does not know session timers. Each 2xx to INVITE or UPDATE, sent or received,
    sets it anew, and the leg's clock starts again.
    """

    __slots__ = ("_floor", "_interval", "_minimum", "_refreshing", "_refusals", "terms")

    def __init__(self, interval: int = 1800, minimum: int = SHORTEST, refreshing: bool = False) -> None:
        if minimum < SHORTEST or 0 < interval < minimum:
            raise LocalProtocolError(f"a session interval of {interval} s with a minimum of {minimum} s")
        self._interval = interval
        self._minimum = minimum
        self._floor = minimum
        self._refreshing = refreshing
        self._refusals = 0
        self.terms: Terms | None = None

    # We ask.

    def offer(self) -> list[Field]:
        """The fields of our INVITE, re-INVITE or UPDATE; in a session that has a timer they keep its roles (7.4)."""
        if self.terms is not None:
            interval, refresher = self.terms.interval, ";refresher=uac" if self.terms.refresher else ";refresher=uas"
        else:
            interval, refresher = self._interval, ";refresher=uac" if self._refreshing else ""
        if not interval:
            return [_SUPPORTED]
        interval = max(interval, self._floor)
        return [_SUPPORTED, ("Session-Expires", f"{interval}{refresher}"), ("Min-SE", str(self._floor))]

    def refused(self, response: Response) -> bool:
        """A 422 has come: whether to ask again, with what ``offer`` says now (7.3).

        False when the peer names no interval larger than the one just refused, or has refused too often: it would go
        on forever.
        """
        asked = max(self.terms.interval if self.terms else self._interval, self._floor)
        floor = _seconds(response, "Min-SE")
        if floor is None or floor <= asked or self._refusals == _PATIENCE:
            return False
        self._floor = floor
        self._refusals += 1
        return True

    def agreed(self, response: Response) -> Terms | None:
        """A 2xx to our request has come (7.2). A broken Session-Expires counts as none."""
        self._refusals = 0
        interval = _seconds(response, "Session-Expires")
        if interval is None:
            self.terms = None
        else:
            self.terms = Terms(max(interval, self._floor), _refresher(response) != "uas")
        return self.terms

    # The peer asks.

    def too_small(self, request: Request) -> list[Field] | None:
        """The fields of the 422 that an INVITE or UPDATE must get, None when it may be answered (section 9).

        Raises RemoteProtocolError for a Session-Expires or Min-SE that is no number.
        """
        request.number("Min-SE")
        interval = request.number("Session-Expires")
        if interval is None or interval >= self._minimum or "timer" not in request.tokens("Supported"):
            return None
        return [("Min-SE", str(self._minimum))]

    def answer(self, request: Request) -> list[Field]:
        """The fields of our 2xx to an INVITE or UPDATE (section 9)."""
        asked = _seconds(request, "Session-Expires")
        knows = "timer" in request.tokens("Supported")
        interval = self._interval if asked is None else min(asked, self._interval or asked)
        if not interval or not (knows or asked):
            self.terms = None
            return [_SUPPORTED]
        interval = max(interval, SHORTEST, _seconds(request, "Min-SE") or 0)
        ours = not knows or self._ours(_refresher(request))
        self.terms = Terms(interval, ours)
        fields = [_SUPPORTED, ("Session-Expires", f"{interval};refresher={'uas' if ours else 'uac'}")]
        return [*fields, _REQUIRED] if knows else fields

    def _ours(self, asked: str) -> bool:
        """Whether we refresh: as the request says, else as before, else as we like."""
        if asked:
            return asked == "uas"
        return self.terms.refresher if self.terms else self._refreshing


def _seconds(message: Message, name: str) -> int | None:
    try:
        return message.number(name)
    except RemoteProtocolError:
        return None


def _refresher(message: Message) -> str:
    """``uac`` or ``uas`` as Session-Expires says, '' when it does not."""
    _, semicolon, rest = (message.get("Session-Expires") or "").partition(";")
    try:
        value = (find(parse_params(semicolon + rest), "refresher") or "").lower()
    except RemoteProtocolError:
        return ""
    return value if value in ("uac", "uas") else ""
