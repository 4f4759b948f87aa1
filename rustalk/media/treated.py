"""The ports of a treated stream: what comes is verified, translated and encrypted anew; checks of ICE are answered.

They are channels of their own kind, so that the ports of all other streams stay as fast as they are.
"""

from __future__ import annotations

from rustalk.media.channel import Channel, RtcpChannel, RtpChannel
from rustalk.media.latch import Address
from rustalk.media.way import Way
from rustalk.rtp.ice import Agent
from rustalk.rtp.stun import is_stun
from rustalk.rtp.treatment import IceCredentials

__all__ = ["TreatedRtcpChannel", "TreatedRtpChannel"]


class _Treated(Channel):
    """What both ports have in common. Without a ``way`` they carry byte for byte, as their kind does.

    Where the way has a key, a packet is verified before its source is judged: nobody without the key is learned.
    While checks are answered the socket is open to everyone: forks and later nominations come from other addresses.
    """

    __slots__ = ()

    agent: Agent
    way: Way | None

    def _take_over(self, old: Channel) -> None:
        """Read the socket of a port that carried byte for byte, and know and have counted all that it did."""
        for kind in type(old).__mro__:
            for name in getattr(kind, "__slots__", ()):
                setattr(self, name, getattr(old, name))

    def check(self, credentials: IceCredentials | None) -> None:
        """Answer connectivity checks with these credentials from now on, or none."""
        restart = self.agent.use(credentials)
        self.latch.ice(self.agent.active, restart=restart)
        if self.agent.active:
            self._disconnect()
            if self.agent.nominated is not None:
                self.latch.nominate(self.agent.nominated)
            self._aim()
        else:
            self._settle()

    def take(self, size: int, now: float) -> None:
        """Verify, count and pass on one datagram whose source was accepted."""
        way = self.way
        if way is None:
            super().take(size, now)
            return
        control = self._holds_control(size)
        if not control and not self._carries(size):
            self._take_out(size)
            return
        packet = way.verified(bytes(self._buffer[:size]), control=control)
        if packet is not None:
            self._pass(way, packet, size, now, control=control)

    def _carries(self, size: int) -> bool:
        """Whether the datagram in the buffer is RTP, and this the port for it."""
        return False

    def _pass(self, way: Way, packet: bytes, size: int, now: float, *, control: bool) -> None:
        """Count and pass on a packet that is verified; what came is still in the buffer."""
        self.controls += 1
        self.control_heard = now
        self.reports.control(packet, now)
        way.pass_control(packet, self.control_onward, now)

    def _receive_held(self, now: float) -> None:
        Channel._receive_held(self, now)

    def _examine(self, size: int, source: Address, now: float) -> None:
        if self.agent.active and is_stun(self._buffer[:size]):
            self._answer(size, source, now)
        elif self.way is None or not self.way.keyed or source == self.latch.held:
            super()._examine(size, source, now)
        else:
            self._prove(self.way, size, source, now)

    def _prove(self, way: Way, size: int, source: Address, now: float) -> None:
        control = self._holds_control(size)
        if not self.latch.considers(source) or not (control or self._carries(size)):
            super()._examine(size, source, now)
            return
        packet = way.verified(bytes(self._buffer[:size]), control=control)
        if packet is None:
            return
        if not self.judge(source, size, now):
            self.foreign += 1
            return
        self._settle()
        self._pass(way, packet, size, now, control=control)

    def _answer(self, size: int, source: Address, now: float) -> None:
        self.stun += 1
        answer = self.agent.answer(bytes(self._buffer[:size]), source, now)
        if answer.accepted:
            self.latch.vouch(source)
        if answer.nominated:
            self.latch.nominate(source)
            self._aim()
        if answer.response is not None:
            try:
                self._socket.sendto(answer.response, source)
            except OSError:
                self.unsent += 1

    def _connect(self, peer: Address) -> None:
        if not self.agent.active:
            super()._connect(peer)


class TreatedRtpChannel(_Treated, RtpChannel):
    """The RTP port of a treated stream; RTCP may come to it too."""

    __slots__ = ("agent", "way")

    def __init__(self, old: RtpChannel) -> None:
        """Take the place of ``old``, which is done with; what sends to it is to be given the new one."""
        self._take_over(old)
        self.agent = Agent()
        self.way: Way | None = None
        self._resume()

    def _carries(self, size: int) -> bool:
        return self._holds_rtp(size)

    def _pass(self, way: Way, packet: bytes, size: int, now: float, *, control: bool) -> None:
        if control:
            super()._pass(way, packet, size, now, control=control)
            return
        if not self.arrivals.add_usual(self._buffer, size, now):
            self.arrivals.add(self._buffer, size, now)
        way.pass_rtp(packet, self.onward, now)


class TreatedRtcpChannel(_Treated, RtcpChannel):
    """The RTCP port of a treated stream."""

    __slots__ = ("agent", "way")

    def __init__(self, old: RtcpChannel) -> None:
        """Take the place of ``old``, which is done with; what sends to it is to be given the new one."""
        self._take_over(old)
        self.agent = Agent()
        self.way: Way | None = None
        self._resume()
