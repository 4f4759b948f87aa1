"""A certificate to begin with, made on the spot when nothing is configured. Nobody but ourselves trusts it.

The authority that signs it is forgotten at once: its key is never stored, so the root file may be trusted by test
peers without harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from .authority import Authority, Validity, write_atomically

__all__ = ["DevelopmentFiles", "development_files"]

_LIFE_DAYS = 90
_RENEW_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DevelopmentFiles:
    """Where the files are, and whether they were made just now."""

    certificate: Path
    key: Path
    root: Path
    made: bool


def development_files(directory: Path, names: Sequence[str], now: datetime | None = None) -> DevelopmentFiles:
    """The development certificate for these names in this directory: the one there is, or a new one.

    A new one is made when it is missing, unreadable, for other names, or within a week of its end. Raises OSError when
    the directory cannot be written.
    """
    now = now or datetime.now(UTC)
    files = DevelopmentFiles(
        directory / "development.pem", directory / "development.key", directory / "development.root.pem", made=False
    )
    if _is_good(files, names, now):
        return files
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = Authority.root("RusTalk development root", validity=Validity.days(_LIFE_DAYS, now))
    issued = authority.issue(names, validity=Validity.days(_LIFE_DAYS, now))
    write_atomically(files.root, authority.certificate_pem, 0o644)
    issued.write(files.certificate, files.key)
    return replace(files, made=True)


def _is_good(files: DevelopmentFiles, names: Sequence[str], now: datetime) -> bool:
    if not (files.key.exists() and files.root.exists()):
        return False
    try:
        leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        alternatives = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    known = {str(name.value) for name in alternatives}
    return known == set(names) and now < leaf.not_valid_after_utc - _RENEW_BEFORE
