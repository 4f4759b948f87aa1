"""Registering with a provider: again before it runs out, and with patience when it fails (RFC 3261 section 10.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from rustalk.interfaces import IFlow
from rustalk.sip.digest import Credentials
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.uri import Uri

from .challenge import authorize
from .endpoint import Endpoint
from .route import Router

__all__ = ["Account", "Registration"]

log = Logger()

_SILENT = 408
_FIRST_PAUSE = 10.0
_LONGEST_PAUSE = 600.0


@dataclass(frozen=True, slots=True)
class Account:
    """What is registered, and where.

    ``registrar`` is the URI of the provider, ``address`` our address of record there, ``contact`` gives the Contact
    that it shall send calls to, ``expires`` is in seconds.
    """

    trunk: str
    registrar: Uri
    address: str
    expires: int
    credentials: Credentials | None
    contact: Callable[[IFlow], str]


def _nobody(delay: timedelta, status: int) -> None:
    """Nobody counts."""


class Registration:
    """One registration kept alive. ``registered`` tells whether it stands, ``why`` what came of the last attempt.

    ``told`` is called with how long each REGISTER took and its final status, 408 where none came.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        router: Router,
        account: Account,
        clock: IReactorTime,
        spread: Callable[[], float],
    ) -> None:
        """``spread`` gives a random number from 0 up to 1, so that not all switches come back at once."""
        self._endpoint = endpoint
        self._router = router
        self._account = account
        self._clock = clock
        self._spread = spread
        self._call_id = endpoint.token()
        self._tag = endpoint.token()
        self._number = 0
        self._expires = account.expires
        self._failures = 0
        self._next: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self.registered = False
        self.why = "not tried yet"
        self.told: Callable[[timedelta, int], None] = _nobody

    def start(self) -> None:
        """Begin."""
        self._register()

    def stop(self) -> None:
        """Let the registration run out."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._running is not None:
            self._running.cancel()

    def _register(self) -> None:
        self._next = None
        self._running = Deferred.fromCoroutine(self._attempt())
        self._running.addErrback(self._failed)

    async def _attempt(self) -> None:
        flow = await self._router.find(self._account.registrar)
        contact = self._account.contact(flow)
        challenge: Response | None = None
        response = await self._send(flow, contact, [])
        for _ in range(2):
            if response.status in (401, 407) and challenge is None:
                challenge = response
            elif response.status == 423:
                self._expires = max(self._expires, response.number("Min-Expires") or 0)
            else:
                break
            fields = self._authorization(challenge)
            if fields is None:
                break
            response = await self._send(flow, contact, fields)
        self._settle(response, contact)

    def _authorization(self, challenge: Response | None) -> list[Field] | None:
        """The answer to the challenge we got, if we got one; None when it is not ours to answer."""
        if challenge is None:
            return []
        request = Request("REGISTER", str(self._account.registrar))
        return authorize(request, challenge, self._account.credentials, self._endpoint.token())

    async def _send(self, flow: IFlow, contact: str, extra: list[Field]) -> Response:
        self._number += 1
        account = self._account
        request = Request(
            "REGISTER",
            str(account.registrar),
            [
                ("Max-Forwards", "70"),
                ("From", f"<{account.address}>;tag={self._tag}"),
                ("To", f"<{account.address}>"),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._number} REGISTER"),
                ("Contact", contact),
                ("Expires", str(self._expires)),
                ("User-Agent", self._endpoint.product),
                *extra,
            ],
        )
        answer: Deferred[Response] = Deferred()
        sent = self._clock.seconds()
        self._endpoint.send(request, flow, _Waiting(answer))
        try:
            response = await answer
        except TimeoutError:
            self.told(timedelta(seconds=self._clock.seconds() - sent), _SILENT)
            raise
        self.told(timedelta(seconds=self._clock.seconds() - sent), response.status)
        return response

    def _settle(self, response: Response, contact: str) -> None:
        if not 200 <= response.status < 300:
            self._retry(f"{response.status} {response.reason}")
            return
        granted = self._granted(response, contact)
        if not granted:
            self._retry("the provider granted 0 s")
            return
        if not self.registered:
            log.info("Trunk {trunk} is registered for {granted} s", trunk=self._account.trunk, granted=granted)
        self.registered = True
        self.why = f"registered for {granted} s"
        self._failures = 0
        self._again(max(1.0, granted - 30 if granted > 120 else granted / 2))

    def _granted(self, response: Response, contact: str) -> int:
        """What the provider granted: our Contact's expires, else Expires, else what we asked for (10.2.4)."""
        ours = NameAddr.parse(contact).address
        bindings = response.contacts
        for binding in bindings:
            value = binding.param("expires") or ""
            mine = binding.address == ours or len(bindings) == 1  # a provider may write our address another way
            if mine and value.isascii() and value.isdigit() and len(value) < 10:
                return int(value)
        granted = response.number("Expires")
        return self._expires if granted is None else granted

    def _failed(self, reason: Failure) -> None:
        if not isinstance(reason.value, CancelledError):
            self._retry(reason.getErrorMessage())

    def _retry(self, why: str) -> None:
        """Back off: twice as long each time, never longer than ten minutes."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self.registered = False
        self.why = why
        log.warn(
            "Trunk {trunk} could not register: {why}; trying again in about {pause:.0f} s",
            trunk=self._account.trunk,
            why=why,
            pause=pause,
        )
        self._again(pause * (0.75 + 0.5 * self._spread()))

    def _again(self, seconds: float) -> None:
        self._next = self._clock.callLater(seconds, self._register)


class _Waiting:
    """Hands the final response to who waits for it."""

    def __init__(self, answer: Deferred[Response]) -> None:
        self._answer = answer

    def response_received(self, response: Response, flow: IFlow) -> None:
        if response.status >= 200 and not self._answer.called:
            self._answer.callback(response)

    def request_failed(self, cause: str) -> None:
        if not self._answer.called:
            self._answer.errback(TimeoutError(f"no answer to REGISTER: {cause}"))
