"""Answering OPTIONS (RFC 3261 section 11; OPT-10, OPT-11)."""

from __future__ import annotations

from .endpoint import ServerTransaction
from .inspect import ALLOW, SDP, SUPPORTED, inspect

__all__ = ["answer_options"]


def answer_options(transaction: ServerTransaction, contact: str, *, status: int = 200, allow: str = ALLOW) -> None:
    """Say what we can. Teams takes the SBC for inactive when the 200 carries no Contact."""
    unfit = inspect(transaction.request, allow)
    if unfit is not None:
        transaction.refuse(unfit.code, fields=unfit.fields)
        return
    fields = [("Contact", contact), ("Allow", allow), ("Accept", SDP), ("Supported", SUPPORTED)]
    transaction.respond(status, fields=fields)
