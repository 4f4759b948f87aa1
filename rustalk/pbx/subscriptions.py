"""SUBSCRIBE of extensions: who watches what, and who is told of a change (RFC 6665).

All of it is bounded: subscriptions of one extension and in all, NOTIFYs of one subscription and of the switch in a
time, and what a subscription may make us hold. Ten thousand watchers of a number that flaps are looked through once in
the interval of their package, and told the newest state in the order they asked (F-16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from rustalk.config.extension import Extension
from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.sip.subscription import DEFAULT_SPAN, Event, Span
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import Endpoint, ServerTransaction
from rustalk.ua.inspect import Unfit, inspect

from .bindings import Binding
from .deadlines import Deadlines
from .locate import Locator
from .notifier import ALLOW, Notifier, Package
from .pace import Pace

__all__ = ["Bounds", "Subscriptions", "Watch"]

log = Logger()

_GRACE = 5.0
"""Seconds that a phone has to register again after its registration or its connection is gone."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What watchers may make us do and hold. ``span`` in seconds, ``field`` in characters of each kept field.

    ``alike`` is how often one phone may watch the same: those before it are taken for what it has forgotten.
    """

    span: Span = DEFAULT_SPAN
    per_extension: int = 200
    alike: int = 4
    total: int = 100_000
    notifies_per_second: float = 500.0
    field: int = 512
    route: int = 5


@dataclass(frozen=True, slots=True)
class Watch:
    """One subscription, as the API shows it. ``left`` in seconds."""

    watcher: str
    number: str
    event: str
    state: str
    left: int


class _Topic:
    """What several watch: one package of one number."""

    __slots__ = ("is_stale", "quiet_until", "watchers")

    def __init__(self) -> None:
        self.watchers: dict[Notifier, None] = {}
        self.quiet_until = 0.0
        self.is_stale = False


class Subscriptions:
    """Answers SUBSCRIBE and keeps what comes of it.

    ``find(number)`` gives an extension as it is now, ``contact(flow, user)`` our Contact value.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        locator: Locator,
        packages: Iterable[Package],
        *,
        clock: IReactorTime,
        find: Callable[[str], Extension | None],
        contact: Callable[[IFlow, str], str],
        bounds: Bounds | None = None,
    ) -> None:
        self._bounds = bounds or Bounds()
        self.endpoint = endpoint
        self.locator = locator
        self.span = self._bounds.span
        self.pace = Pace(clock, self._bounds.notifies_per_second)
        self.expiries: Deadlines[Notifier] = Deadlines(clock, Notifier.expire)
        self._dialogs = dialogs
        self._packages = {package.event: package for package in packages}
        self._clock = clock
        self._find = find
        self._contact = contact
        self._topics: dict[tuple[str, str], _Topic] = {}
        self._watchers: dict[str, dict[Notifier, None]] = {}
        self._missing: set[str] = set()
        self._count = 0

    @property
    def allowed(self) -> str:
        """The event packages, as Allow-Events names them."""
        return ", ".join(sorted(self._packages))

    # SUBSCRIBE outside of a dialog.

    def subscribe_received(self, transaction: ServerTransaction, extension: Extension) -> None:
        """A SUBSCRIBE that showed the password of ``extension``; one for its own number may name none.

        Raises RemoteProtocolError for what is broken or longer than the bounds.
        """
        request = transaction.request
        number = self._number(request.target.number or extension.extension)
        unfit = self._unfit(request, extension, number)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        event = Event.parse(request.get("Event") or "")
        dialog = Dialog.as_server(request, self.endpoint.token())
        self._measure(request, dialog)
        notifier = Notifier(
            self,
            self._packages[event.package],
            event,
            dialog,
            transaction.flow,
            watcher=extension.extension,
            number=number,
            contact=self._contact(transaction.flow, number),
        )
        self._add(notifier)
        notifier.accept(transaction, self.span.grant(request) or 0)

    def _number(self, name: str) -> str:
        """The number of an extension that may be called by another name, too."""
        extension = self._find(name)
        return name if extension is None else extension.extension

    def _unfit(self, request: Request, extension: Extension, number: str) -> Unfit | None:
        """Why a SUBSCRIBE is refused; None when it is not."""
        unfit = inspect(request, ALLOW)
        if unfit is not None:
            return unfit
        package = self._packages.get(Event.parse(request.get("Event") or "-").package)
        if package is None:
            return Unfit("bad_event", (("Allow-Events", self.allowed),))
        if not _takes(request, package.content_type):
            return Unfit("unacceptable", (("Accept", package.content_type),))
        if self.span.grant(request) is None:
            return Unfit("event_too_brief", (("Min-Expires", str(self.span.shortest)),))
        code = package.refusal(extension, number)
        if not code and not self._has_room(extension.extension, package.event, number, request):
            code = "too_many_subscriptions"
        return Unfit(code) if code else None

    def _has_room(self, watcher: str, event: str, number: str, request: Request) -> bool:
        """Whether one more may be kept. A phone that has restarted asks for what it had: that makes room."""
        own, contact = self._watchers.get(watcher, {}), request.contact
        alike = [
            each
            for each in own
            if each.number == number
            and each.package.event == event
            and contact is not None
            and each.dialog.target == contact.address
        ]
        is_full = len(own) >= self._bounds.per_extension or self._count >= self._bounds.total
        if alike and (is_full or len(alike) >= self._bounds.alike):
            alike[0].leave()
            return True
        return not is_full

    def _measure(self, request: Request, dialog: Dialog) -> None:
        """Each of these is kept for an hour."""
        kept = (dialog.call_id, dialog.local, dialog.remote, dialog.target, *dialog.route)
        if len(dialog.route) > self._bounds.route or any(len(each) > self._bounds.field for each in kept):
            raise RemoteProtocolError(f"a header field of {request.method} is longer than {self._bounds.field}")

    def _add(self, notifier: Notifier) -> None:
        self._count += 1
        self._dialogs.add(notifier)
        self._watchers.setdefault(notifier.watcher, {})[notifier] = None
        key = notifier.package.event, notifier.number
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = _Topic()
        topic.watchers[notifier] = None

    # What notifiers say.

    def now(self) -> float:
        """Seconds of the clock."""
        return self._clock.seconds()

    def refusal(self, notifier: Notifier) -> str:
        """The code of the reason why this may not be watched any more, '' where it may."""
        watcher = self._find(notifier.watcher)
        if watcher is None or not watcher.enabled:
            return "extension_disabled"
        return notifier.package.refusal(watcher, notifier.number)

    def refreshed(self, notifier: Notifier) -> None:
        """The latest asked for stands last."""
        own = self._watchers[notifier.watcher]
        del own[notifier]
        own[notifier] = None

    def missing(self, notifier: Notifier) -> None:
        """Look again in a moment: a phone may only have moved."""
        self._look_after(notifier.watcher)

    def ended(self, notifier: Notifier) -> None:
        """Forget it."""
        own = self._watchers.get(notifier.watcher, {})
        if notifier not in own:
            return
        self._count -= 1
        self._dialogs.remove(notifier)
        del own[notifier]
        if not own:
            del self._watchers[notifier.watcher]
        key = notifier.package.event, notifier.number
        topic = self._topics[key]
        del topic.watchers[notifier]
        if not topic.watchers:
            del self._topics[key]

    # What happens to who is watched, and to who watches.

    def changed(self, event: str, number: str) -> None:
        """Something is different: tell who watches it, now or when the interval of the package is over."""
        topic = self._topics.get((event, number))
        if topic is None or topic.is_stale:
            return
        now = self._clock.seconds()
        if now >= topic.quiet_until:
            self._tell(topic, self._packages[event].interval)
        else:
            topic.is_stale = True
            rest = max(0.1, round(topic.quiet_until - now, 1))
            self.endpoint.timeouts.start(rest, self._catch_up, topic, self._packages[event].interval)

    def _catch_up(self, topic: _Topic, interval: float) -> None:
        topic.is_stale = False
        self._tell(topic, interval)

    def _tell(self, topic: _Topic, interval: float) -> None:
        topic.quiet_until = self._clock.seconds() + interval
        for notifier in tuple(topic.watchers):
            notifier.changed()

    def registration_changed(self, event: str, binding: Binding) -> None:
        """A phone has come or gone, in the words of `Locator`: what it watches ends unless it comes back."""
        if event != "registered" and binding.extension in self._watchers:
            self._look_after(binding.extension)

    def _look_after(self, watcher: str) -> None:
        if watcher not in self._missing:
            self._missing.add(watcher)
            self.endpoint.timeouts.start(_GRACE, self._look, watcher)

    def _look(self, watcher: str) -> None:
        self._missing.discard(watcher)
        for notifier in tuple(self._watchers.get(watcher, ())):
            notifier.look()

    def review(self) -> None:
        """The extensions have changed: end what may not be watched any more, and tell what is different."""
        for own in tuple(self._watchers.values()):
            for notifier in tuple(own):
                code = self.refusal(notifier)
                if code:
                    notifier.end("noresource" if code == "nobody_to_watch" else "rejected")
        for event, number in tuple(self._topics):
            self.changed(event, number)

    # Asked by the API.

    def __len__(self) -> int:
        return self._count

    def listed(self) -> Iterator[Watch]:
        """Every subscription there is, watcher by watcher."""
        for own in self._watchers.values():
            for each in own:
                left = self.expiries.left(each)
                yield Watch(each.watcher, each.number, each.package.event, str(each.machine.state), left)


def _takes(request: Request, content_type: str) -> bool:
    """Whether a watcher reads what the package writes; one that does not say takes the usual (RFC 6665 section 7.2)."""
    if request.get("Accept") is None:
        return True
    ranges = {item.partition(";")[0].strip(" \t").lower() for item in request.items("Accept")}
    kind = content_type.partition("/")[0]
    return not ranges.isdisjoint((content_type, f"{kind}/*", "*/*"))
