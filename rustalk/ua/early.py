"""A ringing branch of our INVITE whose 18x are acknowledged (RFC 3262 section 4), and its UPDATEs (RFC 3311)."""

from __future__ import annotations

from collections.abc import Callable

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Request, Response

from .dialogs import Dialogs
from .endpoint import Endpoint, ServerTransaction
from .inspect import SDP, inspect, offers
from .route import Path

__all__ = ["EarlyDialog"]


class EarlyDialog:
    """One early dialog that we began; ``trunk`` is that of the peer.

    ``updated`` gets the description of an UPDATE and gives the answer to it, or nothing when it cannot be taken.
    """

    __slots__ = ("_contact", "_dialogs", "_endpoint", "_path", "_seen", "_updated", "dialog", "trunk")

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        dialog: Dialog,
        path: Path,
        *,
        trunk: str,
        contact: str,
        updated: Callable[[bytes], bytes],
    ) -> None:
        self.dialog = dialog
        self.trunk = trunk
        self._endpoint = endpoint
        self._dialogs = dialogs
        self._path = path
        self._contact = contact
        self._updated = updated
        self._seen = 0
        dialogs.add(self)

    def acknowledge(self, response: Response) -> bool:
        """Send the PRACK of an 18x; False for a copy, or for one that came before its turn (section 4).

        Raises RemoteProtocolError for an RSeq that is no number.
        """
        number = response.number("RSeq") or 0
        if number == 0 or (self._seen and number != self._seen + 1):
            return False
        self._seen = number
        fields = [("RAck", f"{number} {response.cseq.number} INVITE")]
        prack = self.dialog.request("PRACK", fields)

        def use(flow: IFlow) -> None:
            self._endpoint.send(prack, flow, self)

        self._path.follow(self.dialog.next_hop, use, self.request_failed)
        return True

    def end(self) -> None:
        """The branch is answered, or rings no more."""
        self._dialogs.remove(self)

    # The answer to our PRACK.

    def response_received(self, response: Response, flow: IFlow) -> None:
        """Whatever it says: the ring was heard."""

    def request_failed(self, cause: str) -> None:
        """The INVITE will tell by itself."""

    # Requests of the peer.

    def request_received(self, transaction: ServerTransaction) -> None:
        """An UPDATE may describe the early media anew; nothing else has a place before the answer."""
        request = transaction.request
        self.dialog.receive(request)
        unfit = inspect(request)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        if request.method != "UPDATE":
            transaction.refuse("no_dialog")
            return
        self.dialog.refresh_target(request)
        answer = self._updated(request.body) if offers(request) else b""
        if offers(request) and not answer:
            transaction.refuse("bad_media")
            return
        described = [("Content-Type", SDP)] if answer else []
        transaction.respond(200, fields=[("Contact", self._contact), *described], body=answer)

    def ack_received(self, request: Request) -> None:
        """An ACK has no place before the answer."""

    def flow_lost(self, flow: IFlow) -> None:
        """A connection is gone; the dialog finds another when it needs one."""
        self._path.lost(flow)
