"""The ACK to a 2xx of ours, sent again with each copy of that 2xx (RFC 3261 section 13.2.2.4)."""

from __future__ import annotations

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog

from .endpoint import Endpoint
from .inspect import SDP
from .route import Path

__all__ = ["Acknowledgement"]

log = Logger()


class Acknowledgement:
    """One ACK. It goes by the route of its dialog each time, whatever connection the 2xx or its copy came on."""

    __slots__ = ("_ack", "_data", "_dialog", "_endpoint", "_path")

    def __init__(self, endpoint: Endpoint, dialog: Dialog, path: Path, number: int, body: bytes = b"") -> None:
        """``number`` is the CSeq of the INVITE, ``body`` our answer where the 2xx held the offer."""
        self._endpoint = endpoint
        self._dialog = dialog
        self._path = path
        self._ack = dialog.request("ACK", [("Content-Type", SDP)] if body else (), body, number=number)
        self._data = b""

    def send(self) -> None:
        """Send it, or send the same bytes again."""
        self._path.follow(self._dialog.next_hop, self._use, self._failed)

    def _use(self, flow: IFlow) -> None:
        if self._data:
            self._endpoint.write(self._data, flow, self._dialog.call_id)
        else:
            self._data = self._endpoint.send_ack(self._ack, flow)

    def _failed(self, cause: str) -> None:
        """The peer repeats its 2xx until an ACK comes, so there is another chance."""
        log.warn("No way to acknowledge: {cause}", cause=cause, call_id=self._dialog.call_id)
