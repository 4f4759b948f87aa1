"""The configuration to start from."""

from __future__ import annotations

from rustalk.config.example import generate
from rustalk.config.load import load


def test_the_example_is_good_and_safe_as_it_is() -> None:
    """It loads without a warning, listens on loopback and carries nothing until it is edited."""
    settings = load(generate())
    assert settings.warnings == ()
    assert {profile.bind_address for profile in settings.profiles} == {"127.0.0.1"}
    assert not settings.teams.enabled
    assert not any(trunk.enabled for trunk in settings.trunks)


def test_the_example_is_good_when_everything_in_it_is_enabled() -> None:
    """Turning each switch on is all that a first run needs, but for passwords: none is given away (A40)."""
    settings = load(generate().replace('"enabled": false', '"enabled": true'))
    assert [notice.path for notice in settings.warnings] == ["$.extensions[0].password", "$.extensions[1].password"]
    assert settings.teams_profile is not None
    assert settings.teams_profile.id == "teams"
