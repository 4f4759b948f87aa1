"""a=crypto lines (RFC 4568): what they say, and which of several counts.

The relay passes them untouched; they are read by whoever ends the SRTP, and to check an answer against its offer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from rustalk.sdp.grammar import CRYPTO, KEY

__all__ = ["Crypto", "Key", "answered", "offered", "read"]

PREFERRED = "AES_CM_128_HMAC_SHA1_80"


@dataclass(frozen=True, slots=True)
class Key:
    """One inline key: the base64 of master key and salt, never shown in a repr.

    ``lifetime`` counts packets, ``mki`` is the value of the master key identifier and ``mki_length`` its bytes on
    the wire; None where the line does not say.
    """

    material: str = field(repr=False)
    lifetime: int | None = None
    mki: int | None = None
    mki_length: int | None = None


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line: its tag, suite, keys and session parameters."""

    tag: int
    suite: str
    keys: tuple[Key, ...]
    parameters: tuple[str, ...] = ()


def read(line: bytes) -> Crypto | None:
    """The meaning of one a=crypto line; None for any other line and for one that breaks RFC 4568.

    Section 7.1.2 has a receiver pass over a line that it cannot use, so this is no error.
    """
    match = CRYPTO.fullmatch(line)
    if match is None:
        return None
    tag, suite, keys, parameters = match.groups()
    read_keys = [_read_key(key) for key in keys.split(b";")]
    good = tuple(key for key in read_keys if key is not None)
    if len(good) < len(read_keys):
        return None
    return Crypto(int(tag), suite.decode("ascii"), good, tuple(parameters.decode("ascii").split()))


def _read_key(text: bytes) -> Key | None:
    match = KEY.fullmatch(text)
    if match is None:
        return None
    material, power, count, mki, length = match.groups()
    lifetime = 1 << int(power) if power else int(count) if count else None
    return Key(material.decode("ascii"), lifetime, int(mki) if mki else None, int(length) if length else None)


def offered(lines: Iterable[Crypto]) -> Crypto | None:
    """The line of an offer to accept: the first AES_CM_128_HMAC_SHA1_80 without MKI, else the first of that suite.

    Teams lists AES_CM_128_HMAC_SHA1_32 first and repeats suites with an MKI; order alone is no guide (MED-03).
    """
    same = [line for line in lines if line.suite == PREFERRED]
    return next((line for line in same if _plain(line)), same[0] if same else None)


def answered(lines: Iterable[Crypto], tags: Collection[int]) -> Crypto | None:
    """The line of an answer that counts: the one whose tag was offered, else the first without MKI (MED-03)."""
    given = list(lines)
    matching = (line for line in given if line.tag in tags)
    plain = (line for line in given if _plain(line))
    return next(matching, None) or next(plain, None)


def _plain(line: Crypto) -> bool:
    return all(key.mki is None for key in line.keys)
