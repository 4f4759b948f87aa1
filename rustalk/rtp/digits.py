"""Digits as telephone-events (RFC 4733): hearing them once each, and speaking them.

An event is a run of packets with one timestamp, that of its start, whose duration grows; the last one is sent three
times with the end bit. An event longer than its 16-bit duration goes on with a new timestamp (section 2.5.1.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct

from rustalk.rtp.packet import MalformedPacketError

__all__ = ["DIGITS", "EventListener", "Frame", "TelephoneEvent", "event_frames", "parse_event"]

DIGITS = "0123456789*#ABCD"
"""The digits in the order of their event codes (section 3.2)."""

FRAME = 0.02
"""Seconds between two packets of an event."""

ENDS = 3
"""How often the end of an event is sent (section 2.5.1.4)."""

PAUSE = 3
"""Frames between two digits, so that the far end tells them apart."""

GIVE_UP = 0.2
"""Seconds after which an event that is not heard any more has ended; its end was lost."""

SHORTEST = 40
"""Milliseconds that a digit counts for at least, for one of which little was heard."""

LONGEST = 0xFFFF

_EVENT = Struct("!BBH")
_VOLUME = 10
_HALF = 1 << 31
_OLD = 3 * 8000


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """The payload of one packet. ``volume`` is in dBm0 without its sign, ``duration`` in units of the RTP clock."""

    code: int
    duration: int
    end: bool = False
    volume: int = _VOLUME

    def build(self) -> bytes:
        """The four bytes of the payload."""
        return _EVENT.pack(self.code, self.end << 7 | self.volume, self.duration)


def parse_event(payload: bytes) -> TelephoneEvent:
    """Read the payload of a telephone-event packet; what follows its first event is passed over.

    Raises MalformedPacketError.
    """
    if len(payload) < _EVENT.size:
        raise MalformedPacketError(f"a telephone-event needs {_EVENT.size} bytes, {len(payload)} came")
    code, flags, duration = _EVENT.unpack_from(payload)
    return TelephoneEvent(code, duration, bool(flags & 0x80), flags & 0x3F)


@dataclass(frozen=True, slots=True)
class Frame:
    """What to send in one turn of 20 ms: ``offset`` is added to the timestamp at which the digit began."""

    payload_type: int
    payload: bytes
    offset: int = 0
    marker: bool = False


def event_frames(digit: str, milliseconds: int, payload_type: int, rate: int) -> Iterator[Frame | None]:
    """The packets of one digit, one for each turn of 20 ms, and a pause after them (None: nothing to send)."""
    code = DIGITS.index(digit)
    step = round(FRAME * rate)
    count = min(max(round(milliseconds / 1000 / FRAME), SHORTEST // 20), LONGEST // step)
    for number in range(1, count):
        yield Frame(payload_type, TelephoneEvent(code, number * step).build(), marker=number == 1)
    last = TelephoneEvent(code, count * step, end=True).build()
    for _ in range(ENDS):
        yield Frame(payload_type, last)
    for _ in range(PAUSE):
        yield None


@dataclass(slots=True)
class _Open:
    """The event that is being heard: where it began, what its segments before this one lasted, and this one so far."""

    code: int
    rate: int
    timestamp: int
    before: int
    duration: int
    heard: float

    def continues(self, timestamp: int) -> bool:
        """Whether a segment that starts here follows this one."""
        return (timestamp - self.timestamp) & 0xFFFFFFFF in (self.duration, LONGEST) and self.duration > 0

    def grow(self, duration: int) -> None:
        """Take up a later duration. Some senders let it wrap at 16 bits instead of beginning a new segment."""
        if duration < self.duration - 0x8000:
            self.before += 0x10000
            self.duration = duration
        self.duration = max(self.duration, duration)

    @property
    def milliseconds(self) -> int:
        """How long the digit has been held."""
        return max(SHORTEST, round((self.before + self.duration) * 1000 / self.rate))


class EventListener:
    """Tells each digit once, when it has ended, whatever packets were lost, repeated or late; one source's packets."""

    __slots__ = ("_ended", "_open", "_tell")

    def __init__(self, tell: Callable[[str, int], None]) -> None:
        """``tell`` gets the digit and its milliseconds. Events that are no digits are not told."""
        self._tell = tell
        self._open: _Open | None = None
        self._ended: int | None = None

    def hear(self, event: TelephoneEvent, timestamp: int, rate: int, now: float) -> None:
        """Take up one packet; ``rate`` is that of its RTP clock, ``now`` in seconds."""
        if self._is_over(timestamp):
            return
        heard = self._open
        if heard is None or heard.code != event.code or not self._joins(heard, event, timestamp):
            self.finish()
            heard = self._open = _Open(event.code, rate, timestamp, 0, event.duration, now)
        heard.heard = now
        if event.end:
            self.finish()

    def look(self, now: float) -> None:
        """End an event that has not been heard for GIVE_UP."""
        if self._open is not None and now - self._open.heard > GIVE_UP:
            self.finish()

    def finish(self) -> None:
        """The event that is being heard, if any, is over."""
        heard, self._open = self._open, None
        if heard is None:
            return
        self._ended = heard.timestamp
        if heard.code < len(DIGITS):
            self._tell(DIGITS[heard.code], heard.milliseconds)

    def _is_over(self, timestamp: int) -> bool:
        """Whether it is a packet of an event that has ended: a repetition, or one that is late."""
        newest = self._ended if self._open is None else self._open.timestamp
        if newest is None:
            return False
        ahead = (timestamp - newest + _HALF & 0xFFFFFFFF) - _HALF
        return -_OLD < ahead < 0 or timestamp == self._ended

    def _joins(self, heard: _Open, event: TelephoneEvent, timestamp: int) -> bool:
        if timestamp == heard.timestamp:
            heard.grow(event.duration)
            return True
        if not heard.continues(timestamp):
            return False
        heard.before += (timestamp - heard.timestamp) & 0xFFFFFFFF
        heard.timestamp, heard.duration = timestamp, event.duration
        return True
