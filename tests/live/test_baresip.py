"""Two baresip talk through the switch with mandatory SRTP: what each says, the other hears."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.layout import CALLEE, CALLER, NUMBER, SWITCH, two_trunks
from tests.live.running import Running, until

LOW, HIGH = 440, 880
ENOUGH = 60
CLEAR = 0.9

StartSwitch = Callable[..., Running]
StartPhone = Callable[[Phone], Baresip]


class Talk:
    """A call between two phones that lasts until somebody hangs up."""

    def __init__(self, running: Running, start: StartPhone) -> None:
        self.running = running
        here = f"{SWITCH}:{running.port}"
        caller, callee = running.settings["trunks"]
        self.bob = start(Phone(NUMBER, CALLEE, callee["port"], here, HIGH))
        self.alice = start(Phone("+4930123", CALLER, caller["port"], here, LOW))
        self.alice.command("dial", f"sip:{NUMBER}@{here}")
        self.alice.wait_for("CALL_ESTABLISHED")

    def packets(self) -> list[int]:
        """How many RTP packets the switch has had from each side."""
        return [leg["media"]["packets"] for leg in self.running.calls[0]["legs"]]

    def wait_for_sound(self) -> None:
        """Until the switch has passed on enough from both sides for a verdict."""
        until(lambda: min(self.packets()) > ENOUGH, "audio in both directions")

    def is_over(self) -> None:
        """Both phones have hung up, and the switch keeps nothing of the call but its record."""
        for phone in (self.alice, self.bob):
            until(lambda phone=phone: phone.packets != (0, 0), f"the statistics of {phone.phone.user}")
        until(lambda: self.running.stats["active_calls"] == 0, "the call to end")
        until(lambda: not self.running.media_ports, "the media ports to close")


@pytest.fixture
def talk(switch: StartSwitch, baresip: StartPhone) -> Talk:
    """A call that both sides speak in."""
    return Talk(switch(two_trunks(media=LATCHING)), baresip)


def test_each_hears_the_other(talk: Talk) -> None:
    """The tone of each side is what the other decrypts; baresip counts what the switch counts."""
    talk.wait_for_sound()
    until(lambda: talk.alice.share_of(HIGH) > CLEAR, "the caller to hear the callee")
    until(lambda: talk.bob.share_of(LOW) > CLEAR, "the callee to hear the caller")
    assert max(talk.alice.share_of(LOW), talk.bob.share_of(HIGH)) < 1 - CLEAR
    talk.alice.command("hangup")
    talk.is_over()
    for phone in (talk.alice, talk.bob):
        assert min(phone.packets) > ENOUGH


def test_keys_cross_byte_for_byte(talk: Talk) -> None:
    """The a=crypto lines that one side wrote are those that the other read, and there are two: one a side (MED-04)."""
    talk.wait_for_sound()
    assert talk.alice.crypto == talk.bob.crypto
    assert len(talk.alice.crypto) == 2
    assert not any(line.partition("inline:")[2] in talk.running.log for line in talk.alice.crypto)
    talk.alice.command("hangup")
    talk.is_over()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_hangs_up(talk: Talk, side: str) -> None:
    """Who hangs up ends the call for both, and the record says who it was."""
    talk.wait_for_sound()
    (talk.alice if side == "caller" else talk.bob).command("hangup")
    talk.is_over()
    record = talk.running.calls[0]
    assert (record["status"], record["reason"], record["hung_up_by"]) == ("ended", "normal", side)
