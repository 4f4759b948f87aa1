"""Port pairs, leased and given back."""

from __future__ import annotations

import socket
from unittest.mock import patch

import pytest

from rustalk.media import ports
from rustalk.media.ports import NoPortsError, PortPool, open_pair


def test_pairs_are_even_and_lie_in_the_range() -> None:
    pool = PortPool(10001, 10008)
    assert sorted(pool.lease() for _ in range(pool.free)) == [10002, 10004, 10006]


def test_a_port_that_was_just_given_back_comes_last() -> None:
    pool = PortPool(10000, 10019)
    first = pool.lease()
    pool.release(first)
    assert [pool.lease() for _ in range(pool.free)][-1] == first


def test_the_first_round_is_in_no_order() -> None:
    """The chance that this fails although all is well is 1 in 250 factorial."""
    pool = PortPool(10000, 10499)
    leased = [pool.lease() for _ in range(pool.free)]
    assert leased != sorted(leased)


def test_an_empty_pool_says_what_to_widen() -> None:
    pool = PortPool(10000, 10001)
    pool.lease()
    with pytest.raises(NoPortsError, match=r"all 1 port pairs from 10000 to 10001 are in use; widen media\.ports"):
        pool.lease()


def test_a_port_cannot_be_given_back_twice() -> None:
    pool = PortPool(10000, 10003)
    port = pool.lease()
    pool.release(port)
    with pytest.raises(KeyError):
        pool.release(port)
    assert (pool.free, pool.leased) == (2, 0)


@pytest.mark.parametrize(("low", "high"), [(10000, 10000), (10001, 10002), (0, 10), (65534, 65536), (5, 4)])
def test_a_range_without_a_pair_is_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match=rf"media.ports \[{low}, {high}\] holds no even port"):
        PortPool(low, high)


@pytest.mark.parametrize(("family", "address"), [(4, "127.0.0.1"), (6, "::1")])
def test_both_ports_of_a_pair_are_bound_and_do_not_block(family: int, address: str) -> None:
    pool = PortPool(20000, 20999)
    pair = open_pair(pool, family, address)
    bound = [opened.getsockname()[:2] for opened in (pair.rtp, pair.rtcp)]
    assert bound == [(address, pair.port), (address, pair.port + 1)]
    assert not pair.rtp.getblocking()
    pair.close(pool)
    assert pool.leased == 0


@pytest.mark.parametrize("held", [0, 1])
def test_a_pair_that_another_program_holds_is_passed_over(held: int) -> None:
    pool = PortPool(20000, 20999)
    next_pair = open_pair(pool, 4, "127.0.0.1")
    next_pair.close(pool)
    pool = PortPool(next_pair.port, next_pair.port + 3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", next_pair.port + held))
        pair = open_pair(pool, 4, "127.0.0.1")
        assert (pair.port, pool.leased) == (next_pair.port + 2, 1)
        pair.close(pool)


def test_when_other_programs_hold_every_pair_nothing_stays_leased() -> None:
    pool = PortPool(20000, 20999)
    pair = open_pair(pool, 4, "127.0.0.1")
    small = PortPool(pair.port, pair.port + 1)
    with pytest.raises(NoPortsError, match="other programs hold all of the 1 port pairs tried"):
        open_pair(small, 4, "127.0.0.1")
    assert (small.free, small.leased) == (1, 0)
    pair.close(pool)


def test_a_used_up_pool_opens_nothing() -> None:
    pool = PortPool(20000, 20001)
    pool.lease()
    with pytest.raises(NoPortsError, match="are in use"):
        open_pair(pool, 4, "127.0.0.1")


def test_an_address_that_is_not_ours_names_the_setting() -> None:
    pool = PortPool(20000, 20999)
    with pytest.raises(NoPortsError, match=r"cannot bind 192\.0\.2\.1 .* check media\.bind_address"):
        open_pair(pool, 4, "192.0.2.1")
    assert pool.leased == 0


def test_running_out_of_descriptors_names_the_limit() -> None:
    pool = PortPool(20000, 20999)
    refusal = OSError(24, "Too many open files")
    with patch.object(ports.socket, "socket", side_effect=refusal), pytest.raises(NoPortsError, match="LimitNOFILE"):
        open_pair(pool, 4, "127.0.0.1")
    assert pool.leased == 0
