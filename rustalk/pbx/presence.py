"""The event package ``presence``: whether somebody can be called (RFC 3856).

What the switch knows by itself comes first: nobody is available whose phones are gone, or who wants no calls. What a
phone has published of its user adds what the user does, a note, and that no calls are wanted.
"""

from __future__ import annotations

from collections.abc import Callable

from rustalk.config.extension import Extension
from rustalk.trunk.number import as_user

from .dialog_info import may_watch
from .pidf import CONTENT_TYPE, Condition, write

__all__ = ["Presence"]


class Presence:
    """Puts together what is known of an extension.

    ``is_registered``, ``is_busy`` and ``published`` are asked by number, ``domain`` is that of our addresses.
    """

    event = "presence"
    content_type = CONTENT_TYPE
    interval = 5.0
    """Seconds, as RFC 3856 section 6.10 wants it."""

    def __init__(
        self,
        find: Callable[[str], Extension | None],
        domain: Callable[[], str],
        *,
        is_registered: Callable[[str], bool],
        is_busy: Callable[[str], bool],
        published: Callable[[str], Condition | None],
    ) -> None:
        self._find = find
        self._domain = domain
        self._is_registered = is_registered
        self._is_busy = is_busy
        self._published = published

    def refusal(self, watcher: Extension, number: str) -> str:
        """Extensions are watched by extensions that may call them."""
        return may_watch(watcher, number, self._find)

    def state(self, number: str) -> Condition:
        """In what condition an extension is."""
        extension = self._find(number)
        if extension is None or not extension.enabled:
            return Condition(False)
        said = self._published(number) or Condition(True)
        is_open, activities, note = said.is_open and self._is_registered(number), list(said.activities), said.note
        if extension.do_not_disturb:
            is_open, note = False, note or "Do not disturb"
            activities.insert(0, "busy")
        if self._is_busy(number):
            note = note or "On the phone"
            activities.insert(0, "on-the-phone")
        return Condition(is_open, tuple(dict.fromkeys(activities)), note)

    def document(self, number: str, state: Condition, told: Condition | None, version: int) -> bytes:
        """The PIDF of an extension."""
        return write(f"sip:{as_user(number)}@{self._domain()}", state)
