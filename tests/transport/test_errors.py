"""The errors of the wire."""

from __future__ import annotations

from rustalk.transport.errors import TransportError


def test_an_error_says_cause_and_reason():
    """The cause is for the failover rules, the whole for the log."""
    error = TransportError("tls", "the peer sent no certificate")
    assert (error.cause, str(error)) == ("tls", "tls: the peer sent no certificate")
