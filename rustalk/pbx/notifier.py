"""One subscription on the wire: the dialog of a SUBSCRIBE, in which NOTIFYs go out (RFC 6665 section 4.2).

At most one NOTIFY is on its way, and when its turn comes it tells what is so then: whatever changed in between is told
with it, and what has changed back is not told at all. A subscription is bound to the registration of the phone that
made it, follows that to another flow, and ends with it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any, Protocol

from rustalk.config.extension import Extension
from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request, Response
from rustalk.sip.subscription import Effect, Event, Notify, Span, State, Subscription
from rustalk.sip.transaction.effects import Ended, StartTimer, StopTimer
from rustalk.ua.dialogs import Beginning
from rustalk.ua.endpoint import Endpoint, ServerTransaction
from rustalk.ua.inspect import inspect
from rustalk.ua.timeouts import Timeout

from .bindings import Binding, FlowKey
from .deadlines import Deadlines
from .directory import EXTENSION
from .locate import Locator, flow_key
from .pace import Pace

__all__ = ["ALLOW", "Home", "Notifier", "Package"]

ALLOW = "SUBSCRIBE"
"""The methods that are taken in the dialog of a subscription."""

_LONGEST_RETRY = 600


class Package(Protocol):
    """An event package: what can be known of a number, and how that is written.

    ``event`` is its name, ``interval`` the seconds that must lie between two NOTIFYs of one subscription.
    """

    @property
    def event(self) -> str: ...

    @property
    def content_type(self) -> str: ...

    @property
    def interval(self) -> float: ...

    def refusal(self, watcher: Extension, number: str) -> str:
        """The code of the reason why an extension may not watch a number, '' where it may."""

    def state(self, number: str) -> Any:
        """What is so now, as a value that equals another one where nothing is to be told."""

    def document(self, number: str, state: Any, told: Any, version: int) -> bytes:
        """The body of a NOTIFY for ``state``; ``told`` is what the watcher knows, None at first.

        ``version`` counts the documents of one subscription from 0.
        """


class Home(Protocol):
    """Where notifiers live."""

    endpoint: Endpoint
    locator: Locator
    pace: Pace
    span: Span
    expiries: Deadlines[Notifier]

    def now(self) -> float:
        """Seconds of the clock."""

    def refusal(self, notifier: Notifier) -> str:
        """The code of the reason why this may not be watched any more, '' where it may."""

    def missing(self, notifier: Notifier) -> None:
        """There is no way to the watcher at the moment."""

    def refreshed(self, notifier: Notifier) -> None:
        """The watcher has asked for it anew."""

    def ended(self, notifier: Notifier) -> None:
        """It is over."""


class Notifier:
    """What ``watcher``, the number of an extension, knows of ``number``. ``contact`` is our Contact value."""

    began: Beginning | None = None

    __slots__ = (
        "_broken",
        "_contact",
        "_flow",
        "_home",
        "_instance",
        "_is_due",
        "_is_sending",
        "_is_waiting",
        "_key",
        "_name",
        "_offered",
        "_quiet_until",
        "_retry",
        "_told",
        "_version",
        "dialog",
        "event",
        "machine",
        "number",
        "package",
        "watcher",
    )

    def __init__(
        self,
        home: Home,
        package: Package,
        event: Event,
        dialog: Dialog,
        flow: IFlow,
        *,
        watcher: str,
        number: str,
        contact: str,
    ) -> None:
        self._home = home
        self.package = package
        self.event = event
        self.dialog = dialog
        self.watcher = watcher
        self.number = number
        self.machine = Subscription()
        self._contact = contact
        self._flow: IFlow | None = None
        self._key: FlowKey | None = None
        self._name: tuple[str, int] | None = None
        self._instance = ""
        self._broken: FlowKey | None = None
        self._told: Any = None
        self._offered: Any = None
        self._version = 0
        self._quiet_until = 0.0
        self._retry: Timeout | None = None
        self._is_due = self._is_waiting = self._is_sending = False
        self._came_over(flow)

    @property
    def trunk(self) -> str:
        """The watcher as a peer."""
        return EXTENSION + self.watcher

    # SUBSCRIBE.

    def accept(self, transaction: ServerTransaction, seconds: int) -> None:
        """Answer a SUBSCRIBE that is granted for so many seconds."""
        fields = [("Expires", str(seconds)), ("Contact", self._contact)]
        transaction.respond(200, to_tag=self.dialog.local_tag, fields=fields)
        self._carry_out(self.machine.subscribe(seconds))

    def request_received(self, transaction: ServerTransaction) -> None:
        """A refresh, or the wish to hear no more (section 4.2.1.4).

        Raises RemoteProtocolError for what is broken or comes out of order.
        """
        request = transaction.request
        unfit = inspect(request, ALLOW)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        self.dialog.receive(request)
        if not self.machine.is_live or Event.parse(request.get("Event") or "") != self.event:
            transaction.refuse("no_dialog")
            return
        seconds = self._home.span.grant(request)
        if seconds is None:
            transaction.refuse("event_too_brief", fields=[("Min-Expires", str(self._home.span.shortest))])
            return
        code = self._home.refusal(self) if seconds else ""
        if code:
            transaction.refuse(code)
            self.end("rejected")
            return
        self.dialog.refresh_target(request)
        self._came_over(transaction.flow)
        if seconds:
            self._home.refreshed(self)
        self.accept(transaction, seconds)

    def ack_received(self, request: Request) -> None:
        """An ACK belongs to no SUBSCRIBE."""

    # What happens.

    def changed(self) -> None:
        """What is watched may be different now."""
        if not self._is_waiting:
            self._carry_out(self.machine.change())

    def expire(self) -> None:
        """The time that was granted is over."""
        self._carry_out(self.machine.expire())

    def end(self, reason: str) -> None:
        """End it, for a reason of RFC 6665 section 4.1.3 that the watcher is told."""
        self._carry_out(self.machine.end(reason))

    def leave(self) -> None:
        """End it without a word: nobody would hear it."""
        self._carry_out(self.machine.lost())

    def flows_lost(self, flows: Collection[IFlow]) -> None:
        """Connections are gone; the phone may register again in a moment."""
        if self._flow in flows:
            self._flow = None
            self._home.missing(self)

    def look(self) -> None:
        """Go on where there is a way to the watcher, else end."""
        flow = self.way()
        if flow is None or flow_key(flow) == self._broken:
            self.leave()
        else:
            self._ask()

    # The way.

    def _came_over(self, flow: IFlow) -> None:
        """Remember the registration whose phone this is, or the flow where there is none."""
        self._flow = flow
        self._broken = None
        key = self._key = flow_key(flow)
        bindings = [each for each in self._home.locator.all(self.watcher) if each.flow == key]
        contact = self.dialog.target
        binding = next((each for each in bindings if each.contact == contact), bindings[0] if bindings else None)
        if binding is not None:
            self._name, self._instance = binding.name, binding.instance

    def way(self) -> IFlow | None:
        """The flow to the phone that subscribed; None when its registration or its connection is gone."""
        if self._name is None:
            return self._flow
        binding = self._binding()
        return None if binding is None else self._home.locator.standing(binding)

    def _binding(self) -> Binding | None:
        """The registration of that phone as it is now: by its name, or else by its instance or flow."""
        locator = self._home.locator
        now, renamed = locator.now(), None
        for each in locator.all(self.watcher):
            if each.expires_at <= now or each.node != locator.node:
                continue
            if each.name == self._name:
                return each
            if each.flow == self._key or (self._instance and each.instance == self._instance):
                renamed = each
        return renamed

    # NOTIFY.

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Notify():
                    self._is_due |= effect.anyway
                    if self._retry is not None and not self.machine.is_live:  # the last one waits no longer
                        self._retry.cancel()
                        self._again()
                    self._ask()
                case StartTimer():
                    self._home.expiries.set(self, effect.seconds)
                case StopTimer():
                    self._home.expiries.drop(self)
                case Ended():
                    if self._retry is not None:
                        self._retry.cancel()
                    self._home.ended(self)

    def _ask(self) -> None:
        """Stand in the line, unless it stands there, or waits for an answer or for its time."""
        if not self._is_waiting and not self._is_sending:
            self._is_waiting = True
            self._home.pace.ask(self)

    def turn(self) -> bool:
        """Send the NOTIFY that is due."""
        self._is_waiting = False
        state = self.package.state(self.number)
        if self.machine.state is State.TERMINATED or not (self._is_due or state != self._told):
            return False
        rest = self._quiet_until - self._home.now()
        if rest > 0 and self.machine.is_live:
            self._later(rest)
            return False
        flow = self.way()
        if flow is None:
            self._home.missing(self)
            return False
        self._notify(state, flow)
        return True

    def _later(self, seconds: float) -> None:
        """Ask again then; until then it counts as waiting. Timers of the same length are cheap."""
        self._is_waiting = True
        self._retry = self._home.endpoint.timeouts.start(math.ceil(seconds * 10) / 10, self._again)

    def _again(self) -> None:
        self._retry = None
        self._is_waiting = False
        self._ask()

    def _notify(self, state: Any, flow: IFlow) -> None:
        home, package = self._home, self.package
        fields: list[Field] = [
            ("Contact", self._contact),
            ("Event", str(self.event)),
            ("Subscription-State", self.machine.value(home.expiries.left(self))),
            ("User-Agent", home.endpoint.product),
        ]
        body = b""
        if self.machine.state is not State.PENDING:
            body = package.document(self.number, state, self._told, self._version)
            self._version += 1
            fields.append(("Content-Type", package.content_type))
        self._is_due = False
        self._is_sending = True
        self._offered = state
        self._quiet_until = home.now() + package.interval
        is_last = self.machine.state is State.ENDING
        request = self.dialog.request("NOTIFY", fields, body)
        home.endpoint.send(request, flow, _Told(self, flow_key(flow), is_last=is_last))

    def answered(self, response: Response, *, is_last: bool) -> None:
        """A NOTIFY has its final response (section 4.2.2)."""
        self._is_sending = False
        if 200 <= response.status < 300:
            self._told = self._offered
            if is_last:
                self._carry_out(self.machine.told())
            else:
                self._ask()
            return
        after = _retry_after(response)
        if after is None or is_last or response.status == 481:
            self._carry_out(self.machine.fail())
        else:
            self._is_due = True
            self._later(after)

    def failed(self, cause: str, key: FlowKey) -> None:
        """No answer came: the watcher is gone, or only the flow."""
        self._is_sending = False
        if cause == "transport" and self.machine.is_live:
            self._is_due = True
            self._broken = key
            self._home.missing(self)
        else:
            self._carry_out(self.machine.fail())


class _Told:
    """Listens to one NOTIFY."""

    __slots__ = ("_is_last", "_key", "_notifier")

    def __init__(self, notifier: Notifier, key: FlowKey, *, is_last: bool) -> None:
        self._notifier = notifier
        self._key = key
        self._is_last = is_last

    def response_received(self, response: Response, flow: IFlow) -> None:
        """A response; only the final one counts."""
        if response.status >= 200:
            self._notifier.answered(response, is_last=self._is_last)

    def request_failed(self, cause: str) -> None:
        """No final response will come."""
        self._notifier.failed(cause, self._key)


def _retry_after(response: Response) -> int | None:
    """The seconds after which to try again, where the watcher says so."""
    try:
        seconds = response.number("Retry-After")
    except RemoteProtocolError:
        return None
    return None if seconds is None else min(max(1, seconds), _LONGEST_RETRY)
