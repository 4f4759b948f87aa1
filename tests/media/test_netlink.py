"""Questions to the kernel: how attributes are laid out, and what is asked of a real kernel without any privilege."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from rustalk.media.netlink import (
    ACK,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
    is_elsewhere,
    nested,
    number,
    size_of,
    text,
)

GET_LINK = 18


@pytest.fixture
def routing() -> Iterator[Netlink]:
    made = Netlink(socket.NETLINK_ROUTE)
    yield made
    made.close()


def test_attributes_are_padded_and_found_again() -> None:
    data = text(1, "abc") + number(2, 7) + attribute(3, b"12345")
    assert len(data) % 4 == 0
    assert attributes(data) == {1: b"abc\0", 2: b"\0\0\0\x07", 3: b"12345"}


def test_nested_attributes_are_marked_so_and_found_by_their_kind() -> None:
    data = nested(5, number(1, 1), number(2, 2))
    assert data[3] == 0x80
    assert attributes(attributes(data)[5]) == {1: b"\0\0\0\x01", 2: b"\0\0\0\x02"}


def test_the_size_of_an_attribute_counts_its_padding() -> None:
    assert size_of(attribute(1, b"12345") + number(2, 2)) == 12


@pytest.mark.parametrize("data", [b"", b"\x08", b"\0\0\x01\0", b"\x03\0\x01\0abcd"])
def test_what_is_cut_short_holds_nothing(data: bytes) -> None:
    assert attributes(data) == {}


def test_our_own_addresses_are_not_elsewhere(routing: Netlink) -> None:
    assert not is_elsewhere(routing, "127.0.0.1")
    assert not is_elsewhere(routing, "127.0.0.9")
    assert not is_elsewhere(routing, "::1")


def test_a_refusal_names_its_reason(routing: Netlink) -> None:
    with pytest.raises(NetlinkError) as refused:
        routing.ask([(0x3FF, ACK, bytes(16))])
    assert refused.value.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM)


def test_a_list_is_read_to_its_end(routing: Netlink) -> None:
    parts = list(routing.listed((GET_LINK, 0, bytes(16))))
    assert sum(map(len, parts)) >= 1  # loopback at least


def test_after_a_refusal_the_next_question_has_its_own_answer(routing: Netlink) -> None:
    for _ in range(2):
        with pytest.raises(NetlinkError):
            routing.ask([(0x3FF, ACK, bytes(16))])
    assert not is_elsewhere(routing, "127.0.0.1")
