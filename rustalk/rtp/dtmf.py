"""Digits as pairs of tones in G.711 (ITU-T Q.23, Q.24): speaking them, and hearing them by Goertzel's algorithm.

Audio is looked at in blocks of 102 samples, 12.75 ms, short enough that a digit of 40 ms fills two of them wherever
it begins, and long enough to tell neighbouring tones apart. What is heard is a digit when both its tones are loud
enough, are about equally loud, stand out among their group, and make up nearly all of the sound: speech does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import cos, pi, sin

from rustalk.rtp.digits import PAUSE, SHORTEST, Frame
from rustalk.rtp.g711 import LAWS

__all__ = ["ToneListener", "key_of", "tone_frames"]

RATE = 8000
BLOCK = 102
"""Samples in a block."""

HITS = 2
"""Blocks in a row that must agree before a digit is heard."""

MISSES = 2
"""Blocks in a row without the digit that end it: a shorter gap is a fault of the line (Q.24: 20 ms)."""

GIVE_UP = 0.2
"""Seconds without audio after which a digit has ended."""

LONGEST = 10_000
"""Milliseconds that a tone is sent for at most."""

LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")

_AMPLITUDE = 7000  # of each tone, about -10 dBm0
_FRAME = 160
_QUIETEST = 400  # amplitude of a tone, about -35 dBm0
_TWIST = 6.3  # 8 dB: how much stronger the low tone may be, in power
_REVERSE_TWIST = 4.0  # 6 dB: and the high one
_STANDS_OUT = 6.3  # 8 dB over any other tone of its group
_SHARE = 0.82  # of all power
_LEAST = (_QUIETEST * BLOCK / 2) ** 2
_COEFFICIENTS = tuple(2 * cos(2 * pi * frequency / RATE) for frequency in (*LOW, *HIGH))


def tone_frames(digit: str, milliseconds: int, payload_type: int) -> Iterator[Frame | None]:
    """The packets of one digit as sound in G.711 (payload type 0 or 8), 20 ms each, and a pause (None)."""
    law = LAWS[payload_type]
    row = next(number for number, keys in enumerate(KEYS) if digit in keys)
    low, high = LOW[row], HIGH[KEYS[row].index(digit)]
    count = round(min(max(milliseconds, SHORTEST), LONGEST) / 20)
    for start in range(0, count * _FRAME, _FRAME):
        moments = range(start, start + _FRAME)
        yield Frame(payload_type, law.encode(_sound(low, high, moment) for moment in moments), start, start == 0)
    for number in range(count, count + PAUSE):
        yield Frame(payload_type, bytes([law.silence]) * _FRAME, number * _FRAME)


def _sound(low: int, high: int, moment: int) -> int:
    turn = 2 * pi * moment / RATE
    return round(_AMPLITUDE * (sin(low * turn) + sin(high * turn)))


def key_of(block: Sequence[int]) -> str | None:
    """The digit whose tones a block of BLOCK samples holds, if any."""
    energy = sum(sample * sample for sample in block)
    if energy * BLOCK < 4 * _LEAST * _SHARE:  # cheap, and true of most of a call
        return None
    powers = [_power(block, coefficient) for coefficient in _COEFFICIENTS]
    low, high = powers[:4], powers[4:]
    row, column = low.index(max(low)), high.index(max(high))
    if min(low[row], high[column]) < _LEAST or not _balanced(low[row], high[column]):
        return None
    if not (_alone(low, row) and _alone(high, column)):
        return None
    if low[row] + high[column] < _SHARE * energy * BLOCK / 2:
        return None
    return KEYS[row][column]


def _power(block: Sequence[int], coefficient: float) -> float:
    """The square of the amplitude of one tone, times the square of half of BLOCK."""
    last = before = 0.0
    for sample in block:
        last, before = sample + coefficient * last - before, last
    return last * last + before * before - coefficient * last * before


def _balanced(low: float, high: float) -> bool:
    return high <= low * _REVERSE_TWIST and low <= high * _TWIST


def _alone(group: Sequence[float], strongest: int) -> bool:
    limit = group[strongest] / _STANDS_OUT
    return all(power <= limit for number, power in enumerate(group) if number != strongest)


class ToneListener:
    """Tells each digit once, when its tone has ended. Samples come in any portions, of one source, at 8000 Hz."""

    __slots__ = ("_blocks", "_candidate", "_digit", "_heard", "_hits", "_misses", "_rest", "_tell")

    def __init__(self, tell: Callable[[str, int], None]) -> None:
        """``tell`` gets the digit and its milliseconds."""
        self._tell = tell
        self._rest: list[int] = []
        self._candidate: str | None = None
        self._digit: str | None = None
        self._hits = self._misses = self._blocks = 0
        self._heard = 0.0

    def hear(self, samples: Sequence[int], now: float) -> bool:
        """Take up the samples of one packet; True when a tone sounds in them, so that they should not be passed on."""
        self._heard = now
        self._rest.extend(samples)
        sounds = self._digit is not None
        while len(self._rest) >= BLOCK:
            key = key_of(self._rest[:BLOCK])
            del self._rest[:BLOCK]
            self._take(key)
            sounds = sounds or key is not None
        return sounds

    def look(self, now: float) -> None:
        """End a digit after which no audio has come for GIVE_UP."""
        if now - self._heard > GIVE_UP:
            self.finish()

    def finish(self) -> None:
        """The digit that sounds, if any, is over, and another source begins."""
        self._rest.clear()
        self._candidate = None
        self._end()

    def _take(self, key: str | None) -> None:
        self._hits = self._hits + 1 if key == self._candidate else 1
        self._candidate = key
        if self._digit is not None:
            self._go_on(key)
        if self._digit is None and key is not None and self._hits == HITS:
            self._digit, self._blocks, self._misses = key, HITS, 0

    def _go_on(self, key: str | None) -> None:
        self._blocks += 1
        self._misses = 0 if key == self._digit else self._misses + 1
        if self._misses == MISSES:
            self._blocks -= MISSES
            self._end()

    def _end(self) -> None:
        digit, self._digit = self._digit, None
        if digit is not None:
            self._tell(digit, max(SHORTEST, round(self._blocks * BLOCK * 1000 / RATE)))
