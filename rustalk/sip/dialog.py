"""A dialog: two tags, a route set, a remote target and two sequence numbers (RFC 3261 section 12)."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import RemoteProtocolError
from .headers import NameAddr, split_list
from .message import Field, Request, Response
from .uri import Uri

__all__ = ["Dialog", "DialogId", "dialog_id"]

DialogId = tuple[str, str, str]
"""Call-ID, our tag, the peer's tag."""


def dialog_id(request: Request) -> DialogId:
    """The dialog that an in-dialog request from the peer belongs to."""
    return request.call_id, request.to.tag, request.from_.tag


class Dialog:
    """One peer relationship, seen from our side. Addresses are kept as header text, ready to be written again."""

    __slots__ = (
        "call_id",
        "local",
        "local_seq",
        "local_tag",
        "remote",
        "remote_seq",
        "remote_tag",
        "route",
        "target",
    )

    def __init__(
        self,
        call_id: str,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str,
        *,
        local_seq: int = 0,
        remote_seq: int = -1,
        route: tuple[str, ...] = (),
        target: str,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.local_seq = local_seq
        self.remote_seq = remote_seq
        self.route = route
        self.target = target

    @classmethod
    def as_server(cls, request: Request, local_tag: str) -> Dialog:
        """The dialog that our response to this request makes (12.1.1).

        Raises RemoteProtocolError when the request has no usable Contact or a route that leads nowhere.
        """
        to = request.get("To") or ""
        return cls(
            request.call_id,
            f"{to};tag={local_tag}",
            local_tag,
            request.get("From") or "",
            request.from_.tag,
            remote_seq=request.cseq.number,
            route=_route(request),
            target=_contact(request),
        )

    @classmethod
    def as_client(cls, response: Response, local: str, local_tag: str) -> Dialog:
        """The dialog that this response to our request makes (12.1.2); ``local`` is the From value we sent.

        Raises RemoteProtocolError as ``as_server`` does.
        """
        return cls(
            response.call_id,
            local,
            local_tag,
            response.get("To") or "",
            response.to.tag,
            local_seq=response.cseq.number,
            route=_route(response)[::-1],
            target=_contact(response),
        )

    @property
    def id(self) -> DialogId:
        """What the peer's requests in this dialog are recognised by."""
        return self.call_id, self.local_tag, self.remote_tag

    @property
    def next_hop(self) -> Uri:
        """Where requests of this dialog go first: the top of the route set, else the remote target."""
        return NameAddr.parse(self.route[0]).uri if self.route else Uri.parse(self.target)

    def request(
        self, method: str, fields: Iterable[Field] = (), body: bytes = b"", *, number: int | None = None
    ) -> Request:
        """A request in this dialog (12.2.1.1), still without Via; ``number`` is given for ACK, which counts nothing."""
        if number is None:
            self.local_seq += 1
            number = self.local_seq
        uri, route = self.target, self.route
        if route and NameAddr.parse(route[0]).uri.param("lr") is None:  # a strict router: 12.2.1.1, second case
            uri, route = NameAddr.parse(route[0]).address, (*route[1:], f"<{self.target}>")
        own: list[Field] = [("Route", item) for item in route]
        own += [
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
        ]
        return Request(method, uri, [*own, *fields], body)

    def receive(self, request: Request) -> None:
        """Take note of a request in this dialog (12.2.2).

        Raises RemoteProtocolError 500 when it is older than what we have seen; ACK and CANCEL are not for this.
        """
        if request.cseq.number <= self.remote_seq:
            raise RemoteProtocolError("the CSeq is lower than one already seen", 500)
        self.remote_seq = request.cseq.number

    def refresh_target(self, message: Request | Response) -> None:
        """Follow a target refresh: the Contact of a re-INVITE or UPDATE, or of its 2xx."""
        if message.contacts:
            self.target = _contact(message)


def _route(message: Request | Response) -> tuple[str, ...]:
    """The Record-Route values in their order, each looked at: whoever sends a request later cannot refuse them."""
    route = tuple([item for value in message.all("Record-Route") for item in split_list(value)])
    for item in route:
        if NameAddr.parse(item).uri.scheme not in ("sip", "sips"):
            raise RemoteProtocolError("the Record-Route is not a SIP address")
    return route


def _contact(message: Request | Response) -> str:
    contact = message.contact
    if contact is None:
        raise RemoteProtocolError("the message has no Contact")
    if contact.uri.scheme not in ("sip", "sips"):
        raise RemoteProtocolError("the Contact is not a SIP address", 416)
    return contact.address
