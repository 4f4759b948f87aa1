"""The process and its supervisor: start, stop, kill, reload, and what stands in the way of a start."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from rustalk.certificates.authority import Authority, Issued
from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.layout import CALLEE, CALLER, NUMBER, SWITCH, trunk, two_trunks, vacant
from tests.live.namespace import loopback_only
from tests.live.running import Running, until
from tests.live.sipp import Sipp

StartSwitch = Callable[..., Running]
StartSipp = Callable[..., Sipp]
StartPhone = Callable[[Phone], Baresip]


class Load:
    """SIPp calls through a switch, to a callee that takes any number of calls."""

    def __init__(self, running: Running, sipp: StartSipp) -> None:
        self._running = running
        self._sipp = sipp
        self._to = f"{SWITCH}:{running.port}"
        self._wire = ("-t", "t1" if running.settings["trunks"][1]["protocol"] == "tcp" else "u1")
        sipp("uas", CALLEE, running.settings["trunks"][1]["port"], *self._wire)

    def call(self, scenario: str = "uac", *, seconds: float = 0) -> Sipp:
        """One call that lasts this long."""
        talk = ("-d", str(int(seconds * 1000)), "-m", "1", "-s", NUMBER)
        return self._sipp(scenario, CALLER, vacant(CALLER), self._to, *self._wire, *talk)

    def established(self, seconds: float) -> Sipp:
        """One call that has been answered."""
        call = self.call(seconds=seconds)
        until(lambda: any(each["status"] == "active" for each in self._running.calls), "the answer")
        return call


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Signs our certificates; elliptic keys are quick to make."""
    return Authority.root("Test Root", key_type="ec")


@pytest.fixture
def issue(authority: Authority) -> Callable[[], Issued]:
    """A new certificate for the switch."""
    return lambda: authority.issue(["sbc.example.com"], key_type="ec")


def served(profile: dict[str, Any]) -> int:
    """The serial number of the certificate that a TLS client sees now."""
    pem = ssl.get_server_certificate((profile["bind_address"], profile["bind_port"]), timeout=5)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def tls_profile(directory: Path, issued: Issued) -> dict[str, Any]:
    """A TLS listener whose certificate lies in this directory."""
    certificate, key = directory / "sbc.pem", directory / "sbc.key"
    issued.write(certificate, key)
    return {
        "id": "secure",
        "bind_address": SWITCH,
        "bind_port": vacant(SWITCH),
        "protocols": ["tls"],
        "tls_cert": str(certificate),
        "tls_key": str(key),
    }


def test_sigterm_drains(switch: StartSwitch, sipp: StartSipp) -> None:
    """SIGTERM leaves the call in progress alone and answers a new one 503 with Retry-After; then the process ends."""
    running = switch(two_trunks())
    load = Load(running, sipp)
    talking = load.established(seconds=4)
    running.signal(signal.SIGTERM)
    until(lambda: "Stopping: 1 call" in running.log, "the drain to begin")
    assert load.call("refused_caller").wait().code == 0
    assert running.alive
    assert talking.wait().code == 0
    running.wait(10)
    assert "0 calls were ended" in running.log


def test_shutdown_timeout_ends_the_rest(switch: StartSwitch, sipp: StartSipp, tmp_path: Path) -> None:
    """A call that outlasts server.shutdown_timeout is hung up, and the process ends."""
    server = {"state_directory": str(tmp_path), "shutdown_timeout": 1}
    running = switch(two_trunks(server=server))
    talking = Load(running, sipp).established(seconds=60)
    running.signal(signal.SIGTERM)
    running.wait(10)
    assert "1 calls were ended" in running.log
    until(lambda: "BYE sip:" in talking.messages, "the caller to be told")


def test_restart_after_kill(switch: StartSwitch, sipp: StartSipp) -> None:
    """After kill -9 in the middle of a call the next start works at once, and so does the next call.

    F-11: the call that was cut short is among the records, until about when.
    """
    running = switch(two_trunks("tcp"))
    load = Load(running, sipp)
    load.established(seconds=60)
    noted = running.directory / "state" / "journal" / "unfinished"
    until(lambda: b'"answered"' in noted.read_bytes(), "the call to be noted")
    running.process.kill()
    running.wait()
    running.start()
    assert running.stats["total_calls"] == 0
    [log] = until(lambda: running.get("/api/v1/call-logs?reason=interrupted")["logs"], "the record")
    assert log["answer_time"] <= log["end_time"]
    assert (log["status"], log["hung_up_by"]) == ("ended", "switch")
    assert load.call().wait().code == 0


def test_new_certificate_without_losing_the_call(
    switch: StartSwitch, baresip: StartPhone, issue: Callable[[], Issued], tmp_path: Path
) -> None:
    """SIGHUP takes up a new certificate while a call over the old connection goes on and ends (OPS-05)."""
    secure = tls_profile(tmp_path, issue())
    settings = two_trunks(media=LATCHING)
    settings["sip_profiles"].append(secure)
    callee = settings["trunks"][1]
    caller = settings["trunks"][0] = {**trunk("caller", SWITCH, "tls"), "profile": "secure"}
    running = switch(settings)
    here = f"{SWITCH}:{secure['bind_port']}"
    phone_files = tmp_path / "phone.pem"
    phone = issue()
    phone_files.write_bytes(phone.key_pem + phone.chain_pem)
    bob = baresip(Phone(NUMBER, CALLEE, callee["port"], f"{SWITCH}:{running.port}", 880))
    alice = baresip(Phone("+4930123", SWITCH, caller["port"], here, 440, certificate=str(phone_files)))
    alice.command("dial", f"sip:{NUMBER}@{here}")
    alice.wait_for("CALL_ESTABLISHED")
    before = served(secure)

    fresh = issue()
    fresh.write(Path(secure["tls_cert"]), Path(secure["tls_key"]))
    running.signal(signal.SIGHUP)
    until(lambda: served(secure) == fresh.certificate.serial_number, "the new certificate")
    assert before != fresh.certificate.serial_number

    heard = running.calls[0]["legs"][0]["media"]["packets"]
    until(lambda: running.calls[0]["legs"][0]["media"]["packets"] > heard + 20, "audio after the swap")
    bob.command("hangup")
    alice.wait_for("CALL_CLOSED")
    assert running.calls[0]["reason"] == "normal"


def test_bad_certificate_file_leaves_the_old_one(
    switch: StartSwitch, issue: Callable[[], Issued], tmp_path: Path
) -> None:
    """SIGHUP with a broken file changes nothing and the log names the file (F-08)."""
    secure = tls_profile(tmp_path, issue())
    settings = two_trunks()
    settings["sip_profiles"].append(secure)
    running = switch(settings)
    before = served(secure)
    Path(secure["tls_cert"]).write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    running.signal(signal.SIGHUP)
    until(lambda: f"{secure['tls_cert']}: not a PEM certificate file" in running.log, "the log to name the file")
    assert served(secure) == before


def test_start_without_a_file(switch: StartSwitch, program: Callable[[str], str]) -> None:
    """From an empty home directory, without a file, it starts on loopback and says what it did and what comes next."""
    running = switch(None, ready=False, prefix=loopback_only(program))
    until(lambda: "RusTalk is up" in running.log, "the start")
    for word in ("Made a development certificate", "SIP over", "Next: "):
        assert word in running.log
    assert {path.name for path in running.directory.iterdir()} == {"log.txt", ".local"}


def test_second_instance_is_told_why(switch: StartSwitch) -> None:
    """A port in use ends the start with one sentence that names the profile and the port."""
    first = switch(two_trunks())
    second = switch({**two_trunks(), "sip_profiles": first.settings["sip_profiles"]}, ready=False)
    assert second.wait() == 1
    assert f"profile main: cannot listen on {SWITCH} port {first.port}" in second.log
    assert "Traceback" not in second.log


def test_unreadable_certificate_is_named(switch: StartSwitch, issue: Callable[[], Issued], tmp_path: Path) -> None:
    """A certificate file that cannot be read ends the start with one sentence that names it."""
    secure = tls_profile(tmp_path, issue())
    Path(secure["tls_cert"]).unlink()
    refused = switch({"sip_profiles": [secure]}, ready=False)
    assert refused.wait() == 1
    found = f'$.sip_profiles[0].tls_cert: found "{secure["tls_cert"]}", expected a file that can be read; No such file'
    assert found in refused.log
    assert "Traceback" not in refused.log


def test_every_fault_of_a_file_is_told_at_once(switch: StartSwitch) -> None:
    """A configuration with two faults ends the start and names both."""
    refused = switch({"api": {"prot": 1}, "media": {"latching": "maybe"}}, ready=False)
    assert refused.wait() == 1
    assert "api.prot" in refused.log
    assert "media.latching" in refused.log
