"""The sections of the listeners."""

from __future__ import annotations

from rustalk import __version__
from rustalk.config.listen import Server, Sip, SipProfile, Transport


def test_the_defaults_are_those_of_rustalk_but_on_loopback() -> None:
    """RusTalk listened on all addresses, which is for the operator to decide."""
    assert (Server().bind_address, Server().bind_port) == ("127.0.0.1", 5060)
    assert (Sip().domain, Sip().max_forwards, Sip().session_expires) == ("rustalk.local", 70, 1800)
    assert Transport().tls_port == 5061


def test_unknown_sources_are_answered_by_default() -> None:
    """403 helps an operator to find a forgotten address; silence can be chosen."""
    assert Sip().unknown_sources == "reject"


def test_failing_over_takes_less_than_six_seconds() -> None:
    """FO-05: a silent proxy costs the connect or the first-response timeout."""
    assert Transport().connect_timeout <= 4
    assert Sip().first_response_timeout < 6


def test_the_product_says_its_version_unless_told_otherwise() -> None:
    """User-Agent and Server headers."""
    assert Sip().user_agent == f"RusTalk/{__version__}"


def test_a_profile_is_open_and_asks_for_no_certificate_by_itself() -> None:
    """Teams changes that for its own profile."""
    profile = SipProfile(id="p")
    assert profile.enabled
    assert not profile.require_client_cert
