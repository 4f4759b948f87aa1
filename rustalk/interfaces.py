"""The seams of the switch: what an upper layer hands to a lower one, and what may be exchanged for another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from twisted.internet.defer import Deferred

    from rustalk.rtp.statistics import StreamStatistics
    from rustalk.rtp.treatment import IceCredentials, Treatment

__all__ = ["IFlow", "IMediaRelay", "IMediaStream"]


class IFlow(Interface):
    """One way to one peer: a UDP socket and a remote address, or a TCP or TLS connection (RFC 5626 section 3.2)."""

    transport: str = Attribute("'UDP', 'TCP' or 'TLS', as written in a Via header.")
    reliable: bool = Attribute("Whether the transport retransmits by itself (TCP, TLS).")
    profile: str = Attribute("The id of the SIP profile whose listener owns this flow.")
    local: tuple[str, int] = Attribute("Our address and port.")
    peer: tuple[str, int] = Attribute("The peer's address and port.")
    identity: object = Attribute("The verified names of the peer's certificate, or None.")

    def close(reason: str) -> None:
        """Give a connection up once what was written is out; nothing for UDP. ``reason`` is for the log."""

    def toward(port: int) -> IFlow:
        """The same peer at another port, for UDP; a connection is the same for every port."""

    def send(data: bytes) -> None:
        """Write one whole message. A lost connection is reported to the endpoint, never raised here."""


class IMediaStream(Interface):
    """The relay of one media line between the two sides of a call, side 0 (the caller's) and side 1 (the callee's).

    Each side has a leased pair of local ports, RTP and RTCP. What arrives from one side leaves towards the other.
    """

    def local(side: int) -> tuple[str, int, int]:
        """The address to advertise to this side, with its RTP and its RTCP port."""

    on_one_way: Callable[[int], None] = Attribute("Called with the side that is not heard while the other one is.")
    on_silence: Callable[[], None] = Attribute("Called when neither side has been heard for the relay's timeout.")

    def expect(
        side: int,
        rtp: tuple[str, int] | None,
        rtcp: tuple[str, int] | None,
        *,
        within: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        """Say where this side wants to receive, from its session description; None: it receives nothing now.

        A change of address lets the side be learned anew; the same address again changes nothing.
        ``rtcp`` equal to ``rtp`` means that RTCP shares the RTP port (a=rtcp-mux). A source that has to be learned is
        learned from the networks ``within`` only, where any are given. Raises rustalk.media.latch.UnusableAddressError
        for what no packet may be sent to; the expectation before it then stays in force.
        """

    def set_clock_rates(side: int, clock_rates: Mapping[int, int]) -> None:
        """Say the RTP clock rates in Hz by payload type of what this side sends, so that its jitter is right."""

    def watch(active: bool) -> None:
        """Say whether both sides should be sending now: from the answer on, and not on hold. Not watched at first."""

    def opaque(active: bool) -> None:
        """Say whether the sides speak another protocol than RTP now, as fax does with UDPTL; at first they speak RTP.

        Every datagram of the source but STUN passes byte for byte then; they are counted, and nothing is measured. A
        source is learned from datagrams that begin with a sequence number of 16 bits. One-way audio is not noticed, for
        fax is half-duplex; silence is. What is treated is RTP: a stream must not be treated while it is opaque.
        """

    on_digit: Callable[[int, str, int], None] = Attribute(
        "Called with the side that dialled, the digit (0-9 * # A-D) and its milliseconds, once per digit."
    )

    treatable: bool = Attribute("Whether its packets can be treated, ICE checks answered and digits dialled.")

    def treat(treatments: tuple[Treatment, Treatment] | None) -> None:
        """Say what is done to what each side sends and gets; None: carry it byte for byte, as at first.

        The same key again keeps its rollover counter, also where it passed until now; another key starts at 0 (MED-05).
        Only a ``treatable`` stream takes treatments; its ports stay.
        """

    def digit(side: int, digit: str, milliseconds: int) -> None:
        """Dial towards this side, as its treatment says: telephone-events (RFC 4733) or a tone.

        Where there is no treatment nothing is dialled. Raises ValueError for what is no digit.
        """

    def ice(side: int, credentials: IceCredentials | None) -> None:
        """Answer the connectivity checks of this side, and follow the pair that it nominates (RFC 8445, ICE-lite).

        Only a ``treatable`` stream does.
        """

    def statistics(side: int) -> StreamStatistics:
        """What has arrived from this side so far; still there after close."""

    def close() -> None:
        """Return the ports. Closing twice is harmless."""


class IMediaRelay(Interface):
    """Something that carries RTP and RTCP between two sides: the userspace relay, the kernel, rtpengine."""

    def open(families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        """Lease a stream whose side 0 and side 1 speak IP version ``families[0]`` and ``families[1]`` (4 or 6).

        ``treated`` asks for one that can end SRTP, change payload types, hear digits and answer ICE checks; an engine
        that cannot do that lets the userspace relay do it. Of that relay every stream is ``treatable``, but one that
        is known to need it is not carried in another way first. Fails with rustalk.media.ports.NoPortsError when there
        is none to be had.
        """
