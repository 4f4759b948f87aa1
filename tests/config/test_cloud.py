"""The presets of Microsoft's clouds."""

from __future__ import annotations

from rustalk.config.cloud import CLOUDS


def test_the_commercial_clouds_have_three_proxies_in_order() -> None:
    """NET-01: sip, sip2, sip3, the same for GCC."""
    assert CLOUDS["commercial"].proxies == tuple(f"sip{n}.pstnhub.microsoft.com" for n in ("", "2", "3"))
    assert CLOUDS["gcc"] == CLOUDS["commercial"]


def test_the_government_clouds_have_one_proxy_and_one_port() -> None:
    """NET-02: no second name, and only port 5061."""
    assert CLOUDS["gcc-high"].proxies == ("sip.pstnhub.gov.teams.microsoft.us",)
    assert CLOUDS["dod"].proxies == ("sip.pstnhub.dod.teams.microsoft.us",)
    assert {CLOUDS["gcc-high"].port, CLOUDS["dod"].port} == {5061}
