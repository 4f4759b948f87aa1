"""The logins that failed lately."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.observe.logins import FailedLogins


class Beyond:
    """Somebody else who counts."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def on_challenge(self, address: str, account: str) -> None:
        self.told.append(("challenge", address, account))

    def on_failure(self, address: str, account: str, why: str) -> None:
        self.told.append(("failure", address, account, why))

    def on_success(self, address: str, account: str) -> None:
        self.told.append(("success", address, account))


def test_failures_are_counted_by_account_and_address_the_latest_first() -> None:
    clock = Clock()
    logins = FailedLogins(clock.seconds)
    for account in ("1001", "1002", "1001"):
        logins.on_failure("192.0.2.1", account, "password")
        clock.advance(1)
    first, second = logins.listed()
    assert (first.account, first.count, (first.last - first.first).seconds) == ("1001", 2, 2)
    assert (second.account, second.count) == ("1002", 1)


def test_a_login_that_works_clears_its_failures() -> None:
    logins = FailedLogins(Clock().seconds)
    logins.on_failure("192.0.2.1", "1001", "password")
    logins.on_success("192.0.2.2", "1001")
    assert len(logins.listed()) == 1
    logins.on_success("192.0.2.1", "1001")
    assert logins.listed() == []


def test_memory_is_bounded_and_names_are_harmless() -> None:
    """A30: accounts are what strangers write."""
    logins = FailedLogins(Clock().seconds, most=3)
    for number in range(5):
        logins.on_failure("192.0.2.1", f"\x1b{number}" + "x" * 1000, "unknown")
    assert [each.account[:6] for each in logins.listed()] == ["\\x1b4x", "\\x1b3x", "\\x1b2x"]
    assert all(len(each.account) < 200 for each in logins.listed())


def test_all_is_passed_on() -> None:
    beyond = Beyond()
    logins = FailedLogins(Clock().seconds, beyond)
    logins.on_challenge("a", "1")
    logins.on_failure("a", "1", "nonce")
    logins.on_success("a", "1")
    assert [each[0] for each in beyond.told] == ["challenge", "failure", "success"]
