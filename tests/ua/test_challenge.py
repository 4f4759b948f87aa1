"""Answering a 401 or 407, once."""

from __future__ import annotations

import pytest

from rustalk.sip.digest import Credentials
from rustalk.sip.message import Field
from rustalk.ua.challenge import authorize
from tests.fakes.messages import make_request, make_response

REQUEST = make_request("REGISTER")
OURS = Credentials("alice", "secret", "here")


def answer(status: int, line: str, credentials: Credentials | None = OURS) -> list[Field] | None:
    """What answers a response with this challenge."""
    return authorize(REQUEST, make_response(REQUEST, status, line), credentials, "cnonce")


@pytest.mark.parametrize(
    ("status", "asked", "answered"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
def test_a_challenge_of_our_realm_is_answered(status: int, asked: str, answered: str) -> None:
    """RFC 3261 section 22: each challenge in the field of its kind."""
    fields = answer(status, f'{asked}: Digest realm="here", nonce="n", qop="auth"')
    assert fields is not None
    assert [name for name, _ in fields] == [answered]


@pytest.mark.parametrize(
    ("status", "line", "credentials"),
    [
        (401, 'WWW-Authenticate: Digest realm="there", nonce="n"', OURS),
        (401, 'WWW-Authenticate: Digest realm="here", nonce="n"', None),
        (401, 'Proxy-Authenticate: Digest realm="here", nonce="n"', OURS),
        (403, 'WWW-Authenticate: Digest realm="here", nonce="n"', OURS),
        (401, 'WWW-Authenticate: Digest realm="here', OURS),
        (401, "WWW-Authenticate: Basic x", OURS),
        (401, 'WWW-Authenticate: Digest realm="here", nonce="n", algorithm=ROT13', OURS),
    ],
)
def test_what_is_not_ours_to_answer(status: int, line: str, credentials: Credentials | None) -> None:
    """A2, A4: another realm, no account, the wrong field, a broken or unknown challenge."""
    assert answer(status, line, credentials) is None
