"""The forms of numbers in the configuration: what is dialled, prefixes, and lists of numbers.

Each function returns the text or raises ValueError with the words for "expected ...", as those of `formats` do.
"""

from __future__ import annotations

import functools
import re

from rustalk.config.pattern import Pattern

__all__ = ["calling", "dialled", "extension", "number_rule", "pin", "prefix", "rule_pattern"]

_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9*#]{1,31}", re.ASCII)
_PREFIX = re.compile(r"\+?[0-9]{0,20}", re.ASCII)
_PIN = re.compile(r"[0-9]{4,16}", re.ASCII)
_URI = re.compile(r"sips?:[^\s<>\"]{1,250}", re.ASCII | re.IGNORECASE)


def extension(text: str) -> str:
    """The number of an extension, which is also its user name: digits, or a name such as ``alice``."""
    if not _EXTENSION.fullmatch(text):
        raise ValueError("a number such as 1001: 1 to 32 letters, digits, '.', '_' or '-'")
    return text


def dialled(text: str) -> str:
    """What a call can be sent on to: an extension, a number, or a SIP URI."""
    if not (_EXTENSION.fullmatch(text) or _NUMBER.fullmatch(text) or _URI.fullmatch(text)):
        raise ValueError("an extension, a number such as +12025550123, or a SIP URI")
    return text


def calling(text: str) -> str:
    """A number that a caller shows."""
    if not (_EXTENSION.fullmatch(text) or _NUMBER.fullmatch(text)):
        raise ValueError("a number such as +12025550123")
    return text


def prefix(text: str) -> str:
    """The start of a number, with or without ``+``; empty for every number."""
    if not _PREFIX.fullmatch(text):
        raise ValueError('the first digits of a number, such as "44" or "+4477"')
    return text


def pin(text: str) -> str:
    """A PIN for a telephone keypad."""
    if not _PIN.fullmatch(text):
        raise ValueError("4 to 16 digits")
    return text


def number_rule(text: str) -> str:
    """The start of a number, such as ``+1900``, or else a pattern (RE2) searched for in the number."""
    try:
        rule_pattern(text)
    except ValueError as error:
        raise ValueError(f"the first digits of a number, or a pattern that RE2 can compile ({error})") from None
    return text


@functools.lru_cache(maxsize=4096)
def rule_pattern(text: str) -> Pattern:
    """Return the pattern that a `number_rule` stands for, made once for each text."""
    return Pattern("^" + re.escape(text)) if _NUMBER.fullmatch(text) else Pattern(text)
