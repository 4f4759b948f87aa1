"""The roots that Microsoft Teams certificates chain to, as shipped with RusTalk (public data)."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TEAMS_ROOTS", "TEAMS_THUMBPRINTS"]

TEAMS_ROOTS = Path(__file__).parent / "roots" / "microsoft-teams.crt"
"""A PEM file; the value of ``teams.ca_path`` when none is configured."""

TEAMS_THUMBPRINTS = {
    "DigiCert Global Root CA": "A8985D3A65E5E5C4B2D7D66D40C6DD2FB19C5436",
    "DigiCert Global Root G2": "DF3C24F9BFD666761B268073FE06D1CC8D4F82A4",
    "DigiCert Global Root G3": "7E04DE896A3E666D00E687D33FFAD93BE83D349E",
    "DigiCert TLS ECC P384 Root G5": "17F3DE5E9F0F19E98EF61F32266E20C407AE30EE",
    "DigiCert TLS RSA4096 Root G5": "A78849DC5D7C758C8CDE399856B3AAD0B2A57135",
    "Microsoft ECC Root Certificate Authority 2017": "999A64C37FF47D9FAB95F14769891460EEC4C3C5",
    "Microsoft RSA Root Certificate Authority 2017": "73A5E64A3BFF8316FF0EDCCC618A906E4EAE4D74",
}
"""Common name to SHA-1 thumbprint, as Microsoft publishes them for the rotation of 2026."""
