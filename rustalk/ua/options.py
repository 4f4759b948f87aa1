"""Answering OPTIONS (RFC 3261 section 11; OPT-10, OPT-11)."""

from __future__ import annotations

from .endpoint import ServerTransaction
from .inspect import ALLOW, SDP, SUPPORTED, inspect

__all__ = ["answer_options"]


def answer_options(transaction: ServerTransaction, contact: str, *, status: int = 200) -> None:
    """Say what we can. Teams takes the SBC for inactive when the 200 carries no Contact."""
    refusal = inspect(transaction.request)
    if refusal is not None:
        transaction.respond(refusal[0], fields=refusal[1])
        return
    fields = [("Contact", contact), ("Allow", ALLOW), ("Accept", SDP), ("Supported", SUPPORTED)]
    transaction.respond(status, fields=fields)
