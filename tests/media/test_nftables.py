"""Our table in a real kernel, in a network namespace of its own. That packets pass is in tests/live/test_kernel.py."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest

from rustalk.media.netlink import Netlink, NetlinkError
from rustalk.media.nftables import Table
from rustalk.media.offload import Route
from rustalk.media.rules import NETFILTER, Carried
from tests.live.networks import Network, root_only

pytestmark = root_only

ROUTE = Route(("192.0.2.2", 4000), ("203.0.113.1", 20000), ("203.0.113.1", 20002), ("198.51.100.2", 5000))
ROUTE6 = Route(("2001:db8:a::2", 4000), ("2001:db8::1", 20000), ("2001:db8::1", 20002), ("2001:db8:b::2", 5000))


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    yield made
    made.close()


@pytest.fixture
def make_table(network: Network) -> Iterator[Callable[[], Table]]:
    """Makes tables in the namespace."""
    made: list[Table] = []

    def make() -> Table:
        with network:
            made.append(Table(Netlink(NETFILTER), Netlink(NETFILTER)))
        return made[-1]

    yield make
    for table in made:
        table.close()


def listed(network: Network) -> str:
    """What the nft program shows of the rules in the namespace."""
    return network.run("nft list ruleset")


@pytest.mark.parametrize("route", [ROUTE, ROUTE6])
def test_a_route_is_two_elements_that_nft_shows(
    make_table: Callable[[], Table], network: Network, route: Route
) -> None:
    make_table().add(route)
    source, arrival, departure, target = (
        f"{host} . {port}" for host, port in (route.source, route.arrival, route.departure, route.target)
    )
    assert f"{source} . {arrival} counter packets 0 bytes 0 : {target}" in listed(network)
    assert f"{source} . {target} counter packets 0 bytes 0 : {departure}" in listed(network)


def test_what_is_removed_leaves_no_element(make_table: Callable[[], Table], network: Network) -> None:
    table = make_table()
    for route in (ROUTE, ROUTE6):
        table.add(route)
        table.remove(route)
    assert "elements" not in listed(network)


def test_two_routes_that_cannot_be_told_apart_are_refused_and_leave_nothing(make_table: Callable[[], Table]) -> None:
    """The same peers at the same ports, by other ports of ours: what leaves could be either's."""
    table = make_table()
    table.add(ROUTE)
    with pytest.raises(NetlinkError) as refused:
        table.add(Route(ROUTE.source, ("203.0.113.1", 30000), ("203.0.113.1", 30002), ROUTE.target))
    assert refused.value.errno == errno.EEXIST
    assert sum(len(part) for part in table.arrivals()) == 1


def test_nothing_is_counted_where_nothing_came(make_table: Callable[[], Table]) -> None:
    table = make_table()
    name = table.add(ROUTE)
    assert table.arrived(ROUTE) == table.departed(ROUTE) == Carried()
    assert [each for part in table.arrivals() for each in part] == [(name, Carried())]


def test_what_is_not_there_cannot_be_asked_for(make_table: Callable[[], Table]) -> None:
    table = make_table()
    for ask in (table.arrived, table.departed, table.remove):
        with pytest.raises(NetlinkError) as refused:
            ask(ROUTE)
        assert refused.value.errno == errno.ENOENT


def test_a_thousand_routes_are_read_in_parts(make_table: Callable[[], Table]) -> None:
    table = make_table()
    names = {
        table.add(Route((ROUTE.source[0], 10000 + number), ROUTE.arrival, ROUTE.departure, ROUTE.target))
        for number in range(1000)
    }
    parts = list(table.arrivals())
    assert len(parts) > 2
    assert {name for part in parts for name, _ in part} == names


def test_a_table_is_gone_when_it_is_closed(make_table: Callable[[], Table], network: Network) -> None:
    make_table().close()
    assert listed(network) == ""


def test_no_one_else_can_take_the_table_away(make_table: Callable[[], Table], network: Network) -> None:
    """A firewall that loads its rules anew flushes all others first; ours stay, and so do the calls."""
    table = make_table()
    table.add(ROUTE)
    network.run("nft flush ruleset")
    assert table.arrived(ROUTE) == Carried()


def test_a_second_process_cannot_have_the_table_too(make_table: Callable[[], Table]) -> None:
    make_table()
    with pytest.raises(NetlinkError) as refused:
        make_table()
    assert refused.value.errno == errno.EPERM
