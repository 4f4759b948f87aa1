"""The Microsoft clouds: which proxies a tenant's SBC talks to and from which networks they call.

NET-01, NET-02 and NET-05 of the requirements; the second range of Microsoft's current wording, 52.122.0.0/15, lies
inside the 52.120.0.0/14 of the older one, so the union is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["CLOUDS", "NETWORKS_VERSION", "PROXY_PORT", "Cloud", "CloudName"]

CloudName = Literal["commercial", "gcc", "gcc-high", "dod"]

PROXY_PORT = 5061
"""The port of every Teams proxy (NET-01)."""

NETWORKS_VERSION = "2026-11-22"
"""The day on which the networks below were last compared with what Microsoft publishes."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud. ``proxies`` are in the order in which they are tried; ``port`` is the only port on which its SBCs may
    listen, None where any will do."""

    proxies: tuple[str, ...]
    networks: tuple[str, ...]
    port: int | None = None


_WORLD = Cloud(
    proxies=("sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com"),
    networks=("52.112.0.0/14", "52.120.0.0/14"),
)

CLOUDS: MappingProxyType[CloudName, Cloud] = MappingProxyType(
    {
        "commercial": _WORLD,
        "gcc": _WORLD,
        "gcc-high": Cloud(("sip.pstnhub.gov.teams.microsoft.us",), ("52.127.88.0/21",), port=5061),
        "dod": Cloud(("sip.pstnhub.dod.teams.microsoft.us",), ("52.127.64.0/21",), port=5061),
    }
)
