"""The section acme."""

from __future__ import annotations

from rustalk.config.acme import Acme


def test_the_defaults_are_those_of_rustalk() -> None:
    """A file that names a section but not its keys means what it meant there."""
    assert (Acme().cert_dir, Acme().challenge_type, Acme().auto_renew_days) == ("/etc/rustalk/certs", "http-01", 30)
    assert not Acme().enabled
