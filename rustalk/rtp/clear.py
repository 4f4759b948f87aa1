"""Telling RTCP that can be read from SRTCP, which a relay that passes streams on unread gets without being told."""

from __future__ import annotations

__all__ = ["is_clear"]


def is_clear(datagram: bytes) -> bool:
    """Whether the lengths of the packets in an RTCP datagram add up to the whole of it (RFC 3550 section 6.1).

    Behind the first eight bytes of SRTCP stand cipher text, an index and a tag (RFC 3711 section 3.4): the tags of
    AES_CM, of 80 bits, never let the sum come out even, and those of AEAD_AES only by rare chance.
    """
    start = 0
    while start + 4 <= len(datagram) and datagram[start] >> 6 == 2 and 192 <= datagram[start + 1] <= 223:
        start += 4 * (int.from_bytes(datagram[start + 2 : start + 4], "big") + 1)
    return start == len(datagram) > 0
