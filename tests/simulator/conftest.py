"""A cloud and an SBC that talk over loopback, for the tests of the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from rustalk.simulator.pki import Pki
from rustalk.simulator.teams import SimTeams
from rustalk.simulator.tenants import Tenant, TenantTable
from tests.fakes.sbc import FQDN, QUICK, Sbc

USER = "+441273652000"
DISABLED = "+441273652001"


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki.make([FQDN, "*.customers.example.test"], key_type="ec")


@pytest.fixture
def teams(pki: Pki) -> Iterator[SimTeams]:
    table = TenantTable([Tenant.of("Contoso", [FQDN], [USER], [DISABLED])])
    made = SimTeams(reactor, pki, table, {FQDN: "127.0.0.1"}, plan=QUICK)
    pytest_twisted.blockon(made.start())
    yield made
    pytest_twisted.blockon(made.stop())


@pytest.fixture
def sbc(pki: Pki, teams: SimTeams) -> Iterator[Sbc]:
    made = Sbc(reactor, pki, teams)
    pytest_twisted.blockon(Deferred.fromCoroutine(made.start()))
    yield made
    pytest_twisted.blockon(Deferred.fromCoroutine(made.stop()))
