"""A tone to speak with, and knowing it again."""

from __future__ import annotations

from itertools import islice

import pytest

from rustalk.rtp.g711 import PCMU_SILENCE, decode
from rustalk.rtp.tone import FRAME_SAMPLES, frames, presence


@pytest.mark.parametrize("frequency", [350, 440, 697, 1000, 1004])
def test_a_tone_is_found_at_its_frequency_and_nowhere_else(frequency: int) -> None:
    samples = decode(b"".join(islice(frames(frequency), 20)))
    assert presence(samples, frequency) > 0.95
    assert presence(samples, frequency + 200) < 0.05


def test_frames_are_20_ms_long_and_stay_in_phase() -> None:
    """1004 Hz repeats after 2000 samples, which is twelve frames and a half."""
    made = list(islice(frames(1004), 25))
    assert {len(frame) for frame in made} == {FRAME_SAMPLES}
    assert b"".join(made)[:2000] == b"".join(made)[2000:]


def test_silence_holds_no_tone() -> None:
    assert presence(decode(bytes([PCMU_SILENCE]) * FRAME_SAMPLES), 1000) == 0.0
