"""The table at the ingress in a real kernel, in a network of its own. Packets pass in tests/live/test_kernel.py."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from rustalk.media.ingress import Ingress, Passage
from rustalk.media.netlink import Netlink, NetlinkError
from rustalk.media.nftables import Table
from rustalk.media.offload import Route
from rustalk.media.rules import NETFILTER, Carried
from tests.live.networks import Network, root_only

pytestmark = root_only

ROUTE = Route(("192.0.2.2", 4000), ("203.0.113.1", 20000), ("203.0.113.1", 20002), ("198.51.100.2", 5000))
ROUTE6 = Route(("2001:db8:a::2", 4000), ("2001:db8::1", 20000), ("2001:db8::1", 20002), ("2001:db8:b::2", 5000))
NEIGHBOURS = {ROUTE: bytes([198, 51, 100, 2]), ROUTE6: socket.inet_pton(socket.AF_INET6, "2001:db8:b::2")}


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    made.run("ip link add near type veth peer name far")
    yield made
    made.close()


@pytest.fixture
def near(network: Network) -> int:
    """The index of one interface."""
    with network:
        return socket.if_nametoindex("near")


@pytest.fixture
def ingress(network: Network) -> Iterator[Ingress]:
    with network:
        routing = Netlink(socket.NETLINK_ROUTE)
        made = Ingress(Netlink(NETFILTER), Netlink(NETFILTER), routing)
    yield made
    made.close()
    routing.close()


def listed(network: Network) -> str:
    return network.run("nft list ruleset")


@pytest.mark.parametrize("route", [ROUTE, ROUTE6])
def test_a_route_is_one_element_behind_a_hook_of_its_interface(
    ingress: Ingress, network: Network, near: int, route: Route
) -> None:
    ingress.add(route, Passage(near, near + 1, NEIGHBOURS[route]))
    (host, port), (our_host, our_port) = route.source, route.arrival
    assert f'{host} . {port} . {our_host} . {our_port} . "near" counter packets 0 bytes 0' in listed(network)
    assert 'hook ingress device "near" priority 500' in listed(network)


def test_an_interface_is_hooked_once(ingress: Ingress, network: Network, near: int) -> None:
    ingress.add(ROUTE, Passage(near, near, NEIGHBOURS[ROUTE]))
    ingress.add(ROUTE6, Passage(near, near, NEIGHBOURS[ROUTE6]))
    assert listed(network).count("hook ingress") == 1


def test_what_is_removed_leaves_no_element(ingress: Ingress, network: Network, near: int) -> None:
    for route in (ROUTE, ROUTE6):
        passage = Passage(near, near, NEIGHBOURS[route])
        ingress.add(route, passage)
        ingress.remove(route, passage)
    assert "elements" not in listed(network)


def test_counters_go_by_the_names_that_the_other_table_has(ingress: Ingress, network: Network, near: int) -> None:
    with network:
        table = Table(Netlink(NETFILTER), Netlink(NETFILTER))
    names = [table.add(route) for route in (ROUTE, ROUTE6)]
    for route in (ROUTE, ROUTE6):
        ingress.add(route, Passage(near, near, NEIGHBOURS[route]))
    assert [each for part in ingress.passages() for each in part] == [(name, Carried()) for name in names]
    assert ingress.passed(ROUTE, Passage(near, near, NEIGHBOURS[ROUTE])) == Carried()
    table.close()


def test_an_interface_that_is_gone_is_refused_and_leaves_nothing(ingress: Ingress, network: Network) -> None:
    with pytest.raises(NetlinkError) as refused:
        ingress.add(ROUTE, Passage(4711, 4711, NEIGHBOURS[ROUTE]))
    assert refused.value.errno == errno.ENODEV
    assert "elements" not in listed(network)


def test_an_interface_may_go_before_its_routes(ingress: Ingress, network: Network, near: int) -> None:
    passage = Passage(near, near, NEIGHBOURS[ROUTE])
    ingress.add(ROUTE, passage)
    network.run("ip link delete near")
    ingress.remove(ROUTE, passage)
    assert "elements" not in listed(network)


def test_the_table_is_gone_when_it_is_closed(ingress: Ingress, network: Network, near: int) -> None:
    ingress.add(ROUTE, Passage(near, near, NEIGHBOURS[ROUTE]))
    ingress.close()
    assert listed(network) == ""
