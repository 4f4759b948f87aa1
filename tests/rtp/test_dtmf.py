"""Digits as tones in G.711 (ITU-T Q.23, Q.24)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from math import pi, sin
from random import Random

import pytest

from rustalk.rtp.digits import DIGITS
from rustalk.rtp.dtmf import BLOCK, GIVE_UP, ToneListener, key_of, tone_frames
from rustalk.rtp.g711 import LAWS, PCMA, PCMU

FRAME = 160


def tone(*parts: tuple[float, int], milliseconds: float = 100) -> list[int]:
    """Sines of these frequencies and amplitudes, together."""
    samples = range(round(milliseconds * 8))
    return [round(sum(level * sin(2 * pi * hertz * n / 8000) for hertz, level in parts)) for n in samples]


def silence(milliseconds: float) -> list[int]:
    return [0] * round(milliseconds * 8)


def told(samples: list[int], law: int = PCMU) -> list[tuple[str, int]]:
    """What a listener tells of this sound, after it went through G.711 in packets of 20 ms."""
    digits: list[tuple[str, int]] = []
    listener = ToneListener(lambda digit, milliseconds: digits.append((digit, milliseconds)))
    heard = LAWS[law].decode(LAWS[law].encode(samples))
    for start in range(0, len(heard), FRAME):
        listener.hear(heard[start : start + FRAME], start / 8000)
    listener.look(len(heard) / 8000 + GIVE_UP + 1)
    return digits


def keys(samples: list[int]) -> list[str]:
    return [digit for digit, _ in told(samples)]


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_each_digit_that_is_spoken_is_heard_once(law: int) -> None:
    payloads = [frame.payload for digit in DIGITS for frame in tone_frames(digit, 100, law) if frame]
    heard = told([sample for payload in payloads for sample in LAWS[law].decode(payload)], law)
    assert [digit for digit, _ in heard] == list(DIGITS)
    assert all(abs(milliseconds - 100) <= 26 for _, milliseconds in heard)


def test_a_spoken_digit_is_as_long_as_asked_and_followed_by_silence() -> None:
    frames = [frame for frame in tone_frames("5", 100, PCMU) if frame]
    assert [frame.offset for frame in frames] == list(range(0, 8 * FRAME, FRAME))
    assert [frame.marker for frame in frames] == [True] + [False] * 7
    assert [frame.payload == b"\xff" * FRAME for frame in frames] == [False] * 5 + [True] * 3
    assert len([frame for frame in tone_frames("5", 10**9, PCMU) if frame]) == 503


@pytest.mark.parametrize("offset", range(0, 204, 17))
def test_forty_milliseconds_are_enough_wherever_they_begin(offset: int) -> None:
    """Q.24: a tone of 40 ms is a digit, wherever the blocks fall."""
    assert keys([0] * offset + tone((770, 6000), (1336, 6000), milliseconds=40) + silence(60)) == ["5"]


def test_twelve_milliseconds_are_not() -> None:
    assert keys(silence(20) + tone((770, 6000), (1336, 6000), milliseconds=12) + silence(60)) == []


def test_a_digit_is_told_twice_only_after_a_pause() -> None:
    """Q.24: 40 ms of silence part two digits, a gap of 10 ms does not."""
    once = tone((941, 6000), (1209, 6000), milliseconds=80)
    assert keys(once + silence(40) + once) == ["*", "*"]
    assert keys(once + silence(10) + once) == ["*"]


@pytest.mark.parametrize("off", [-0.015, 0.015])
def test_tones_may_be_off_by_one_and_a_half_per_cent(off: float) -> None:
    """Q.24: what the far end's oscillators are allowed."""
    assert keys(tone((697 * (1 + off), 6000), (1633 * (1 + off), 6000))) == ["A"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(6000, 3000, ["8"]), (3500, 6000, ["8"]), (600, 600, ["8"]), (6000, 1500, []), (2000, 6000, []), (200, 200, [])],
)
def test_the_tones_have_to_be_loud_and_balanced(low: int, high: int, expected: list[str]) -> None:
    assert keys(tone((852, low), (1336, high))) == expected


@pytest.mark.parametrize("parts", [[(770, 8000)], [(1336, 8000)], [(770, 6000), (852, 6000)], [(440, 8000)], []])
def test_other_tones_are_no_digits(parts: list[tuple[float, int]]) -> None:
    assert keys(tone(*parts, milliseconds=500)) == []


def test_a_digit_under_loud_noise_is_none() -> None:
    """What else sounds must be weak: the digit makes up less than its share here."""
    random = Random(7)
    sound = tone((770, 4000), (1336, 4000), milliseconds=200)
    assert keys([sample + round(random.gauss(0, 4000)) for sample in sound]) == []


def speech(random: Random, milliseconds: int) -> Iterable[int]:
    """Something like speech: syllables with a gliding pitch, its harmonics under formants, and hiss in between."""
    length = milliseconds * 8
    pitch = random.uniform(90, 260)
    swing = 2 * pi * random.choice((2, 3)) / 8000
    glide = [pitch * (1 + 0.3 * sin(swing * n)) for n in range(length)]
    formants = [(random.uniform(300, 900), 120), (random.uniform(900, 2300), 160)]
    phases = list(accumulate(2 * pi * now / 8000 for now in glide))
    count = int(3400 / pitch)
    weights = [sum(1 / (1 + ((k * pitch - at) / wide) ** 2) for at, wide in formants) for k in range(1, count)]
    loudness = random.uniform(2000, 12000) / sum(weights)
    for n in range(length):
        voiced = sum(weight * sin(k * phases[n]) for k, weight in enumerate(weights, 1))
        yield max(-32000, min(32000, round(loudness * voiced * sin(pi * n / length) + random.gauss(0, 60))))


def test_speech_is_no_digit() -> None:
    """Talk-off: a hundred syllables of many voices."""
    random = Random(20)
    assert keys([sample for _ in range(100) for sample in speech(random, random.choice((80, 150)))]) == []


def test_a_packet_with_a_tone_is_to_be_muted_from_the_first_block_that_holds_it() -> None:
    """And until the tone has ended for sure."""
    listener = ToneListener(lambda digit, milliseconds: None)
    sound = silence(40) + tone((770, 6000), (1336, 6000), milliseconds=100) + silence(80)
    muted = [listener.hear(sound[start : start + FRAME], 0) for start in range(0, len(sound), FRAME)]
    assert muted == [False] * 2 + [True] * 7 + [False] * 2


def test_another_source_ends_a_digit() -> None:
    digits: list[str] = []
    listener = ToneListener(lambda digit, milliseconds: digits.append(digit))
    listener.hear(tone((770, 6000), (1336, 6000)), 0)
    listener.finish()
    assert digits == ["5"]
    assert not listener.hear(silence(20), 1)


def test_a_block_is_judged_by_itself() -> None:
    assert key_of(tone((697, 5000), (1209, 5000))[:BLOCK]) == "1"
    assert key_of([0] * BLOCK) is None
