"""What becomes of a REFER, told to who sent it (RFC 3515 section 2.4.4, RFC 4488)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rustalk.interfaces import IFlow
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Response
from rustalk.sip.status import reason_phrase

from .endpoint import ServerTransaction

if TYPE_CHECKING:
    from .session import Session

__all__ = ["SIPFRAG", "Referral"]

SIPFRAG = "message/sipfrag;version=2.0"
_EXPIRES = 180


class Referral:
    """The subscription that a REFER makes in its dialog. Raises RemoteProtocolError where Refer-To is unusable.

    A REFER that says ``Refer-Sub: false`` gets its 2xx and hears no more.
    """

    __slots__ = ("_event", "_session", "_silent", "_transaction", "over", "referred_by", "target")

    def __init__(self, session: Session, transaction: ServerTransaction) -> None:
        request = transaction.request
        if len(request.all("Refer-To")) > 1:
            raise RemoteProtocolError("REFER needs one Refer-To")
        self.target = NameAddr.parse(request.get("Refer-To") or "").uri
        if self.target.scheme not in ("sip", "sips", "tel"):
            raise RemoteProtocolError("Refer-To is neither sip, sips nor tel", 416)
        self.referred_by = request.get("Referred-By") or ""
        self.over = False
        self._silent = (request.get("Refer-Sub") or "").strip(" \t").lower().startswith("false")
        self._event = f"refer;id={request.cseq.number}"
        self._session = session
        self._transaction = transaction

    def accept(self) -> None:
        """Say that the transfer is being tried."""
        fields: list[Field] = [("Contact", self._session.contact)]
        if self._silent:
            fields.append(("Refer-Sub", "false"))
        self._transaction.respond(200 if self._silent else 202, fields=fields)
        self.tell(100)

    def refuse(self, code: str, status: int = 0) -> None:
        """Say that it is not even tried."""
        self.over = True
        self._transaction.refuse(code, status=status)

    def tell(self, status: int, phrase: str = "") -> None:
        """The new call has got this far."""
        self._notify(status, phrase, f"active;expires={_EXPIRES}")

    def finish(self, status: int, phrase: str = "") -> None:
        """The new call was answered, or was not; nothing is told after this."""
        self._notify(status, phrase, "terminated;reason=noresource")
        self.over = True

    def _notify(self, status: int, phrase: str, state: str) -> None:
        if self._silent or self.over or self._session.ended:
            return
        fields = [
            ("Event", self._event),
            ("Subscription-State", state),
            ("Contact", self._session.contact),
            ("Content-Type", SIPFRAG),
        ]
        body = f"SIP/2.0 {status} {phrase or reason_phrase(status)}\r\n".encode("utf-8", "surrogateescape")
        self._session.ask("NOTIFY", fields, body, self)

    # The answers to our NOTIFYs.

    def response_received(self, response: Response, flow: IFlow) -> None:
        """Who does not want to hear any more says so (RFC 6665 section 4.2.2)."""
        if response.status >= 300:
            self.over = True

    def request_failed(self, cause: str) -> None:
        """Nobody listens any more."""
        self.over = True
