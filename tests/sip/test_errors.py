"""Whose fault it is."""

from __future__ import annotations

from rustalk.sip.errors import LocalProtocolError, RemoteProtocolError, SipError


def test_both_kinds_of_fault_have_one_root() -> None:
    assert issubclass(LocalProtocolError, SipError)
    assert issubclass(RemoteProtocolError, SipError)


def test_a_fault_of_the_peer_says_what_to_answer() -> None:
    error = RemoteProtocolError("the message is too large", 513, "INVITE", (("Via", "SIP/2.0/UDP h"),))
    assert (str(error), error.status, error.method) == ("the message is too large", 513, "INVITE")
    assert dict(error.fields) == {"Via": "SIP/2.0/UDP h"}


def test_a_fault_of_the_peer_is_a_bad_request_unless_told_otherwise() -> None:
    assert RemoteProtocolError("bad").status == 400
