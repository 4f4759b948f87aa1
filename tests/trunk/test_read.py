"""Who calls whom, read from an INVITE."""

from __future__ import annotations

import pytest

from rustalk.sip.errors import RemoteProtocolError
from rustalk.trunk.read import read_subject
from rustalk.ua.subject import Subject
from tests.fakes.messages import make_request


def test_the_called_number_and_the_caller() -> None:
    """The Request-URI and From; escapes and parameters of the user part are undone; one hop less."""
    subject = read_subject(make_request("INVITE", uri="sip:%2B1555;ext=7@sbc.example.com"))
    assert subject == Subject(caller="alice", called="+1555", display="Alice", max_forwards=69)


def test_a_number_may_come_as_tel_uri() -> None:
    """RFC 3966."""
    assert read_subject(make_request("INVITE", uri="tel:+1-555;phone-context=x")).called == "+1-555"


def test_an_address_that_cannot_be_read() -> None:
    """Is the peer's fault."""
    with pytest.raises(RemoteProtocolError):
        read_subject(make_request("INVITE", uri="sip:@:"))
