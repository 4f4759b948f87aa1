"""Who lives where on loopback, and the configuration that joins them: a trunk is known by its address."""

from __future__ import annotations

import socket
from typing import Any

from tests.fakes.places import is_vacant, vacant

__all__ = ["CALLEE", "CALLER", "NUMBER", "OTHER_CALLEE", "SWITCH", "media_ports", "trunk", "two_trunks", "vacant"]

SWITCH, CALLER, CALLEE, OTHER_CALLEE = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
NUMBER = "+441273652002"


def media_ports(address: str, calls: int) -> list[int]:
    """The lowest and the highest of a range of UDP ports that nobody uses, with room for just so many relayed calls."""
    for low in range(20000, 30000, 100):
        high = low + 4 * calls - 1
        if all(is_vacant(address, port, socket.SOCK_DGRAM) for port in range(low, high + 1)):
            return [low, high]
    raise OSError(f"no {4 * calls} UDP ports in a row are free on {address} from 20000 to 30000")


def two_trunks(protocol: str = "udp", audio: str = "relay", /, **sections: Any) -> dict[str, Any]:
    """A switch between the trunks "caller" and "callee" that sends every number to the latter.

    Ports are chosen anew at each call. ``sections`` replace whole sections of the configuration.
    """
    return {
        "sip_profiles": [
            {"id": "main", "bind_address": SWITCH, "bind_port": vacant(SWITCH), "protocols": ["udp", "tcp"]}
        ],
        "trunks": [trunk("caller", CALLER, protocol, audio), trunk("callee", CALLEE, protocol, audio)],
        "routing": {
            "routes": [{"id": "all", "pattern": "", "destination": {"type": "Trunk", "value": "callee"}}],
        },
        "api": {"port": vacant(SWITCH), "auth": "off"},
        **sections,
    }


def trunk(name: str, address: str, protocol: str, audio: str = "relay") -> dict[str, Any]:
    """A trunk at an address, not pinged."""
    return {
        "id": name,
        "host": address,
        "port": vacant(address),
        "protocol": protocol,
        "media": audio,
        "options_ping_enabled": False,
    }
