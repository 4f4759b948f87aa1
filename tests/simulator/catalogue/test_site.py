"""The configuration that the catalogue is played against."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rustalk.config.load import load
from rustalk.simulator.catalogue.site import ROLES, TENANTS, USER, Site
from rustalk.simulator.pki import Pki

HOSTS = {"sip.pstnhub.microsoft.com": "127.0.0.2"}
CARRIERS = {role.id: (f"127.0.0.{9 + number}", 5060) for number, role in enumerate(ROLES)}


@pytest.mark.parametrize("bypass", [True, False])
def test_it_is_accepted_without_a_warning(pki: Pki, tmp_path: Path, bypass: bool) -> None:
    site = Site(carriers=CARRIERS, bypass=bypass)
    text = site.configuration(tmp_path, pki.write(tmp_path), HOSTS, ["sip.pstnhub.microsoft.com:5061"])
    settings = load(text, "catalogue")
    assert [str(one) for one in settings.warnings] == []
    assert settings.teams.media_bypass is bypass
    assert [trunk.id for trunk in settings.trunks] == [role.id for role in ROLES]


def test_the_number_of_each_role_is_behind_its_trunk_only() -> None:
    for role in ROLES[:-1]:
        assert [one.id for one in ROLES[:-1] if re.search(one.pattern, role.number)] == [role.id]


def test_each_tenant_has_a_user_that_no_other_has() -> None:
    """MTN-03."""
    site = Site()
    users = {one.user for one in TENANTS}
    assert len(users | {USER}) == len(TENANTS) + 1
    for one in TENANTS:
        found = site.table.tenant(site.tenant(one.id))
        assert found is not None
        assert found.numbers == {one.user}


def test_the_simulator_knows_a_name_that_the_sbc_does_not() -> None:
    """MTN-05: an unknown host must reach the SBC to be refused by it."""
    assert set(Site().hosts) - {Site().tenant(one.id) for one in TENANTS} == {Site().fqdn, Site().tenant("three")}
