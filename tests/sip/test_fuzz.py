"""A mutation fuzz over the parser: a fixed seed, a corpus of torture messages and of what Teams sends (A15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

import pytest

from rustalk.sip.digest import Authorization, parse_challenges
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message, Request, Response
from rustalk.sip.parse import FramingError, Limits, StreamParser, parse_datagram
from rustalk.sip.session_timer import SessionTimer
from rustalk.sip.transaction.key import client_key, server_key
from tests.fakes.messages import LIMITS
from tests.fakes.mutate import Mutator, corpus

COUNT = 200_000
SHARDS = 8


def read_everything(message: Message) -> None:
    """Ask a message for all that the rest of the program asks for; each may only be refused as the peer's fault."""
    asks: list[Callable[[], object]] = [
        lambda: message.vias,
        lambda: [contact.uri for contact in message.contacts],
        lambda: [route.uri for route in message.addresses("Route") + message.addresses("Record-Route")],
        lambda: message.addresses("Refer-To"),
        lambda: message.tokens("Supported") | message.tokens("Allow"),
        lambda: message.number("Expires"),
        lambda: parse_challenges(message.all("WWW-Authenticate")),
        lambda: [Authorization.parse(value) for value in message.all("Authorization")],
        lambda: message.from_.uri.number + message.to.uri.number + message.content_type,
    ]
    if isinstance(message, Request):
        asks += [lambda: message.target.number, lambda: SessionTimer().too_small(message)]
        server_key(message)
        str(message.response(200, to_tag="x").to_bytes())
    elif isinstance(message, Response):
        client_key(message)
        SessionTimer().agreed(message)
    for ask in asks:
        with suppress(RemoteProtocolError):
            ask()


def check(data: bytes) -> int:
    """Parse one datagram: 200 when it was accepted, 0 for a keep-alive, else the status it was refused with.

    What is accepted can be read to the last field, written and read again.
    """
    try:
        message = parse_datagram(data, LIMITS)
    except RemoteProtocolError as error:
        return error.status
    if message is None:
        return 0
    read_everything(message)
    again = parse_datagram(message.to_bytes(), Limits(message=1 << 20, head=1 << 20, field=1 << 20))
    assert again is not None
    assert (again.start_line, again.fields, again.body) == (message.start_line, message.fields, message.body)
    return 200


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_mutated_message_gets_past_the_parser_unharmed(shard: int) -> None:
    """A15: 200,000 messages; each is refused with a status, or accepted, read to the last field and written again."""
    messages = Mutator(20260101 + shard, corpus())
    verdicts = Counter(check(data) for data in islice(messages, COUNT // SHARDS))
    assert verdicts[200] > COUNT // SHARDS // 20, "the messages are not too broken to reach anything"
    assert set(verdicts) <= {0, 200, 400, 414, 505, 513}


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_of_mutated_messages_gives_the_same_however_it_is_cut(seed: int) -> None:
    """A12: two parsers that get the same bytes in other pieces never disagree."""
    messages = Mutator(seed, corpus())
    for data in islice(messages, 500):
        one, two = StreamParser(LIMITS), StreamParser(LIMITS)
        whole = one.feed(data)
        step = 1 + len(data) // 7
        parts = [found for place in range(0, len(data), step) for found in two.feed(data[place : place + step])]
        assert [repr(found) for found in parts] == [repr(found) for found in whole]
        assert one.partial == two.partial
        assert all(not isinstance(found, FramingError) for found in whole[:-1])


def test_the_mutator_gives_the_same_messages_for_the_same_seed() -> None:
    first, second = (list(islice(Mutator(1, corpus()), 100)) for _ in range(2))
    assert first == second
    assert list(islice(Mutator(2, corpus()), 100)) != first


def test_the_corpus_holds_the_torture_messages_and_those_of_teams() -> None:
    assert len(corpus()) >= 50 + 12 + 5
