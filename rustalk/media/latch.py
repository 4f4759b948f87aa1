"""Whose packets a media port takes: the source its session description named, or, behind NAT, one that is learned.

    strict   only the announced address and port; anyone else is refused, before and after (injected 0, bled 0)
    learn    the announced address if it speaks; else the first source that sends PROBATION packets in sequence
    auto     learn where the announced address is a private one, which no packet can come from across NAT; else strict

A learned source wins once and is then held until the session description names another address. For SETTLE seconds
after it won, the announced address may still speak up and take its place. No packet of a source is relayed before that
source has won. An attacker who guesses the port and speaks before the right one can win in ``learn``; the networks of
``within`` narrow down who may try.

With ICE the peer shows by connectivity checks where it is. Until it has nominated a pair, the first source that streams
is held, be it the announced one or one that passed a check; the nominated source then takes its place, whoever streams.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import inf
from typing import Literal, TypeAlias

__all__ = ["Address", "ControlLatch", "Latch", "Latching", "Network", "UnusableAddressError", "learns", "usable"]

Address: TypeAlias = tuple[str, int]
Network: TypeAlias = IPv4Network | IPv6Network
Latching = Literal["strict", "learn", "auto"]

PROBATION = 4
"""Packets in sequence, of one SSRC, that a source other than the announced one must send."""

SETTLE = 3.0
"""Seconds for which the announced address may take the place of a learned source."""

CHECKED = 64
"""Sources of valid connectivity checks that are remembered."""

CANDIDATES = 8
"""Sources remembered while none has won; a ninth takes the place of the one that was silent longest."""

_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))


class UnusableAddressError(ValueError):
    """A session description names an address that media cannot be sent to; the message says why."""


def usable(address: Address, family: int) -> Address:
    """The address as the system writes it. ``family`` is the IP version, 4 or 6. Raises UnusableAddressError."""
    host, port = address
    try:
        ip = ip_address(host)
    except ValueError:
        raise UnusableAddressError(f"media address {host[:64]!r} is not an IP address") from None
    if ip.version != family:
        raise UnusableAddressError(f"media address {host} is IPv{ip.version} on a side that speaks IPv{family}")
    if ip.is_multicast or ip.is_unspecified or _needs_scope(ip) or host == "255.255.255.255":
        raise UnusableAddressError(f"media address {host} is not the address of one host")
    if not 0 < port < 65536:
        raise UnusableAddressError(f"media port {port} is not between 1 and 65535")
    return socket.inet_ntop(socket.AF_INET if family == 4 else socket.AF_INET6, ip.packed), port


def _needs_scope(ip: IPv4Address | IPv6Address) -> bool:
    return isinstance(ip, IPv6Address) and (ip.is_link_local or ip.ipv4_mapped is not None)


def learns(latching: Latching, address: Address) -> bool:
    """Whether a side that announces ``address`` may be learned from elsewhere."""
    if latching == "auto":
        ip = ip_address(address[0])
        return any(ip in network for network in _PRIVATE)
    return latching == "learn"


class Latch:
    """The source of one RTP port. ``held`` is the source that has won for good, ``target`` where packets go."""

    __slots__ = (
        "_announced",
        "_candidates",
        "_checked",
        "_leader",
        "_learning",
        "_led_since",
        "_nominated",
        "_receives",
        "_within",
        "held",
    )

    def __init__(self) -> None:
        """Nothing is expected: everything is refused."""
        self.held: Address | None = None
        self._announced: Address | None = None
        self._receives = False
        self._learning = False
        self._within: Sequence[Network] = ()
        self._leader: Address | None = None
        self._led_since = 0.0
        self._candidates: dict[Address, tuple[int, int, int]] = {}
        self._checked: dict[Address, None] | None = None
        self._nominated = False

    @property
    def source(self) -> Address | None:
        """The source whose packets are taken at this moment, if any has won."""
        return self.held or self._leader

    @property
    def target(self) -> Address | None:
        """Where packets for this side go: to the source that won, to the announced address before; None: nowhere."""
        return self.source or self._announced if self._receives else None

    def expect(
        self, address: Address | None, *, learning: bool = False, within: Sequence[Network] = (), anew: bool = False
    ) -> bool:
        """Take up what the session description says; True when the source has to be found again.

        None stops what is sent to this side, and leaves its source as it is. ``anew`` forgets the source even
        though the address is the same.
        """
        self._receives = address is not None
        self._within = within
        if address is None or (address == self._announced and not anew):
            return False
        self._announced = address
        self._learning = learning
        if self._nominated:
            return False
        self._forget()
        self.held = None if learning or self._checked is not None else address
        return True

    def ice(self, active: bool, *, restart: bool) -> None:
        """Say whether the peer makes connectivity checks.

        After a ``restart`` its source stays only until another one that it announced or checked streams.
        """
        if not active:
            self._end_ice()
        elif self._checked is None or restart:
            self._checked = {}
            self._nominated = False
            if self.held is not None:
                self._leader, self._led_since, self.held = self.held, inf, None

    def vouch(self, source: Address) -> None:
        """A check from this source was valid: media from it is as good as from the announced one."""
        if self._checked is not None:
            self._checked.pop(source, None)
            if len(self._checked) >= CHECKED:
                del self._checked[next(iter(self._checked))]
            self._checked[source] = None

    def nominate(self, source: Address) -> None:
        """The peer has chosen this source; no other one is taken until it chooses again."""
        self._nominated = True
        self._hold(source)

    def considers(self, source: Address) -> bool:
        """Whether a packet from this source could be taken, if it is what it should be."""
        known = source in (self.held, self._leader)
        return known or (self.held is None and (self._is_expected(source) or self._may_learn(source)))

    def judge(self, source: Address, sequence: int, ssrc: int, now: float) -> bool:
        """Whether a valid RTP packet with this sequence number and SSRC is taken from ``source``."""
        if self._is_known(source):
            return True
        if not self._may_learn(source):
            return source == self._leader
        if self._leader is None:
            return self._try(source, sequence, ssrc, now)
        if source == self._leader and now - self._led_since >= SETTLE:
            self._hold(source)
        return source == self.source

    def _is_known(self, source: Address) -> bool:
        """Whether it is the source that is held, or the announced or a checked one, which is held from now on."""
        if self.held is None and self._is_expected(source):
            self._hold(source)
        return source == self.held

    def _is_expected(self, source: Address) -> bool:
        return source == self._announced or (self._checked is not None and source in self._checked)

    def _end_ice(self) -> None:
        """What counts is the announced address again."""
        if self._checked is not None:
            self._checked, self._nominated = None, False
            self._forget()
            self.held = None if self._learning else self._announced

    def _may_learn(self, source: Address) -> bool:
        return self._learning and self.held is None and self._is_within(source)

    def _is_within(self, source: Address) -> bool:
        if not self._within:
            return True
        ip = ip_address(source[0])
        return any(ip in network for network in self._within)

    def _try(self, source: Address, sequence: int, ssrc: int, now: float) -> bool:
        following, expected_ssrc, run = self._candidates.pop(source, (sequence, ssrc, 0))
        if (sequence, ssrc) == (following, expected_ssrc):
            run += 1
        elif (sequence + 1 & 0xFFFF, ssrc) != (following, expected_ssrc):  # one that repeats the last says nothing new
            run = 1
        if run == PROBATION:
            self._forget()
            self._leader, self._led_since = source, now
            return True
        if len(self._candidates) >= CANDIDATES:
            del self._candidates[next(iter(self._candidates))]
        self._candidates[source] = (sequence + 1) & 0xFFFF, ssrc, run
        return False

    def _hold(self, source: Address) -> None:
        self._forget()
        self.held = source

    def _forget(self) -> None:
        self._leader = None
        self._candidates.clear()


class ControlLatch(Latch):
    """The source of one RTCP port: as announced, or learned: any port of the host that the RTP port holds."""

    __slots__ = ("_rtp",)

    def __init__(self, rtp: Latch) -> None:
        super().__init__()
        self._rtp = rtp

    def judge_control(self, source: Address) -> bool:
        """Whether a valid RTCP packet is taken from ``source``."""
        if self._is_known(source) or source == self._leader:
            return True
        if not self._may_learn(source) or self._rtp.held is None or self._rtp.held[0] != source[0]:
            return False
        self._hold(source)
        return True
