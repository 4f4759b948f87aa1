"""The certificate files that a configuration names: those that are not there are told all at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rustalk.config.model import Settings
from rustalk.config.problem import Problem

__all__ = ["unreadable"]

_TLS = ("tls_cert", "tls_key", "tls_ca")


def unreadable(settings: Settings) -> Iterator[Problem]:
    """A problem for each file of an enabled section that cannot be read, with the key that names it."""
    for path, file in _named(settings):
        try:
            with Path(file).expanduser().open("rb"):
                pass
        except OSError as error:
            yield Problem(path, f'"{file}"', "a file that can be read", error.strerror or "")


def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    sections: list[tuple[str, object, tuple[str, ...]]] = [("$.transport", settings.transport, _TLS[:2])]
    if settings.teams.enabled:
        sections.append(("$.teams", settings.teams, ("mtls_cert_path", "mtls_key_path", "ca_path")))
    sections += [(f"$.sip_profiles[{at}]", each, _TLS) for at, each in enumerate(settings.sip_profiles) if each.enabled]
    sections += [(f"$.trunks[{at}]", each, _TLS) for at, each in enumerate(settings.trunks) if each.enabled]
    for path, section, keys in sections:
        for key in keys:
            file = getattr(section, key)
            if file:
                yield f"{path}.{key}", file
