"""Who is shut out, for how long, and that nobody can fill our memory with it."""

from __future__ import annotations

import pytest

from rustalk.security.bans import Ban, Bans

STRANGER = "203.0.113.5"


def test_a_ban_holds_for_its_time_and_is_forgotten() -> None:
    """Its end belongs to it no more."""
    bans = Bans()
    assert bans.ban(STRANGER, 600, "failed logins", 100.0) == Ban(STRANGER, "failed logins", 100.0, 700.0)
    assert bans.is_banned(STRANGER, 699.9)
    assert not bans.is_banned("203.0.113.6", 699.9)
    assert not bans.is_banned(STRANGER, 700.0)
    assert len(bans) == 0


def test_an_ipv6_address_is_banned_with_its_64() -> None:
    """Whoever has one address there has them all; the next network is somebody else's."""
    bans = Bans()
    ban = bans.ban("2001:db8:1:2::5", 600, "a flood", 0.0)
    assert ban is not None
    assert ban.source == "2001:db8:1:2::/64"
    assert bans.is_banned("2001:db8:1:2:ffff::1", 1.0)
    assert not bans.is_banned("2001:db8:1:3::5", 1.0)


@pytest.mark.parametrize("spelling", ["::ffff:203.0.113.5", "::ffff:cb00:7105"])
def test_a_mapped_address_is_the_ipv4_one(spelling: str) -> None:
    """The same peer, over a socket for both versions."""
    bans = Bans()
    bans.ban(spelling, 600, "a flood", 0.0)
    assert bans.is_banned(STRANGER, 1.0)
    assert bans.is_banned(spelling, 1.0)
    assert not bans.is_banned("::203.0.113.5", 1.0)


def test_who_is_exempt_is_never_banned() -> None:
    """Teams, trunks, administrators; and what is no address."""
    bans = Bans(exempt=lambda address: address == "192.0.2.1")
    assert bans.ban("192.0.2.1", 600, "a flood", 0.0) is None
    assert bans.ban("no address", 600, "a flood", 0.0) is None
    assert bans.ban(STRANGER, 600, "a flood", 0.0) is not None
    assert not bans.is_banned("192.0.2.1", 1.0)


def test_a_ban_ends_when_it_is_lifted() -> None:
    """By an address, or by the network as the list of bans shows it."""
    bans = Bans()
    bans.ban("2001:db8::5", 600, "a flood", 0.0)
    assert bans.lift("2001:db8::/64")
    assert not bans.is_banned("2001:db8::5", 1.0)
    assert not bans.lift("2001:db8::5")


def test_what_changes_is_told() -> None:
    """Bans that are made and lifted, not those that end by themselves."""
    told: list[tuple[str, Ban | None]] = []
    bans = Bans(exempt=lambda address: address == "203.0.113.6", told=lambda *what: told.append(what))
    made = bans.ban(STRANGER, 600, "a flood", 0.0)
    bans.ban("203.0.113.6", 600, "a flood", 0.0)
    bans.lift(STRANGER)
    bans.lift(STRANGER)
    bans.ban("203.0.113.7", 10, "a flood", 0.0)
    assert not bans.is_banned("203.0.113.7", 10.0)
    assert told[:2] == [(STRANGER, made), (STRANGER, None)]
    assert [source for source, _ in told[2:]] == ["203.0.113.7"]


def test_bans_from_elsewhere_are_taken_up() -> None:
    """Neither those that are over, nor shorter than ours, nor of who is exempt; and nothing of it is told."""
    told: list[object] = []
    bans = Bans(exempt=lambda address: address == "192.0.2.1", told=lambda *what: told.append(what))
    for source, until in ((STRANGER, 700.0), (STRANGER, 600.0), ("192.0.2.1", 700.0), ("203.0.113.6", 100.0)):
        bans.learn(Ban(source, "a flood", 50.0, until), 100.0)
    assert bans.snapshot(100.0) == (Ban(STRANGER, "a flood", 50.0, 700.0),)
    bans.learn(Ban(STRANGER, "", 100.0, 0.0), 100.0)
    assert (bans.snapshot(100.0), told) == ((), [])


def test_those_who_become_exempt_are_let_go() -> None:
    """The administrator has named a network that is banned."""
    own: set[str] = set()
    bans = Bans(exempt=own.__contains__)
    bans.ban(STRANGER, 600, "a flood", 0.0)
    bans.ban("203.0.113.6", 600, "a flood", 0.0)
    own.add(STRANGER)
    bans.lift_exempt()
    assert [ban.source for ban in bans.snapshot(1.0)] == ["203.0.113.6"]


def test_a_second_ban_never_shortens_the_first() -> None:
    """A short ban for a flood does not free who is banned for a day."""
    bans = Bans()
    bans.ban(STRANGER, 86400, "by hand", 0.0)
    bans.ban(STRANGER, 600, "a flood", 1.0)
    assert bans.is_banned(STRANGER, 80000.0)


def test_memory_is_bounded_and_the_oldest_makes_room() -> None:
    """A6: forged sources cannot grow it."""
    bans = Bans(most=100)
    for n in range(1000):
        bans.ban(f"203.0.{n >> 8}.{n & 255}", 600, "a flood", float(n))
    assert len(bans) == 100
    assert bans.snapshot(1000.0)[0].source == "203.0.3.132"


def test_the_list_shows_what_is_in_force() -> None:
    """Not those that are over, though they may still be remembered."""
    bans = Bans()
    bans.ban(STRANGER, 10, "a flood", 0.0)
    bans.ban("203.0.113.6", 600, "a flood", 0.0)
    assert [ban.source for ban in bans.snapshot(60.0)] == ["203.0.113.6"]
