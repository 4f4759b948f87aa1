"""Certificates by ACME: a section of RusTalk's configuration that this version takes and keeps but does not act on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about

__all__ = ["Acme"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acme:
    """Certificates by ACME (RFC 8555)."""

    enabled: bool = field(default=False, metadata=about("Whether certificates are requested."))
    email: str = field(
        default="", metadata=about("Address of the account.", example="admin@example.com", check=formats.one_line)
    )
    domains: tuple[str, ...] = field(
        default=(), metadata=about("Names of the certificate.", example=["sbc.example.com"])
    )
    cert_dir: str = field(default="/etc/rustalk/certs", metadata=about("Directory of the certificates."))
    account_dir: str = field(default="/etc/rustalk/acme", metadata=about("Directory of the account."))
    use_staging: bool = field(default=False, metadata=about("Use the test environment of the authority."))
    http_challenge_port: int = field(default=80, metadata=about("Port for the HTTP-01 challenge.", low=1, high=65535))
    challenge_type: Literal["http-01", "dns-01"] = field(default="http-01", metadata=about("Kind of challenge."))
    auto_renew_days: int = field(
        default=30, metadata=about("Renew this long before the end.", unit="days", low=1, high=365)
    )
