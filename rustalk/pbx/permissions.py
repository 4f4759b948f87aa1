"""What an extension may call: inside, its own country, other countries, premium-rate numbers.

Whoever gets hold of a phone's password calls what costs most, so what cannot be told is taken for the dearer kind: a
number of no known form for an international one, and one with digits too many for what it begins with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rustalk.config.model import Permissions

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

__all__ = ["INTERNAL", "kinds", "refusal", "region_of"]

INTERNAL = ("internal",)
"""The kind of calls that stay in the house."""

_NUMBER = re.compile(r"\+?[0-9*#]{1,31}", re.ASCII)
_ABROAD = re.compile(r"\+|00|011", re.ASCII)
_SHORT = 6


def refusal(permissions: Permissions, number: str, kinds: tuple[str, ...]) -> str:
    """The code of the reason why a call is refused, '' where it may be made.

    `deny` counts more than `allow`, and `allow` more than the ``kinds`` of the number, each of which must be permitted.
    """
    if permissions.denied(number):
        return "number_barred"
    if permissions.allowed(number):
        return ""
    permitted = {
        "internal": permissions.internal,
        "domestic": permissions.domestic,
        "international": permissions.international,
        "premium": permissions.premium,
    }
    return next((f"{kind}_barred" for kind in kinds if not permitted[kind]), "")


def kinds(number: str, country: str) -> tuple[str, ...]:
    """What a number that leaves the house is: domestic or international, and perhaps premium as well.

    ``country`` is the own one, '' where it is not known: then numbers with a country or an international prefix are
    international, and the others domestic.
    """
    if not _NUMBER.fullmatch(number):
        return ("international",)
    region, is_premium = _looked_up(number, country)
    if region:
        where = "domestic" if region == country else "international"
    elif len(number) <= _SHORT and not _ABROAD.match(number):
        where = "domestic"
    elif country:
        where = "international"
    else:
        where = "international" if _ABROAD.match(number) else "domestic"
    return (where, "premium") if is_premium else (where,)


def region_of(number: str, country: str) -> str:
    """The country of a number by its two letters (ISO 3166-1), '' where it is not known."""
    return _looked_up(number, country)[0] if _NUMBER.fullmatch(number) else ""


def _looked_up(number: str, country: str) -> tuple[str, bool]:
    """The country of a number, and whether it costs a premium."""
    import phonenumbers  # 3 MiB that only a switch with phones or policies needs

    try:
        found = phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException:
        return "", False
    if country and number[0] != "+" and phonenumbers.is_valid_short_number_for_region(found, country):
        cost = phonenumbers.expected_cost_for_region(found, country)
        return country, cost == phonenumbers.ShortNumberCost.PREMIUM_RATE
    phonenumbers.truncate_too_long_number(found)
    is_premium = phonenumbers.number_type(found) == phonenumbers.PhoneNumberType.PREMIUM_RATE
    return phonenumbers.region_code_for_number(found) or _likely(found, country), is_premium


def _likely(found: PhoneNumber, country: str) -> str:
    """The country of a number that no plan knows: of those that share its code, one by its first digits, or our own."""
    import phonenumbers

    sharing = phonenumbers.region_codes_for_country_code(found.country_code or 0)
    national = phonenumbers.national_significant_number(found)
    for region in sharing:
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
        if plan is not None and plan.leading_digits and re.match(plan.leading_digits, national):
            return region
    if country in sharing:
        return country
    return sharing[0] if sharing else ""
