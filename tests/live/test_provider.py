"""A provider that wants to know who calls: registration and digest, over real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from rustalk.certificates.authority import Authority
from rustalk.simulator.carrier import CarrierTls
from rustalk.simulator.credentials import Account
from rustalk.simulator.pki import ClientTls, ServerTls, context
from rustalk.sip.message import Request
from tests.live.meeting import CARRIER, FQDN, PLAN, Meet, Meeting, make_pki, meetings, sound

meet = pytest.fixture(meetings)

LOGIN = {"username": "rustalk", "password": "secret", "realm": "carrier.example"}
REGISTERS = {**LOGIN, "register": True}


def account(**how: Any) -> Account:
    """The account that the provider knows."""
    return Account("rustalk", **{"password": "secret", **how})


def requests(met: Meeting, method: str) -> list[Request]:
    """What the provider got."""
    return [message for message in met.with_carrier if isinstance(message, Request) and message.method == method]


def credentials(met: Meeting, method: str) -> list[str]:
    """The credentials that the provider got."""
    names = ("Authorization", "Proxy-Authorization")
    return [value for request in requests(met, method) for name in names for value in request.all(name)]


async def trunk(met: Meeting) -> dict[str, Any]:
    """What the API says of the trunk."""
    trunks: list[dict[str, Any]] = (await met.get("/api/v1/trunks"))["trunks"]
    return next(one for one in trunks if one["id"] == "carrier")


@pytest.mark.parametrize("how", [{}, {"algorithm": "SHA-256"}, {"proxy": True}])
@pytest_twisted.ensureDeferred
async def test_a_registration(meet: Meet, how: dict[str, Any]) -> None:
    """401 or 407 is answered, the Contact leads to us, and the API says that it stands."""
    met = await meet(trunk=REGISTERS, carrier={"account": account(**how)})
    await met.until(lambda: met.carrier.registrations, "the registration")
    (registration,) = met.carrier.registrations
    assert (registration.address, registration.expires) == (f"sip:rustalk@{met.carrier.address}", 60)
    assert registration.contact == f"sip:rustalk@{FQDN}:{met.ports.carrier}"
    await met.timeline.push(1)
    assert (await trunk(met))["registered"] is True
    assert "secret" not in "".join(met.log.lines)


@pytest.mark.parametrize(("granted", "within"), [(60, 30), (600, 570)])
@pytest_twisted.ensureDeferred
async def test_the_granted_time_counts(meet: Meet, granted: int, within: int) -> None:
    """A refresh comes before what the provider granted is over, and not much earlier."""
    met = await meet(trunk=REGISTERS, carrier={"account": account(), "grants": granted})
    await met.until(lambda: met.carrier.registrations, "the registration")
    await met.timeline.push(within - 5, step=1)
    assert len(met.carrier.registrations) == 1
    await met.timeline.push(10)
    assert len(met.carrier.registrations) == 2
    assert len({request.call_id for request in requests(met, "REGISTER")}) == 1


@pytest_twisted.ensureDeferred
async def test_a_wrong_password(meet: Meet) -> None:
    """A3: two REGISTERs an attempt, and the attempts become rarer; when it is right again, it works again."""
    met = await meet(trunk=REGISTERS, carrier={"account": account(password="other")})
    await met.timeline.push(120)
    assert 4 <= len({request.cseq.number for request in requests(met, "REGISTER")}) <= 10
    status = await trunk(met)
    assert status["registered"] is False
    assert any("could not register: 401" in line for line in met.log.lines)
    met.carrier.account = account()
    await met.timeline.push(120)
    assert (await trunk(met))["registered"] is True


@pytest_twisted.ensureDeferred
async def test_a_provider_that_is_silent(meet: Meet) -> None:
    """Back-off after silence, and the registration when it is back."""
    met = await meet(healthy=False, trunk=REGISTERS, carrier={"account": account()})
    met.carrier.silent = True
    await met.until(met.healthy, "Teams")
    await met.timeline.push(60)
    assert met.carrier.registrations == []
    met.carrier.silent = False
    await met.timeline.push(60)
    assert len(met.carrier.registrations) >= 1


@pytest.mark.parametrize("wire", ["UDP", "TCP"])
@pytest.mark.parametrize("how", [{}, {"algorithm": "SHA-256"}, {"proxy": True}])
@pytest_twisted.ensureDeferred
async def test_a_call_with_credentials(meet: Meet, how: dict[str, Any], wire: str) -> None:
    """Two INVITEs, the second with the answer, in one dialog; audio flows."""
    met = await meet(trunk=LOGIN, wire=wire, carrier={"account": account(**how)})
    assert sound(await met.from_teams(), await met.taken(by="carrier"))
    first, second = requests(met, "INVITE")
    assert (first.call_id, first.from_.tag) == (second.call_id, second.from_.tag)
    assert second.cseq.number == first.cseq.number + 1
    assert len(credentials(met, "INVITE")) == 1


@pytest_twisted.ensureDeferred
async def test_another_realm_gets_nothing(meet: Meet) -> None:
    """A2: a challenge of a realm that is not the trunk's is not answered; Teams is told 503."""
    met = await meet(trunk=LOGIN, carrier={"account": account(realm="evil.example")})
    assert (await met.from_teams()).status == 503
    assert len(requests(met, "INVITE")) == 1
    assert credentials(met, "INVITE") == []


@pytest_twisted.ensureDeferred
async def test_a_provider_that_asks_for_ever(meet: Meet) -> None:
    """A3: a new nonce on each INVITE; we answer once."""
    met = await meet(trunk=LOGIN, carrier={"account": account(password="other")})
    assert (await met.from_teams(plan=PLAN)).status == 503
    assert len(requests(met, "INVITE")) == 2


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_a_provider_over_tls(meet: Meet, tmp_path: Path, way: str) -> None:
    """Its own roots, its address in its certificate, ours shown in both roles."""
    root = Authority.root("Carrier Root", key_type="ec")
    theirs = root.issue([CARRIER], key_type="ec")
    files = make_pki().write(tmp_path)
    (tmp_path / "carrier.pem").write_bytes(root.certificate_pem)
    tls = CarrierTls(ServerTls(context(theirs, None)), ClientTls(context(theirs, make_pki().sbc_root), FQDN), FQDN)
    met = await meet(
        wire="TLS",
        carrier={"tls": tls},
        trunk={"tls_ca": str(tmp_path / "carrier.pem")},
        profile={"tls_cert": str(files.certificate), "tls_key": str(files.key)},
    )
    placed = await getattr(met, way)()
    assert sound(placed, await met.taken(by="teams" if way == "to_teams" else "carrier"))


@pytest_twisted.ensureDeferred
async def test_teams_never_gets_credentials(meet: Meet) -> None:
    """A2: whatever Teams' side asks for."""
    met = await meet(trunk=LOGIN)
    await met.to_teams()
    assert not [one for one in met.seen if one.message.get("Authorization") or one.message.get("Proxy-Authorization")]
