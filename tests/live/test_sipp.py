"""SIPp calls SIPp through the switch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.layout import CALLEE, CALLER, NUMBER, OTHER_CALLEE, SWITCH, media_ports, trunk, two_trunks
from tests.live.running import Running, until
from tests.live.sipp import Sipp

CALLS = 20
TOGETHER = 4
TRANSPORTS = {"udp": "u1", "tcp": "t1"}

StartSwitch = Callable[..., Running]
StartSipp = Callable[..., Sipp]


def ports(running: Running, name: str) -> int:
    """The port of a trunk."""
    return next(int(each["port"]) for each in running.settings["trunks"] if each["id"] == name)


def call(sipp: StartSipp, running: Running, protocol: str, *, caller: str = "uac", callee: str = "uas") -> list[Sipp]:
    """Twenty calls, four at a time; the caller and the callee."""
    wire = ("-t", TRANSPORTS[protocol])
    taking = sipp(callee, CALLEE, ports(running, "callee"), *wire, "-m", str(CALLS))
    load = ("-m", str(CALLS), "-r", "20", "-l", str(TOGETHER), "-s", NUMBER)
    placing = sipp(caller, CALLER, ports(running, "caller"), f"{SWITCH}:{running.port}", *wire, *load)
    return [placing, taking]


def expect_success(*parties: Sipp) -> None:
    """Each party made or took all calls as its scenario says."""
    for party in parties:
        outcome = party.wait()
        assert (outcome.successful, outcome.failed) == (CALLS, 0), outcome.complaints
        assert outcome.code == 0, outcome.complaints


def expect_nothing_left(running: Running) -> None:
    """No call is left, and no port of one."""
    until(lambda: running.stats["active_calls"] == 0, "the calls to end")
    until(lambda: not running.media_ports, "the media ports to close")


@pytest.fixture(params=["relay", "direct"])
def media(request: pytest.FixtureRequest) -> str:
    """Both ways to treat audio."""
    return str(request.param)


@pytest.fixture(params=["udp", "tcp"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Both transports that SIPp of the distribution speaks."""
    return str(request.param)


def test_own_scenarios(switch: StartSwitch, sipp: StartSipp, protocol: str, media: str) -> None:
    """SIPp's own uac calls its own uas; with room for four calls' audio, a port that stayed out would be missed."""
    running = switch(two_trunks(protocol, media, media={"ports": media_ports(SWITCH, TOGETHER)}))
    expect_success(*call(sipp, running, protocol))
    expect_nothing_left(running)
    assert running.stats["total_calls"] == CALLS


def test_direct_media_crosses_unchanged(switch: StartSwitch, sipp: StartSipp) -> None:
    """A direct trunk leaves the address of the audio alone, a relayed one names the switch."""
    for media, address in (("direct", CALLER), ("relay", SWITCH)):
        running = switch(two_trunks("udp", media))
        placing, taking = call(sipp, running, "udp")
        expect_success(placing)
        assert f"\nc=IN IP4 {address}\n" in taking.messages
        taking.stop()


def test_cancel(switch: StartSwitch, sipp: StartSipp, protocol: str) -> None:
    """A caller who gives up hears 487, and the callee hears CANCEL."""
    running = switch(two_trunks(protocol))
    expect_success(*call(sipp, running, protocol, caller="cancelling_caller", callee="cancelled_callee"))
    expect_nothing_left(running)
    assert running.stats["refused"] == {"caller_cancelled": CALLS}


def test_hold(switch: StartSwitch, sipp: StartSipp, protocol: str, media: str) -> None:
    """A re-INVITE for hold crosses, and its answer comes back."""
    running = switch(two_trunks(protocol, media))
    expect_success(*call(sipp, running, protocol, caller="holding_caller", callee="held_callee"))
    expect_nothing_left(running)


def test_failover_on_503(switch: StartSwitch, sipp: StartSipp) -> None:
    """A host that answers 503 loses the call to the next; after the third in a row it is tried last (OPT-13)."""
    settings = two_trunks("udp")
    other = trunk("other", OTHER_CALLEE, "udp")["port"]
    callee = settings["trunks"][1]
    callee["hosts"] = [{"host": OTHER_CALLEE, "port": other, "priority": 1}]
    running = switch(settings)
    full = sipp("full_callee", CALLEE, callee["port"], "-m", "3")
    taking = sipp("uas", OTHER_CALLEE, other, "-m", str(CALLS))
    load = ("-m", str(CALLS), "-r", "20", "-l", "1", "-s", NUMBER)
    placing = sipp("uac", CALLER, ports(running, "caller"), f"{SWITCH}:{running.port}", *load)
    expect_success(placing, taking)
    assert full.wait().successful == 3
    target = running.get("/api/v1/trunks")["trunks"][1]["targets"][0]
    assert target["state"] == "down"
    assert "503" in target["why"]
    expect_nothing_left(running)
