"""Numbers as countries write them, and as the world does."""

from __future__ import annotations

import pytest

from rustalk.trunk.e164 import e164, is_emergency

WHOLE = [
    ("030 123456", "DE", "+4930123456"),
    ("0049301234567", "DE", "+49301234567"),
    ("(020) 7946-0000", "GB", "+442079460000"),
    ("2125551234", "US", "+12125551234"),
    ("15551230002", "US", "+15551230002"),
    ("01144207946000", "US", "+44207946000"),
    ("+49 30 123456", "US", "+4930123456"),
]

LEFT_ALONE = [
    ("", "DE"),
    ("alice", "DE"),
    ("anonymous", "US"),
    ("*67", "US"),
    ("1001", "DE"),
    ("1001", "US"),
    ("+1001", "US"),
    ("116117", "DE"),
    ("101", "GB"),
    ("1234567", "US"),
    ("00", "DE"),
    ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "DE"),
    ("030123456\n", "DE"),
    ("1" * 300, "US"),
]

HELP = [("911", ""), ("+911", ""), ("112", ""), ("+112", "US"), ("110", "DE"), ("999", "GB"), ("000", "AU")]


@pytest.mark.parametrize(("number", "country", "found"), WHOLE)
def test_a_whole_number_gets_its_country(number: str, country: str, found: str) -> None:
    """Known to the plan of the country, or written with a plus or a prefix."""
    assert e164(number, country) == found


@pytest.mark.parametrize(("number", "country"), LEFT_ALONE)
def test_what_is_no_whole_number_stays_as_it_is(number: str, country: str) -> None:
    """Names, service codes, short numbers, nonsense."""
    assert e164(number, country) == number


@pytest.mark.parametrize(("number", "country"), HELP)
def test_a_call_for_help_stays_as_it_is(number: str, country: str) -> None:
    """EMG-03: with a plus and without, and the country's own."""
    assert is_emergency(number, country)
    assert e164(number, country or "US") == number


@pytest.mark.parametrize(("number", "country"), [("110", ""), ("999", "US"), ("9110", ""), ("", "US"), ("bob", "US")])
def test_who_does_not_call_for_help(number: str, country: str) -> None:
    """Another country's number is not this one's."""
    assert not is_emergency(number, country)
