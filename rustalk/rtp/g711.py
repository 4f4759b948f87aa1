"""G.711 (ITU-T), mu-law and A-law: samples of 16 bits to bytes and back, by table.

``encode`` and ``decode`` are mu-law; ``LAWS`` has both by payload type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["LAWS", "PCMA", "PCMU", "PCMU_SILENCE", "Law", "decode", "encode", "encode_sample"]

PCMU = 0
PCMA = 8
PCMU_SILENCE = 0xFF

_BIAS = 0x84
_CLIP = 32635


def encode_sample(sample: int) -> int:
    """The mu-law byte of one linear sample; what is beyond the range of the code is clipped."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> exponent + 3 & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def _decode_byte(byte: int) -> int:
    code = ~byte & 0xFF
    magnitude = ((code & 0x0F) << 3 | _BIAS) << (code >> 4 & 7)
    return _BIAS - magnitude if code & 0x80 else magnitude - _BIAS


_LINEAR = tuple(map(_decode_byte, range(256)))


def encode(samples: Iterable[int]) -> bytes:
    """Mu-law bytes of linear 16-bit samples."""
    return bytes(map(encode_sample, samples))


def decode(data: bytes) -> list[int]:
    """Linear 16-bit samples of mu-law bytes."""
    return [_LINEAR[byte] for byte in data]


def _encode_a_law(sample: int) -> int:
    magnitude = min(sample if sample >= 0 else ~sample, 32767)
    exponent = max(magnitude.bit_length() - 8, 0)
    mantissa = magnitude >> max(exponent, 1) + 3 & 0x0F
    return ((sample >= 0) << 7 | exponent << 4 | mantissa) ^ 0x55


def _decode_a_law(byte: int) -> int:
    code = byte ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 0x0F
    magnitude = (mantissa << 4 | 8) + (0x100 if exponent else 0) << max(exponent - 1, 0)
    return magnitude if code & 0x80 else -magnitude


@dataclass(frozen=True, slots=True)
class Law:
    """One of the two codes: the 16-bit sample of each byte, and the byte of silence."""

    linear: tuple[int, ...]
    silence: int
    encode_sample: Callable[[int], int]

    def encode(self, samples: Iterable[int]) -> bytes:
        """Bytes of linear 16-bit samples."""
        return bytes(map(self.encode_sample, samples))

    def decode(self, data: bytes) -> list[int]:
        """Linear 16-bit samples of bytes."""
        linear = self.linear
        return [linear[byte] for byte in data]


LAWS: Mapping[int, Law] = {
    PCMU: Law(_LINEAR, PCMU_SILENCE, encode_sample),
    PCMA: Law(tuple(map(_decode_a_law, range(256))), 0xD5, _encode_a_law),
}
"""Mu-law and A-law by their static payload types, 0 and 8."""
