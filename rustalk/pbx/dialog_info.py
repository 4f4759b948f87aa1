"""The event package ``dialog``: in which calls an extension is (RFC 4235), for the lamps of other phones.

Each document is full: it names every call of the number, and once more those that the watcher knew and that are over.
It says who is at the other end unless that is not to be known, but no Call-ID and no tags: who knows these could take a
call over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rustalk.config.extension import Extension
from rustalk.trunk.number import as_user

from .markup import attribute, content

__all__ = ["CallState", "DialogInfo", "Progress", "may_watch"]

Progress = Literal["trying", "early", "confirmed"]
"""How far a call has come: it was dialled, it rings, it was answered (RFC 4235 section 3.7.1)."""

_NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"
_MOST = 20
"""Calls of one number that watchers are told about."""


@dataclass(frozen=True, slots=True)
class CallState:
    """One call of an extension. ``id`` is ours and tells nothing; ``initiator`` is who has called.

    ``remote`` is the number at the other end and ``display`` the name there, '' where they are not known or wanted.
    """

    id: str
    state: Progress
    direction: Literal["initiator", "recipient"]
    remote: str = ""
    display: str = ""


def may_watch(watcher: Extension, number: str, find: Callable[[str], Extension | None]) -> str:
    """The code of the reason why an extension may not watch a number, '' where it may.

    Only extensions are watched, by who may call them.
    """
    watched = find(number)
    if watched is None or not watched.enabled:
        return "nobody_to_watch"
    if watched.extension == watcher.extension:
        return ""
    if watcher.permissions.denied(number):
        return "number_barred"
    return "" if watcher.permissions.internal or watcher.permissions.allowed(number) else "internal_barred"


class DialogInfo:
    """Knows the calls of each extension, as it is told. ``domain`` gives that of our addresses."""

    event = "dialog"
    content_type = "application/dialog-info+xml"
    interval = 1.0

    def __init__(self, find: Callable[[str], Extension | None], domain: Callable[[], str]) -> None:
        self._find = find
        self._domain = domain
        self._calls: dict[str, tuple[CallState, ...]] = {}

    def put(self, number: str, calls: Sequence[CallState]) -> None:
        """These are the calls of an extension now."""
        if calls:
            self._calls[number] = tuple(calls)
        else:
            self._calls.pop(number, None)

    def is_busy(self, number: str) -> bool:
        """Whether an extension talks, or calls somebody; one that only rings does not."""
        return any(call.state == "confirmed" or call.direction == "initiator" for call in self.state(number))

    def refusal(self, watcher: Extension, number: str) -> str:
        """Extensions are watched by extensions that may call them."""
        return may_watch(watcher, number, self._find)

    def state(self, number: str) -> tuple[CallState, ...]:
        """The calls of a number."""
        return self._calls.get(number, ())

    def document(
        self, number: str, state: tuple[CallState, ...], told: tuple[CallState, ...] | None, version: int
    ) -> bytes:
        """The calls, and those that the watcher has been told of and that have ended."""
        entity = self._uri(number)
        ids = {call.id for call in state}
        dialogs = [self._dialog(call, entity, call.state) for call in state[:_MOST]]
        dialogs += [self._dialog(call, entity, "terminated") for call in (told or ())[:_MOST] if call.id not in ids]
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<dialog-info xmlns="{_NAMESPACE}" version="{version}" state="full" entity={attribute(entity)}>\n'
            f"{''.join(dialogs)}</dialog-info>\n"
        ).encode("utf-8", "replace")

    def _dialog(self, call: CallState, entity: str, state: str) -> str:
        remote = ""
        if call.remote and state != "terminated":
            uri = self._uri(call.remote)
            display = f" display={attribute(call.display)}" if call.display else ""
            remote = f"<remote><identity{display}>{content(uri)}</identity><target uri={attribute(uri)}/></remote>"
        local = f"<local><identity>{content(entity)}</identity><target uri={attribute(entity)}/></local>"
        return (
            f'<dialog id={attribute(call.id)} direction="{call.direction}"><state>{state}</state>'
            f"{local}{remote}</dialog>\n"
        )

    def _uri(self, number: str) -> str:
        return f"sip:{as_user(number)}@{self._domain()}"
