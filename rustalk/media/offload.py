"""What a stream tells an engine that may carry its packets past the userspace relay, and what it asks the stream."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rustalk.media.latch import Address

__all__ = ["Offload", "Route", "Stream"]


@dataclass(frozen=True, slots=True)
class Route:
    """The way of RTP in one direction: ``source`` to our port ``arrival``, our port ``departure`` to ``target``."""

    source: Address
    arrival: Address
    departure: Address
    target: Address

    @property
    def family(self) -> int | None:
        """The IP version of both halves, 4 or 6; None where they differ."""
        versions = {ip_address(host).version for host in (self.source[0], self.target[0])}
        return versions.pop() if len(versions) == 1 else None


class Stream(Protocol):
    """What of a stream the engine uses."""

    def route(self, side: int) -> Route | None:
        """The way of what this side sends; None unless the source is held and the other side's too, and receives."""

    def passed(self, side: int, packets: int, size: int) -> None:
        """Take note of RTP from this side, with ``size`` bytes in all, that was carried past the relay just now."""


class Offload(Protocol):
    """The engine. The relay calls these methods; none may raise."""

    def look(self, stream: Stream) -> None:
        """A second or so has gone by: settled routes may be taken over, what was carried is to be told."""

    def moved(self, stream: Stream) -> None:
        """A session description came: no route that is not as it was may be carried from now on."""

    def closed(self, stream: Stream) -> None:
        """The ports are about to be returned: nothing may be carried from now on. Last chance to tell."""

    def close(self) -> None:
        """No stream is left and none will come."""
