"""An INVITE with Replaces: its caller takes the place of a side of a call (RFC 3891; XFR-07)."""

from __future__ import annotations

from twisted.logger import Logger

from rustalk.media.session import MediaSide
from rustalk.sdp.errors import SdpError
from rustalk.sip.errors import RemoteProtocolError
from rustalk.ua.incoming import Incoming
from rustalk.ua.reasons import reason_field
from rustalk.ua.timeouts import Timeouts

from .call import Call
from .events import Ended, Event, Informed, Offered
from .leg import CallerLeg, Leg
from .substitute import Substitution

__all__ = ["Takeover"]

log = Logger()


class Takeover:
    """One side of a call is being taken over. Until the other side has agreed the call is as it was."""

    __slots__ = ("_call", "_departed", "_incoming", "_old", "_over", "_place", "_timeouts", "leg")

    def __init__(self, call: Call, old: Leg, leg: CallerLeg, timeouts: Timeouts) -> None:
        self._call = call
        self._old = old
        self._timeouts = timeouts
        self._incoming: Incoming | None = None
        self._place: Substitution | None = None
        self._departed: Ended | None = None
        self._over = False
        self.leg = leg
        leg.hear = self._hear

    def start(self, incoming: Incoming, new: MediaSide) -> None:
        """Tell the other side; an INVITE that brings no offer gets one."""
        self._call.transfer = self
        self._incoming = incoming
        other = self._call.other(self._old)
        rest = other.session if other is not None else None
        if rest is None:
            self._fail("peer_gone", 481)
        elif incoming.description:
            self._place = Substitution(
                self._call.media, self._old.side, rest, new, timeouts=self._timeouts, done=self._placed
            )
            self._place.describe(incoming.description)
        else:
            self._offer(new)

    def _offer(self, new: MediaSide) -> None:
        media, side = self._call.media, self._old.side
        try:
            offer = media.again(side, new)
            media.replace(side, new)
        except SdpError as error:
            log.info("Call {call} cannot be offered: {error}", call=self._call.id, error=str(error))
            self._fail("bad_media", 488)
        else:
            self._placed(offer)

    def _placed(self, told: bytes | None) -> None:
        incoming = self._incoming
        if self._over or incoming is None:
            return
        if told is None:
            self._fail("bad_media", 488)
            return
        self._finish()
        try:
            self.leg.begin(incoming.answer(told))
        except RemoteProtocolError as error:
            log.info("Call {call} was not taken over: {error}", call=self._call.id, error=error.reason)
            incoming.reject(error.status)
            self._abandon()
            return
        self._call.place(self._old, self.leg)
        if self._old.session is not None:
            self._old.session.bye([reason_field("transferred")])
            self._old.session = None

    def _abandon(self) -> None:
        """The other side hears the old one again."""
        place, self._place = self._place, None
        if place is not None:
            place.abandon(self._old.session if self._call.ended_at is None else None)

    def _hear(self, leg: Leg, event: Event) -> None:
        match event:
            case Ended():
                self._incoming = None
                self._finish()
                self._abandon()
                self._end_departed()
            case Offered():
                event.offer.refuse("glare")
            case Informed():
                event.transaction.respond(200)

    def is_leaving(self, leg: Leg) -> bool:
        """Whether the media of this leg do not count any more: the new side's are being told."""
        return leg is self._old

    def departs(self, leg: Leg, event: Ended) -> bool:
        """Whether the end of this leg is only who is being replaced, hanging up before the outcome."""
        if leg is not self._old:
            return False
        self._departed = event
        leg.session = None
        return True

    def lose(self, trunk: str) -> None:
        """Nobody on this trunk takes the call over any more."""
        if self.leg.trunk == trunk and not self._over:
            self._fail("no_target", 503)

    def cancel(self) -> None:
        """The call is over, and the takeover with it."""
        if not self._over:
            self._fail("peer_gone", 481)

    def _fail(self, code: str, status: int) -> None:
        incoming, self._incoming = self._incoming, None
        self._finish()
        self._abandon()
        if incoming is not None:
            incoming.reject(status, fields=[reason_field(code, status)])
        self._end_departed()

    def _end_departed(self) -> None:
        if self._departed is not None:
            self._call.hang_up("transfer_failed")

    def _finish(self) -> None:
        self._over = True
        self._call.transfer = None
