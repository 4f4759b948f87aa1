"""One UDP port of one side of a call: receives from the side's source, passes on to the other side.

This is the hottest code of the switch. While a source is held, the socket is connected to it: the kernel then refuses
everyone else before Python sees the packet, and no address is built for it. The function that reads the socket is its
state:

    _receive_any        nobody is held: the latch judges each packet's source
    _receive_queued     just connected: what came from others before that still waits in the queue, and is judged
    _receive_held       connected, and the queue was empty twice: all that comes is from the held source
    _receive_opaque     the same on a port that carries another protocol than RTP
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable, Sequence

from rustalk.media.latch import Address, ControlLatch, Latch, Network
from rustalk.media.poll import Poll, Receive
from rustalk.rtp.clear import is_clear
from rustalk.rtp.packet import HEADER, HEADER_SIZE, is_control
from rustalk.rtp.reports import Reports
from rustalk.rtp.statistics import Arrivals
from rustalk.rtp.stun import is_stun

__all__ = ["LARGEST_DATAGRAM", "Channel", "RtcpChannel", "RtpChannel"]

LARGEST_DATAGRAM = 65536
QUEUED_PER_TURN = 32

_RTCP_HEADER_SIZE = 8
_NUMBER_SIZE = 2
_NO_SSRC = -1  # of what is no RTP
_NO_ADDRESS = bytes(16)  # a socket address of family AF_UNSPEC

_unpack = HEADER.unpack_from
_libc = ctypes.CDLL(None, use_errno=True)


def _disconnect(connected: socket.socket) -> None:
    """Let a UDP socket receive from anyone again, connect(2); Python itself has no way to name AF_UNSPEC.

    The socket keeps the port that it was bound to, but only where that was not chosen by the system.
    """
    if _libc.connect(connected.fileno(), _NO_ADDRESS, len(_NO_ADDRESS)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Channel:
    """What the RTP and the RTCP port have in common: a socket, its latch, and where its packets go on.

    ``onward`` and ``control_onward`` are the other side's channels that RTP and RTCP leave by. ``push`` sends one
    datagram to our own side, or is None while it receives nothing. ``reports`` is told of RTCP from and to our side, if
    it can be read. The figures count datagrams: refused as ``foreign``, taken out as ``stun`` or ``malformed``, RTCP as
    ``controls``, and ``unsent`` to our side.
    """

    __slots__ = (
        "_buffer",
        "_connected",
        "_emptied",
        "_poll",
        "_receive_into",
        "_socket",
        "control_heard",
        "control_onward",
        "controls",
        "foreign",
        "latch",
        "malformed",
        "onward",
        "push",
        "reports",
        "stun",
        "unsent",
    )

    latch: Latch
    onward: Channel
    control_onward: Channel

    def __init__(self, opened: socket.socket, poll: Poll, buffer: memoryview) -> None:
        """Take over a bound socket that does not block. All channels share one ``buffer`` of LARGEST_DATAGRAM bytes."""
        self._socket = opened
        self._poll = poll
        self._buffer = buffer
        self._receive_into = opened.recv_into
        self._connected = self._emptied = False
        self.push: Callable[[memoryview], object] | None = None
        self.reports = Reports()
        self.control_heard: float | None = None
        self.foreign = self.stun = self.malformed = self.controls = self.unsent = 0
        poll.add(opened.fileno(), self._receive_any)

    def expect(
        self, address: Address | None, *, learning: bool, within: Sequence[Network] = (), anew: bool = False
    ) -> bool:
        """Take up what the session description says; True when the source has to be found again (see Latch)."""
        changed = self.latch.expect(address, learning=learning, within=within, anew=anew)
        if changed:
            self._disconnect()
            if self.latch.held:
                self._connect(self.latch.held)
        self._aim()
        return changed

    @property
    def ends(self) -> tuple[Address, Address] | None:
        """The source that the kernel holds us to, and our address that it sends to; None while none is held."""
        if not self._connected:
            return None
        return self._socket.getpeername()[:2], self._socket.getsockname()[:2]

    def close(self) -> None:
        """Stop reading and sending; the socket stays its owner's to close."""
        self._poll.remove(self._socket.fileno())
        self.push = None
        self.onward = self.control_onward = _NOWHERE

    def take(self, size: int, now: float) -> None:
        """Count and pass on the datagram of ``size`` bytes in the buffer, whose source was accepted."""
        raise NotImplementedError

    def judge(self, source: Address, size: int, now: float) -> bool:
        """Whether the datagram in the buffer is taken from this source."""
        raise NotImplementedError

    def recover(self, size: int, error: OSError) -> None:
        """Deal with a datagram that ``push`` could not send.

        A refusal stands for an earlier packet, whose ICMP answer came meanwhile: this one is sent once more. What
        cannot be sent after all is lost, as any packet may be.
        """
        if isinstance(error, ConnectionRefusedError) and self.push is not None:
            try:
                self.push(self._buffer[:size])
            except OSError:
                self.unsent += 1
        else:
            self.unsent += 1

    def _receive_held(self, now: float) -> None:
        try:
            size = self._receive_into(self._buffer)
        except OSError:
            return  # nothing there after all, or the peer's system answered that its port is closed
        self.take(size, now)

    def _receive_queued(self, now: float) -> None:
        for _ in range(QUEUED_PER_TURN):
            try:
                size, source = self._socket.recvfrom_into(self._buffer)
            except BlockingIOError:
                if self._emptied:  # once is not enough: another processor may have been about to add a packet
                    self._poll.change(self._socket.fileno(), self._held_receiver())
                self._emptied = True
                return
            except OSError:
                continue
            self._examine(size, source[:2], now)

    def _held_receiver(self) -> Receive:
        """What reads the socket once all that comes is from the held source."""
        return self._receive_held

    def _receive_any(self, now: float) -> None:
        try:
            size, source = self._socket.recvfrom_into(self._buffer)
        except OSError:
            return
        self._examine(size, source[:2], now)

    def _examine(self, size: int, source: Address, now: float) -> None:
        if not self.judge(source, size, now):
            self.foreign += 1
            return
        self._settle()
        self.take(size, now)

    def _settle(self) -> None:
        """Follow the latch, which has just taken a packet."""
        if not self._connected:
            if self.latch.held:
                self._connect(self.latch.held)
            self._aim()

    def _connect(self, peer: Address) -> None:
        """Let the kernel refuse everyone else. Where it cannot (no route now), the latch goes on doing so."""
        try:
            self._socket.connect(peer)
        except OSError:
            return
        self._connected = True
        self._emptied = False
        self._poll.change(self._socket.fileno(), self._receive_queued)

    def _resume(self) -> None:
        """Read and send as the state says, in the place of another channel that has done so until now."""
        self._emptied = False
        self._poll.change(self._socket.fileno(), self._receive_queued if self._connected else self._receive_any)
        self._aim()

    def _disconnect(self) -> None:
        if self._connected:
            _disconnect(self._socket)
            self._connected = False
            self._poll.change(self._socket.fileno(), self._receive_any)

    def _aim(self) -> None:
        if self.latch.target is None:
            self.push = None
        else:
            self.push = self._socket.send if self._connected else self._push_unconnected

    def _push_unconnected(self, datagram: memoryview) -> None:
        if self.latch.target is not None:
            self._socket.sendto(datagram, self.latch.target)

    def _take_control(self, size: int, now: float) -> None:
        self.controls += 1
        self.control_heard = now
        packet = bytes(self._buffer[:size])
        if is_clear(packet):
            self.reports.control(packet, now)
            self.control_onward.reports.forwarded(packet, now)
        self._pass_on(self.control_onward, size)

    def _take_out(self, size: int) -> None:
        if is_stun(self._buffer[:size]):
            self.stun += 1
        else:
            self.malformed += 1

    def _pass_on(self, onward: Channel, size: int) -> None:
        push = onward.push
        if push is not None:
            try:
                push(self._buffer[:size])
            except OSError as error:
                onward.recover(size, error)

    def _holds_rtp(self, size: int) -> bool:
        return size >= HEADER_SIZE and self._buffer[0] >> 6 == 2 and not is_control(self._buffer[1])

    def _holds_control(self, size: int) -> bool:
        return size >= _RTCP_HEADER_SIZE and self._buffer[0] >> 6 == 2 and is_control(self._buffer[1])


_NOWHERE = Channel.__new__(Channel)  # closed channels let go of each other, else their memory waits for the collector
_NOWHERE.push = None
_NOWHERE.reports = Reports()


class RtpChannel(Channel):
    """The RTP port. RTCP that comes to it is passed on as RTCP (a=rtcp-mux, RFC 5761); ``arrivals`` counts RTP.

    While it is ``opaque`` it carries what is no RTP, such as UDPTL, and counts that: whatever comes from the source
    passes but STUN and what is too short for a sequence number.
    """

    __slots__ = ("arrivals", "opaque")

    def __init__(self, opened: socket.socket, poll: Poll, buffer: memoryview) -> None:
        super().__init__(opened, poll, buffer)
        self.latch = Latch()
        self.arrivals = Arrivals()
        self.opaque = False

    def carry(self, *, opaque: bool) -> None:
        """Say whether what comes from now on is ``opaque``. The source stays."""
        self.opaque = opaque
        self._resume()

    def take(self, size: int, now: float) -> None:
        """Count and pass on one packet: RTP, RTCP or an opaque one."""
        if self.opaque:
            self._take_opaque(size, now)
        elif self._holds_rtp(size):
            self.arrivals.add(self._buffer, size, now)
            self._pass_on(self.onward, size)
        elif self._holds_control(size):
            self._take_control(size, now)
        else:
            self._take_out(size)

    def _receive_held(self, now: float) -> None:
        # The same as in Channel, and as ``take`` for the usual packet, at the length that speed asks for.
        receive_into, buffer = self._receive_into, self._buffer
        try:
            size = receive_into(buffer)
        except OSError:
            return
        if self.arrivals.add_usual(buffer, size, now):
            push = self.onward.push
            if push is not None:
                try:
                    push(buffer[:size])
                except OSError as error:
                    self.onward.recover(size, error)
        else:
            self.take(size, now)

    def _receive_opaque(self, now: float) -> None:
        Channel._receive_held(self, now)

    def _held_receiver(self) -> Receive:
        return self._receive_opaque if self.opaque else self._receive_held

    def _take_opaque(self, size: int, now: float) -> None:
        if self._is_numbered(size):
            self.arrivals.pass_over(1, size, now)
            self._pass_on(self.onward, size)
        else:
            self._take_out(size)

    def _is_numbered(self, size: int) -> bool:
        """Whether the datagram in the buffer can begin with a sequence number, as those of UDPTL do (ITU-T T.38)."""
        return size >= _NUMBER_SIZE and not is_stun(self._buffer[:size])

    def judge(self, source: Address, size: int, now: float) -> bool:
        """Only what is numbered teaches the latch a source; anything else has to come from the source there is."""
        if self.opaque and self._is_numbered(size):
            return self.latch.judge(source, int.from_bytes(self._buffer[:_NUMBER_SIZE]), _NO_SSRC, now)
        if not self.opaque and self._holds_rtp(size):
            _, _, sequence, _, ssrc = _unpack(self._buffer)
            return self.latch.judge(source, sequence, ssrc, now)
        return source == self.latch.source


class RtcpChannel(Channel):
    """The RTCP port; only RTCP passes it."""

    __slots__ = ("_control_latch",)

    def __init__(self, opened: socket.socket, poll: Poll, buffer: memoryview, rtp: Latch) -> None:
        """``rtp`` is the latch of the RTP port beside this one."""
        super().__init__(opened, poll, buffer)
        self.latch = self._control_latch = ControlLatch(rtp)

    def take(self, size: int, now: float) -> None:
        """Count and pass on one compound packet."""
        if self._holds_control(size):
            self._take_control(size, now)
        else:
            self._take_out(size)

    def judge(self, source: Address, size: int, now: float) -> bool:
        """Only RTCP teaches the latch a source."""
        if self._holds_control(size):
            return self._control_latch.judge_control(source)
        return source == self.latch.source
