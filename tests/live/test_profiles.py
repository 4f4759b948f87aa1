"""SIP profiles that come, go and move while the switch runs, and registrations that outlive it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.house import ADDRESSES, DOMAIN, TONES, extension, password, talk
from tests.live.layout import vacant
from tests.live.running import Running, until

SWITCH = "127.0.0.1"


class Desk:
    """One switch with a profile "phones", and phones that come in where a test wants."""

    def __init__(self, switch: Callable[..., Running], baresip: Callable[[Phone], Baresip]) -> None:
        self._baresip = baresip
        self.port = vacant(SWITCH)
        self.running = switch(
            {
                "server": {"shutdown_timeout": 1},
                "sip": {"domain": DOMAIN, "digest_algorithms": ["MD5"]},
                "sip_profiles": [profile("phones", self.port)],
                "extensions": [extension(number, srtp="") for number in ("1001", "1002")],
                "media": LATCHING,
                "api": {"port": vacant(SWITCH), "auth": "off"},
            }
        )

    def phone(self, number: str, port: int, transport: str) -> Baresip:
        """A phone that has registered at this port."""
        address = ADDRESSES[number]
        phone = self._baresip(
            Phone(
                number,
                address,
                vacant(address),
                f"{SWITCH}:{port}",
                TONES[number],
                "",
                transport=transport,
                domain=DOMAIN,
                password=password(number),
            )
        )
        until(lambda: f"Extension {number} is registered" in self.running.log, f"{number} to register")
        return phone

    def ask(self, method: str, path: str, item: dict[str, Any] | None = None) -> int:
        """The status of a change."""
        address = f"http://{SWITCH}:{self.running.settings['api']['port']}{path}"
        body = None if item is None else json.dumps(item).encode()
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            print(error.read().decode())
            return error.code

    def says(self, text: str) -> None:
        """Wait for a line in the log."""
        until(lambda: text in self.running.log, text)


def profile(id: str, port: int, address: str = SWITCH) -> dict[str, Any]:
    """A profile for phones."""
    return {"id": id, "bind_address": address, "bind_port": port, "protocols": ["udp", "tcp"]}


def call(caller: Baresip, callee: Baresip) -> None:
    """A call that is answered, heard and ended."""
    caller.command("dial", callee.phone.user)
    caller.wait_for("CALL_ESTABLISHED")
    talk(caller, callee)
    caller.command("hangup")
    callee.wait_for("CALL_CLOSED")


@pytest.fixture
def desk(switch: Callable[..., Running], baresip: Callable[[Phone], Baresip]) -> Desk:
    """A switch without phones."""
    return Desk(switch, baresip)


def test_a_profile_is_added_and_phones_come_in_over_it(desk: Desk) -> None:
    """By the API, without a restart; when it is removed, calls over its connections go on."""
    port = vacant(SWITCH)
    assert desk.ask("POST", "/api/v1/sip-profiles", profile("more", port)) == 201
    desk.says(f"Profile more listens on {SWITCH} port {port}")
    alice, bob = desk.phone("1001", desk.port, "udp"), desk.phone("1002", port, "tcp")
    call(alice, bob)
    bob.command("dial", "1001")
    bob.wait_for("CALL_ESTABLISHED")
    assert desk.ask("DELETE", "/api/v1/sip-profiles/more") == 200
    desk.says("Profile more is closed")
    talk(alice, bob)
    alice.command("hangup")
    bob.wait_for("CALL_CLOSED")
    until(lambda: desk.running.stats["active_calls"] == 0, "the call to end")


def test_a_profile_moves_and_one_that_cannot_stays(desk: Desk) -> None:
    """It takes phones at the new port; where it cannot be opened /ready says why, and phones are served as before."""
    port = vacant(SWITCH)
    assert desk.ask("PUT", "/api/v1/sip-profiles/phones", profile("phones", port)) == 200
    desk.says(f"Profile phones listens on {SWITCH} port {port}")
    assert desk.ask("PUT", "/api/v1/sip-profiles/phones", profile("phones", 5060, "192.0.2.1")) == 200
    until(lambda: "cannot listen on 192.0.2.1" in str(desk.running.get("/ready")), "/ready to say so")
    alice, bob = desk.phone("1001", port, "udp"), desk.phone("1002", port, "tcp")
    call(alice, bob)
    assert desk.ask("PUT", "/api/v1/sip-profiles/phones", profile("phones", port)) == 200
    until(lambda: "192.0.2.1" not in str(desk.running.get("/ready")), "/ready to be content again")


def test_a_phone_is_called_at_once_after_a_restart(desk: Desk) -> None:
    """On SQLite: it is registered over UDP, and does not register again."""
    alice = desk.phone("1001", desk.port, "udp")
    assert desk.running.stop() in (0, -15)
    registers = alice.written.count("REGISTER sip:")
    desk.running.start()
    bob = desk.phone("1002", desk.port, "udp")
    call(bob, alice)
    assert alice.written.count("REGISTER sip:") == registers
