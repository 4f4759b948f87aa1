"""Where a call is sent: the key destination of routes, DIDs and ring groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Self

from rustalk.config.about import about

__all__ = ["CALLED", "Destination", "DestinationType", "RouteTarget"]

DestinationType = Literal["Trunk", "Extension", "RingGroup", "Queue", "Voicemail", "Hangup", "Custom"]

CALLED = "${destination}"
"""The value that stands for the called number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a call goes. In place of the object a text alone stands for the extension of that number."""

    type: DestinationType = field(metadata=about("Kind of the destination.", example="Trunk"))
    value: str = field(
        default="",
        metadata=about(
            "For `Trunk` the id of a trunk or `teams`; for `Extension` its number; for `RingGroup` its id or name; for "
            "`Queue` its name; for `Voicemail` the number of the extension; for `Hangup` the SIP status from 400 to "
            "699 to answer with, empty: 403; for `Custom` a SIP URI. `${destination}` alone stands for the called "
            "number, with `Extension` and `Voicemail` only.",
            example="teams",
        ),
    )

    @classmethod
    def of_text(cls, text: str) -> Self:
        """The extension of that number."""
        return cls(type="Extension", value=text)

    def number(self, called: str) -> str:
        """The number of the extension or mailbox that a call to ``called`` goes to."""
        return called if self.value == CALLED else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTarget(Destination):
    """One of several destinations of a route."""

    weight: int = field(
        default=1,
        metadata=about(
            "Share of the calls with `select` `weight` or `hash`. 0: only after the others.", low=0, high=65535
        ),
    )
    order: int = field(
        default=0, metadata=about("Lower is tried first; equal ones as `select` says.", low=0, high=1000000)
    )
