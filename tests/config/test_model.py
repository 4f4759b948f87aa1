"""Defaults, and what follows from settings."""

from __future__ import annotations

from rustalk.config import formats
from rustalk.config.model import Server, Settings, SipProfile, Teams, Transport, Trunk


def test_the_defaults_listen_on_loopback_ports_that_need_no_root() -> None:
    """Starting without a file is safe: UDP and TCP 5060, TLS 5061, API 8080, all on 127.0.0.1."""
    settings = Settings()
    listeners = [(p.id, p.bind_address, p.bind_port, p.protocols) for p in settings.profiles]
    assert listeners == [
        ("default", "127.0.0.1", 5060, ("udp", "tcp")),
        ("default-tls", "127.0.0.1", 5061, ("tls",)),
    ]
    assert (settings.api.bind_address, settings.api.port) == ("127.0.0.1", 8080)
    assert formats.is_loopback(settings.media.address)


def test_the_defaults_trust_nobody_and_carry_nothing() -> None:
    """Without a file there is no trunk, no Teams and no route."""
    settings = Settings()
    assert not settings.trunks
    assert not settings.routing.routes
    assert settings.teams_profile is None


def test_ports_of_transport_make_a_profile_each() -> None:
    """RusTalk's separate ports are kept."""
    settings = Settings(transport=Transport(udp_port=5070, tcp_port=5080, protocols=("udp", "tcp")))
    assert [(p.id, p.bind_port) for p in settings.profiles] == [("default", 5070), ("default-tcp", 5080)]


def test_profiles_replace_the_listeners_of_transport() -> None:
    """Only enabled profiles are opened."""
    shut = SipProfile(id="shut", enabled=False)
    settings = Settings(sip_profiles=(SipProfile(id="only"), shut), server=Server(bind_port=1))
    assert [p.id for p in settings.profiles] == ["only"]


def test_the_profile_of_teams_gets_its_certificate_and_requires_one() -> None:
    """Mutual TLS towards Teams cannot be switched off by forgetting a key."""
    teams = Teams(enabled=True, mtls_cert_path="c", mtls_key_path="k", ca_path="r")
    profile = Settings(teams=teams).teams_profile
    assert profile is not None
    assert (profile.id, profile.tls_cert, profile.tls_key, profile.tls_ca) == ("default-tls", "c", "k", "r")
    assert profile.require_client_cert


def test_a_profile_with_its_own_certificate_keeps_it() -> None:
    """The pair of certificate and key stays together."""
    own = SipProfile(id="t", protocols=("tls",), tls_cert="own", tls_key="own-key")
    teams = Teams(enabled=True, mtls_cert_path="c", mtls_key_path="k", profile="t")
    profile = Settings(teams=teams, sip_profiles=(own,)).teams_profile
    assert profile is not None
    assert (profile.tls_cert, profile.tls_key) == ("own", "own-key")


def test_a_trunk_uses_its_profile_or_the_first_with_its_protocol() -> None:
    """A trunk over TLS does not end up on a UDP listener."""
    settings = Settings()
    over_tls = settings.trunk_profile(Trunk(id="t", host="h", protocol="tls"))
    named = settings.trunk_profile(Trunk(id="t", host="h", profile="default-tls"))
    assert over_tls is not None
    assert named is not None
    assert over_tls.id == named.id == "default-tls"


def test_a_trunk_that_is_not_enabled_is_not_found() -> None:
    """Looking up is asking whether it may be used."""
    on, off = Trunk(id="on", host="h"), Trunk(id="off", host="h", enabled=False)
    settings = Settings(trunks=(on, off))
    assert settings.trunk("on") == on
    assert settings.trunk("off") is None
