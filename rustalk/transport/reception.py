"""What the wire hands upward: messages, broken messages, lost flows; and the question whom to listen to at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message, Request, Response
from rustalk.sip.parse import Limits

__all__ = ["Admits", "Bars", "Receiver", "Reception"]

Admits = Callable[[str, str], bool]
"""``admits(address, profile)``: whether this peer may speak to this profile; asked before parsing costs anything.

It is asked for each datagram, each connection accepted and each message on one, so it may count them.
"""

Bars = Callable[[str], bool]
"""``bars(address)``: whether this peer has been shut out; asked of each connection accepted, about once a second."""


class Receiver(Protocol):
    """The layer above: it gets everything that arrives, one call per thing, never a Deferred."""

    def message_received(self, message: Request | Response, flow: IFlow) -> None:
        """A whole, well-formed message."""

    def malformed(self, error: RemoteProtocolError, flow: IFlow) -> None:
        """Something that is no message. The error carries the status to answer and the fields understood so far."""

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """A connection ended, or something was sent on one that had; ``reason`` is a phrase for the log."""


def _everybody(address: str, profile: str) -> bool:
    return True


def _nobody(address: str) -> bool:
    return False


class Reception:
    """One receiver, the limits of what it is given, and a guard: an error above never costs the peer its connection."""

    log = Logger()

    def __init__(
        self,
        receiver: Receiver,
        admits: Admits,
        limits: Limits,
        knows: Admits | None = None,
        bars: Bars | None = None,
    ) -> None:
        self.receiver = receiver
        self.admits = admits
        self.knows: Admits = knows or _everybody
        self.bars: Bars = bars or _nobody
        self.limits = limits

    def deliver(self, found: Message | RemoteProtocolError, flow: IFlow) -> None:
        """Hand one result of the parser upward."""
        try:
            if isinstance(found, RemoteProtocolError):
                self.receiver.malformed(found, flow)
            else:
                self.receiver.message_received(cast("Request | Response", found), flow)
        except Exception:
            self.log.failure(
                "Error above the transport while it took in {found!r} from {peer}", found=found, peer=flow.peer
            )

    def lost(self, flow: IFlow, reason: str) -> None:
        """Tell the receiver that a flow is gone."""
        try:
            self.receiver.flow_lost(flow, reason)
        except Exception:
            self.log.failure("Error above the transport while it lost the flow to {peer}", peer=flow.peer)
