"""A ringing branch of our INVITE whose 18x are acknowledged (RFC 3262 section 4), and its UPDATEs (RFC 3311)."""

from __future__ import annotations

from collections.abc import Collection

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Request, Response

from .dialogs import Beginning, Dialogs
from .endpoint import Endpoint, ServerTransaction
from .exchange import Exchange, ExchangeListener
from .inspect import description
from .route import Path

__all__ = ["EarlyDialog"]


class EarlyDialog:
    """One early dialog that we began; ``trunk`` is that of the peer, ``exchange`` what both sides said in it."""

    began: Beginning | None = None

    __slots__ = ("_dialogs", "_endpoint", "_path", "_seen", "dialog", "exchange", "trunk")

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        dialog: Dialog,
        path: Path,
        listener: ExchangeListener,
        *,
        trunk: str,
        contact: str,
        allow: str,
        offered: bytes,
    ) -> None:
        """``offered`` is the description in our INVITE."""
        self.dialog = dialog
        self.trunk = trunk
        self.exchange = Exchange(endpoint, dialog, path, listener, contact=contact, allow=allow, local=offered)
        self._endpoint = endpoint
        self._dialogs = dialogs
        self._path = path
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
        self.exchange.note_methods(response)
        self.exchange.is_settled |= bool(description(response))
        fields = [("RAck", f"{number} {response.cseq.number} INVITE")]
        prack = self.dialog.request("PRACK", fields)

        def use(flow: IFlow) -> None:
            self._endpoint.send(prack, flow, self)

        self._path.follow(self.dialog.next_hop, use, self.request_failed)
        return True

    def leave(self) -> None:
        """The branch is answered: what it has been asked, or has asked, is still to be settled."""
        self._dialogs.remove(self)

    def end(self) -> None:
        """The branch rings no more."""
        self.leave()
        self.exchange.end()

    # The answer to our PRACK.

    def response_received(self, response: Response, flow: IFlow) -> None:
        """Whatever it says: the ring was heard."""

    def request_failed(self, cause: str) -> None:
        """The INVITE will tell by itself."""

    # Requests of the peer.

    def request_received(self, transaction: ServerTransaction) -> None:
        """An UPDATE may describe the early media anew; nothing else has a place before the answer."""
        self.dialog.receive(transaction.request)
        if transaction.request.method != "UPDATE":
            transaction.refuse("no_dialog")
        elif self.exchange.is_settled or not description(transaction.request):
            self.exchange.received(transaction)
        else:  # the offer of our INVITE waits for its answer (RFC 3311 section 5.2)
            transaction.refuse("glare")

    def ack_received(self, request: Request) -> None:
        """An ACK has no place before the answer."""

    def flows_lost(self, flows: Collection[IFlow]) -> None:
        """Connections are gone; the dialog finds another when it needs one."""
        self._path.lost(flows)
