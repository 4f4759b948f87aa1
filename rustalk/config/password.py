"""What makes the password of a phone a bad one: it is among the first that anybody tries."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["ALLOWED", "weakness"]

_SHORTEST = 8

ALLOWED = f"at least {_SHORTEST} characters that nobody guesses, or none, and one is made"
"""What is taken, in words for "expected ..."."""

_WORDS = (
    "1q2w3e4r 1qaz2wsx abcd1234 admin123 administrator asdfghjk asdfghjkl asterisk baseball changeme changeme1 "
    "computer default1 extension football freeswitch iloveyou letmein1 p@ssw0rd p@ssword pa55word passw0rd password "
    "password1 password12 password123 password1234 princess qazwsxedc qwerty12 qwerty123 qwertyui qwertyuiop rustalk1 "
    "secret12 secret123 sunshine superman telephone test1234 trustno1 voip1234 voipvoip welcome1 welcome123"
)

_USUAL = frozenset(_WORDS.split())
"""Those of the usual ones that are long enough and no row, in lower case."""


def weakness(password: str, number: str) -> str:
    """Why a password is easily guessed, to follow "it"; empty where nothing speaks against it.

    ``number`` is that of the extension. What is said holds no part of the password.
    """
    plain = password.casefold()
    if len(password) < _SHORTEST:
        return f"has fewer than {_SHORTEST} characters"
    if plain == number.casefold():
        return "is the extension's number"
    if len(set(plain)) == 1:
        return "is one character again and again"
    if _is_row(plain):
        return "is a row of characters, one after the other"
    return "is one of those that everybody tries" if plain in _USUAL else ""


def _is_row(text: str) -> bool:
    """Whether each character follows the one before, forwards or backwards; 0 follows 9."""
    steps = {ord(second) - ord(first) for first, second in pairwise(text)}
    if text.isdecimal():
        steps = {step % 10 for step in steps}
    return steps in ({1}, {-1}, {9})
