"""Questions to the kernel: how attributes are laid out, and what is asked of a real kernel without any privilege."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from rustalk.media.netlink import (
    ACK,
    POLICIES,
    Changes,
    Hop,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
    interface_name,
    nested,
    next_hop,
    number,
    protects,
    size_of,
    text,
)
from tests.live.networks import Network, root_only

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


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1"])
def test_there_is_no_next_hop_to_ourselves(routing: Netlink, host: str) -> None:
    assert next_hop(routing, host, "::1" if ":" in host else "127.0.0.1") is None


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
    assert next_hop(routing, "127.0.0.1", "127.0.0.1") is None


WIRE = """
ip link set lo up && ip addr add 203.0.113.1/32 dev lo && ip addr add 2001:db8:c::1/128 dev lo
ip link add wire type veth peer name end && ip link set wire up && ip link set end up
ip addr add 192.0.2.1/24 dev wire && ip addr add 2001:db8:a::1/64 dev wire nodad
ip route add 198.51.100.0/24 via 192.0.2.9 && ip route add 198.18.0.0/24 via inet6 2001:db8:a::9
"""
POLICY = "ip xfrm policy {} dir out src 10.0.0.0/8 dst 10.1.0.0/16"


@pytest.fixture
def network() -> Iterator[Network]:
    """With one wire, and a gateway on it to more networks."""
    made = Network()
    made.run(WIRE)
    yield made
    made.close()


@root_only
@pytest.mark.parametrize(
    ("host", "neighbour"),
    [
        ("192.0.2.2", socket.inet_aton("192.0.2.2")),
        ("198.51.100.2", socket.inet_aton("192.0.2.9")),
        ("198.18.0.2", None),
        ("2001:db8:a::2", socket.inet_pton(socket.AF_INET6, "2001:db8:a::2")),
    ],
    ids=["on the wire", "behind a gateway", "behind a gateway of IPv6", "on the wire by IPv6"],
)
def test_the_next_hop_is_an_interface_and_a_neighbour(network: Network, host: str, neighbour: bytes | None) -> None:
    with network:
        routing, index = Netlink(socket.NETLINK_ROUTE), socket.if_nametoindex("wire")
    assert next_hop(routing, host, "2001:db8:c::1" if ":" in host else "203.0.113.1") == Hop(index, neighbour)
    assert interface_name(routing, index) == "wire"
    routing.close()


@root_only
def test_there_is_no_next_hop_to_nowhere_and_none_from_an_address_of_others(network: Network) -> None:
    with network:
        routing = Netlink(socket.NETLINK_ROUTE)
    assert next_hop(routing, "233.252.0.1", "203.0.113.1") is None
    assert next_hop(routing, "198.19.0.1", "203.0.113.1") is None
    assert next_hop(routing, "192.0.2.2", "203.0.113.77") is None
    routing.close()


def test_an_interface_that_is_not_there_has_no_name(routing: Netlink) -> None:
    with pytest.raises(NetlinkError) as refused:
        interface_name(routing, 0x7FFFFFFF)
    assert refused.value.errno == errno.ENODEV


@root_only
@pytest.mark.parametrize(
    "change",
    [
        "ip route add 198.19.0.0/16 via 192.0.2.7",
        "ip route add 2001:db8:d::/48 via 2001:db8:a::7",
        "ip rule add from 203.0.113.1 lookup 7",
        "ip addr add 192.0.2.77/24 dev wire",
        "ip link set wire down",
    ],
)
def test_each_change_of_routing_is_seen_once(network: Network, change: str) -> None:
    with network:
        changes = Changes()
    assert not changes.seen()
    network.run(change)
    assert changes.seen()
    assert not changes.seen()
    changes.close()


@root_only
def test_very_many_changes_are_seen_and_do_not_hold_up(network: Network) -> None:
    """A routing daemon that starts: what is left unread is seen the next time."""
    with network:
        changes = Changes()
    network.run("for net in $(seq 200); do echo route add 198.18.$net.0/24 via 192.0.2.7; done | ip -batch -")
    assert [changes.seen() for _ in range(5)] == [True, True, True, True, False]
    changes.close()


@root_only
def test_policies_of_ipsec_for_what_is_sent_protect(network: Network) -> None:
    with network:
        policies = Netlink(POLICIES)
    assert not protects(policies)
    network.run(POLICY.format("add") + " tmpl src 192.0.2.1 dst 192.0.2.9 proto esp mode tunnel")
    assert protects(policies)
    network.run(POLICY.format("delete"))
    assert not protects(policies)
    policies.close()
