"""SIPp acknowledges provisional responses (RFC 3262), or wants its own acknowledged; baresip knows nothing of that."""

from __future__ import annotations

from collections.abc import Callable

from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.layout import CALLEE, CALLER, NUMBER, SWITCH, two_trunks
from tests.live.running import Running, until
from tests.live.sipp import Sipp

TONE = 700
ENOUGH = 60
CLEAR = 0.9

StartSwitch = Callable[..., Running]
StartPhone = Callable[[Phone], Baresip]
StartSipp = Callable[..., Sipp]


def expect_nothing_left(running: Running) -> None:
    """The switch keeps nothing of the call but its record."""
    until(lambda: running.stats["active_calls"] == 0, "the call to end")
    until(lambda: not running.media_ports, "the media ports to close")
    assert [call["reason"] for call in running.calls] == ["normal"]


def hears_itself(phone: Baresip, running: Running) -> None:
    """What the phone says comes back from the other end."""
    until(lambda: min(leg["media"]["packets"] for leg in running.calls[0]["legs"]) > ENOUGH, "the echo")
    until(lambda: phone.share_of(TONE) > CLEAR, "the phone to hear itself")
    assert "RSeq" not in phone.written
    assert "PRACK sip:" not in phone.written


def test_a_caller_requires_it_of_a_phone_without(switch: StartSwitch, baresip: StartPhone, sipp: StartSipp) -> None:
    """The switch rings reliably for the phone, which is asked for nothing; the 200 comes after that of the PRACK."""
    running = switch(two_trunks(media=LATCHING))
    caller, callee = (each["port"] for each in running.settings["trunks"])
    bob = baresip(Phone(NUMBER, CALLEE, callee, f"{SWITCH}:{running.port}", TONE, encryption="", prompt=False))
    here = (CALLER, caller, f"{SWITCH}:{running.port}")
    placing = sipp("reliable_caller", *here, "-m", "1", "-s", NUMBER, "-rtp_echo")
    bob.wait_for("CALL_INCOMING")
    until(lambda: "CSeq: 2 PRACK" in placing.messages.rpartition("SIP/2.0 200")[2], "the answer to PRACK")
    bob.command("accept")
    hears_itself(bob, running)
    bob.command("hangup")
    outcome = placing.wait()
    assert outcome.successful == 1, outcome.complaints
    expect_nothing_left(running)


def test_a_callee_rings_reliably_for_a_phone_without(switch: StartSwitch, baresip: StartPhone, sipp: StartSipp) -> None:
    """The switch sends the PRACK; the phone gets a plain 180."""
    running = switch(two_trunks(media=LATCHING))
    caller, callee = (each["port"] for each in running.settings["trunks"])
    taking = sipp("reliable_callee", CALLEE, callee, "-m", "1", "-rtp_echo")
    alice = baresip(Phone("+4930123", CALLER, caller, f"{SWITCH}:{running.port}", TONE, encryption=""))
    alice.command("dial", f"sip:{NUMBER}@{SWITCH}:{running.port}")
    alice.wait_for("CALL_ESTABLISHED")
    hears_itself(alice, running)
    alice.command("hangup")
    outcome = taking.wait()
    assert outcome.successful == 1, outcome.complaints
    expect_nothing_left(running)
