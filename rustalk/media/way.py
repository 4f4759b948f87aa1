"""One direction of a treated stream: what its translator does with each packet, and where that is sent."""

from __future__ import annotations

from rustalk.media.channel import Channel
from rustalk.rtp.packet import MalformedPacketError
from rustalk.rtp.rtcp import SenderReport, middle_of, parse_reports
from rustalk.rtp.srtp import ProtectionError
from rustalk.rtp.translator import Translator

__all__ = ["Way", "deliver"]

_PACKETS_READ = 16
"""Packets of a compound that are searched for a sender report."""


class Way:
    """From one side to the other: the translator, its opposite, and what became of the packets.

    ``unverified`` counts what SRTP refused, ``unsent`` what could not be encrypted; ``told`` is when RTCP last left by
    this way, ``report`` the middle of the NTP time of the last sender report and when it came.
    """

    __slots__ = ("back", "report", "told", "translator", "unsent", "unverified")

    def __init__(self, translator: Translator, back: Translator) -> None:
        self.translator, self.back = translator, back
        self.unverified = self.unsent = 0
        self.told: float | None = None
        self.report: tuple[int, float] | None = None

    @property
    def keyed(self) -> bool:
        """Whether what comes is SRTP, which says by itself where it is from."""
        return self.translator.receiver is not None

    def verified(self, datagram: bytes, *, control: bool) -> bytes | None:
        """The packet in what came; None for a forged one."""
        try:
            return self.translator.verify_control(datagram) if control else self.translator.verify(datagram)
        except ProtectionError:
            self.unverified += 1
            return None

    def pass_rtp(self, packet: bytes, onward: Channel, now: float) -> None:
        """Send what becomes of a verified packet."""
        out = self.translator.translate(packet, now)
        if out is not None:
            self.send_rtp(out, onward)

    def send_rtp(self, packet: bytes, onward: Channel) -> None:
        """Encrypt and send. A packet that came twice cannot be encrypted twice; the other side misses nothing."""
        if onward.push is None:
            return
        try:
            deliver(onward, self.translator.protect(packet))
        except ProtectionError:
            self.unsent += 1

    def pass_control(self, packet: bytes, onward: Channel, now: float) -> None:
        """Send what becomes of a verified RTCP packet."""
        self._note(packet, now)
        self.send_control(self.translator.control(packet, self.back), onward, now)

    def send_control(self, packet: bytes, onward: Channel, now: float) -> None:
        """Encrypt and send RTCP."""
        if onward.push is None:
            return
        onward.reports.forwarded(packet, now)
        try:
            deliver(onward, self.translator.protect_control(packet))
        except ProtectionError:
            self.unsent += 1
        self.told = now

    def _note(self, packet: bytes, now: float) -> None:
        try:
            reports = parse_reports(packet, _PACKETS_READ)
        except MalformedPacketError:
            return
        for report in reports:
            if isinstance(report, SenderReport):
                self.report = middle_of(report.ntp), now


def deliver(onward: Channel, datagram: bytes) -> None:
    """Send a datagram that is not in the channels' buffer; what cannot be sent is lost and counted."""
    for _ in range(2):
        if onward.push is None:
            return
        try:
            onward.push(memoryview(datagram))
        except ConnectionRefusedError:
            continue  # the answer to an earlier packet: this one is sent once more
        except OSError:
            break
        return
    onward.unsent += 1
