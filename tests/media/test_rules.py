"""Tables made of rules and maps, in a real kernel. What the rules of ours do is in tests/live/test_kernel.py."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Iterator

import pytest

from rustalk.media.netlink import Netlink, NetlinkError
from rustalk.media.rules import (
    EQUAL,
    NETFILTER,
    TRANSPORT,
    Carried,
    Map,
    Rules,
    compare,
    is_rtp,
    load,
    load_ends,
    masked,
    packed,
    store_ports,
)
from tests.live.networks import Network, root_only

INET = 1
PREROUTING = 0
NUMBERS = Map("numbers", 1, 4, (4, 4), (4, 4))
ADDRESSES = Map("addresses", 2, 6, (4, 4), (8, 16))


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    yield made
    made.close()


@pytest.fixture
def rules(network: Network) -> Iterator[Rules]:
    """A table with two maps."""
    with network:
        made = Rules(INET, Netlink(NETFILTER), Netlink(NETFILTER))
    made.commit([made.table(), made.map(NUMBERS), made.map(ADDRESSES)])
    yield made
    made.close()


def four(value: int) -> bytes:
    return value.to_bytes(4, "big")


def test_an_address_is_packed_with_its_port_in_whole_words() -> None:
    assert packed(("192.0.2.2", 0x1234)).hex() == "c000020212340000"
    assert packed(("2001:db8::1", 1)).hex() == "20010db8000000000000000000000001" + "00010000"


@root_only
def test_elements_come_and_go_and_are_counted(rules: Rules) -> None:
    rules.commit([rules.added(NUMBERS, four(7), four(1)), rules.added(NUMBERS, four(8), four(2))])
    rules.commit([rules.removed(NUMBERS, four(8))])
    assert rules.count(NUMBERS, four(7)) == Carried()
    assert [each for part in rules.counts(NUMBERS) for each in part] == [(four(7), Carried())]


@root_only
def test_of_messages_that_are_committed_together_all_are_done_or_none(rules: Rules) -> None:
    rules.commit([rules.added(NUMBERS, four(7), four(1))])
    with pytest.raises(NetlinkError) as refused:
        rules.commit([rules.added(NUMBERS, four(8), four(1)), rules.added(NUMBERS, four(7), four(1))])
    assert refused.value.errno == errno.EEXIST
    assert [key for part in rules.counts(NUMBERS) for key, _ in part] == [four(7)]


@root_only
def test_a_map_that_was_never_used_is_not_read(rules: Rules) -> None:
    assert list(rules.counts(NUMBERS)) == []


@root_only
def test_an_address_that_reads_like_a_counter_does_not_mislead(rules: Rules) -> None:
    """A20: what a peer names as its address is beside the counter in what the kernel answers."""
    evil = ipaddress.ip_address(b"\x20\x01\x0d\xb8" + b"counter\0" + bytes(4)).packed
    rules.commit([rules.added(ADDRESSES, four(7), evil)])
    assert rules.count(ADDRESSES, four(7)) == Carried()


@root_only
def test_rules_are_what_nft_reads_them_as(rules: Rules, network: Network) -> None:
    steps = [load(0, TRANSPORT, 0, 4), masked("ffff0000"), compare(EQUAL, b"\x12\x34\0\0")]
    rules.commit(
        [
            rules.chain("arrivals", PREROUTING, -300),
            rules.rule("arrivals", steps),
            rules.rule("arrivals", [*is_rtp(), *load_ends(4), store_ports(0, 2, 1)]),
        ]
    )
    listed = network.run("nft list chain inet rustalk arrivals")
    assert "type filter hook prerouting priority raw" in listed
    assert "& 0xffff0000 == 0x12340000" in listed
    assert "udp length >= 20" in listed or ">= 0x14" in listed
