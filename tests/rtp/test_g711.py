"""G.711 mu-law."""

from __future__ import annotations

import pytest

from rustalk.rtp.g711 import LAWS, PCMA, PCMU, PCMU_SILENCE, Law, decode, encode, encode_sample


@pytest.mark.parametrize(
    ("sample", "byte"), [(0, 0xFF), (32767, 0x80), (-32768, 0x00), (32124, 0x80), (132, 0xEF), (-132, 0x6F)]
)
def test_known_samples_have_their_known_bytes(sample: int, byte: int) -> None:
    assert encode_sample(sample) == byte


def test_every_byte_comes_back_from_its_sample() -> None:
    """But for 0x7F, the negative zero."""
    every = bytes(byte for byte in range(256) if byte != 0x7F)
    assert encode(decode(every)) == every


def test_the_extremes_are_decoded_as_the_recommendation_says() -> None:
    assert decode(bytes([0x80, 0x00, PCMU_SILENCE])) == [32124, -32124, 0]


def test_the_error_stays_within_half_a_step_of_its_segment() -> None:
    samples = range(-32000, 32000, 7)
    errors = [(abs(a - b), abs(a)) for a, b in zip(samples, decode(encode(samples)), strict=True)]
    assert all(error <= (size + 132) / 32 + 1 for error, size in errors)


@pytest.mark.parametrize(("sample", "byte"), [(0, 0xD5), (-1, 0x55), (32767, 0xAA), (-32768, 0x2A), (256, 0xC5)])
def test_known_samples_have_their_known_a_law_bytes(sample: int, byte: int) -> None:
    assert LAWS[PCMA].encode([sample]) == bytes([byte])


def test_every_a_law_byte_comes_back_from_its_sample() -> None:
    assert LAWS[PCMA].encode(LAWS[PCMA].decode(bytes(range(256)))) == bytes(range(256))


@pytest.mark.parametrize("law", LAWS.values(), ids=["mu", "A"])
def test_silence_is_next_to_nothing(law: Law) -> None:
    assert abs(law.decode(bytes([law.silence]))[0]) <= 8


def test_the_laws_are_found_by_payload_type() -> None:
    assert LAWS[PCMU].encode([132, -132]) == encode([132, -132])
