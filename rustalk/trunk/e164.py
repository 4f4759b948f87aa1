"""Numbers as people and their countries write them, and as the world does: +, country, number (E.164).

What cannot be such a number is left alone: names, service codes, short numbers of a company, and above all emergency
numbers, which Teams writes with a plus as well as without (EMG-03).
"""

from __future__ import annotations

import re

__all__ = ["e164", "is_emergency"]

_EVERYWHERE = frozenset(("112", "911"))
"""The emergency numbers of every mobile phone, and of Teams."""

_NUMBER = re.compile(r"\+?\(?[0-9][0-9 ().\-]{0,31}", re.ASCII)
_LONGEST = 8
"""Of all emergency numbers, with a plus; most calls need no other look."""


def is_emergency(number: str, country: str = "") -> bool:
    """Whether help is called, in this country or, where it is '', by the numbers that are known everywhere."""
    if len(number) > _LONGEST:
        return False
    digits = number.removeprefix("+")
    if digits in _EVERYWHERE:
        return True
    if not country or not (digits.isascii() and digits.isdigit()):
        return False
    import phonenumbers  # 3 MiB that only a trunk with a country needs

    return phonenumbers.is_emergency_number(digits, country)


def e164(number: str, country: str) -> str:
    """The number with its country, if it surely is a whole number; otherwise as it is.

    It surely is one where the plan of the country knows it, or where it has a plus or the prefix of a long-distance or
    international call and a length that such numbers have.
    """
    if _NUMBER.fullmatch(number) is None or is_emergency(number, country):
        return number
    import phonenumbers

    try:
        found = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return number
    if number[0] != "+" and phonenumbers.is_valid_short_number_for_region(found, country):
        return number
    written = re.sub(r"[^0-9]", "", number)
    whole = number[0] == "+" or written != str(found.national_number)
    length = phonenumbers.is_possible_number_with_reason(found)
    possible = length == phonenumbers.ValidationResult.IS_POSSIBLE
    if phonenumbers.is_valid_number(found) or (whole and possible):
        return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    return number
