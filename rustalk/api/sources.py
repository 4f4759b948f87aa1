"""What the API shows and changes, handed to all its resources."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from rustalk.observe.events import Events
from rustalk.observe.switch import ISwitch
from rustalk.store.records import Records
from rustalk.store.store import Store

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The running switch, what is kept, and what happens. ``clock`` counts seconds since 1970."""

    switch: ISwitch
    store: Store
    records: Records
    events: Events
    clock: IReactorTime
