"""A call that the simulator makes: one INVITE, the ACK of whatever answers it, and what follows."""

from __future__ import annotations

from collections.abc import Iterable

from rustalk.sip.message import Field, Request, Response

from .agent import Sent
from .call import Call, CallError, Side
from .description import facts
from .dialog import Dialog
from .inbox import Inbox
from .link import Link
from .multipart import Part, compose, description
from .result import Plan, Progress
from .style import Style

__all__ = ["PlacedCall"]


class PlacedCall(Call):
    """A call that the simulator makes. ``answers`` are the final responses to its INVITE, each 2xx among them."""

    placed = True

    def __init__(self, side: Side, style: Style, link: Link, call_id: str, script: str, plan: Plan) -> None:
        super().__init__(side, style, link, call_id, script, plan)
        self.withhold_ack = False
        self.answers: list[Response] = []
        self.extra_answers: list[Response] = []
        self.provisional: list[Response] = []
        self._responses: Inbox[Response] = Inbox(side.agent.clock)
        self._sent: Sent | None = None
        self._cseq = 1
        self._early: dict[str, Dialog] = {}
        self._offered_late = False

    def call(
        self,
        uri: str,
        from_: str,
        to: str,
        *,
        fields: Iterable[Field] = (),
        offer: bool = True,
        parts: Iterable[Part] = (),
    ) -> None:
        """Send the INVITE. ``from_`` and ``to`` without tags; without ``offer`` the ACK carries our answer.

        ``parts`` stand beside the session description, in a body of several parts.
        """
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
        body = self.sound.text() if offer else b""
        if beside := tuple(parts):
            sdp = Part((("Content-Type", "application/sdp"),), body)
            kind, body = compose((sdp, *beside), f"boundary-{self.style.tag()}")
            own.append(("Content-Type", kind))
        self.invite = self.style.request("INVITE", uri, own, body)
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
            self._progressed(invite, response)
        else:
            self.answers.append(response)
            if self.status < 200:
                self.status = response.status
                if response.status < 300:
                    self._confirm(invite, response)
            elif response.status < 300:
                self._answered_again(invite, response)
        self._responses.put(response)

    def _progressed(self, invite: Request, response: Response) -> None:
        text = description(response)
        self.progress.append(Progress(response.status, response.to.tag, bool(text)))
        self.provisional.append(response)
        reliable = "100rel" in response.tokens("Require")
        answer = b""
        if text:
            self.hear(facts(text, answer=not self._offered_late), f"{response.status} {self.call_id}")
            if self._offered_late and reliable:
                answer, self._offered_late = self.sound.text(), False
        if reliable:
            self._acknowledge_reliably(invite, response, answer)

    def _acknowledge_reliably(self, invite: Request, response: Response, answer: bytes) -> None:
        """PRACK (RFC 3262 section 4); it carries our answer where the response carried the offer."""
        early = self._early.setdefault(response.to.tag, self._dialog(invite, response))
        rack = f"{response.get('RSeq')} {response.get('CSeq')}"
        self.background(self.request("PRACK", answer, [("RAck", rack)], dialog=early))

    def _confirm(self, invite: Request, response: Response) -> None:
        self.dialog = self._early.get(response.to.tag) or self._dialog(invite, response)
        self._accepted(response)
        if not self.withhold_ack:
            self.acknowledged = True
            answer = self.sound.text() if self._offered_late else b""
            self.background(self.request("ACK", answer, cseq=self._cseq))

    def _answered_again(self, invite: Request, response: Response) -> None:
        """A retransmitted 200 gets its ACK again; one with another tag gets ACK and BYE (RFC 3261 section 13.2.2.4)."""
        if self.dialog is not None and self.dialog.remote_tag == response.to.tag:
            if not self.withhold_ack:
                self.background(self.request("ACK", cseq=self._cseq))
            return
        self.extra_answers.append(response)
        self.background(self._refuse_second(self._dialog(invite, response)))

    async def _refuse_second(self, second: Dialog) -> None:
        await self.request("ACK", cseq=self._cseq, dialog=second)
        await self.request("BYE", dialog=second)

    def _dialog(self, invite: Request, response: Response) -> Dialog:
        return Dialog.placed(invite, response, self.style.record_route, self._cseq)
