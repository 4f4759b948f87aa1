"""Answering a 401 or 407, once (RFC 3261 section 22.3)."""

from __future__ import annotations

from twisted.logger import Logger

from rustalk.sip.digest import Credentials, parse_challenges
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request, Response

__all__ = ["authorize"]

log = Logger()

_ANSWERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def authorize(request: Request, response: Response, credentials: Credentials | None, cnonce: str) -> list[Field] | None:
    """The fields that answer this challenge; None when it is not ours to answer.

    Only a challenge of the realm that the credentials are for is answered (A2); a broken one is nobody's.
    """
    asked, answered = _ANSWERS.get(response.status, ("", ""))
    if credentials is None or not asked:
        return None
    try:
        challenges = parse_challenges(response.all(asked))
    except RemoteProtocolError:
        return None
    challenge = credentials.choose(challenges)
    if challenge is None:
        log.warn(
            "{uri} asks for the password of realm {realms}, which is not that of its trunk; if it is to have it, write "
            "that realm into the trunk",
            uri=request.uri,
            realms=", ".join(sorted({repr(each.realm[:60]) for each in challenges})) or "unknown",
        )
        return None
    return [(answered, credentials.answer(challenge, request.method, request.uri, request.body, cnonce))]
