"""Somebody else takes a side of a call: the other side is told where its media come from now."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.media.ports import NoPortsError
from rustalk.media.session import MediaSession, MediaSide, SessionClosedError
from rustalk.sdp.errors import SdpError
from rustalk.ua.timeouts import Timeouts

from .leg import Conversation

__all__ = ["Substitution"]

log = Logger()

_TRIES = 5
_PAUSE = 1.0


class Substitution:
    """One change of who stands on ``side`` of a call; ``rest`` is who stays.

    ``done`` is called once, with what the new leg is to be told of the media, or with None where the other side would
    not have it; the media are then as they were before. ``undo`` makes them so at any time.
    """

    __slots__ = ("_body", "_done", "_media", "_new", "_rest", "_side", "_timeouts", "_tries", "undo")

    def __init__(
        self,
        media: MediaSession,
        side: int,
        rest: Conversation,
        new: MediaSide,
        *,
        timeouts: Timeouts,
        done: Callable[[bytes | None], None],
    ) -> None:
        self._media = media
        self._side = side
        self._rest = rest
        self._new = new
        self._timeouts = timeouts
        self._done = done
        self.undo: Callable[[], None] = _nothing
        self._body = b""
        self._tries = 0

    def describe(self, body: bytes) -> None:
        """The new leg wants its media as ``body`` says."""
        self._body = body
        try:
            self.undo = self._media.replace(self._side, self._new)
        except SdpError as error:
            log.info("The new side's media do not fit: {error}", error=str(error))
            self._give_up()
            return
        self._media.lease(body, self._side).addCallbacks(self._leased, self._failed).addErrback(self._failed)

    def _leased(self, _: object) -> None:
        text = self._media.translate(self._body, self._side)
        if text == self._rest.local:
            self._done(self._media.translate(self._rest.remote, 1 - self._side))
        else:
            self._offer(text)

    def _offer(self, text: bytes) -> None:
        """Ask the other side; where it is just asking for something itself, a moment later."""
        self._tries += 1
        if self._rest.ended:
            self._give_up()
        elif not self._rest.offer(text, self._answered):
            if self._tries == _TRIES:
                self._give_up()
            else:
                self._timeouts.start(_PAUSE, self._offer, text)

    def _answered(self, status: int, answer: bytes) -> None:
        if not (200 <= status < 300 and answer):
            log.info("The other side does not take the new media: {status}", status=status)
            self._give_up()
            return
        try:
            told = self._media.translate(answer, 1 - self._side)
        except (SdpError, SessionClosedError) as error:
            log.info("The other side's answer cannot be used: {error}", error=str(error))
            self._give_up()
            return
        self._done(told)

    def _failed(self, reason: Failure) -> None:
        if isinstance(reason.value, (SdpError, NoPortsError, SessionClosedError)):
            log.info("The new side's description cannot be used: {error}", error=reason.getErrorMessage())
        else:
            log.failure("A side of a call could not be changed", reason)
        self._give_up()

    def _give_up(self) -> None:
        self.undo()
        self._done(None)


def _nothing() -> None:
    """The media have not been changed yet."""
