"""A new certificate while calls are up: by SIGHUP in a process of its own, and by the API."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, cast

import pytest
import pytest_twisted

from rustalk.certificates.authority import Authority, Issued
from rustalk.simulator.link import connect
from rustalk.simulator.pki import Pki
from rustalk.simulator.teams import PROXIES
from tests.live.meeting import FQDN, PLAN, ChildMeeting, Meet, Meeting, make_pki, meetings, reactor, sound

meet = pytest.fixture(meetings)

LONG = replace(PLAN, talk=4.0, patience=20.0)
NONSENSE = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n"


@cache
def public() -> Authority:
    """The root that Teams trusts."""
    return Authority.root("Simulated Public Root", key_type="ec")


@cache
def issuing() -> Authority:
    """Signs the certificates of the switch."""
    return public().intermediate("Simulated Public TLS CA", key_type="ec")


def issue() -> Issued:
    """A new certificate for the switch."""
    return issuing().issue([FQDN], key_type="ec")


def pki() -> Pki:
    """The usual certificates, with our own authority for the switch."""
    return replace(make_pki(), sbc=issue(), sbc_root=public().certificate)


def shown(met: Meeting | ChildMeeting) -> list[int]:
    """The serial numbers of the certificates that the switch has shown to the proxies on the connections open now."""
    links = [link for proxy in PROXIES for link in met.teams.entrances[proxy].links]
    certificates = [cast(Any, link.transport).getPeerCertificate() for link in links]
    return [certificate.get_serial_number() for certificate in certificates if certificate is not None]


async def served(met: Meeting | ChildMeeting) -> int:
    """The serial number of the certificate that the switch shows to whoever connects to it."""
    place = ("127.0.0.1", met.ports.teams)
    link = await connect(reactor, place, lambda message, link: None, server_name=FQDN, tls=met.pki.client(FQDN))
    serial: int = cast(Any, link.transport).getPeerCertificate().get_serial_number()
    link.close()
    return serial


def replaced(met: Meeting | ChildMeeting) -> int:
    """Put a new certificate into the files; its serial number."""
    fresh = issue()
    fresh.write(met.files.certificate, met.files.key)
    return fresh.certificate.serial_number


@pytest_twisted.ensureDeferred
async def test_sighup_during_a_call(meet: Meet) -> None:
    """OPS-05, T12: the call goes on and ends as it should; within one OPTIONS cycle all proxies see the new one."""
    met = await meet(ChildMeeting, pki=pki(), teams={"options_ping_interval": 1})
    before = met.pki.sbc.certificate.serial_number
    assert shown(met) == [before] * 3
    placed = met.to_teams(plan=LONG)
    await met.until(lambda: met.requests("ACK"), "the ACK")
    fresh = replaced(met)
    met.signal("HUP")
    await met.until(lambda: shown(met).count(fresh) == 3, "new connections to all proxies", 2.5)
    assert await served(met) == fresh
    assert sound(await placed, await met.taken(by="teams"), packets=100)
    assert sound(await met.from_teams(), await met.taken(by="carrier"))


@pytest_twisted.ensureDeferred
async def test_sighup_with_a_bad_file(meet: Meet) -> None:
    """OPS-05: the old certificate stays in force, calls are made, and the log names the file."""
    met = await meet(ChildMeeting, pki=pki(), teams={"options_ping_interval": 1})
    before = met.pki.sbc.certificate.serial_number
    met.files.certificate.write_text(NONSENSE)
    met.signal("HUP")
    await met.until(lambda: any("The old certificate stays in force" in line for line in met.log), "the complaint")
    (complaint,) = {line for line in met.log if "The old certificate stays in force" in line}
    assert str(met.files.certificate) in complaint
    assert await served(met) == before
    assert sound(await met.to_teams(), await met.taken(by="teams"))


@pytest_twisted.ensureDeferred
async def test_a_reload_by_the_api(meet: Meet) -> None:
    """OPS-05: a key that does not fit changes nothing; the next pair is taken, and old connections soon close."""
    met = await meet(pki=pki())
    issue().write(met.files.certificate, met.directory / "of-another.key")
    answer = await met.get("/api/v1/certificates/reload", "POST")
    assert answer["success"] is False
    assert await served(met) == met.pki.sbc.certificate.serial_number
    fresh = replaced(met)
    assert (await met.get("/api/v1/certificates/reload", "POST"))["success"] is True
    assert await served(met) == fresh
    await met.timeline.push(61)
    assert shown(met).count(fresh) == 3
    await met.timeline.push(210)
    assert shown(met) == [fresh] * 3


@pytest_twisted.ensureDeferred
async def test_a_call_outlives_two_replacements(meet: Meet) -> None:
    """OPS-05: the dialog's own connection is old by then; its BYE still gets through."""
    met = await meet(pki=pki())
    met.carrier.answer_with("answer", plan=replace(PLAN, talk=100.0))
    placed = met.from_teams(plan=replace(PLAN, hang_up=False, talk=200.0, patience=300.0))
    await met.until(lambda: met.responses("INVITE", 200), "the answer")
    for _ in range(2):
        fresh = replaced(met)
        met.switch.reload_certificates()
        await met.timeline.push(61)
    assert (await placed).ended_by == "peer"
    assert shown(met).count(fresh) == 3
