"""A phone that insists on SRTP talks to one that has plain RTP: SRTP ends at the switch, and each hears the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.layout import CALLEE, CALLER, NUMBER, SWITCH, two_trunks
from tests.live.running import Running, until
from tests.live.sipp import Sipp

LOW, HIGH = 440, 880
ENOUGH = 60
CLEAR = 0.9
SECURE, PLAIN = "srtp-mand", ""

StartSwitch = Callable[..., Running]
StartPhone = Callable[[Phone], Baresip]
StartSipp = Callable[..., Sipp]


def settings(caller: str, callee: str) -> dict[str, Any]:
    """Two trunks with these values of `srtp`."""
    made = two_trunks(media=LATCHING)
    for each, srtp in zip(made["trunks"], (caller, callee), strict=True):
        each["srtp"] = srtp
    return made


def phone(running: Running, trunk: int, encryption: str) -> Phone:
    """The phone behind the caller's trunk (0) or the callee's (1)."""
    user, address, tone = (("+4930123", CALLER, LOW), (NUMBER, CALLEE, HIGH))[trunk]
    port = running.settings["trunks"][trunk]["port"]
    return Phone(user, address, port, f"{SWITCH}:{running.port}", tone, encryption)


def dial(caller: Baresip, running: Running) -> None:
    """Call the callee and wait for the answer."""
    caller.command("dial", f"sip:{NUMBER}@{SWITCH}:{running.port}")
    caller.wait_for("CALL_ESTABLISHED")


def packets(running: Running) -> int:
    """How many RTP packets the switch has had, of the side that has sent fewer."""
    return min(int(leg["media"]["packets"]) for leg in running.calls[0]["legs"] if leg["media"])


def expect_nothing_left(running: Running) -> None:
    """The switch keeps nothing of the call but its record."""
    until(lambda: running.stats["active_calls"] == 0, "the call to end")
    until(lambda: not running.media_ports, "the media ports to close")
    assert [call["reason"] for call in running.calls] == ["normal"]


def expect_both_hear(running: Running, alice: Baresip, bob: Baresip) -> None:
    """Each hears the other's tone and nothing of its own."""
    until(lambda: packets(running) > ENOUGH, "audio in both directions")
    until(lambda: alice.share_of(HIGH) > CLEAR, "the caller to hear the callee")
    until(lambda: bob.share_of(LOW) > CLEAR, "the callee to hear the caller")
    assert max(alice.share_of(LOW), bob.share_of(HIGH)) < 1 - CLEAR


CROSSINGS = {
    "required to off": ("required", "off", SECURE, PLAIN),
    "off to required": ("off", "required", PLAIN, SECURE),
    "preferred to off": ("preferred", "off", SECURE, PLAIN),
    "preferred, plain caller, to required": ("preferred", "required", PLAIN, SECURE),
    "required to preferred, plain callee": ("required", "preferred", SECURE, PLAIN),
}


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_srtp_ends_at_the_switch(switch: StartSwitch, baresip: StartPhone, crossing: str) -> None:
    """MED-01: the secure side has a key a direction, the other side none; no key is in the log; both hear each other.

    Where `srtp` is preferred, a plain phone that is called refuses the first offer (488) and takes the second one.
    """
    first, second, *kinds = CROSSINGS[crossing]
    running = switch(settings(first, second))
    bob = baresip(phone(running, 1, kinds[1]))
    alice = baresip(phone(running, 0, kinds[0]))
    dial(alice, running)
    expect_both_hear(running, alice, bob)
    secure, plain = (alice, bob) if kinds[0] else (bob, alice)
    assert len({line.partition("inline:")[2] for line in secure.crypto}) == 2
    assert not any(line.partition("inline:")[2] in running.log for line in secure.crypto)
    assert bool(plain.crypto) == ("SIP/2.0 488" in plain.written) == (second == "preferred")
    alice.command("hangup")
    expect_nothing_left(running)


def test_sipp_echoes_what_it_hears(switch: StartSwitch, baresip: StartPhone, sipp: StartSipp) -> None:
    """A plain SIPp gives every packet back: through both conversions the phone hears itself."""
    running = switch(settings("required", "off"))
    echo = sipp("echoing_callee", CALLEE, running.settings["trunks"][1]["port"], "-m", "1", "-rtp_echo")
    alice = baresip(phone(running, 0, SECURE))
    dial(alice, running)
    until(lambda: packets(running) > ENOUGH, "the echo")
    until(lambda: alice.share_of(LOW) > CLEAR, "the caller to hear itself")
    assert "RTP/SAVP" not in echo.messages
    alice.command("hangup")
    assert echo.wait().successful == 1
    expect_nothing_left(running)


def test_sipp_calls_and_echoes(switch: StartSwitch, baresip: StartPhone, sipp: StartSipp) -> None:
    """The other way round: a plain SIPp calls, and the phone that answers hears itself."""
    running = switch(settings("off", "required"))
    bob = baresip(phone(running, 1, SECURE))
    here = (CALLER, running.settings["trunks"][0]["port"], f"{SWITCH}:{running.port}")
    echo = sipp("echoing_caller", *here, "-m", "1", "-s", NUMBER, "-rtp_echo")
    bob.wait_for("CALL_ESTABLISHED")
    until(lambda: packets(running) > ENOUGH, "the echo")
    until(lambda: bob.share_of(HIGH) > CLEAR, "the callee to hear itself")
    assert "RTP/SAVP" not in echo.messages
    bob.command("hangup")
    assert echo.wait().successful == 1
    expect_nothing_left(running)


def test_a_phone_that_insists_is_refused_where_srtp_is_off(switch: StartSwitch, baresip: StartPhone) -> None:
    """Its offer of RTP/SAVP meets 488, and no call is left."""
    running = switch(settings("off", "off"))
    alice = baresip(phone(running, 0, SECURE))
    alice.command("dial", f"sip:{NUMBER}@{SWITCH}:{running.port}")
    assert "488" in alice.wait_for("CALL_CLOSED")["param"]
    until(lambda: running.stats["active_calls"] == 0, "the call to end")


def test_plain_rtp_is_refused_where_srtp_is_required(switch: StartSwitch, baresip: StartPhone) -> None:
    """A plain offer meets 488, and the record says why."""
    running = switch(settings("required", "off"))
    alice = baresip(phone(running, 0, PLAIN))
    alice.command("dial", f"sip:{NUMBER}@{SWITCH}:{running.port}")
    assert "488" in alice.wait_for("CALL_CLOSED")["param"]
    until(lambda: running.stats["active_calls"] == 0, "the call to end")
    assert running.calls[0]["reason"] == "srtp_required"
