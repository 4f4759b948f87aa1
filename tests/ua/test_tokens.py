"""Names that nobody can guess."""

from __future__ import annotations

import secrets

from rustalk.ua.tokens import Tokens


def test_no_token_comes_twice() -> None:
    """A36: each octet of the source is used once, also where one pool ends and the next begins."""
    tokens = Tokens(secrets.token_bytes)
    taken = [tokens.take() for _ in range(2000)]
    assert len(set(taken)) == 2000
    assert {len(token) for token in taken} == {16}


def test_every_octet_of_the_source_is_used() -> None:
    """Nothing is made up here: the tokens are what the source gave, cut up."""
    given: list[bytes] = []

    def source(size: int) -> bytes:
        given.append(secrets.token_bytes(size))
        return given[-1]

    tokens = Tokens(source)
    taken = {tokens.take() for _ in range(512)}
    assert taken == {given[0][at : at + 8].hex() for at in range(0, len(given[0]), 8)}
