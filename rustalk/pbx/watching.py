"""Everything that extensions can watch, and who is told: the parts put together, and what must be said to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.interfaces import IReactorTime

from rustalk.call.course import State
from rustalk.config.extension import Extension
from rustalk.interfaces import IFlow
from rustalk.trunk.identity import is_hidden
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import Endpoint, ServerTransaction
from rustalk.ua.subject import Subject

from .bindings import Binding
from .dialog_info import CallState, DialogInfo, Progress
from .directory import calling_extension
from .locate import Locator
from .message_summary import Counts, MessageSummary, no_messages
from .presence import Presence
from .publish import Publications
from .subscriptions import Bounds, Subscriptions

__all__ = ["Watching"]


class Watching:
    """Presence, calls and messages of the extensions.

    ``find(number)`` gives an extension as it is now, ``contact(flow, user)`` our Contact value, ``domain()`` that of
    our addresses, ``counts(number)`` the messages that wait. ``services`` answer requests by method.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialogs: Dialogs,
        locator: Locator,
        *,
        clock: IReactorTime,
        find: Callable[[str], Extension | None],
        contact: Callable[[IFlow, str], str],
        domain: Callable[[], str],
        counts: Callable[[str], Counts] = no_messages,
        bounds: Bounds | None = None,
    ) -> None:
        self._locator = locator
        self.publications = Publications(clock=clock, token=endpoint.token, changed=self._presence_changed)
        self.calls = DialogInfo(find, domain)
        presence = Presence(
            find,
            domain,
            is_registered=self._is_registered,
            is_busy=self.calls.is_busy,
            published=self.publications.published,
        )
        self.subscriptions = Subscriptions(
            endpoint,
            dialogs,
            locator,
            (presence, self.calls, MessageSummary(counts, domain)),
            clock=clock,
            find=find,
            contact=contact,
            bounds=bounds,
        )
        self.services: dict[str, Callable[[ServerTransaction, Extension], None]] = {
            "SUBSCRIBE": self.subscriptions.subscribe_received,
            "PUBLISH": self.publications.publish_received,
        }

    def changed(self, number: str, calls: Sequence[CallState]) -> None:
        """These are the calls of an extension from now on: one rings, is answered, is over."""
        self.calls.put(number, calls)
        self.subscriptions.changed("dialog", number)
        self._presence_changed(number)

    def call_changed(self, number: str, call: CallState) -> None:
        """A call of an extension is new, or has come further."""
        self.changed(number, (*(each for each in self.calls.state(number) if each.id != call.id), call))

    def call_ended(self, number: str, id: str) -> None:
        """A call of an extension is over, or rings there no longer."""
        self.changed(number, [each for each in self.calls.state(number) if each.id != id])

    def lamp(self, peer: str, id: str, subject: Subject, *, is_caller: bool) -> Callable[[State], None] | None:
        """What is to be told how a leg of this peer goes; None for a trunk."""
        return partial(self._lit, peer, id, subject, is_caller) if calling_extension(peer) else None

    def _lit(self, peer: str, id: str, subject: Subject, is_caller: bool, state: State) -> None:
        if state == "terminated":
            self.leg_ended(peer, id)
        else:
            self.leg_changed(peer, id, state, subject, is_caller=is_caller)

    def leg_changed(self, peer: str, id: str, state: Progress, subject: Subject, *, is_caller: bool) -> None:
        """A leg of the call ``id`` with this peer begins, rings or is answered; peers that are no extensions are none.

        Who is called learns who calls unless that is hidden, and so do those who watch it.
        """
        number = calling_extension(peer)
        if not number:
            return
        if is_caller:
            call = CallState(id, state, "initiator", subject.called)
        elif is_hidden(subject):
            call = CallState(id, state, "recipient")
        else:
            call = CallState(id, state, "recipient", subject.caller, subject.display)
        self.call_changed(number, call)

    def leg_ended(self, peer: str, id: str) -> None:
        """A leg of a call is over, whether it was answered or not."""
        number = calling_extension(peer)
        if number:
            self.call_ended(number, id)

    def registration_changed(self, event: str, binding: Binding) -> None:
        """A phone has come or gone: what `Locator` tells."""
        self._presence_changed(binding.extension)
        self.subscriptions.registration_changed(event, binding)

    def messages_changed(self, number: str) -> None:
        """Something has come into a mailbox, was heard or deleted."""
        self.subscriptions.changed("message-summary", number)

    def review(self) -> None:
        """The extensions are configured differently."""
        self.subscriptions.review()

    def _presence_changed(self, number: str) -> None:
        self.subscriptions.changed("presence", number)

    def _is_registered(self, number: str) -> bool:
        now = self._locator.now()
        return any(each.expires_at > now for each in self._locator.all(number))
