"""Who a peer is, and how that was proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Identity", "Proof", "Refusal", "RefusalReason", "VerifiedCertificate"]

Proof = Literal["certificate", "address"]
RefusalReason = Literal[
    "unknown-source", "teams-certificate-missing", "teams-certificate-name", "teams-network", "acl", "unknown-profile"
]


class VerifiedCertificate(Protocol):
    """A peer's certificate whose chain the transport has verified."""

    def covers(self, name: str) -> bool:
        """Whether the certificate is valid for this host name."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """A known peer: the id of its trunk, or "teams"."""

    trunk: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Refusal:
    """A peer that may not call. ``detail`` is for our log and never for the peer; ``silent``: it gets no answer."""

    reason: RefusalReason
    detail: str
    silent: bool
