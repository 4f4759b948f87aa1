"""A house with three real phones: one registers over UDP, one over TCP, one over TLS, which insists on SRTP.

Each speaks with a tone of its own, so that it shows who is heard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rustalk.rtp.tone import presence
from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.layout import vacant
from tests.live.running import Running, until

__all__ = ["ADDRESSES", "DOMAIN", "NUMBERS", "TONES", "TRANSPORTS", "House", "extension", "hears", "password", "talk"]

DOMAIN = "pbx.example.com"
NUMBERS = ("1001", "1002", "1003")
TRANSPORTS = {"1001": "udp", "1002": "tcp", "1003": "tls"}
TONES = {"1001": 440, "1002": 700, "1003": 1000}
ADDRESSES = {"1001": "127.0.0.10", "1002": "127.0.0.11", "1003": "127.0.0.12"}

_SWITCH = "127.0.0.1"
_HALF_SECOND = 4000
_CLEAR = 0.9
_PACKETS = 25


def password(number: str) -> str:
    """The password of an extension."""
    return f"blue-kettle-{int(number) * 7919}"


def extension(number: str, **more: Any) -> dict[str, Any]:
    """An extension as it is configured; a phone that insists on SRTP says so here too."""
    srtp = "required" if TRANSPORTS[number] == "tls" else ""
    return {"extension": number, "password": password(number), "srtp": srtp, **more}


class House:
    """The switch and the phones that have come in so far.

    ``more`` are settings of extensions, by number, ``secure`` those of the listener for TLS.
    """

    def __init__(
        self,
        switch: Callable[..., Running],
        baresip: Callable[[Phone], Baresip],
        *,
        more: Mapping[str, Mapping[str, Any]] | None = None,
        sip: Mapping[str, Any] | None = None,
        secure: Mapping[str, Any] | None = None,
        **sections: Any,
    ) -> None:
        self._baresip = baresip
        self.ports = {"udp": vacant(_SWITCH), "tls": vacant(_SWITCH)}
        self.ports["tcp"] = self.ports["udp"]
        plain = {"id": "phones", "bind_address": _SWITCH, "bind_port": self.ports["udp"], "protocols": ["udp", "tcp"]}
        safe = {"id": "secure", "bind_address": _SWITCH, "bind_port": self.ports["tls"], "protocols": ["tls"]}
        self.running = switch(
            {
                "sip": {"domain": DOMAIN, "digest_algorithms": ["MD5"], **(sip or {})},
                "sip_profiles": [plain, {**safe, **(secure or {})}],
                "extensions": [extension(number, **(more or {}).get(number, {})) for number in NUMBERS],
                "media": LATCHING,
                "api": {"port": vacant(_SWITCH), "auth": "off"},
                **sections,
            }
        )

    def phone(self, number: str, **how: Any) -> Baresip:
        """A phone of this extension that has registered; ``how`` goes to `switched_on`."""
        before = len(self.registrations(number))
        phone = self.switched_on(number, **how)
        until(lambda: len(self.registrations(number)) > before, f"{number} to register")
        return phone

    def switched_on(
        self, number: str, *, prompt: bool = True, encryption: str | None = None, certificate: str = "", login: str = ""
    ) -> Baresip:
        """A phone of this extension that has just been switched on.

        One that is not ``prompt`` rings until it is told. ``login`` is the password where it is not the right one,
        ``certificate`` a file with a certificate and its key.
        """
        transport = TRANSPORTS[number]
        return self._baresip(
            Phone(
                number,
                ADDRESSES[number],
                vacant(ADDRESSES[number]),
                f"{_SWITCH}:{self.ports[transport]}",
                TONES[number],
                ("srtp-mand" if transport == "tls" else "") if encryption is None else encryption,
                certificate,
                prompt=prompt,
                transport=transport,
                domain=DOMAIN,
                password=login or password(number),
            )
        )

    def registrations(self, number: str) -> list[str]:
        """The transports of what the log says that this extension has registered."""
        return re.findall(rf"Extension {number} is registered at (\w+)", self.running.log)

    def over(self, *reasons: str) -> None:
        """No call is left, nor a port of one; the records end for these reasons."""
        until(lambda: self.running.stats["active_calls"] == 0, "the calls to end")
        until(lambda: self.running.media_ports <= set(self.ports.values()), "the media ports to close")
        assert sorted(call["reason"] for call in self.running.calls) == sorted(reasons)

    def spoken(self) -> list[int]:
        """How many packets of audio the switch has had from each side of each call that is not over."""
        media = [leg["media"] for call in self.running.calls if not call["over"] for leg in call["legs"]]
        return [each["packets"] for each in media if each is not None]

    def goes_on(self) -> None:
        """Wait until both sides of the only call are heard, from now on.

        What a baresip hears cannot be listened to any more once it was on hold: its player begins anew.
        """
        before = self.spoken()
        until(lambda: all(now > was + _PACKETS for now, was in zip(self.spoken(), before, strict=True)), "both sides")


def hears(phone: Baresip, tone: int) -> None:
    """Wait until a phone has heard this tone, and nothing else, for half a second from now on."""
    start = len(phone.heard())

    def clear() -> bool:
        samples = phone.heard()
        return len(samples) - start >= _HALF_SECOND and presence(samples[-_HALF_SECOND:], tone) > _CLEAR

    until(clear, f"{tone} Hz at {phone.phone.user}")


def talk(one: Baresip, other: Baresip) -> None:
    """Wait until two phones hear each other."""
    hears(one, other.phone.tone)
    hears(other, one.phone.tone)
