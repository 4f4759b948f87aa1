"""SIPp sends SIPp a fax: T.38 in place of the audio of a call, through the real switch and each of its engines."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.party import udptl, voice
from tests.live.layout import CALLEE, CALLER, NUMBER, SWITCH, two_trunks
from tests.live.rtpengine import Rtpengine
from tests.live.running import Running, until
from tests.live.sipp import Sipp

STRANGER = "127.0.0.9"
PATIENCE = 5.0
PLACE = re.compile(r"\nc=IN IP4 (\S+)\nt=0 0\nm=(\w+) (\d+)")
NEVER = 0.1
"""Seconds in which a datagram that must not arrive would have arrived."""

TRIAL = b"can you hear me"
"""In datagrams that only try the way: rtpengine is told of an address while the message that names it goes on."""

StartSwitch = Callable[..., Running]
StartSipp = Callable[..., Sipp]


class Port:
    """One UDP port of a fax machine, or of someone else."""

    def __init__(self, host: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(PATIENCE)
        self.number = int(self._socket.getsockname()[1])

    def send(self, datagrams: list[bytes], place: tuple[str, int]) -> None:
        """Send one after the other."""
        for datagram in datagrams:
            self._socket.sendto(datagram, place)

    def receive(self, count: int) -> list[bytes]:
        """The next so many datagrams, without those of a trial."""
        received: list[bytes] = []
        while len(received) < count:
            datagram = self._socket.recv(65536)
            if TRIAL not in datagram:
                received.append(datagram)
        return received

    @property
    def is_quiet(self) -> bool:
        """Whether nothing comes for a while; what comes is taken."""
        self._socket.settimeout(NEVER)
        try:
            self._socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return False

    def close(self) -> None:
        """Give it back."""
        self._socket.close()


class Machine:
    """One SIPp with the ports of its audio and its fax."""

    def __init__(self, sipp: StartSipp, scenario: str, host: str, port: int, *arguments: str) -> None:
        self.host = host
        self.ports = {"audio": Port(host), "image": Port(host)}
        audio, fax = (str(each.number) for each in self.ports.values())
        keys = ("-key", "audio_port", audio, "-key", "fax_port", fax)
        self.sipp = sipp(scenario, host, port, *arguments, *keys, "-m", "1")

    @property
    def places(self) -> list[tuple[str, str, int]]:
        """What the switch has said so far: kind, address and port of each description."""
        found = PLACE.findall(self.sipp.messages)
        return [(kind, host, int(port)) for host, kind, port in found if host != self.host]


@pytest.fixture
def stranger() -> Iterator[Port]:
    """Someone who is no party of the call."""
    port = Port(STRANGER)
    yield port
    port.close()


@pytest.fixture(params=["userspace", "rtpengine"])
def media(request: pytest.FixtureRequest, program: Callable[[str], str], tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings for each engine."""
    if request.param == "userspace":
        yield {}
        return
    node = Rtpengine(program("rtpengine"), tmp_path / "rtpengine", "127.0.0.91", (32000, 32199))
    node.start()
    yield {"relay": "rtpengine", "rtpengine": [{"host": node.host, "port": node.port}]}
    node.kill()
    print(f"--- what rtpengine wrote\n{node.log}")


def cross(kind: str, turn: int, near: Machine, far: Machine, stranger: Port) -> list[tuple[str, str, int]]:
    """After so many descriptions of the switch both hear each other, byte for byte, and nobody else."""
    until(lambda: near.sipp.messages.count(f"CSeq: {turn} ACK") and len(far.places) == turn, f"turn {turn}")
    told = [near.places[-1], far.places[-1]]
    assert [place[0] for place in told] == [kind, kind]
    ports = [near.ports[kind], far.ports[kind]]
    make = udptl if kind == "image" else voice
    for port, place, other in zip(ports, told, reversed(ports), strict=True):
        until(partial(_reaches, port, place[1:], other, make(1, text=TRIAL)), f"a way for {kind}")
    for number in (0, 20):
        for port, place in zip(ports, told, strict=True):
            stranger.send([*udptl(5, text=b"evil"), *voice(5, text=b"evil")], place[1:])
            port.send(make(20, first=number), place[1:])
        assert [port.receive(20) for port in ports] == [make(20, first=number)] * 2
    return told


def _reaches(port: Port, place: tuple[str, int], other: Port, trial: list[bytes]) -> bool:
    """Whether what one sends comes to the other."""
    port.send(trial, place)
    return not other.is_quiet


def test_audio_becomes_fax_and_audio_again(
    switch: StartSwitch, sipp: StartSipp, stranger: Port, media: dict[str, Any]
) -> None:
    """T.38: both ways, byte for byte, at the same ports of ours as the audio; strangers neither inject nor hear."""
    running = switch(two_trunks(media={"latching": "strict", **media}))
    before = running.media_ports  # with rtpengine one leads to the node
    ports = {each["id"]: int(each["port"]) for each in running.settings["trunks"]}
    callee = Machine(sipp, "fax_callee", CALLEE, ports["callee"])
    target = (f"{SWITCH}:{running.port}", "-s", NUMBER)
    caller = Machine(sipp, "faxing_caller", CALLER, ports["caller"], *target)
    places = [
        [place[1:] for place in cross(kind, turn, caller, callee, stranger)]
        for turn, kind in enumerate(("audio", "image", "audio"), 1)
    ]
    assert places[0] == places[1] == places[2]
    (call,) = running.calls
    for leg in running.get(f"/api/v1/calls/{call['id']}")["legs"]:
        assert (leg["media"]["lost"], leg["media"]["mos"]) == (None, None)
    for machine in (caller, callee):
        outcome = machine.sipp.wait()
        assert (outcome.code, outcome.successful) == (0, 1), outcome.complaints
        assert all(port.is_quiet for port in machine.ports.values())
        for port in machine.ports.values():
            port.close()
    assert stranger.is_quiet
    until(lambda: running.media_ports == before, "the media ports to close")
