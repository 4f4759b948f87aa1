"""The forms of texts in the configuration."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.config import formats


@pytest.mark.parametrize(
    ("form", "text", "normal"),
    [
        (formats.address, "192.0.2.1", "192.0.2.1"),
        (formats.address, "2001:DB8::0001", "2001:db8::1"),
        (formats.address, "[::1]", "::1"),
        (formats.network, "10.0.0.0/8", "10.0.0.0/8"),
        (formats.network, "192.0.2.1", "192.0.2.1/32"),
        (formats.domain, "SBC.Example.COM.", "sbc.example.com"),
        (formats.host, "sip.example.com", "sip.example.com"),
        (formats.host, "192.0.2.1", "192.0.2.1"),
        (formats.country, "de", "DE"),
        (formats.encoding_name, "telephone-event", "telephone-event"),
        (formats.host_port, "sip.example.com:5060", "sip.example.com:5060"),
        (formats.host_port, "[2001:db8::1]:5060", "[2001:db8::1]:5060"),
        (formats.host_port, "2001:db8::1", "2001:db8::1"),
        (formats.proxy, "sip2.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com"),
        (formats.identifier, "carrier-1", "carrier-1"),
        (formats.one_line, "RusTalk 1", "RusTalk 1"),
    ],
)
def test_a_good_text_is_normalised(form: Callable[[str], str], text: str, normal: str) -> None:
    """Case, brackets and zeros do not make two of one."""
    assert form(text) == normal


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (formats.address, "*"),
        (formats.address, ""),
        (formats.address, "[::1"),
        (formats.address, "192.0.2.256"),
        (formats.network, "10.0.0.1/8"),
        (formats.network, "10.0.0.0/33"),
        (formats.network, "*"),
        (formats.proxy_network, "0.0.0.0/0"),
        (formats.proxy_network, "::/0"),
        (formats.domain, "*.example.com"),
        (formats.domain, "a" * 64 + ".example.com"),
        (formats.domain, "under_score.example"),
        (formats.host, "300.1.2.3"),
        (formats.host, ""),
        (formats.host_port, "sip.example.com:0"),
        (formats.host_port, "sip.example.com:70000"),
        (formats.host_port, "sip.example.com:"),
        (formats.host_port, "[sip.example.com]:5060"),
        (formats.identifier, "two words"),
        (formats.one_line, "one\r\nX-Evil: two"),
    ],
)
def test_a_bad_text_is_refused_with_what_was_expected(form: Callable[[str], str], text: str) -> None:
    """Every refusal says something; a line break never reaches a header (A10)."""
    with pytest.raises(ValueError, match=r"\w{3}"):
        form(text)


def test_the_retired_proxy_names_are_refused() -> None:
    """NET-03: sip-all is gone since 2022."""
    with pytest.raises(ValueError, match="removed in 2022"):
        formats.proxy("sip-all.pstnhub.microsoft.com:5061")


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.0.0.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", False), ("localhost", False)],
)
def test_loopback_is_seen_through_mapping_and_is_never_the_wildcard(text: str, loopback: bool) -> None:
    """A32: Python 3.11 alone gets the mapped form wrong."""
    assert formats.is_loopback(text) is loopback


def test_a_wildcard_address_is_told_from_a_name() -> None:
    """0.0.0.0 and :: are all addresses."""
    assert formats.is_wildcard("0.0.0.0")
    assert formats.is_wildcard("::")
    assert not formats.is_wildcard("192.0.2.1")
    assert not formats.is_wildcard("example.com")


@pytest.mark.parametrize(
    ("form", "good", "kept", "bad"),
    [
        (formats.currency, "eur", "EUR", "EU"),
        (formats.currency, "USD", "USD", "\u00c4\u00d6\u00dc"),
        (formats.timezone, "Europe/Berlin", "Europe/Berlin", "Europe/Atlantis"),
        (formats.timezone, "UTC", "UTC", "../../etc/passwd"),
        (formats.timezone, "Asia/Kathmandu", "Asia/Kathmandu", "/etc/localtime"),
        (formats.email, "alice@example.com", "alice@example.com", "alice"),
        (formats.email, "a@b", "a@b", "a@b\r\nX: y"),
        (formats.md5, "A" * 32, "a" * 32, "a" * 31),
        (formats.sha256, "0" * 64, "0" * 64, "g" * 64),
    ],
)
def test_forms_of_the_pbx(form: Callable[[str], str], good: str, kept: str, bad: str) -> None:
    """Currencies, time zones, e-mail addresses and digests."""
    assert form(good) == kept
    with pytest.raises(ValueError, match=r"\S"):
        form(bad)
