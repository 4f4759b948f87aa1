"""Rules over extensions, ring groups, DIDs, mailboxes and policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rustalk.config.load import load
from tests.config.findings import TRUNK, faults, paths, warned


def phone(number: str, **keys: Any) -> dict[str, Any]:
    """Return an extension that nothing can be said against."""
    return {"extension": number, "certificate_subject": f"{number}.example.com"} | keys


def group(**keys: Any) -> dict[str, Any]:
    """Return a group of one extension, changed by ``keys``."""
    return {"id": "support", "extensions": ["1001"]} | keys


def test_a_number_and_an_id_are_given_once() -> None:
    """In each kind of things; the fault names the first place."""
    found = faults(extensions=[phone("1001"), phone("1001"), phone("1002", id="1001")])
    assert [fault.path for fault in found] == [
        "$.extensions[1].extension",
        "$.extensions[1].id",
        "$.extensions[2].id",
    ]
    assert "$.extensions[0].extension" in found[0].hint
    for section in ("policies", "calendars", "ring_groups"):
        assert paths(**{section: [{"id": "a"}, {"id": "a"}]})[0] == f"$.{section}[1].id"


@pytest.mark.parametrize(
    "keys", [{"policy": "office"}, {"codecs": ["PCMA", "G728"]}, {"allowed_networks": ["192.0.2.1/24"]}]
)
def test_what_an_extension_names_exists(keys: dict[str, Any]) -> None:
    """Its policy, its codecs, its networks."""
    (found,) = paths(extensions=[phone("1001", **keys)])
    assert found.startswith(f"$.extensions[0].{next(iter(keys))}")


def test_an_extension_that_nobody_can_use_or_everybody_can_guess_is_warned_of() -> None:
    """No password at all, a short one, and one with the number in it."""
    start = "$.extensions[0].password"
    assert warned(extensions=[{"extension": "1001"}]) == [start]
    assert warned(extensions=[{"extension": "1001", "password": "hunter2"}]) == [start]
    assert warned(extensions=[{"extension": "1001", "password": "rustalk1001"}]) == [start]
    assert warned(extensions=[{"extension": "1001", "password": "correct horse"}]) == []
    assert warned(extensions=[{"extension": "1001", "ha1_sha256": "0" * 64}]) == []


def test_hashes_for_another_domain_are_warned_of() -> None:
    """All phones at once would stay outside; a password in clear is good for any domain."""
    old = {"ha1_md5": "0" * 32, "ha1_realm": "old.example.com"}
    phones = [{"extension": str(number), **old} for number in range(1010, 1000, -1)]
    house = {"sip": {"domain": "new.example.com"}}
    (notice,) = (each for each in load(json.dumps({**house, "extensions": phones})).warnings if "sip" in each.path)
    assert notice.path == "$.sip.domain"
    assert notice.message.startswith("10 extensions have a password of which only the HA1 for old.example.com is kept")
    assert (
        "(1001, 1002, 1003, 1004, 1005, and 5 more): give them new ones (`rustalk extensions rotate-passwords"
        in notice.message
    )
    good = [{"extension": "1", "ha1_md5": "0" * 32}, {"extension": "2", **old, "password": "correct horse"}]
    assert warned(**house, extensions=[*good, phone("3", ha1_realm="old.example.com")]) == []
    assert warned(sip={"domain": "old.example.com"}, extensions=phones) == []


def test_forwarding_leads_somewhere_else() -> None:
    """To itself is refused; where nothing takes the number it is worth a word."""
    start = "$.extensions[0].call_forwarding.busy"
    assert paths(extensions=[phone("1001", call_forwarding={"busy": "1001"})]) == [start]
    assert warned(extensions=[phone("1001", call_forwarding={"busy": "1003"})]) == [start]
    assert warned(extensions=[phone("1001", call_forwarding={"busy": "1002"}), phone("1002")]) == []
    routing = {"routes": [{"id": "r", "pattern": "^1003$", "destination": {"type": "Trunk", "value": "carrier"}}]}
    away = phone("1001", call_forwarding={"busy": "1003"})
    assert warned(extensions=[away], routing=routing, trunks=[TRUNK]) == []


def test_the_members_of_a_group_exist_and_are_there_once() -> None:
    """By number or id, in both of its lists."""
    phones = [phone("1001", id="alice"), phone("1002")]
    found = paths(extensions=phones, ring_groups=[group(extensions=["1001", "1005"], members=[{"extension": "1001"}])])
    assert found == ["$.ring_groups[0].extensions[1]", "$.ring_groups[0].members[0].extension"]
    assert paths(extensions=phones, ring_groups=[group(extensions=["alice", "1002"])]) == []


def test_a_group_without_members_or_with_an_overflow_to_itself_is_warned_of() -> None:
    """The call ends with a clear reason, and the file says so before."""
    assert warned(ring_groups=[group(extensions=[])]) == ["$.ring_groups[0].extensions"]
    one = group(overflow={"type": "RingGroup", "value": "sales"})
    two = group(id="sales", overflow={"type": "RingGroup", "value": "support"})
    found = warned(extensions=[phone("1001")], ring_groups=[one, two])
    assert found == ["$.ring_groups[0].overflow", "$.ring_groups[1].overflow"]
    assert paths(extensions=[phone("1001")], ring_groups=[group(overflow="1002")]) == [
        "$.ring_groups[0].overflow.value"
    ]


def test_a_did_leads_somewhere() -> None:
    """A text alone is an extension; a number that is there twice with one priority is worth a word."""
    did = {"number": "+12025550123", "destination": "1001"}
    assert paths(dids=[did]) == ["$.dids[0].destination.value"]
    twice = [did, did | {"id": "second"}]
    assert warned(extensions=[phone("1001")], dids=twice) == ["$.dids[1].number"]
    assert warned(extensions=[phone("1001")], dids=[did, did | {"id": "second", "priority": 200}]) == []


def test_a_mailbox_belongs_to_an_extension() -> None:
    """A PIN that is the number of the extension is as good as none."""
    assert paths(mailboxes=[{"extension": "1001"}]) == ["$.mailboxes[0].extension"]
    phones = [phone("1001")]
    assert paths(extensions=phones, mailboxes=[{"extension": "1001", "greeting": "custom"}]) == [
        "$.mailboxes[0].greeting_path"
    ]
    assert warned(extensions=phones, mailboxes=[{"extension": "1001", "pin": "1001"}]) == ["$.mailboxes[0].pin"]


def test_a_policy_has_a_name_and_limits_something() -> None:
    """Where it stands in another section it needs no name."""
    assert paths(policies=[{"daily_limit": {"count": 1}}]) == ["$.policies[0].id"]
    assert warned(policies=[{"id": "a"}]) == ["$.policies[0]"]
    both = {"id": "a", "allowed_countries": ["de"], "denied_countries": ["DE", "SO"]}
    assert warned(policies=[both]) == ["$.policies[0].denied_countries"]
    assert warned(extensions=[phone("1001", policy={"concurrency": {"max_total": 1}})]) == []


def test_a_spend_limit_in_a_currency_that_nothing_costs_is_warned_of() -> None:
    """It would never be reached."""
    policy = {"id": "a", "spend_limit": {"per_day": 50, "currency": "eur"}}
    assert warned(policies=[policy]) == ["$.policies[0].spend_limit"]
    assert warned(policies=[policy], rates=[{"id": "r", "rate_per_minute": 1, "currency": "EUR"}]) == []


def test_the_policy_of_a_trunk_exists() -> None:
    """By its id."""
    assert paths(trunks=[TRUNK | {"policy": "office"}]) == ["$.trunks[0].policy"]
    assert paths(trunks=[TRUNK | {"policy": "office"}], policies=[{"id": "office"}]) == []
