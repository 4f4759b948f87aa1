"""One call of the simulator as its script sees it: short verbs that send, and waits that are bounded.

A call answers by itself what is the same in every script (BYE, CANCEL, re-INVITE, UPDATE, INFO, NOTIFY, PRACK); a
script that wants a method for itself names it in ``manual`` and takes the requests from ``requests``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from rustalk.sdp.model import Direction
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.uri import Uri

from .agent import Agent, Sent
from .description import Facts, facts, mirrored
from .dialog import Dialog
from .inbox import Inbox
from .link import Link
from .media import SrtpEnd
from .multipart import description
from .result import CallResult, Plan, Progress
from .sound import Describe, Sound
from .style import Style

__all__ = ["Call", "CallError", "Judge", "Side", "granted"]

NAMES_ITS_PLACE = frozenset(("INVITE", "UPDATE", "REFER", "SUBSCRIBE"))


class CallError(Exception):
    """The call cannot go on; the text says why and becomes the ``cause`` of its result."""


class Judge:
    """Looks at what the other side does in a call. This one finds everything right."""

    def response(self, call: Call, invite: Request, response: Response) -> None:
        """Look at a response to our INVITE or re-INVITE."""

    def description(self, call: Call, found: Facts | None, place: str) -> None:
        """Look at a session description of the other side; ``place`` is the message that held it."""

    def unacknowledged(self, call: Call) -> None:
        """Note that our 200 got no ACK."""


@dataclass(frozen=True, slots=True)
class Side:
    """What every call of one peer shares. ``dial`` opens the way to the next hop of a request inside a dialog."""

    agent: Agent
    end: Callable[[], SrtpEnd]
    describe: Describe
    dial: Callable[[Uri, Style], Deferred[Link]]
    judge: Judge


class Call:
    """What placed and taken calls have in common: the dialog, its media and its end."""

    placed = False

    def __init__(self, side: Side, style: Style, link: Link, call_id: str, script: str, plan: Plan) -> None:
        self.side = side
        self.style = style
        self.link = link
        self.call_id = call_id
        self.script = script
        self.plan = plan
        self.tags: set[str] = set()
        self.manual: frozenset[str] = frozenset()
        self.requests: Inbox[tuple[Request, Link]] = Inbox(side.agent.clock)
        self.seen: list[Request] = []
        self.invite: Request | None = None
        self.dialog: Dialog | None = None
        self.sound = Sound(side.end, side.describe)
        self.status = 0
        self.progress: list[Progress] = []
        self.acknowledged = False
        self.ended_by = ""
        self.cause = ""
        self._over: Inbox[Request] = Inbox(side.agent.clock)
        self._released: Deferred[None] = Deferred()
        self._refresh: IDelayedCall | None = None

    # What scripts use.

    @property
    def remote(self) -> Facts | None:
        """The other side's last description."""
        return self.sound.remote

    async def led(self) -> None:
        """The script of a call that another story leads: it does nothing by itself until ``release``."""
        await self._released

    def release(self) -> None:
        """End the lead: the call's script is over. Releasing twice is harmless."""
        if not self._released.called:
            self._released.callback(None)

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await Inbox(self.side.agent.clock).take(seconds)

    async def talk(self, seconds: float | None = None) -> bool:
        """Let audio flow for so long (the plan's time unless given); True when the other side hung up meanwhile."""
        if not self.ended_by:
            await self._over.take(self.plan.talk if seconds is None else seconds)
        return bool(self.ended_by)

    async def hang_up(self, fields: Iterable[Field] = ()) -> int:
        """Say BYE and return the status of its answer, 0 for none; nothing when the call is already over."""
        if self.ended_by:
            return 0
        self.ended_by = "us"
        self.sound.hush()
        response = await self.request("BYE", fields=fields)
        if response is None:
            self.cause = "the BYE got no answer"
        return response.status if response else 0

    async def finish(self) -> None:
        """Talk as long as the plan says; then hang up, or wait for the other side to do so."""
        if await self.talk():
            return
        if self.plan.hang_up:
            await self.hang_up()
        elif not await self.talk(self.plan.patience):
            self.cause = "the other side did not hang up"
            await self.hang_up()

    async def reinvite(
        self,
        direction: Direction = Direction.SENDRECV,
        *,
        same: bool = False,
        offer: bool = True,
        fields: Iterable[Field] = (),
    ) -> Response:
        """Offer the media anew; ``same`` repeats the last description byte for byte (HDR-17). Sends the ACK.

        Without ``offer`` the other side makes one in its 200, and our answer goes with the ACK (HDR-11).
        """
        if not same:
            self.sound.turn(direction)
        response = await self.request("INVITE", self.sound.text() if offer else b"", fields)
        if response is None:
            raise CallError("the re-INVITE got no final response")
        if response.status < 300:
            self._accepted(response)
            await self.request("ACK", b"" if offer else self.sound.text(), cseq=response.cseq.number)
        return response

    def move(self) -> None:
        """Let the media live at other ports with another key, from the next description on."""
        self.sound.use(self.sound.open())

    async def request(
        self,
        method: str,
        body: bytes = b"",
        fields: Iterable[Field] = (),
        *,
        cseq: int | None = None,
        dialog: Dialog | None = None,
    ) -> Response | None:
        """Send a request inside the dialog, on its route, and return its final response; None for an ACK or silence.

        An ACK passes the ``cseq`` of its INVITE; ``dialog`` is the call's own unless given.
        """
        dialog = dialog or self.confirmed_dialog
        if cseq is None:
            dialog.cseq += 1
        own: list[Field] = [
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{dialog.cseq if cseq is None else cseq} {method}"),
            *[("Route", route) for route in dialog.routes],
        ]
        if method in NAMES_ITS_PLACE:
            own += self.style.contacts()
        if method == "INVITE":
            own += self._timer_fields()
        own += [*self.style.features(True), *fields]
        request = self.style.request(method, dialog.target, own, body)
        hop = NameAddr.parse(dialog.routes[0]).uri if dialog.routes else Uri.parse(dialog.target)
        link = await self.side.dial(hop, self.style)
        sent = self.side.agent.send(link, self.style, request)
        return None if method == "ACK" else await self._final(sent)

    @property
    def confirmed_dialog(self) -> Dialog:
        """The dialog of the answered call. Raises CallError before the answer."""
        if self.dialog is None:
            raise CallError("there is no dialog yet")
        return self.dialog

    # What the agent calls.

    def request_received(self, request: Request, link: Link) -> None:
        """Answer a request of the dialog, or leave it to the script."""
        self.seen.append(request)
        if request.method in self.manual:
            self.requests.put((request, link))
            return
        if request.method == "BYE":
            self.reply(request, link, 200)
            self._bye(request)
        elif request.method in ("INVITE", "UPDATE"):
            self.accept_offer(request, link)
        else:
            self.reply(request, link, 200)

    def ack_received(self, request: Request, link: Link) -> None:
        """Note an ACK."""
        self.seen.append(request)

    def cancel_received(self, request: Request) -> None:
        """Note a CANCEL."""
        self.seen.append(request)

    def reply(
        self, request: Request, link: Link, status: int, *, body: bytes = b"", fields: Iterable[Field] = ()
    ) -> None:
        """Answer a request of the dialog."""
        own: list[Field] = [*fields, *self.style.features(False)]
        if request.method in ("INVITE", "UPDATE") and status < 300:
            own = [*self.style.contacts(), *own]
        if body:
            own.append(("Content-Type", "application/sdp"))
        self.side.agent.respond(link, self.style, request, request.response(status, fields=own, body=body))

    def accept_offer(self, request: Request, link: Link) -> None:
        """Take a re-INVITE or UPDATE: its target, its offer, and 200 with our answer."""
        if request.contact is not None and self.dialog is not None:
            self.dialog.target = request.contact.address
        text = description(request)
        found = facts(text) if text else None
        if found is not None:
            self.sound.turn(mirrored(found.audio.direction))
        if text:
            self.hear(found, f"{request.method} {self.call_id}")
        body = self.sound.text() if text or request.method == "INVITE" else b""
        self.reply(request, link, 200, body=body, fields=granted(request))

    def hear(self, found: Facts | None, place: str) -> None:
        """Take the other side's description: judge it and turn the media there."""
        self.side.judge.description(self, found, place)
        if found is not None:
            self.sound.heard(found, speak=not self.ended_by)

    def result(self) -> CallResult:
        """How the call went so far."""
        return CallResult(
            call_id=self.call_id,
            script=self.script,
            placed=self.placed,
            status=self.status,
            progress=tuple(self.progress),
            acknowledged=self.acknowledged,
            ended_by=self.ended_by,
            media=self.sound.counts,
            cause=self.cause,
        )

    async def close(self) -> None:
        """Stop the media and give everything back."""
        if self._refresh is not None and self._refresh.active():
            self._refresh.cancel()
        await self.sound.close()

    # What both kinds share inside.

    def background(self, story: Coroutine[Deferred[Any], Any, Any]) -> None:
        """Run a part of the call beside its script; what goes wrong in it becomes the cause."""
        Deferred.fromCoroutine(story).addErrback(self.failed)

    def failed(self, failure: Failure) -> None:
        """Note what ended a part of the story before its time; the first such cause stays."""
        self.cause = self.cause or failure.getErrorMessage() or repr(failure.value)

    async def _final(self, sent: Sent) -> Response | None:
        while True:
            response = await sent.responses.take(self.plan.patience)
            if response is None or response.status >= 200:
                return response

    def _bye(self, request: Request) -> None:
        self.ended_by = self.ended_by or "peer"
        self.sound.hush()
        self._over.put(request)

    def _accepted(self, response: Response) -> None:
        if response.contact is not None and self.dialog is not None:
            self.dialog.target = response.contact.address
        if text := description(response):
            self.hear(facts(text, answer=True), f"{response.status} {self.call_id}")
        self._plan_refresh(response)

    def _timer_fields(self) -> list[Field]:
        if not self.style.upper or not self.plan.session_expires:
            return []
        return [("Supported", "timer"), ("Session-Expires", str(self.plan.session_expires)), ("Min-SE", "300")]

    def _plan_refresh(self, response: Response) -> None:
        """Refresh at half time when the answer makes us the refresher (HDR-16)."""
        if self._refresh is not None and self._refresh.active():
            self._refresh.cancel()
        value = response.get("Session-Expires") or ""
        if "refresher=uac" not in value.replace(" ", "").lower():
            return
        seconds = response.number("Session-Expires") or self.plan.session_expires
        self._refresh = self.side.agent.clock.callLater(seconds / 2, self._refresh_now)

    def _refresh_now(self) -> None:
        if not self.ended_by:
            self.background(self.reinvite(same=True))


def granted(request: Request) -> list[Field]:
    """The session timer that the request asked for, left to the asker (RFC 4028 section 9)."""
    seconds = request.number("Session-Expires")
    if seconds is None or "timer" not in request.tokens("Supported"):
        return []
    return [("Session-Expires", f"{seconds};refresher=uac"), ("Require", "timer")]
