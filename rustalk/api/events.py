"""What happens, as it happens: Server-Sent Events (HTML Living Standard, section 9.2).

A reader that lost its connection sends the id of the last event it saw (Last-Event-ID) and gets what came since. Where
that is not known any more, or the reader was too slow, an event ``missed`` says so: read the state anew.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from twisted.internet.interfaces import IReactorTime

from rustalk.observe.events import KINDS, Event, Events, Reader

from .errors import ApiError, unfit
from .moment import moment
from .route import Ask, Parameter, Route, Stream, Who
from .sources import Sources

__all__ = ["HEARTBEAT", "MOST_FEEDS", "EventFeed"]

HEARTBEAT = 15.0
"""After so many seconds without an event a comment keeps the connection, and the reader's token is looked at."""

MOST_FEEDS = 20


class EventFeed:
    """``/api/v1/events``."""

    def __init__(self, sources: Sources) -> None:
        self._events: Events = sources.events
        self._clock = sources.clock
        self._feeds = 0

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        kinds = "; ".join(f"`{kind}`: {meaning}" for kind, meaning in KINDS.items())
        return [
            Route(
                "GET",
                "/api/v1/events",
                self.follow,
                f"Events as they happen, as Server-Sent Events, resumable with Last-Event-ID. {kinds}.",
                area="events",
                query=(
                    Parameter("kinds", "Only these kinds, separated by commas."),
                    Parameter("last_event_id", "In place of the header, where that cannot be set."),
                ),
                gives={"type": "string"},
                gives_type="text/event-stream",
                problems=("too-many-feeds",),
            )
        ]

    async def follow(self, ask: Ask) -> Stream:
        """Follow the events."""
        kinds = [kind for kind in ask.query.get("kinds", "").split(",") if kind]
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise unfit("kinds", f"some of {', '.join(KINDS)}, separated by commas")
        if self._feeds >= MOST_FEEDS:
            detail = f"{MOST_FEEDS} are followed at the same time; end another one."
            raise ApiError("too-many-feeds", detail, (("Retry-After", "15"),))
        reader = self._events.reader(ask.last_event_id or ask.query.get("last_event_id", ""))
        return Stream(self._feed(reader, frozenset(kinds or KINDS), ask.who), "text/event-stream")

    async def _feed(self, reader: Reader, kinds: frozenset[str], who: Who) -> AsyncGenerator[bytes, None]:
        self._feeds += 1
        try:
            yield b"retry: 3000\n\n"
            if reader.missed:
                yield _missed("events since the last one that was seen are not known any more")
            async for chunk in _chunks(reader, kinds, who, self._clock):
                yield chunk
        finally:
            self._feeds -= 1


async def _chunks(reader: Reader, kinds: frozenset[str], who: Who, clock: IReactorTime) -> AsyncGenerator[bytes, None]:
    """The events of a reader, and heartbeats between them, until it is too slow or may not read any more."""
    spoke = looked = clock.seconds()
    while True:
        if reader.behind:
            yield _missed("this reader was too slow; connect again")
            return
        now = clock.seconds()
        if now - looked >= HEARTBEAT:
            looked = now
            if not await who.still():
                return
        chunk = b"".join(_event(event) for event in reader.take() if event.kind in kinds)
        if not chunk and now - spoke >= HEARTBEAT:
            chunk = b": still here\n\n"
        if chunk:
            spoke = now
            yield chunk
        else:
            waiting = reader.wait()
            waiting.addTimeout(min(spoke, looked) + HEARTBEAT - now, clock, onTimeoutCancel=_in_time)
            await waiting


def _in_time(result: object, timeout: float) -> None:
    """Nothing came, which is no failure."""


def _event(event: Event) -> bytes:
    data = {"time": moment(datetime.fromtimestamp(event.time, UTC)), **event.data}
    return f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(data)}\n\n".encode("ascii")


def _missed(why: str) -> bytes:
    return f"event: missed\ndata: {json.dumps({'message': why})}\n\n".encode("ascii")
