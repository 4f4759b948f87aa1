"""Who is let in, who is counted, who is banned, and who never is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.task import Clock

from rustalk.config.model import Acls, Settings, SipProfile, Teams, Trunk
from rustalk.config.security import Flood, Security
from rustalk.security.bans import Ban
from rustalk.security.guard import Alert, Guard
from rustalk.security.screen import Screen

STRANGER = "203.0.113.5"
TEAMS = "52.113.7.9"
CARRIER = "198.51.100.9"
OWN = "192.0.2.77"
PROTECTED = [TEAMS, CARRIER, OWN]


class Door:
    """A guard with everything around it, in virtual time. ``phones`` are addresses where one is registered."""

    def __init__(self, **security: Any) -> None:
        self.clock = Clock()
        self.phones: set[str] = set()
        self.alerts: list[Alert] = []
        self.settings = Settings(
            sip_profiles=(SipProfile(id="teams", protocols=("tls",)), SipProfile(id="phones"), lan()),
            teams=Teams(enabled=True, profile="teams"),
            trunks=(Trunk(id="carrier", host=CARRIER, profile="phones"),),
            acls=Acls(),
            security=Security(**{"never_ban": ("192.0.2.64/26",), "flood": Flood(per_second=10, burst=20)} | security),
        )
        self.guard = Guard(
            Screen(self.settings),
            self.settings,
            now=self.clock.seconds,
            settled=self.phones.__contains__,
            alarm=self.alerts.append,
        )

    def passed(self, address: str, count: int = 1, profile: str = "phones") -> int:
        """How many of so many messages at this moment are read."""
        return sum(self.guard.admits(address, profile) for _ in range(count))

    def fail(self, address: str, times: int, account: str = "200", why: str = "password") -> None:
        """Show wrong passwords."""
        for _ in range(times):
            self.guard.on_failure(address, account, why)

    @property
    def banned(self) -> list[str]:
        """Who is banned now."""
        return [ban.source for ban in self.guard.bans()]

    @property
    def heard(self) -> list[tuple[str, str]]:
        """The alerts, by kind and subject."""
        return [(alert.kind, alert.subject) for alert in self.alerts]


def lan() -> SipProfile:
    """A profile for this network only."""
    return SipProfile(id="lan", acl="rfc1918")


@pytest.fixture
def door() -> Door:
    return Door()


# The access list.


def test_the_access_list_of_the_profile_comes_first(door: Door) -> None:
    """Each profile has its own, and an unknown one admits nobody; v4-mapped addresses are no way round."""
    assert door.passed("10.1.2.3", profile="lan") == door.passed("::ffff:10.1.2.3", profile="lan") == 1
    assert door.passed(STRANGER, profile="lan") == door.passed(STRANGER, profile="nowhere") == 0
    assert door.passed(STRANGER, profile="phones") == 1
    assert door.guard.figures.refused_acl == 2


def test_a_new_access_list_holds_at_once(door: Door) -> None:
    """Live change: the answers that were remembered are not."""
    assert door.passed(STRANGER) == 1
    profiles = tuple(replace(each, acl="rfc1918") for each in door.settings.sip_profiles)
    door.guard.use(replace(door.settings, sip_profiles=profiles))
    assert door.passed(STRANGER) == 0
    door.guard.use(door.settings)
    assert door.passed(STRANGER) == 1


def test_what_a_name_resolves_to_now_is_known_at_once(door: Door) -> None:
    """A trunk whose address is new is not counted like a stranger."""
    named = replace(door.settings, trunks=(Trunk(id="named", host="sip.carrier.example"),))
    door.guard.use(named)
    assert door.passed("203.0.113.20", 100) == 20
    door.guard.screen.resolved("named", ["203.0.113.20"])
    assert door.passed("203.0.113.20", 100) == 100


# Failed logins.


def test_wrong_passwords_are_told_at_half_and_banned_at_the_whole(door: Door) -> None:
    """A6: ten within ten minutes, for ten minutes; then it is over."""
    door.fail(STRANGER, 9)
    assert door.heard == [("suspected", STRANGER)]
    assert door.passed(STRANGER) == 1
    door.fail(STRANGER, 1)
    assert door.heard[1:] == [("banned", STRANGER)]
    assert door.passed(STRANGER) == 0
    assert door.guard.is_banned(STRANGER)
    door.clock.advance(600)
    assert door.passed(STRANGER) == 1
    assert not door.guard.is_banned(STRANGER)


def test_failures_far_apart_are_no_attack(door: Door) -> None:
    """Negative control: nine failures, and nine more when those do not count any more."""
    door.fail(STRANGER, 9)
    door.clock.advance(601)
    door.fail(STRANGER, 9)
    assert door.banned == []


def test_a_ban_of_another_node_holds_here(door: Door) -> None:
    """It is taken up without an alert and not handed on; when it is lifted there, what led to one here is forgotten."""
    saved: list[object] = []
    door.guard.saved = lambda *what: saved.append(what)
    door.guard.learn(Ban(STRANGER, "failed logins", 0.0, 600.0))
    assert (door.passed(STRANGER), door.banned, door.alerts) == (0, [STRANGER], [])
    door.fail(STRANGER, 9)
    door.guard.learn(Ban(STRANGER, "", 1.0, 0.0))
    door.fail(STRANGER, 9)
    assert (door.passed(STRANGER), saved) == (1, [])


def test_zero_bans_nobody() -> None:
    """ban_after 0: the flood is still held back, nothing else happens."""
    door = Door(ban_after=0)
    door.fail(STRANGER, 1000)
    assert door.passed(STRANGER, 1000) == 20
    assert (door.banned, door.alerts) == ([], [])


def test_an_account_that_does_not_exist_is_counted_like_one_that_does(door: Door) -> None:
    """A5: a ban tells nobody which of the two it was."""
    other = Door()
    door.fail(STRANGER, 10, why="password")
    other.fail(STRANGER, 10, why="unknown")
    assert door.alerts == other.alerts
    assert door.banned == other.banned == [STRANGER]


@pytest.mark.parametrize("why", ["unknown", "password", "disabled", "network", "token"])
def test_each_kind_of_failure_counts(door: Door, why: str) -> None:
    """A5: alike, so that a ban tells nothing."""
    door.fail(STRANGER, 10, why=why)
    assert door.banned == [STRANGER]


@pytest.mark.parametrize("address", PROTECTED)
def test_teams_trunks_and_administrators_are_never_banned(door: Door, address: str) -> None:
    """What would have been a ban is an alert, and everything is still read."""
    door.fail(address, 50)
    for _ in range(50):
        door.guard.stranger(address, "friendly-scanner", "OPTIONS")
    assert (door.banned, door.guard.is_banned(address)) == ([], False)
    assert ("spared", address) in door.heard
    assert door.passed(address) == 1


def test_an_ipv6_attacker_cannot_change_its_address() -> None:
    """All addresses of its /64 are one source."""
    door = Door()
    for n in range(10):
        door.fail(f"2001:db8:1:2::{n:x}", 1)
    assert door.passed("2001:db8:1:2:ffff::9") == 0
    assert door.passed("2001:db8:1:3::9") == 1


# Phones.


def test_a_phone_with_a_wrong_password_does_not_silence_its_office(door: Door) -> None:
    """A6: where a phone is registered ten times as much is borne."""
    door.phones.add(STRANGER)
    door.fail(STRANGER, 99)
    assert door.passed(STRANGER) == 1
    door.fail(STRANGER, 1)
    assert door.banned == [STRANGER]


def test_nobody_bans_an_office_by_forging_its_address(door: Door) -> None:
    """Over UDP anybody can send what no answer of ours is needed for: it is told, and never a ban."""
    door.phones.add(STRANGER)
    for n in range(1000):
        door.guard.scans(STRANGER, "friendly-scanner")
        door.guard.on_challenge(STRANGER, str(n))
        door.guard.on_failure(STRANGER, "200", "nonce")
        door.guard.stranger(STRANGER, "", "OPTIONS")
        door.clock.advance(1)
    assert door.banned == []
    assert ("spared", STRANGER) in door.heard


def test_a_botnet_locks_no_account_and_pays_more_for_each_guess(door: Door) -> None:
    """A6: the registered phone goes on; each new address has two guesses instead of ten, and somebody is told."""
    door.phones.add("192.0.2.200")
    for n in range(100):
        door.fail(f"203.0.113.{n}", 2, account="200")
    assert ("guessed", "200") in door.heard
    assert len(door.banned) == 90
    door.guard.on_success("192.0.2.200", "200")
    assert door.passed("192.0.2.200") == 1
    door.fail("203.0.113.200", 2, account="201")
    assert "203.0.113.200" not in door.banned


# Challenges that nobody answers.


def test_who_asks_for_one_account_after_the_other_is_banned(door: Door) -> None:
    """A5: svwar, which never logs in, ten accounts a second."""
    for n in range(100):
        door.guard.on_challenge(STRANGER, str(100 + n))
        door.clock.advance(0.1)
    assert door.banned == [STRANGER]


def test_phones_that_log_in_are_not_banned(door: Door) -> None:
    """Negative control: 90 phones behind one address, one challenge and one login each, and all of it again."""
    for _ in range(3):
        for n in range(90):
            door.guard.on_challenge(STRANGER, str(100 + n))
            door.guard.on_success(STRANGER, str(100 + n))
            door.clock.advance(1)
    assert (door.banned, door.alerts) == ([], [])


def test_a_phone_that_hides_its_number_is_no_scan(door: Door) -> None:
    """Negative control: From is anonymous, the login is the extension's."""
    for _ in range(30):
        door.guard.on_challenge(STRANGER, "anonymous")
        door.guard.on_success(STRANGER, "200")
        door.clock.advance(60)
    assert door.banned == []


# Strangers.


def test_a_scanner_is_banned_by_its_name(door: Door) -> None:
    """svmap: one OPTIONS is enough, and it is not answered."""
    assert door.guard.scans(STRANGER, "friendly-scanner")
    assert door.banned == [STRANGER]
    assert not door.guard.scans("203.0.113.6", "Yealink SIP-T46S")
    assert door.banned == [STRANGER]


def test_a_stranger_is_banned_when_it_keeps_trying(door: Door) -> None:
    """INVITE and OPTIONS of nobody, and what is no message."""
    for method in ("OPTIONS", "INVITE", "", "OPTIONS", "INVITE", "", "", "", ""):
        door.guard.stranger(STRANGER, "Phone", method)
    assert door.banned == []
    door.guard.stranger(STRANGER, "Phone", "INVITE")
    assert door.banned == [STRANGER]
    assert door.guard.figures.strangers == 10


# Floods.


def test_a_flood_is_cut_off_and_then_banned(door: Door) -> None:
    """A6: the burst passes, as much again is dropped, the rest is a ban; a canary elsewhere loses nothing."""
    assert door.passed(STRANGER, 39) == 20
    assert door.banned == []
    assert door.passed(STRANGER, 10_000) == 0
    assert door.banned == [STRANGER]
    assert door.passed("203.0.113.6", 20) == 20
    assert (door.guard.figures.refused_flood, door.guard.figures.bans) == (20, 1)


def test_who_keeps_within_the_rate_is_not_held_back(door: Door) -> None:
    """Negative control: nine a second for a minute."""
    for _ in range(60):
        door.clock.advance(1)
        assert door.passed(STRANGER, 9) == 9
    assert door.banned == []


def test_an_address_with_phones_may_send_more_and_is_not_banned(door: Door) -> None:
    """A6: an office that comes back after a power cut; beyond ten times the rate it is held back only."""
    door.phones.add(STRANGER)
    assert door.passed(STRANGER, 10_000) == 20 + 200
    assert door.banned == []


@pytest.mark.parametrize(("address", "profile"), [(TEAMS, "teams"), (CARRIER, "phones"), (OWN, "phones")])
def test_teams_trunks_and_administrators_are_not_counted(door: Door, address: str, profile: str) -> None:
    """The calls of a whole company come from there."""
    assert door.passed(address, 10_000, profile) == 10_000


def test_teams_networks_are_counted_where_teams_does_not_call(door: Door) -> None:
    """A25: an address in Microsoft's networks proves nothing to the profile of phones; a ban would hit Teams too."""
    assert door.passed(TEAMS, 10_000, "phones") == 20
    assert door.banned == []
    assert door.passed(TEAMS, 100, "teams") == 100


def test_memory_is_bounded_under_forged_addresses(door: Door) -> None:
    """A6: 30,000 sources leave no more behind than 20,000 do."""
    for n in range(30_000):
        door.guard.admits(f"{11 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.1", "phones")
    assert len(door.guard._peers) <= 32_768
    assert len(door.guard._floods) <= 20_000


# The administrator.


def test_a_ban_that_is_lifted_leaves_nothing_behind(door: Door) -> None:
    """The next failure is the first again."""
    door.fail(STRANGER, 10)
    assert door.guard.lift(STRANGER)
    assert not door.guard.lift(STRANGER)
    door.fail(STRANGER, 4)
    assert door.passed(STRANGER) == 1


def test_who_becomes_protected_is_let_go(door: Door) -> None:
    """The administrator names the network of a banned trunk, or its own."""
    door.fail(STRANGER, 10)
    door.fail("203.0.114.5", 10)
    door.guard.use(replace(door.settings, security=Security(never_ban=("203.0.113.0/24",))))
    assert door.banned == ["203.0.114.5"]
    changed = replace(door.settings, trunks=(Trunk(id="new", host="203.0.114.5"),))
    door.guard.screen.use(changed)
    door.guard.use(changed)
    assert door.banned == []


def test_other_limits_hold_at_once(door: Door) -> None:
    """What was counted so far counts on."""
    door.fail(STRANGER, 2)
    door.guard.use(replace(door.settings, security=Security(ban_after=3, flood=Flood(per_second=1, burst=1))))
    door.fail(STRANGER, 1)
    assert door.banned == [STRANGER]
    assert door.passed("203.0.113.6", 10) == 1


def test_a_ban_by_hand_is_a_ban_but_not_of_who_is_protected(door: Door) -> None:
    """A wrong line cannot cut off Teams."""
    assert door.guard.ban(STRANGER, 60, "by hand") is not None
    assert door.guard.ban(TEAMS, 60, "by hand") is None
    assert door.banned == [STRANGER]


def test_alerts_are_few_whatever_happens(door: Door) -> None:
    """A6: an attack from everywhere does not fill the log; what was withheld is counted."""
    for n in range(1000):
        door.guard.scans(f"203.0.{n >> 8}.{n & 255}", "sipcli")
    assert len(door.alerts) == 20
    assert door.guard.figures.alerts_withheld == 980
    assert len(door.banned) == 1000


@pytest.mark.parametrize(
    ("alert", "text"),
    [
        (Alert("banned", STRANGER, "failed logins", 10, 600), "203.0.113.5 is banned for 600 s: failed logins"),
        (
            Alert("suspected", STRANGER, "failed logins", 5, 600),
            "203.0.113.5 may be an attacker: 5 failed logins within 600 s",
        ),
        (
            Alert("spared", CARRIER, "a flood of requests", 0, 600),
            "198.51.100.9 would be banned, were it not protected: a flood of requests",
        ),
        (
            Alert("guessed", "200", "failed logins", 20, 600),
            "Somebody guesses the password of '200': 20 failed logins within 600 s",
        ),
    ],
)
def test_an_alert_says_who_did_what(alert: Alert, text: str) -> None:
    """One sentence for the log."""
    assert str(alert) == text
