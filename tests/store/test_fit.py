"""What the database holds and the file no longer fits: told before the start and at it, with the item behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.overlay import Change
from rustalk.config.problem import ConfigError, Notice
from rustalk.store.database import backend_of, once
from rustalk.store.fit import look
from rustalk.store.store import open_store

DID = {"id": "main", "number": "+4930123", "destination": {"type": "Extension", "value": "1001"}}


@pytest.fixture
def file(url: str, tmp_path: Path) -> Any:
    """Makes settings of a file with these sections over the database."""

    def make(**sections: object) -> Settings:
        place = {"server": {"state_directory": str(tmp_path / "state")}, "database": {"url": url}}
        return load(json.dumps({**place, **sections}))

    return make


async def changed(settings: Settings, *changes: Change) -> None:
    """A run of the switch in which this is changed."""
    store = open_store(settings, reactor, {})
    await store.live.change_all(changes, "alice")
    await store.stop()


@pytest_twisted.ensureDeferred
async def test_an_item_that_the_file_leaves_alone_is_named(file: Any) -> None:
    """Its collection and name, the revision, who and when, and both ways out; by a look and by a start."""
    await changed(file(extensions=[{"extension": "1001"}]), Change("dids", "main", DID))
    without = file()
    for attempt in (lambda: look(without, {}), lambda: open_store(without, reactor, {})):
        with pytest.raises(ConfigError, match="what the database holds does not fit the file: 1 problem") as raised:
            attempt()
        [problem] = raised.value.problems
        assert problem.path == '$.dids["main"].destination.value'
        assert 'the database has dids "main" since revision 1 (alice, 20' in problem.hint
        assert "mend the file, or with the switch stopped `rustalk db drop dids main -c FILE`" in problem.hint


@pytest_twisted.ensureDeferred
async def test_an_item_that_was_deleted_and_is_needed_is_named(file: Any) -> None:
    """The fault is in the file then, and its cause in the database."""
    extension = {"extensions": [{"extension": "1001"}]}
    await changed(file(**extension), Change("extensions", "1001", None))
    with pytest.raises(
        ConfigError, match=r'extensions "1001" was deleted by revision 1 \(alice, .*db drop extensions 1001'
    ):
        look(file(**extension, dids=[DID]), {})


@pytest_twisted.ensureDeferred
async def test_a_section_that_does_not_fit_is_named(file: Any) -> None:
    """As `config` and its name."""
    acl = {"acls": {"acls": [{"name": "desk", "default_policy": "allow"}]}}
    await changed(file(**acl), Change("config", "api", {"acl": "desk"}))
    with pytest.raises(ConfigError, match="drop config api"):
        look(file(), {})


@pytest_twisted.ensureDeferred
async def test_a_domain_that_the_stored_passwords_are_not_for_is_told(file: Any) -> None:
    """By a look and at a start; what the file alone is warned of is not told again."""
    before = file(sip={"domain": "old.example.com"})
    await changed(before, Change("extensions", "1001", {"extension": "1001", "password": "correct horse"}))
    told: list[Notice] = []
    assert look(before, {}, told.append) == ""
    assert told == []
    after = file(sip={"domain": "new.example.com"}, extensions=[{"extension": "1002"}])
    assert look(after, {}, told.append) == ""
    assert [each.path for each in told] == ["$.sip.domain"]
    store = open_store(after, reactor, {})
    assert told[0] in store.live.settings.warnings
    await store.live.change(Change("extensions", "1001", {"extension": "1001", "password": "horse correct"}), "alice")
    assert told[0] not in store.live.settings.warnings
    await store.stop()


@pytest_twisted.ensureDeferred
async def test_what_the_file_says_in_vain_is_told(file: Any) -> None:
    """An edit of an item, or of a section, that the database has otherwise; not what both have alike or one alone."""
    alice, bob = {"extension": "1001", "password": "correct horse"}, {"extension": "1002"}
    before = file(extensions=[alice, bob], sip={"max_forwards": 60})
    edits = (
        Change("extensions", "1001", {**alice, "notes": "moved"}),
        Change("extensions", "1001", alice),
        Change("extensions", "1003", {"extension": "1003", "password": "horse correct"}),
        Change("config", "sip", {"max_forwards": 60}),
        Change("config", "media", {"one_way_after": 30}),
    )
    for edit in edits:
        await changed(before, edit)
    told: list[Notice] = []
    assert look(before, {}, told.append) == ""
    assert told == []
    after = file(extensions=[{**alice, "notes": "new"}, bob], sip={"max_forwards": 50})
    assert look(after, {}, told.append) == ""
    assert [each.path for each in told] == ["$.extensions", "$"]
    assert "its own version of 1001, which counts" in told[0].message
    assert "`rustalk db drop config ID`" in told[1].message


@pytest_twisted.ensureDeferred
async def test_a_look_changes_nothing(file: Any, tmp_path: Path) -> None:
    """It makes neither a database nor a key, upgrades nothing, and says what it could not see."""
    settings = file()
    assert look(settings, {}) == "" or "another version" in look(settings, {})
    assert not (tmp_path / "state").exists()
    await changed(settings, Change("dids", "main", {**DID, "destination": {"type": "Hangup", "value": "404"}}))
    assert look(settings, {}) == ""
    (tmp_path / "state" / "vault.key").unlink()
    assert "vault.key is missing" in look(settings, {})
    backend = backend_of(settings.database.url.reveal())
    once(backend, lambda session: session.execute("DELETE FROM migrations WHERE number > 1"))
    assert "another version" in look(settings, {})


def test_a_database_that_cannot_be_asked_is_said(tmp_path: Path) -> None:
    """With the cause, and without the password."""
    settings = load(json.dumps({"database": {"url": "postgresql://u:CANARY@127.0.0.1:1/d"}}))
    assert "cannot be reached" in look(settings, {})
    assert "CANARY" not in look(settings, {})
