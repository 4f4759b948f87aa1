"""baresip, the phone that RusTalk did not write: driven over its control socket, its sound read from a WAV file."""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.layout import vacant
from tests.live.running import until

__all__ = ["LATCHING", "Baresip", "Phone"]

LATCHING = {"latching": "learn"}
"""What `media` must say for baresip on loopback: its audio comes from 127.0.0.1, whatever address it announces."""

_PATIENCE = 15.0
_RATE = 8000
_WAV_HEADER = 44


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone: its user, where it lives, whom it calls through, the tone it sends in Hz.

    ``encryption`` is baresip's name for what its media need; "" is plain RTP. One that is not ``prompt`` rings until it
    is told to accept. One with a ``password`` registers as a user of ``domain``, over ``transport``, which is TLS
    also where there is a ``certificate``.
    """

    user: str
    address: str
    port: int
    switch: str
    tone: int
    encryption: str = "srtp-mand"
    certificate: str = ""
    prompt: bool = True
    transport: str = "udp"
    domain: str = ""
    password: str = field(default="", repr=False)

    @property
    def parameter(self) -> str:
        """The transport as its URIs name it."""
        transport = "tls" if self.certificate else self.transport
        return "" if transport == "udp" else f";transport={transport}"


class Baresip:
    """One baresip at work; it is ready for a call once made.

    The module sndfile writes what it sends and what it hears; aubridge is a loudspeaker that nobody listens to.
    """

    def __init__(self, program: str, directory: Path, phone: Phone) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.phone = phone
        self._directory = directory
        control = (phone.address, vacant(phone.address))
        (directory / "config").write_text(_configuration(phone, directory, control))
        (directory / "accounts").write_text(_account(phone))
        (directory / "contacts").write_text("")
        with self._file.open("wb") as written:
            self._process = subprocess.Popen(
                [program, "-f", str(directory), "-s", "-v"],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
            )
        self._control: socket.socket = until(lambda: _connect(control), f"the baresip of {phone.user}")
        self._received = b""
        self._events: list[dict[str, Any]] = []

    @property
    def _file(self) -> Path:
        return self._directory / "written.txt"

    @property
    def written(self) -> str:
        """What it wrote: the SIP messages and its own statistics."""
        return self._file.read_text(encoding="utf-8", errors="replace") if self._file.exists() else ""

    def command(self, name: str, parameters: str = "") -> None:
        """Give it a command of its menu: dial, accept, hangup, quit ..."""
        text = json.dumps({"command": name, "params": parameters}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The next event of this kind, such as CALL_ESTABLISHED; those before it are forgotten."""
        end = time.monotonic() + _PATIENCE
        seen = []
        while time.monotonic() < end:
            for event in self._arrivals():
                seen.append(event.get("type"))
                if event.get("type") == kind:
                    return event
        raise AssertionError(f"the baresip of {self.phone.user} reported {seen}, but no {kind}:\n{self.written}")

    def _arrivals(self) -> Iterator[dict[str, Any]]:
        """The netstrings that have come, each taken away once it is given out."""
        self._control.settimeout(0.2)
        with suppress(TimeoutError):
            self._received += self._control.recv(65536)
        while found := re.match(rb"(\d+):", self._received):
            end = found.end() + int(found[1])
            if len(self._received) <= end:
                break
            text, self._received = self._received[found.end() : end], self._received[end + 1 :]
            yield json.loads(text)

    @property
    def crypto(self) -> set[str]:
        """The a=crypto lines of the messages it sent and received."""
        return set(re.findall(r"^a=crypto:.*?(?=\r?$)", self.written, re.MULTILINE))

    @property
    def packets(self) -> tuple[int, int]:
        """The RTP packets that it sent and received by its own count, told once a call has ended."""
        found = re.search(r"^packets:\s+(\d+)\s+(\d+)", self.written, re.MULTILINE)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def heard(self) -> list[int]:
        """The samples heard so far, 16 bit at 8 kHz."""
        files = sorted(self._directory.glob("dump-*-dec.wav"))
        data = files[-1].read_bytes()[_WAV_HEADER:] if files else b""
        return list(struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2]))

    def share_of(self, tone: int) -> float:
        """How much of the power of what was heard in the last second is this tone; 1.0 is all of it."""
        samples = self.heard()[-_RATE:]
        power = sum(sample * sample for sample in samples)
        if not power:
            return 0.0
        angle = 2 * math.pi * tone / _RATE
        cosine = sum(sample * math.cos(angle * n) for n, sample in enumerate(samples))
        sine = sum(sample * math.sin(angle * n) for n, sample in enumerate(samples))
        return 2 * (cosine * cosine + sine * sine) / (len(samples) * power)

    def crash(self) -> None:
        """End it without a word to anybody."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, if it still runs."""
        self._control.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _connect(control: tuple[str, int]) -> socket.socket | None:
    try:
        return socket.create_connection(control, 1)
    except OSError:
        return None


def _account(phone: Phone) -> str:
    host = phone.domain or f"{phone.address}:{phone.port}"
    login = f";auth_pass={phone.password};regint=600" if phone.password else ";regint=0"
    encryption = f";mediaenc={phone.encryption}" if phone.encryption else ""
    mode = "auto" if phone.prompt else "manual"
    return (
        f"<sip:{phone.user}@{host}{phone.parameter}>{login}"
        f';outbound="sip:{phone.switch}{phone.parameter}"'
        f"{encryption};audio_codecs=PCMU;answermode={mode}\n"
    )


def _configuration(phone: Phone, directory: Path, control: tuple[str, int]) -> str:
    """ausine of baresip 1.0 speaks 48 kHz and two channels only; baresip resamples."""
    modules = Path(_modules())
    lines = [
        f"sip_listen {phone.address}:{phone.port}",
        f"net_interface {phone.address}",
        "audio_player aubridge,loudspeaker",
        "audio_alert aubridge,bell",
        f"audio_source ausine,{phone.tone}",
        "ausrc_srate 48000",
        "ausrc_channels 2",
        "auplay_srate 8000",
        "auplay_channels 1",
        "rtp_stats yes",
        f"module_path {modules}",
        *(f"module {name}.so" for name in ("g711", "ausine", "aubridge", "sndfile", "srtp")),
        "module_tmp account.so",
        *(f"module_app {name}.so" for name in ("menu", "ctrl_tcp")),
        f"snd_path {directory}",
        f"ctrl_tcp_listen {control[0]}:{control[1]}",
    ]
    if phone.certificate:
        lines.append(f"sip_certificate {phone.certificate}")
    return "\n".join(lines) + "\n"


def _modules() -> str:
    """Where the distribution keeps the modules."""
    for place in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")):
        if place.is_dir():
            return str(place)
    raise AssertionError("baresip's modules are neither in /usr/lib/baresip/modules nor in /usr/lib/*/baresip/modules")
