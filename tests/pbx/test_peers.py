"""Who can be called: trunks by their id, phones by their number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rustalk.pbx.peers import Busy
from tests.scenarios.office import Office


@pytest.fixture
def office() -> Office:
    """Three extensions, a phone for each."""
    return Office(more={"1002": {"max_concurrent_calls": 1}})


def test_peers_are_found_by_id(office: Office) -> None:
    """Trunks stand under their own ids, extensions under their number; the rest is nobody."""
    peers = office.core.peers
    assert peers["carrier"] is office.trunks["carrier"]
    assert peers["extension:1001"].id == "extension:1001"
    assert peers["custom"].id == "custom"
    assert "extension:9999" not in peers
    assert "nobody" not in peers
    assert set(peers) == set(office.trunks)
    assert len(peers) == len(office.trunks)


def test_a_phone_is_made_anew_when_its_extension_changes(office: Office) -> None:
    """Its calls are counted on, and the new limit holds at once."""
    peers = office.core.peers
    phone = peers.phone("1002")
    assert phone is peers.phone("1002")
    assert phone is not None
    assert phone.limit.admit() == ""
    assert phone.limit.admit() == "extension_busy"
    changed = Office(more={"1002": {"max_concurrent_calls": 2}}).settings
    office.core.use(changed)
    renewed = peers.phone("1002")
    assert renewed is not None
    assert renewed is not phone
    assert renewed.limit is phone.limit
    assert renewed.limit.admit() == ""
    assert peers.is_busy("1002")
    assert not peers.is_busy("1001")


def test_the_phones_of_an_extension_that_is_gone_end_their_calls(office: Office) -> None:
    """The peer of a call in progress is found as long as the process lives."""
    phone = office.core.peers.phone("1003")
    office.core.use(without(office, "1003"))
    assert office.core.peers.phone("1003") is phone
    assert office.core.extension("1003") is None
    assert office.core.locator.bindings("1003") == ()


def without(office: Office, number: str) -> Any:
    """The settings without one extension."""
    kept = tuple(each for each in office.settings.extensions if each.extension != number)
    return replace(office.settings, extensions=kept)


def test_busy() -> None:
    """0 is any number; what is taken counts too."""
    limit = Busy()
    limit.take()
    assert limit.admit() == ""
    limit.allow(2)
    assert limit.admit() == "extension_busy"
    limit.release()
    assert limit.admit() == ""
