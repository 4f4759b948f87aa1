"""One call of the simulator as its script sees it: short verbs that send, and waits that are bounded.

A call answers by itself what is the same in every script (BYE, CANCEL, re-INVITE, UPDATE, INFO, NOTIFY); a script that
wants a method for itself names it in ``manual`` and takes the requests from ``requests``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from rustalk.sdp.model import Direction
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.uri import Uri

from .agent import Agent, Sent
from .description import Facts, facts, mirrored
from .inbox import Inbox
from .link import Link
from .media import MediaCounts, SrtpEnd
from .result import CallResult, Plan, Progress
from .style import Style

__all__ = ["Call", "CallError", "Describe", "Dialog", "Judge", "PlacedCall", "Side", "TakenCall"]


class CallError(Exception):
    """The call cannot go on; the text says why and becomes the ``cause`` of its result."""


class Describe(Protocol):
    """Writes a session description for one end (``description.teams_sdp`` and its like)."""

    def __call__(self, end: SrtpEnd, direction: Direction = ..., *, version: int = ..., tag: int = ...) -> bytes: ...


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


@dataclass(slots=True)
class Dialog:
    """A confirmed dialog (RFC 3261 section 12); ``local`` and ``remote`` are From and To as we write them."""

    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    cseq: int


class Call:
    """What placed and taken calls have in common: the dialog, its media and its end."""

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
        self.remote: Facts | None = None
        self.first_place: tuple[str, int] | None = None
        self.status = 0
        self.progress: list[Progress] = []
        self.acknowledged = False
        self.ended_by = ""
        self.cause = ""
        self.direction = Direction.SENDRECV
        self.version = 0
        self._end: SrtpEnd | None = None
        self._spare_ends: list[SrtpEnd] = []
        self._over: Inbox[Request] = Inbox(side.agent.clock)
        self._refresh: IDelayedCall | None = None
        self._closed = False

    # What scripts use.

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await Inbox(self.side.agent.clock).take(seconds)

    async def talk(self, seconds: float | None = None) -> bool:
        """Let audio flow for so long (the plan's time unless given); True when the other side hung up meanwhile."""
        if not self.ended_by:
            await self._over.take(self.plan.talk if seconds is None else seconds)
        return bool(self.ended_by)

    async def hang_up(self) -> int:
        """Say BYE and return the status of its answer, 0 for none; nothing when the call is already over."""
        if self.ended_by:
            return 0
        self.ended_by = "us"
        self._hush()
        response = await self.request("BYE")
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
        self, direction: Direction = Direction.SENDRECV, *, same: bool = False, fields: Iterable[Field] = ()
    ) -> Response:
        """Offer the media anew; ``same`` repeats the last description byte for byte (HDR-17). Sends the ACK."""
        if not same:
            self.version += 1
            self.direction = direction
        response = await self.request("INVITE", self._describe(), fields)
        if response is None:
            raise CallError("the re-INVITE got no final response")
        if response.status < 300:
            self._accepted(response)
            await self.request("ACK", cseq=response.cseq.number)
        return response

    def move(self) -> None:
        """Let the media live at other ports with another key, from the next description on."""
        self._hush()
        if self._end is not None:
            self._spare_ends.append(self._end)
        self._end = self.side.end()

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
        dialog = dialog or self._confirmed()
        if cseq is None:
            dialog.cseq += 1
        own: list[Field] = [
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{dialog.cseq if cseq is None else cseq} {method}"),
            *[("Route", route) for route in dialog.routes],
        ]
        if method == "INVITE":
            own += [*self.style.contacts(), *self._timer_fields()]
        own += [*self.style.features(True), *fields]
        request = self.style.request(method, dialog.target, own, body)
        hop = NameAddr.parse(dialog.routes[0]).uri if dialog.routes else Uri.parse(dialog.target)
        link = await self.side.dial(hop, self.style)
        sent = self.side.agent.send(link, self.style, request)
        return None if method == "ACK" else await self._final(sent)

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
            self._offered(request, link)
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

    def result(self) -> CallResult:
        """How the call went so far."""
        media = self._end.counts if self._end else MediaCounts()
        return CallResult(
            call_id=self.call_id,
            script=self.script,
            placed=isinstance(self, PlacedCall),
            status=self.status,
            progress=tuple(self.progress),
            acknowledged=self.acknowledged,
            ended_by=self.ended_by,
            media=media,
            cause=self.cause,
        )

    async def close(self) -> None:
        """Stop the media and give everything back."""
        self._closed = True
        if self._refresh is not None and self._refresh.active():
            self._refresh.cancel()
        for end in dict.fromkeys([self._end, *self._spare_ends]):
            if end is not None:
                await end.close()

    # What both kinds share inside.

    def background(self, story: Coroutine[Deferred[Any], Any, Any]) -> None:
        """Run a part of the call beside its script; what goes wrong in it becomes the cause."""
        Deferred.fromCoroutine(story).addErrback(self.failed)

    def failed(self, failure: Failure) -> None:
        """Note what ended a part of the story before its time; the first such cause stays."""
        self.cause = self.cause or failure.getErrorMessage() or repr(failure.value)

    def _confirmed(self) -> Dialog:
        if self.dialog is None:
            raise CallError("there is no dialog yet")
        return self.dialog

    async def _final(self, sent: Sent) -> Response | None:
        while True:
            response = await sent.responses.take(self.plan.patience)
            if response is None or response.status >= 200:
                return response

    def _describe(self) -> bytes:
        tag = self.remote.tag if self.remote else 1
        return self.side.describe(self._own_end(), self.direction, version=self.version, tag=tag)

    def _own_end(self) -> SrtpEnd:
        if self._end is None:
            self._end = self.side.end()
        return self._end

    def _heard(self, found: Facts | None, place: str) -> None:
        """Take the other side's description: judge it and turn the media there."""
        self.side.judge.description(self, found, place)
        if found is None:
            return
        self.remote = found
        self.first_place = self.first_place or found.place
        flow = found.flow
        if flow is None or self._closed:
            return
        end = self._own_end()
        end.connect(flow)
        if found.audio.direction in (Direction.SENDRECV, Direction.RECVONLY) and not self.ended_by:
            end.speak()
        else:
            end.hush()

    def _hush(self) -> None:
        for end in [self._end, *self._spare_ends]:
            if end is not None:
                end.hush()

    def _bye(self, request: Request) -> None:
        self.ended_by = self.ended_by or "peer"
        self._hush()
        self._over.put(request)

    def _offered(self, request: Request, link: Link) -> None:
        if request.contact is not None and self.dialog is not None:
            self.dialog.target = request.contact.address
        found = facts(request.body) if request.body else None
        if request.body:
            self._heard(found, f"{request.method} {self.call_id}")
        if found is not None:
            self.direction = mirrored(found.audio.direction)
            self.version += 1
        body = self._describe() if request.body or request.method == "INVITE" else b""
        self.reply(request, link, 200, body=body, fields=_granted(request))

    def _accepted(self, response: Response) -> None:
        if response.contact is not None and self.dialog is not None:
            self.dialog.target = response.contact.address
        if response.body:
            self._heard(facts(response.body, answer=True), f"{response.status} {self.call_id}")
        self._plan_refresh(response)

    def _timer_fields(self) -> list[Field]:
        if not self.style.upper:
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


class PlacedCall(Call):
    """A call that the simulator makes: one INVITE, the ACK of whatever answers it, and what follows."""

    def __init__(self, side: Side, style: Style, link: Link, call_id: str, script: str, plan: Plan) -> None:
        super().__init__(side, style, link, call_id, script, plan)
        self.withhold_ack = False
        self.extra_answers: list[Response] = []
        self._responses: Inbox[Response] = Inbox(side.agent.clock)
        self._sent: Sent | None = None
        self._cseq = 1
        self._offered_late = False

    def call(self, uri: str, from_: str, to: str, *, fields: Iterable[Field] = (), offer: bool = True) -> None:
        """Send the INVITE. ``from_`` and ``to`` without tags; without ``offer`` the ACK carries our answer."""
        self._offered_late = not offer
        tag = self.style.tag()
        self.tags.add(tag)
        own: list[Field] = [
            ("From", f"{from_};tag={tag}"),
            ("To", to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self._cseq} INVITE"),
            *self.style.contacts(),
            *self._timer_fields(),
            *self.style.features(True),
            *fields,
        ]
        self.invite = self.style.request("INVITE", uri, own, self._describe() if offer else b"")
        self._sent = self.side.agent.send(self.link, self.style, self.invite)
        self._sent.deliver = self._response

    async def final(self, seconds: float | None = None) -> int:
        """Wait for the final response and return its status, 0 when none came in time."""
        waiting = self.plan.patience if seconds is None else seconds
        while self.status < 200:
            response = await self._responses.take(waiting)
            if response is None:
                self.cause = f"no final response to the INVITE within {waiting:g} s"
                return 0
        return self.status

    def expire(self) -> None:
        """Give up when nothing but 100 Trying has come: the call counts as answered 408 (FO-07)."""
        if self.invite is not None and not self.progress and self.status < 200:
            self.status = 408
            self.cause = "500001: no answer within the failover time"
            self.cancel()
            self._responses.put(self.invite.response(408))

    async def first(self, seconds: float) -> bool:
        """Wait for anything beyond 100 Trying (FO-07); whether it came in time."""
        while not self.progress and self.status < 200:
            if await self._responses.take(seconds) is None:
                return False
        return True

    def cancel(self, fields: Iterable[Field] = ()) -> None:
        """Send CANCEL on the branch of the INVITE."""
        invite = self.invite
        if invite is None:
            raise CallError("nothing to cancel: no INVITE was sent")
        own: list[Field] = [("Via", str(invite.via)), ("Max-Forwards", "70")]
        own += [field for field in invite.fields if field[0] in ("From", "To", "Call-ID", "Route")]
        own += [("CSeq", f"{invite.cseq.number} CANCEL"), *fields]
        self.ended_by = self.ended_by or "cancel"
        self.side.agent.send(self.link, self.style, Request("CANCEL", invite.uri, own))

    def _response(self, response: Response) -> None:
        invite = self.invite
        if invite is None or response.status == 100:
            return
        self.side.judge.response(self, invite, response)
        if response.status < 200:
            self.progress.append(Progress(response.status, response.to.tag, bool(response.body)))
            if response.body:
                self._heard(facts(response.body, answer=True), f"{response.status} {self.call_id}")
        elif self.status < 200:
            self.status = response.status
            if response.status < 300:
                self._confirm(invite, response)
        elif response.status < 300:
            self._answered_again(invite, response)
        self._responses.put(response)

    def _confirm(self, invite: Request, response: Response) -> None:
        self.dialog = self._dialog(invite, response)
        self._accepted(response)
        if not self.withhold_ack:
            self.acknowledged = True
            answer = self._describe() if self._offered_late else b""
            self.background(self.request("ACK", answer, cseq=self._cseq))

    def _answered_again(self, invite: Request, response: Response) -> None:
        """A retransmitted 200 gets its ACK again; one with another tag gets ACK and BYE (RFC 3261 section 13.2.2.4)."""
        if self.dialog is not None and NameAddr.parse(self.dialog.remote).tag == response.to.tag:
            if not self.withhold_ack:
                self.background(self.request("ACK", cseq=self._cseq))
            return
        self.extra_answers.append(response)
        self.background(self._refuse_second(self._dialog(invite, response)))

    async def _refuse_second(self, second: Dialog) -> None:
        await self.request("ACK", cseq=self._cseq, dialog=second)
        await self.request("BYE", dialog=second)

    def _dialog(self, invite: Request, response: Response) -> Dialog:
        target = response.contact.address if response.contact else invite.uri
        return Dialog(
            local=invite.get("From") or "",
            remote=response.get("To") or "",
            target=target,
            routes=tuple(reversed([one for one in response.items("Record-Route") if one != self.style.record_route])),
            cseq=self._cseq,
        )


class TakenCall(Call):
    """A call that the simulator receives."""

    def __init__(self, side: Side, style: Style, link: Link, invite: Request, script: str, plan: Plan) -> None:
        super().__init__(side, style, link, invite.call_id, script, plan)
        self.incoming = invite
        self.invite = invite
        self.cancelled = False
        self.keep_on_cancel = False
        self.byes: list[str] = []
        self._names: dict[str, str] = {}
        self._ends: dict[str, SrtpEnd] = {}
        self._acks: Inbox[Request] = Inbox(side.agent.clock)
        self._offer = facts(invite.body) if invite.body else None

    def ring(self, status: int = 180, fork: str = "a", *, early: bool = False, fields: Iterable[Field] = ()) -> None:
        """Send a provisional response from this fork; ``early`` puts the fork's own description and key in it."""
        if self.cancelled:
            return
        if early:
            self._choose(fork)
        own: list[Field] = [] if status == 100 else [*self.style.contacts(), *self._routes()]
        self._respond(status, fork, [*own, *fields], self._describe() if early else b"")

    def accept(self, fork: str = "a", *, fields: Iterable[Field] = ()) -> None:
        """Send the 200 of this fork; its audio begins. A second one, of another fork, changes nothing of the first."""
        if self.cancelled and not self.keep_on_cancel:
            raise CallError("the caller gave up before the answer")
        tag = self._tag(fork)
        if self.dialog is None:
            self._choose(fork)
            body = self._describe()
            self.status = 200
            self.dialog = self._dialog(tag)
        else:
            body = self.side.describe(self._end_of(fork), tag=self.remote.tag if self.remote else 1)
        own: list[Field] = [*self.style.contacts(), *self._routes(), *_granted(self.incoming), *fields]
        self._respond(200, fork, own, body)

    def refuse(self, status: int, reason: str = "", *, fields: Iterable[Field] = ()) -> None:
        """Send a final response other than 2xx."""
        if self.cancelled:
            return
        self.status = status
        self._respond(status, "a", list(fields), b"", reason)

    async def confirmed(self, seconds: float | None = None) -> bool:
        """Wait for the ACK of the 200; when it stays away, that is noted (RNG-08)."""
        if await self._acks.take(self.plan.patience if seconds is None else seconds) is None:
            self.cause = "the 200 got no ACK"
            self.side.judge.unacknowledged(self)
            return False
        self.acknowledged = True
        return True

    async def cancel(self, seconds: float | None = None) -> bool:
        """Wait for the CANCEL of the caller."""
        if not self.cancelled:
            await self._over.take(self.plan.patience if seconds is None else seconds)
        return self.cancelled

    def tag_of(self, fork: str) -> str:
        """The To tag of a fork."""
        return self._tag(fork)

    def request_received(self, request: Request, link: Link) -> None:
        other = self.dialog is not None and request.to.tag != NameAddr.parse(self.dialog.local).tag
        if request.method == "BYE":
            self.byes.append(request.to.tag)
            if other:
                self.reply(request, link, 200)
                return
        super().request_received(request, link)

    def ack_received(self, request: Request, link: Link) -> None:
        super().ack_received(request, link)
        if self.status < 300:
            self.side.agent.acknowledged(self.incoming)
            if request.body and self._offer is None:
                self._heard(facts(request.body, answer=True), f"ACK {self.call_id}")
        self._acks.put(request)

    def cancel_received(self, request: Request) -> None:
        super().cancel_received(request)
        if self.status >= 200:
            return
        self.cancelled = True
        self.ended_by = "cancel"
        if not self.keep_on_cancel:
            self.status = 487
            self._respond(487, "a", [], b"")
        self._over.put(request)

    def _dialog(self, tag: str) -> Dialog:
        request = self.incoming
        contact = request.contact
        return Dialog(
            local=f"{request.get('To')};tag={tag}",
            remote=request.get("From") or "",
            target=contact.address if contact else request.from_.address,
            routes=tuple(request.items("Record-Route")),
            cseq=0,
        )

    def _routes(self) -> list[Field]:
        """The Record-Route fields of the request, given back unchanged below our own (section 12.1.1)."""
        return [("Record-Route", value) for value in self.incoming.all("Record-Route")]

    def _tag(self, fork: str) -> str:
        if fork not in self._names:
            self._names[fork] = self.style.tag()
            self.tags.add(self._names[fork])
        return self._names[fork]

    def _end_of(self, fork: str) -> SrtpEnd:
        """The media of a fork: each has its own port and key (MED-06)."""
        if fork not in self._ends:
            self._ends[fork] = self.side.end()
            self._spare_ends.append(self._ends[fork])
        return self._ends[fork]

    def _choose(self, fork: str) -> None:
        """Make this fork's media the one that speaks."""
        self._hush()
        self._end = self._end_of(fork)
        if self._offer is not None:
            self._heard(self._offer, f"INVITE {self.call_id}")

    def _respond(self, status: int, fork: str, fields: list[Field], body: bytes, reason: str = "") -> None:
        own = [*fields, *self.style.features(False)]
        if body:
            own.append(("Content-Type", "application/sdp"))
        tag = "" if status == 100 else self._tag(fork)
        response = self.incoming.response(status, reason, to_tag=tag, fields=own, body=body)
        self.side.agent.respond(self.link, self.style, self.incoming, response)


def _granted(request: Request) -> list[Field]:
    """The session timer that the request asked for, left to the asker (RFC 4028 section 9)."""
    seconds = request.number("Session-Expires")
    if seconds is None or "timer" not in request.tokens("Supported"):
        return []
    return [("Session-Expires", f"{seconds};refresher=uac"), ("Require", "timer")]
