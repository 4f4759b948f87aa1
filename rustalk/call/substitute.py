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
    not have it; the media are then as they were before.
    """

    __slots__ = ("_asking", "_body", "_done", "_media", "_new", "_old", "_over", "_rest", "_side", "_timeouts", "_undo")

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
        self._done: Callable[[bytes | None], None] | None = done
        self._undo: Callable[[], None] = _nothing
        self._body = b""
        self._old: Conversation | None = None
        self._asking = False
        self._over = False

    def describe(self, body: bytes) -> None:
        """The new leg wants its media as ``body`` says."""
        self._body = body
        try:
            self._undo = self._media.replace(self._side, self._new)
        except SdpError as error:
            log.info("The new side's media do not fit: {error}", error=str(error))
            self._give_up()
            return
        self._media.lease(body, self._side).addCallbacks(self._leased, self._failed).addErrback(self._failed)

    def abandon(self, old: Conversation | None) -> None:
        """Who was to come does not: the media are as before, and the other side hears of ``old`` again.

        That waits for the answer of the other side, where it has been asked already.
        """
        self._done = None
        self._old = old
        if not self._over and not self._asking:
            self._restore()

    def _leased(self, _: object) -> None:
        if self._over:
            return
        text = self._media.translate(self._body, self._side)
        if text == self._rest.local:
            self._tell(self._media.translate(self._rest.remote, 1 - self._side))
        else:
            self._ask(text, self._answered)

    def _ask(self, text: bytes, answered: Callable[[int, bytes], None], tries: int = _TRIES) -> None:
        """Ask the other side; where it is just asking for something itself, a moment later."""
        if self._rest.ended or not tries:
            answered(0, b"")
        elif self._done is None and answered == self._answered:
            self._restore()
        else:
            self._asking = self._rest.offer(text, answered)
            if not self._asking:
                self._timeouts.start(_PAUSE, self._ask, text, answered, tries - 1)

    def _answered(self, status: int, answer: bytes) -> None:
        self._asking = False
        if self._done is None:
            self._restore()
        elif not (200 <= status < 300 and answer):
            log.info("The other side does not take the new media: {status}", status=status)
            self._give_up()
        else:
            try:
                told = self._media.translate(answer, 1 - self._side)
            except (SdpError, SessionClosedError) as error:
                log.info("The other side's answer cannot be used: {error}", error=str(error))
                self._give_up()
            else:
                self._tell(told)

    def _failed(self, reason: Failure) -> None:
        if isinstance(reason.value, (SdpError, NoPortsError, SessionClosedError)):
            log.info("The new side's description cannot be used: {error}", error=reason.getErrorMessage())
        else:
            log.failure("A side of a call could not be changed", reason)
        self._give_up()

    def _give_up(self) -> None:
        if not self._over:
            self._over = True
            self._undo()
            self._tell(None)

    def _tell(self, told: bytes | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(told)

    def _restore(self) -> None:
        """Undo, and let the other side send to who stays after all."""
        self._over = True
        self._undo()
        if self._old is None or self._old.ended or self._rest.ended:
            return
        try:
            text = self._media.translate(self._old.remote, self._side)
        except (SdpError, SessionClosedError) as error:
            log.info("The old side's description cannot be used again: {error}", error=str(error))
            return
        if text != self._rest.local:
            self._ask(text, self._heard)

    def _heard(self, status: int, answer: bytes) -> None:
        if 200 <= status < 300 and answer:
            try:
                self._media.translate(answer, 1 - self._side)
            except (SdpError, SessionClosedError) as error:
                log.info("The other side's answer cannot be used: {error}", error=str(error))


def _nothing() -> None:
    """The media have not been changed yet."""
