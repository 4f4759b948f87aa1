"""What crosses the wire between the SBC and its peers, and what may never cross it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rustalk.sip.message import Message, Request, Response

from ..call import Call
from ..link import Link
from .claim import need
from .site import ROLES

__all__ = ["TEAMS", "Crossing", "Wire"]

TEAMS = "teams"
PLAIN = frozenset(role.id for role in ROLES if role.plain)

Kind = TypeVar("Kind", bound=Message)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A message on the wire between the SBC and a peer (``teams`` or a role), as the peer saw it."""

    peer: str
    sent: bool
    message: Message


class Wire:
    """Every message of a story, as the peers saw it; of OPTIONS only those of the SBC to Teams, in ``pings``."""

    def __init__(self) -> None:
        self.crossings: list[Crossing] = []
        self.pings: list[Request] = []

    def tap(self, peer: str) -> Callable[[bool, Message, Link], None]:
        """What the agent of this peer has to call for each message."""

        def watch(sent: bool, message: Message, link: Link) -> None:
            if not (isinstance(message, Request) and message.method == "OPTIONS"):
                self.crossings.append(Crossing(peer, sent, message))
            elif peer == TEAMS and not sent:
                self.pings.append(message)

        return watch

    def forget(self) -> None:
        """Begin anew, for the next story; the pings stay."""
        self.crossings.clear()

    def messages(self, peer: str, kind: type[Kind], *, sent: bool = False) -> list[Kind]:
        """What this peer got, or has ``sent``, oldest first."""
        found = (one.message for one in self.crossings if one.peer == peer and one.sent is sent)
        return [message for message in found if isinstance(message, kind)]

    def requests(self, peer: str, *methods: str, sent: bool = False) -> list[Request]:
        """The requests of these methods that this peer got, or has ``sent``."""
        return [one for one in self.messages(peer, Request, sent=sent) if one.method in methods]

    def responses(self, peer: str, method: str, sent: bool = False) -> list[Response]:
        """The responses to requests of this method that this peer got, or has ``sent``."""
        return [one for one in self.messages(peer, Response, sent=sent) if one.cseq.method == method]

    def invites(self, peer: str, call: Call | None = None) -> list[Request]:
        """The INVITEs that this peer got, of one call or of all."""
        every = self.requests(peer, "INVITE")
        return [one for one in every if call is None or one.call_id == call.call_id]

    def claim_clean(self) -> None:
        """Claim that nothing has reached a carrier that it may not get. Raises UnmetError."""
        for one in self.crossings:
            if one.peer != TEAMS and not one.sent:
                _claim_bearable(one.peer, one.message)


def _claim_bearable(peer: str, message: Message) -> None:
    """What no carrier may get: headers of Microsoft's own (HDR-19), and SRTP or a key where it speaks plain RTP."""
    leaked = [name for name, _ in message.fields if name.upper().startswith("X-MS-")]
    need(not leaked, f"HDR-19: {leaked} reached {peer}")
    if peer in PLAIN:
        need(b"RTP/SAVP" not in message.body, f"MED-01: SRTP was described to {peer}, which speaks plain RTP")
        need(b"a=crypto" not in message.body, f"MED-01: a key reached {peer}, which speaks plain RTP")
