"""A set of networks that answers quickly whether an address lies in one of them."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["Address", "NetworkSet", "parse_address", "source_at", "source_of"]

_MAPPED_BITS = 96
"""Bits before the IPv4 part of a v4-mapped address (RFC 4291 section 2.5.5.2)."""
_HOST_BITS = 64
"""Bits of an IPv6 address that a subscriber may choose freely (RFC 6177)."""
_REMEMBERED = 32768
"""Addresses whose meaning is kept: more than the phones of a large house, which all come by again and again."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(_REMEMBERED)
def parse_address(text: str) -> Address | None:
    """Return the address that ``text`` is, a v4-mapped one as its IPv4 address; None for anything else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(_REMEMBERED)
def source_of(text: str) -> str:
    """Return who is counted for what comes from this address, as `source_at`; '' for what is no address."""
    address = parse_address(text)
    return source_at(address) if address is not None else ""


def source_at(address: Address) -> str:
    """Return who is counted for what comes from an address from `parse_address`.

    That is an IPv4 address itself, and the /64 of an IPv6 address: whoever has one address in it has them all.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    network = ipaddress.IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)
    return f"{network}/{_HOST_BITS}"


class NetworkSet:
    """Networks of both IP versions, kept as sorted ranges of numbers that do not overlap.

    Asking takes time logarithmic in the number of networks. A v4-mapped IPv6 address or network counts as IPv4.
    """

    __slots__ = ("_highs", "_lows")

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Take networks in CIDR notation and single addresses; raise ValueError for anything else."""
        self._lows: dict[int, list[int]] = {4: [], 6: []}
        self._highs: dict[int, list[int]] = {4: [], 6: []}
        for version, low, high in sorted(_span(network) for network in networks):
            lows, highs = self._lows[version], self._highs[version]
            if highs and low <= highs[-1] + 1:
                highs[-1] = max(highs[-1], high)
            else:
                lows.append(low)
                highs.append(high)

    def contains(self, address: str) -> bool:
        """Say whether the address is in one of the networks; what is no address is in none."""
        parsed = parse_address(address)
        return parsed is not None and self.holds(parsed)

    def holds(self, address: Address) -> bool:
        """Say the same of an address from `parse_address`, for asking several sets about one address."""
        version, number = address.version, int(address)
        place = bisect_right(self._lows[version], number) - 1
        return place >= 0 and number <= self._highs[version][place]

    def __bool__(self) -> bool:
        """Whether any network is in the set."""
        return bool(self._lows[4] or self._lows[6])


def _span(text: str) -> tuple[int, int, int]:
    """The IP version and the first and last address of a network, as numbers; an interface after % is left out."""
    network = ipaddress.ip_network(text.partition("%")[0])
    low = network.network_address
    mapped = low.ipv4_mapped if isinstance(low, ipaddress.IPv6Address) and network.prefixlen >= _MAPPED_BITS else None
    if mapped is None:
        return network.version, int(low), int(network.broadcast_address)
    return 4, int(mapped), int(mapped) + network.num_addresses - 1
