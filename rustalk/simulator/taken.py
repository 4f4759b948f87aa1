"""A call that the simulator receives: its forks ring, one of them answers."""

from __future__ import annotations

from collections.abc import Iterable

from rustalk.sip.message import Field, Request

from .call import Call, CallError, Side, granted
from .description import facts
from .dialog import Dialog
from .inbox import Inbox
from .link import Link
from .media import SrtpEnd
from .multipart import description
from .result import Plan
from .style import Style

__all__ = ["TakenCall"]


class TakenCall(Call):
    """A call that the simulator receives. Each fork has a To tag, ports and a key of its own (RNG-01, MED-06)."""

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
        self._reliable = 0
        text = description(invite)
        self._offer = facts(text) if text else None

    def ring(
        self,
        status: int = 180,
        fork: str = "a",
        *,
        early: bool = False,
        reliable: bool = False,
        fields: Iterable[Field] = (),
    ) -> None:
        """Send a provisional response from this fork; ``early`` puts the fork's own description and key in it.

        A ``reliable`` one wants a PRACK (RFC 3262).
        """
        if self.cancelled:
            return
        if early:
            self._choose(fork)
        own: list[Field] = [] if status == 100 else [*self.style.contacts(), *self._routes()]
        if reliable:
            self._reliable += 1
            own += [("Require", "100rel"), ("RSeq", str(self._reliable))]
        self._respond(status, fork, [*own, *fields], self.sound.text() if early else b"")

    def accept(self, fork: str = "a", *, fields: Iterable[Field] = ()) -> None:
        """Send the 200 of this fork; its audio begins. A second one, of another fork, changes nothing of the first."""
        if self.cancelled and not self.keep_on_cancel:
            raise CallError("the caller gave up before the answer")
        tag = self.tag_of(fork)
        if self.dialog is None:
            self._choose(fork)
            body = self.sound.text()
            self.status = 200
            self.dialog = Dialog.taken(self.incoming, tag)
        else:
            body = self.sound.text(self.end_of(fork))
        own: list[Field] = [*self.style.contacts(), *self._routes(), *granted(self.incoming), *fields]
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
        if fork not in self._names:
            self._names[fork] = self.style.tag()
            self.tags.add(self._names[fork])
        return self._names[fork]

    def end_of(self, fork: str) -> SrtpEnd:
        """The media of a fork: each has its own port and key (MED-06)."""
        if fork not in self._ends:
            self._ends[fork] = self.sound.open()
        return self._ends[fork]

    def request_received(self, request: Request, link: Link) -> None:
        other = self.dialog is not None and request.to.tag != self.dialog.local_tag
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
                self.hear(facts(description(request), answer=True), f"ACK {self.call_id}")
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

    def _routes(self) -> list[Field]:
        """The Record-Route fields of the request, given back unchanged below our own (section 12.1.1)."""
        return [("Record-Route", value) for value in self.incoming.all("Record-Route")]

    def _choose(self, fork: str) -> None:
        """Make this fork's media the one that speaks."""
        self.sound.use(self.end_of(fork))
        if self._offer is not None:
            self.hear(self._offer, f"INVITE {self.call_id}")

    def _respond(self, status: int, fork: str, fields: list[Field], body: bytes, reason: str = "") -> None:
        own = [*fields, *self.style.features(False)]
        if body:
            own.append(("Content-Type", "application/sdp"))
        tag = "" if status == 100 else self.tag_of(fork)
        response = self.incoming.response(status, reason, to_tag=tag, fields=own, body=body)
        self.side.agent.respond(self.link, self.style, self.incoming, response)
