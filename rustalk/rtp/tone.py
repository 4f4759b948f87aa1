"""A sine as PCMU frames, to speak with, and its detection, to know it again at the other end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, gcd, pi, sin

from rustalk.rtp.g711 import encode

__all__ = ["FRAME_SAMPLES", "SAMPLE_RATE", "frames", "presence"]

SAMPLE_RATE = 8000
FRAME_SAMPLES = 160
"""Samples, and PCMU bytes, in a frame of 20 ms."""


def frames(frequency: int, amplitude: int = 8000) -> Iterator[bytes]:
    """Frames of 20 ms without end, in phase from one to the next. ``frequency`` in Hz, ``amplitude`` up to 32767."""
    period = SAMPLE_RATE // gcd(frequency, SAMPLE_RATE)
    wave = encode(round(amplitude * sin(2 * pi * frequency * n / SAMPLE_RATE)) for n in range(period))
    loop = wave * (FRAME_SAMPLES // period + 2)
    start = 0
    while True:
        yield loop[start : start + FRAME_SAMPLES]
        start = (start + FRAME_SAMPLES) % period


def presence(samples: Sequence[int], frequency: int) -> float:
    """The share of the samples' power that is at ``frequency``, 0 to 1 (Goertzel's algorithm); silence gives 0."""
    power = sum(sample * sample for sample in samples)
    if not power:
        return 0.0
    coefficient = 2 * cos(2 * pi * frequency / SAMPLE_RATE)
    last = before = 0.0
    for sample in samples:
        last, before = sample + coefficient * last - before, last
    return 2 * (last * last + before * before - coefficient * last * before) / (len(samples) * power)
