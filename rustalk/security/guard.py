"""What stands at the door: it turns away whom it does not want to hear, and learns who that is from what they do.

Evidence is of two kinds. What takes an answer from us to bring about, such as a wrong password for a challenge that we
have sent to that very address, proves where it comes from. Everything else can be sent over UDP under a forged address.
So an address with a registered phone is never banned for what anybody could have sent in its name, and bears ten times
as much of the rest: one phone with a wrong password must not silence an office. Where no phone is registered a forged
address can be banned, but only for a time.

Teams, trunks and ``security.never_ban`` are counted but never banned: what would have been a ban is an alert. No
account is ever locked (A6): its registered phone goes on. While an account is guessed at from many addresses, two
failures there ban one that has no phone.

What is counted, and so who is banned, does not depend on whether an account exists (A5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from rustalk.config.model import Security, Settings
from rustalk.config.security import Flood
from rustalk.security.attempts import Attempts, Unanswered
from rustalk.security.bans import Ban, Bans
from rustalk.security.floods import Floods
from rustalk.security.limits import TokenBucket
from rustalk.security.networks import NetworkSet, source_of
from rustalk.security.scanners import scanner
from rustalk.security.screen import Screen

__all__ = ["Alert", "Figures", "Guard"]

_REMEMBERED = 32768
_HOUSE = 10
"""How much more an address with a registered phone bears than one without."""
_ALERTS, _ALERTS_PER_SECOND = 20.0, 1.0
_PRESSED = 2
"""From so many times the failures that one address is allowed, an account is guessed at from several."""

Kind = Literal["suspected", "banned", "spared", "guessed"]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an administrator wants to know.

    An address is ``suspected`` (half way to a ban), ``banned``, or ``spared`` a ban because it is protected; an account
    is ``guessed`` at more often than one address is allowed. ``seconds`` is how long a ban lasts, or the time within
    which it happened ``count`` times, 0 where it is not counted.
    """

    kind: Kind
    subject: str
    why: str
    count: int
    seconds: float

    def __str__(self) -> str:
        """Say it in a sentence, for the log."""
        why = f"{self.count} {self.why} within {self.seconds:g} s" if self.count else self.why
        if self.kind == "banned":
            return f"{self.subject} is banned for {self.seconds:g} s: {self.why}"
        if self.kind == "spared":
            return f"{self.subject} would be banned, were it not protected: {why}"
        if self.kind == "guessed":
            return f"Somebody guesses the password of {self.subject!r}: {why}"
        return f"{self.subject} may be an attacker: {why}"


@dataclass(slots=True)
class Figures:
    """What the guard has done since it was made: messages and connections turned away by cause, and what it counted."""

    refused_acl: int = 0
    refused_banned: int = 0
    refused_flood: int = 0
    failures: int = 0
    strangers: int = 0
    scanners: int = 0
    bans: int = 0
    alerts_withheld: int = 0


class _Peer:
    """One address as the configuration sees it: on which profiles it is read, and on which without being counted."""

    __slots__ = ("admitted", "free", "source")

    def __init__(self, source: str, admitted: frozenset[str], free: frozenset[str]) -> None:
        self.source = source
        self.admitted = admitted
        self.free = free


def _no(address: str) -> bool:
    return False


def _silent(alert: Alert) -> None:
    """Nobody wants to know."""


def _unsaved(source: str, ban: Ban | None) -> None:
    """Nobody keeps it."""


class Guard:
    """Admits or not; counts logins (see pbx.authenticate) and strangers; bans.

    ``settled(address)`` says whether a phone is registered from there; ``alarm`` gets each alert, at most one a second
    in the long run. ``now`` is a clock in seconds, as IReactorTime.seconds.
    """

    def __init__(
        self,
        screen: Screen,
        settings: Settings,
        *,
        now: Callable[[], float],
        settled: Callable[[str], bool] = _no,
        alarm: Callable[[Alert], object] = _silent,
    ) -> None:
        self.figures = Figures()
        self.screen = screen
        self._now = now
        self._settled = settled
        self._alarm = alarm
        self.saved: Callable[[str, Ban | None], object] = _unsaved
        """Called with each ban that is made, and with None when one is lifted; it must not wait."""
        self._bans = Bans(self._is_exempt, told=lambda source, ban: self.saved(source, ban))
        self._unanswered = Unanswered()
        self._alerts = TokenBucket(_ALERTS_PER_SECOND, _ALERTS, now())
        self._lifted = screen.version
        self._take(settings.security)
        security = settings.security
        self._by_source = Attempts(security.ban_after, security.ban_window)
        self._by_house = Attempts(security.ban_after * _HOUSE, security.ban_window)
        self._by_account = Attempts(security.ban_after * _PRESSED, security.ban_window)
        self._floods = Floods(security.flood)
        self._house_floods = Floods(_wider(security.flood))

    # The wire asks.

    def admits(self, address: str, profile: str) -> bool:
        """Say whether what comes from this address is read, and count it; asked for each message and connection."""
        if self._version != self.screen.version:
            self._forget_peers()
        peer = self._peers.get(address) or self._look_up(address)
        if profile not in peer.admitted:
            self.figures.refused_acl += 1
            return False
        if profile in peer.free:
            return True
        now = self._now()
        if self._bans.holds(peer.source, now):
            self.figures.refused_banned += 1
            return False
        return self._floods.take(peer.source, now) or self._bears(address, peer.source, now)

    def is_banned(self, address: str) -> bool:
        """Whether an address is banned now; what holds a connection of it should close that."""
        return self._bans.is_banned(address, self._now())

    # Logins.

    def on_challenge(self, address: str, account: str) -> None:
        """A request showed nothing and was challenged."""
        source = source_of(address)
        count = self._unanswered.add(source, account, self._now())
        if count:
            self._count(address, "challenges left unanswered", count, proven=False)

    def on_failure(self, address: str, account: str, why: str) -> None:
        """A login failed. ``why`` is "nonce" where what it answers was not our challenge to this address."""
        self.figures.failures += 1
        self._unanswered.answered(source_of(address), account)
        if why == "nonce":
            self._count(address, "answers to challenges that were not ours", 1, proven=False)
            return
        dear = self._is_pressed(account) and not self._settled(address)
        self._count(address, "failed logins", max(1, self._security.ban_after // 2) if dear else 1, proven=True)

    def on_success(self, address: str, account: str) -> None:
        """A login: challenges that this address has open are a phone's that hides its number, and no scan."""
        self._unanswered.forget(source_of(address))

    # Requests.

    def scans(self, address: str, user_agent: str) -> bool:
        """Whether a request is a scanner's, by its User-Agent, and so not to be answered; its address is banned."""
        name = scanner(user_agent)
        if name:
            self.figures.scanners += 1
            self._count(address, f"the scanner {name}", self._security.ban_after, proven=False)
        return bool(name)

    def stranger(self, address: str, user_agent: str = "", method: str = "") -> None:
        """A request came from somebody who may send none; '' stands for what was no request at all."""
        self.figures.strangers += 1
        if not self.scans(address, user_agent):
            self._count(address, f"{method or 'broken'} requests of a stranger", 1, proven=False)

    # The administrator.

    def ban(self, address: str, seconds: float, why: str) -> Ban | None:
        """Ban an address by hand; None for who is never banned, and for what is no address."""
        return self._bans.ban(address, seconds, why, self._now())

    def lift(self, address: str) -> bool:
        """End a ban, and forget what led to it; say whether there was one."""
        self._forget(source_of(address.partition("/")[0]))
        return self._bans.lift(address)

    def bans(self) -> tuple[Ban, ...]:
        """Return the bans in force, the oldest first."""
        return self._bans.snapshot(self._now())

    def learn(self, ban: Ban) -> None:
        """Take up a ban of another node, or of the process before this one; one ``until`` 0 was lifted there."""
        if not ban.until:
            self._forget(ban.source)
        self._bans.learn(ban, self._now())

    def use(self, settings: Settings) -> None:
        """Take other settings from now on; bans stay, but for those who may not be banned any more."""
        security, never = settings.security, self._security.never_ban
        self.screen.use(settings)
        self._take(security)
        self._by_source.use(security.ban_after, security.ban_window)
        self._by_house.use(security.ban_after * _HOUSE, security.ban_window)
        self._by_account.use(security.ban_after * _PRESSED, security.ban_window)
        self._floods.use(security.flood)
        self._house_floods.use(_wider(security.flood))
        if never != security.never_ban or self._lifted != self.screen.version:
            self._bans.lift_exempt()
            self._lifted = self.screen.version

    # Inside.

    def _take(self, security: Security) -> None:
        self._security = security
        self._never = NetworkSet(security.never_ban)
        self._forget_peers()

    def _forget_peers(self) -> None:
        self._peers: dict[str, _Peer] = {}
        self._version = self.screen.version

    def _look_up(self, address: str) -> _Peer:
        standing = self.screen.standing(address)
        own = self._is_own(address)
        if standing.protected or own:
            self._bans.lift(address)
        if len(self._peers) >= _REMEMBERED:
            self._peers.clear()
        free = standing.admitted if own else standing.known
        peer = self._peers[address] = _Peer(standing.source, standing.admitted, free)
        return peer

    def _is_own(self, address: str) -> bool:
        """Whether the administrator has named a network of the address."""
        return bool(self._never) and self._never.contains(address)

    def _is_exempt(self, address: str) -> bool:
        return self._is_own(address) or self.screen.standing(address).protected

    def _bears(self, address: str, source: str, now: float) -> bool:
        """Whether a source may send more, for it has a phone. Any other is banned when its flood goes on."""
        if self._settled(address):
            if self._house_floods.take(source, now):
                return True
        elif self._floods.goes_on(source):
            self._ban(address, "a flood of requests", 0)
        self.figures.refused_flood += 1
        return False

    def _is_pressed(self, account: str) -> bool:
        """Count a failure at an account; say whether more come than one address is allowed."""
        if not self._security.ban_after:
            return False
        limit = self._by_account.limit
        count, before = self._counted(self._by_account, account, 1)
        if before < limit <= count:
            self._say(Alert("guessed", account, "failed logins", count, self._by_account.window))
        return count >= limit

    def _count(self, address: str, why: str, times: int, *, proven: bool) -> None:
        """Count against an address what speaks against it; tell at half of what is allowed, and ban at the whole."""
        source = source_of(address)
        if not source or not self._security.ban_after:
            return
        settled = self._settled(address)
        attempts = self._by_house if settled else self._by_source
        count, before = self._counted(attempts, source, times)
        half = (attempts.limit + 1) // 2
        if count >= attempts.limit:
            if proven or not settled:
                self._ban(address, why, count)
            else:
                self._spare(source, why, count)
        elif before < half <= count:
            self._say(Alert("suspected", source, why, count, attempts.window))

    def _counted(self, attempts: Attempts, key: str, times: int) -> tuple[int, int]:
        now = self._now()
        before = attempts.count(key, now)
        return attempts.add(key, now, times), before

    def _ban(self, address: str, why: str, count: int) -> None:
        security, source = self._security, source_of(address)
        if not security.ban_after:
            return
        if self._bans.ban(address, security.ban_seconds, why, self._now()) is None:
            self._spare(source, why, count)
            return
        self.figures.bans += 1
        self._forget(source)
        self._say(Alert("banned", source, why, count, security.ban_seconds))

    def _spare(self, source: str, why: str, count: int) -> None:
        self._forget(source)
        self._say(Alert("spared", source, why, count, self._security.ban_window))

    def _forget(self, source: str) -> None:
        """Begin again with a source."""
        for counted in (self._by_source, self._by_house, self._unanswered):
            counted.forget(source)

    def _say(self, alert: Alert) -> None:
        if self._alerts.take(self._now()):
            self._alarm(alert)
        else:
            self.figures.alerts_withheld += 1


def _wider(flood: Flood) -> Flood:
    return replace(flood, per_second=flood.per_second * _HOUSE, burst=flood.burst * _HOUSE)
