"""Changes of single items on top of settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rustalk.config.load import load
from rustalk.config.model import Extension, Settings
from rustalk.config.overlay import CONFIG, SECTIONS, Change, Index, all_changed, changed, completed, to_json
from rustalk.config.problem import ConfigError, Problem
from rustalk.config.secret import Secret

FILE: dict[str, Any] = {
    "extensions": [{"extension": "1001", "password": "correct horse", "codecs": ["PCMA"]}, {"extension": "1002"}],
    "ring_groups": [{"id": "sales", "extensions": ["1001"], "overflow": "1002"}],
    "dids": [{"number": "+12025550123", "destination": "1002"}],
    "policies": [{"id": "office", "daily_limit": {"count": 1}}],
    "trunks": [{"id": "carrier", "host": "192.0.2.7", "numbers": {"in": [{"match": "^0", "replace": "1"}]}}],
}


@pytest.fixture
def settings() -> Settings:
    """A small house."""
    return load(json.dumps(FILE))


def refused(settings: Settings, *changes: Change) -> list[Problem]:
    """Make the changes, which must be refused, and return why."""
    with pytest.raises(ConfigError) as caught:
        all_changed(settings, changes)
    return list(caught.value.problems)


def test_an_item_is_replaced_where_it_stands(settings: Settings) -> None:
    """Nothing else is made anew."""
    new = changed(settings, Change("extensions", "1001", {"extension": "1001", "display_name": "Alice"}))
    assert new.extensions[0] == Extension(extension="1001", display_name="Alice")
    assert new.extensions[1] is settings.extensions[1]
    assert new.trunks is settings.trunks


def test_a_new_item_comes_last_and_takes_its_name_from_the_change(settings: Settings) -> None:
    """The value need not say it again."""
    new = changed(settings, Change("extensions", "carol", {"extension": "1003"}))
    assert [(each.id, each.extension) for each in new.extensions][2:] == [("carol", "1003")]


def test_an_item_is_deleted_unless_something_refers_to_it(settings: Settings) -> None:
    """Deleting what is not there changes nothing."""
    assert changed(settings, Change("dids", "12025550123", None)).dids == ()
    assert changed(settings, Change("dids", "nowhere", None)).dids == settings.dids
    found = refused(settings, Change("extensions", "1002", None))
    assert [problem.path for problem in found] == [
        '$.dids["12025550123"].destination.value',
        '$.ring_groups["sales"].overflow.value',
    ]


def test_changes_that_need_each_other_go_together(settings: Settings) -> None:
    """The rules look at the settings after all of them, whatever their order."""
    route = {"pattern": "^1", "destination": {"type": "Trunk", "value": "new"}}
    new = all_changed(settings, [Change("routes", "r", route), Change("trunks", "new", {"host": "192.0.2.9"})])
    assert new.routing.routes[0].id == "r"


def test_every_fault_of_a_value_has_its_place(settings: Settings) -> None:
    """After the place of the item, which is named by its key."""
    change = Change("extensions", "1001", {"extension": "1 2", "email": "x", "policy": "nobody"})
    places = {problem.path for problem in refused(settings, change)}
    assert {f"{change.path}.email", f"{change.path}.extension", f"{change.path}.policy"} <= places
    assert change.path == '$.extensions["1001"]'


def test_the_name_of_an_item_stays(settings: Settings) -> None:
    """Else a change of one would be a change of another."""
    found = refused(settings, Change("policies", "office", {"id": "other", "daily_limit": {"count": 1}}))
    assert [problem.path for problem in found] == ['$.policies["office"].id']


def test_a_number_that_another_has_is_refused(settings: Settings) -> None:
    """Across what is in the file and what is not."""
    (found,) = refused(settings, Change("extensions", "new", {"extension": "1001"}))
    assert found.path == '$.extensions["new"].extension'
    assert '$.extensions["1001"].extension' in found.hint


def test_what_an_extension_refers_to_cannot_go(settings: Settings) -> None:
    """The extension is named although it was not read again."""
    new = changed(settings, Change("extensions", "1001", {"extension": "1001", "policy": "office"}))
    (found,) = refused(new, Change("policies", "office", None))
    assert found.path == '$.extensions["1001"].policy'


def test_faults_elsewhere_are_found_down_to_parts_of_items(settings: Settings) -> None:
    """A codec that an extension and a trunk use goes: both are named."""
    new = changed(settings, Change("trunks", "carrier", {"host": "192.0.2.7", "codecs": ["PCMA"]}))
    found = refused(new, Change("codecs", "PCMA/8000", None))
    assert [problem.path for problem in found] == ['$.extensions["1001"].codecs[0]', '$.trunks["carrier"].codecs[0]']


def test_sections_are_replaced_as_a_whole(settings: Settings) -> None:
    """What is left out has its default; networks of Teams follow the cloud."""
    new = changed(settings, Change(CONFIG, "security", {"ban_after": 3}))
    assert (new.security.ban_after, new.security.ban_seconds) == (3, 600)
    assert changed(new, Change(CONFIG, "security", None)).security == settings.security
    assert changed(settings, Change(CONFIG, "teams", {"cloud": "dod"})).teams.networks == ("52.127.64.0/21",)
    (found,) = refused(settings, Change(CONFIG, "sip", {"domian": "x"}))
    assert found.path == "$.sip.domian"


def test_unknown_collections_and_sections_are_refused(settings: Settings) -> None:
    """Lists are changed item by item, so they are no sections."""
    assert not {"extensions", "routing", "acls", "codecs"} & set(SECTIONS)
    assert "extensions" in refused(settings, Change("phones", "1001", {}))[0].expected
    assert "security" in refused(settings, Change(CONFIG, "routing", {}))[0].expected


def test_warnings_are_those_of_the_new_settings(settings: Settings) -> None:
    """What was not read again is not looked at again by itself."""
    assert [notice.path for notice in settings.warnings] == ["$.extensions[1].password", "$.routing.routes"]
    new = changed(settings, Change("extensions", "1003", {"extension": "1003"}))
    assert [notice.path for notice in new.warnings] == ['$.extensions["1003"].password', "$.routing.routes"]


def test_a_value_without_secrets_keeps_those_of_the_item(settings: Settings) -> None:
    """A client that never sees a password can still change what stands beside it."""
    alice, bob = settings.extensions
    value = to_json(alice) | {"display_name": "Alice"}
    assert completed(alice, value | {"password": "new"})["password"] == "new"
    assert "password" not in completed(bob, to_json(bob))
    new = changed(settings, Change("extensions", "1001", completed(alice, value)))
    assert new.extensions[0].password == Secret("correct horse")


def test_many_changes_are_made_at_once() -> None:
    """Importing a company is one check, not thousands; one change on top reads one item."""
    changes = [Change("extensions", str(number), {"extension": str(number)}) for number in range(10_000, 12_000)]
    many = all_changed(Settings(), changes)
    new = changed(many, Change("extensions", "10500", {"extension": "10500", "notes": "x"}))
    pairs = zip(many.extensions, new.extensions, strict=True)
    assert [place for place, (old, now) in enumerate(pairs) if old is not now] == [500]


def test_an_index_finds_what_changes_name(settings: Settings) -> None:
    """Items of collections, wherever those stand, and sections; None for what is not there."""
    index = Index(settings)
    assert index.find("extensions", "1002") is settings.extensions[1]
    assert index.find("ring_groups", "sales") is settings.ring_groups[0]
    assert index.find(CONFIG, "sip") is settings.sip
    assert index.find("extensions", "9999") is None
    assert index.find(CONFIG, "nothing") is index.find("nothing", "1002") is None
