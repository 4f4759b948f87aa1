"""The names that scanners give themselves."""

from __future__ import annotations

import pytest

from rustalk.security.scanners import SCANNERS, scanner


@pytest.mark.parametrize(
    "user_agent", ["friendly-scanner", "sipvicious", "sipcli/v1.8", "sip-scan", "VaxSIPUserAgent/3.1", "SUNDAYDDR"]
)
def test_a_scanner_is_known_by_its_name(user_agent: str) -> None:
    """In whatever case, with whatever version."""
    assert scanner(user_agent) in SCANNERS


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        "Yealink SIP-T46S 66.86.0.15",
        "baresip v3.0.0",
        "Microsoft.PSTNHub.SIPProxy v.2024",
        "snomD785/10.1",
        "Asterisk",
    ],
)
def test_a_phone_is_none(user_agent: str) -> None:
    """Negative control: what real phones, trunks and Teams say."""
    assert scanner(user_agent) == ""


def test_only_the_beginning_of_a_name_is_looked_at() -> None:
    """A6: a header of 60 kB costs no more than a short one."""
    assert scanner("x" * 60_000 + "sipvicious") == ""
