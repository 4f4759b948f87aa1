"""The demo's configuration, and the switch as a child process."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted
from twisted.internet import reactor

from rustalk.config.load import load
from rustalk.simulator.pki import Pki, PkiFiles
from rustalk.simulator.sandbox import FQDN, Ports, SwitchProcess, configuration, free_ports
from tests.fakes.patience import until

PORTS = Ports(5061, 5060, 8080)


def text(directory: Path, files: PkiFiles) -> str:
    hosts = {"sip.pstnhub.microsoft.com": "127.0.0.2"}
    return configuration(directory, files, PORTS, hosts, ["sip.pstnhub.microsoft.com:5061"], ("127.0.0.9", 5060))


def test_the_configuration_is_accepted_without_a_warning(pki: Pki, tmp_path: Path) -> None:
    settings = load(text(tmp_path, pki.write(tmp_path)), "demo")
    assert [str(one) for one in settings.warnings] == []
    assert settings.teams.sbc_fqdn == FQDN


def test_three_free_ports_differ() -> None:
    ports = free_ports()
    assert len({ports.teams, ports.api}) == 2
    assert ports.carrier > 1023


@pytest_twisted.ensureDeferred
async def test_a_switch_that_cannot_start_leaves_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    child = SwitchProcess(reactor)
    child.start(reactor, tmp_path / "bad.json")
    await until(lambda: bool(child.ended), 20)
    assert "bad.json" in child.last_words
    await child.stop()
