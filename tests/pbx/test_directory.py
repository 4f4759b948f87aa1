"""Who and what has a number in this house."""

from __future__ import annotations

from rustalk.config.model import Destination, Did, RingGroup, Settings
from rustalk.pbx.directory import Directory, calling_extension
from tests.pbx.plans import phone, trunk

ONE = Destination(type="Extension", value="1")


def test_an_extension_is_found_by_its_number_and_by_its_id() -> None:
    """The number counts more."""
    directory = Directory(Settings(extensions=(phone("1001", id="1002"), phone("1002", id="bob"))))
    found = [directory.extension(name) for name in ("1001", "1002", "bob", "1003")]
    assert [each.extension if each else None for each in found] == ["1001", "1002", "1002", None]


def test_a_group_is_found_by_its_id_and_by_its_name() -> None:
    """The id counts more."""
    directory = Directory(Settings(ring_groups=(RingGroup(id="a", name="b"), RingGroup(id="b", name="Sales"))))
    found = [directory.group(name) for name in ("a", "b", "Sales", "c")]
    assert [each.id if each else None for each in found] == ["a", "b", "b", None]


def test_who_is_in_one_group_with_whom() -> None:
    """By number or id; a group that is off makes nobody a mate, and nobody is his own."""
    groups = (
        RingGroup(id="a", extensions=("1001", "bob")),
        RingGroup(id="b", extensions=("1002", "1003"), enabled=False),
    )
    phones = (phone("1001"), phone("1002", id="bob"), phone("1003"))
    directory = Directory(Settings(extensions=phones, ring_groups=groups))
    assert directory.are_mates("1001", "1002")
    assert not directory.are_mates("1002", "1003")
    assert not directory.are_mates("", "1001")


def test_a_number_from_outside_is_found_with_a_plus_and_without() -> None:
    """The enabled one of lowest priority."""
    dids = (
        Did(id="late", number="+4930", destination=ONE, priority=9),
        Did(id="off", number="+4930", destination=ONE, priority=0, enabled=False),
        Did(id="first", number="4930", destination=ONE, priority=1),
    )
    directory = Directory(Settings(dids=dids))
    assert {did.id for did in (directory.did("+4930"), directory.did("4930")) if did} == {"first"}
    assert directory.did("+4931") is None


def test_a_trunk_is_found_by_its_id() -> None:
    """Teams is none of them."""
    directory = Directory(Settings(trunks=(trunk("carrier"),)))
    assert directory.trunk("carrier") is not None
    assert directory.trunk("teams") is None


def test_who_calls() -> None:
    """An extension or a trunk."""
    assert [calling_extension(source) for source in ("extension:1001", "carrier", "teams")] == ["1001", "", ""]


def test_what_did_not_change_is_taken_over() -> None:
    """And what did is not."""
    before = Settings(extensions=(phone("1"),), dids=(Did(number="2", destination=ONE),))
    after = Directory(Settings(extensions=before.extensions), Directory(before))
    assert after.extension("1") is not None
    assert after.did("2") is None
