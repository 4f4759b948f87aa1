"""G.711 mu-law (PCMU, payload type 0): samples of 16 bits to bytes and back, by table."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["PCMU", "PCMU_SILENCE", "decode", "encode", "encode_sample"]

PCMU = 0
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
