"""A transfer between two calls of ours: the sides that stay are joined, who asked leaves both (RFC 5589 section 7)."""

from __future__ import annotations

from twisted.logger import Logger

from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sdp.errors import SdpError
from rustalk.ua.reasons import REASONS, reason_field
from rustalk.ua.referral import Referral
from rustalk.ua.timeouts import Timeouts

from . import bridge
from .call import Call
from .course import Course
from .events import Ended
from .hairpin import Hairpin
from .leg import Conversation, Leg
from .substitute import Substitution

__all__ = ["Join"]

log = Logger()


class Join:
    """Joins the call that the REFER came in with the one that it names. Until both sides agree both are as they were.

    ``first`` and ``second`` are the legs of who asked; ``loop`` is how media cross from one call into the other.
    """

    __slots__ = (
        "_calls",
        "_departed",
        "_flow",
        "_legs",
        "_loop",
        "_over",
        "_places",
        "_referral",
        "_timeouts",
        "_told",
    )

    def __init__(
        self,
        first: tuple[Call, Leg],
        second: tuple[Call, Leg],
        referral: Referral,
        flow: IFlow,
        *,
        loop: MediaSide,
        timeouts: Timeouts,
    ) -> None:
        self._calls = first[0], second[0]
        self._legs = first[1], second[1]
        self._referral = referral
        self._flow = flow
        self._loop = loop
        self._timeouts = timeouts
        self._departed: dict[Leg, Ended] = {}
        self._told = b"", b""
        self._places: list[Substitution] = []
        self._over = False

    def start(self) -> None:
        """Accept the REFER, and tell the side that stays in the first call about the one in the second."""
        self._referral.accept()
        for call in self._calls:
            call.transfer = self
        try:
            body = self._calls[1].media.again(self._legs[1].side, self._loop)
        except SdpError as error:
            log.info("Nothing to offer: {error}", error=str(error))
            self._fail("bad_media")
        else:
            self._describe(0, body)

    def _describe(self, which: int, body: bytes) -> None:
        """Let the side that stays in one call hear of the other one."""
        call, leg, rest = self._calls[which], self._legs[which], self._rest(which)
        if rest is None:
            self._fail("peer_gone")
            return
        done = (self._first_agreed, self._second_agreed)[which]
        place = Substitution(call.media, leg.side, rest, self._loop, timeouts=self._timeouts, done=done)
        self._places.append(place)
        place.describe(body)

    def _rest(self, which: int) -> Conversation | None:
        other = self._calls[which].other(self._legs[which])
        return other.session if other is not None else None

    def _first_agreed(self, told: bytes | None) -> None:
        if self._over:
            return
        if told is None:
            self._fail("bad_media")
        else:
            self._told = told, b""
            self._describe(1, told)

    def _second_agreed(self, told: bytes | None) -> None:
        if self._over:
            return
        if told is None:
            self._fail("bad_media")
            return
        self._told = self._told[0], told
        self._finish()
        self._connect()
        self._referral.finish(200)
        for leg in self._legs:
            if leg.session is not None:
                leg.session.bye([reason_field("transferred")])
                leg.session = None
        rest = self._rest_of_joined()
        if rest is not None:
            bridge.described(self._calls[0].media, told, self._legs[0].side, rest)

    def _connect(self) -> None:
        """Put the way into the other call where the legs of who asked were."""
        others = tuple(call.other(leg) for call, leg in zip(self._calls, self._legs, strict=True))
        ways: list[Hairpin] = []
        for which, (call, old) in enumerate(zip(self._calls, self._legs, strict=True)):
            beyond = others[1 - which]
            assert beyond is not None
            course = Course(self._timeouts.now)
            course.succeeds()
            leg = Leg(beyond.trunk, beyond, call.id, call.hear, course, old.side)
            way = Hairpin(leg, self._flow, call)
            way.local, way.remote = self._told[which], self._told[1 - which]
            leg.session = way
            ways.append(way)
            call.place(old, leg, joined=True)
        first, second = self._calls
        first.transferred_to, second.transferred_from = second.id, first.id
        ways[0].twin, ways[1].twin = ways[1], ways[0]

    def _rest_of_joined(self) -> Conversation | None:
        call = self._calls[0]
        for leg in (call.caller, call.callee):
            if leg is not None and leg.side != self._legs[0].side:
                return leg.session
        return None

    # The end.

    def is_leaving(self, leg: Leg) -> bool:
        """Whether the media of this leg do not count any more: those of the other call are being told."""
        return leg in self._legs

    def departs(self, leg: Leg, event: Ended) -> bool:
        """Whether the end of this leg is only who asked, hanging up before the outcome."""
        if leg not in self._legs:
            return False
        self._departed[leg] = event
        leg.session = None
        return True

    def _fail(self, code: str) -> None:
        if self._over:
            return
        self._finish()
        for place, call, leg in zip(self._places, self._calls, self._legs, strict=False):
            place.abandon(leg.session if call.ended_at is None else None)
        self._referral.finish(REASONS[code].status or 500)
        log.info(
            "Calls {first} and {second} were not joined: {code}",
            first=self._calls[0].id,
            second=self._calls[1].id,
            code=code,
        )
        for call, leg in zip(self._calls, self._legs, strict=True):
            if leg in self._departed:
                call.hang_up("transfer_failed")

    def lose(self, trunk: str) -> None:
        """Both calls have their sides already: a trunk that is no more ends them by themselves."""

    def cancel(self) -> None:
        """One of the calls is over, and with it the transfer."""
        self._fail("peer_gone")

    def _finish(self) -> None:
        self._over = True
        for call in self._calls:
            call.transfer = None
