"""One stream that an rtpengine node carries: its ports are known at once, everything else is told to the node later.

For rtpengine a stream is a call of two tags. It is made with an offer and an answer that receive nowhere, which opens
the ports of both sides. What a side wants is then told as one more offer from its tag; these flags make that safe:

    port latching       the ports stay, whatever address is offered
    asymmetric          the source is the offered address, from the first packet on, and is never learned
    strict source       what comes from elsewhere is dropped, once the source is certain
    original sendrecv   nothing is said about directions

A side whose source has to be learned is offered without ``asymmetric``: rtpengine then follows whoever speaks for
three seconds after the offer, and holds the source that it heard last. It cannot learn from some networks only, so a
side that may be learned ``within`` networks is not learned at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from rustalk.interfaces import IMediaStream
from rustalk.media.bencode import Encodable
from rustalk.media.latch import Address, Latching, Network, UnusableAddressError, learns, usable
from rustalk.media.ng import Answer, NgRefusedError, NgSilentError
from rustalk.media.nodes import Node
from rustalk.media.placeholder import Opened, UnreadablePortsError, describe, read_ports
from rustalk.media.query import TAGS, Count, read_counts
from rustalk.media.watch import Watch
from rustalk.rtp.statistics import StreamStatistics
from rustalk.rtp.treatment import IceCredentials, Treatment

__all__ = ["REFRESH", "RtpengineStream", "open_ports"]

REFRESH = 20.0
"""Seconds without a packet after which a node is told again what it knows.

It gives up calls without packets after its --timeout, 60 seconds if nothing else is said; ringing may take longer.
"""

_UNKNOWN = "Unknown call-id"
_ALWAYS: Mapping[str, Encodable] = {
    "ICE": "remove",
    "rtcp-mux": ["accept", "demux"],
    "replace": ["origin", "session connection"],
}
_FLAGS = ("strict source", "port latching", "original sendrecv")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Where a side wants to receive, whether its source may be another address than that, and whether it is no RTP."""

    rtp: Address | None = None
    rtcp: Address | None = None
    learning: bool = False
    opaque: bool = False

    def request(self, call: str, families: tuple[int, int], side: int) -> dict[str, Encodable]:
        """The fields of an offer that says so."""
        return {
            "call-id": call,
            "from-tag": TAGS[side],
            "sdp": describe(families[side], self.rtp, self.rtcp, opaque=self.opaque),
            "address family": f"IP{families[1 - side]}",
            "flags": _FLAGS if self.learning else (*_FLAGS, "asymmetric"),
            **_ALWAYS,
        }


_NOTHING = _Wanted()


async def open_ports(node: Node, call: str, families: tuple[int, int]) -> tuple[Opened, Opened]:
    """Open the ports of side 0 and side 1 of a new call.

    Raises NgRefusedError, NgSilentError, UnreadablePortsError; the node may have opened some of them then.
    """
    offer = await node.client.request("offer", _NOTHING.request(call, families, 0))
    callee = read_ports(offer.get(b"sdp"), families[1])
    fields = {**_NOTHING.request(call, families, 1), "from-tag": TAGS[0], "to-tag": TAGS[1]}
    answer = await node.client.request("answer", fields)
    return read_ports(answer.get(b"sdp"), families[0]), callee


@implementer(IMediaStream)
class RtpengineStream:
    """One media line of a call, as IMediaStream promises, at one node for all its life. Made by RtpengineRelay.open.

    ``gone`` fires after close, when the node has been told.
    """

    _log = Logger()

    __slots__ = (
        "_closed",
        "_complained",
        "_counts",
        "_families",
        "_first",
        "_last",
        "_last_control",
        "_latching",
        "_lost",
        "_now",
        "_opaque",
        "_opened",
        "_polling",
        "_refreshed",
        "_release",
        "_telling",
        "_told",
        "_wanted",
        "_watch",
        "call",
        "gone",
        "node",
        "on_digit",
        "on_one_way",
        "on_silence",
    )

    treatable = False

    def __init__(
        self,
        node: Node,
        call: str,
        families: tuple[int, int],
        opened: tuple[Opened, Opened],
        *,
        latching: Latching,
        watch: Watch,
        now: Callable[[], float],
        release: Callable[[RtpengineStream], None],
    ) -> None:
        """``opened`` is what open_ports gave for this call; ``release`` is called once, at close."""
        self.node, self.call = node, call
        self.gone: Deferred[None] = Deferred()
        self.on_one_way: Callable[[int], None] = _ignore_side
        self.on_silence: Callable[[], None] = _ignore
        self.on_digit: Callable[[int, str, int], None] = _ignore_digit
        self._families, self._opened = families, opened
        self._latching: Latching = latching
        self._watch, self._now, self._release = watch, now, release
        self._wanted = [_NOTHING, _NOTHING]
        self._told: list[_Wanted | None] = [_NOTHING, _NOTHING]
        self._counts = (Count(), Count())
        self._first: list[float | None] = [None, None]
        self._last: list[float | None] = [None, None]
        self._last_control: list[float | None] = [None, None]
        self._refreshed = now()
        self._opaque = False
        self._closed = self._lost = self._telling = self._polling = self._complained = False

    def local(self, side: int) -> tuple[str, int, int]:
        """The address of the node to advertise to this side, with its RTP and its RTCP port."""
        opened = self._opened[side]
        return opened.host, opened.rtp, opened.rtcp

    def expect(self, side: int, rtp: Address | None, rtcp: Address | None, *, within: Sequence[Network] = ()) -> None:
        """Take up where this side wants to receive. Raises UnusableAddressError, and nothing is changed then.

        The node is told as soon as it has taken what came before; only the last of several changes is told.
        """
        if self._closed:
            return
        rtp, rtcp = self._check(rtp, side), self._check(rtcp, side)
        learning = rtp is not None and not within and learns(self._latching, rtp)
        self._wanted[side] = _Wanted(rtp, rtcp, learning, self._opaque)
        self._tell()

    def set_clock_rates(self, side: int, clock_rates: Mapping[int, int]) -> None:
        """Nothing: the node does not tell the jitter of what it carries unopened."""

    def opaque(self, active: bool) -> None:
        """Say whether the sides speak another protocol than RTP now: the node is told of it as of an address."""
        if self._closed or active == self._opaque:
            return
        self._opaque = active
        self._wanted = [replace(wanted, opaque=active) for wanted in self._wanted]
        if self._watch.active:  # who has spoken in fax until now is not missing in the audio that begins
            self._watch.stop()
            self._watch.start(self._now())
        self._tell()

    def treat(self, treatments: tuple[Treatment, Treatment] | None) -> None:
        """Nothing, for None. Raises RuntimeError else: such a stream has to be opened as treated."""
        if treatments is not None:
            raise RuntimeError("only a stream that was opened as treated can be treated")

    def ice(self, side: int, credentials: IceCredentials | None) -> None:
        """Nothing, for None. Raises RuntimeError else: such a stream has to be opened as treated."""
        if credentials is not None:
            raise RuntimeError("only a stream that was opened as treated answers ICE checks")

    def digit(self, side: int, digit: str, milliseconds: int) -> None:
        """Raise RuntimeError: a stream that sends digits has to be opened as treated."""
        raise RuntimeError("only a stream that was opened as treated can dial")

    def watch(self, active: bool) -> None:
        """Begin or cease to expect that both sides are heard; ``on_one_way`` and ``on_silence`` tell of it."""
        if active:
            self._watch.start(self._now())
        else:
            self._watch.stop()

    def statistics(self, side: int) -> StreamStatistics:
        """What had arrived from this side when the node was last asked. It tells neither loss nor jitter."""
        count = self._counts[side]
        return StreamStatistics(
            packets=count.packets,
            bytes=count.bytes,
            lost=None,
            reordered=None,
            bursts=None,
            jitter_ms=None,
            ssrc=count.ssrc,
            first_arrival=self._first[side],
            last_arrival=self._last[side],
        )

    def close(self) -> None:
        """Have the node close the ports. Closing twice is harmless; the last figures come when ``gone`` fires."""
        if self._closed:
            return
        self._closed = True
        self._watch.stop()
        self._release(self)
        if not self._telling:
            self._delete()

    def resume(self) -> None:
        """The node answers again: tell it what it has not taken."""
        self._tell()

    def poll(self) -> None:
        """Ask the node for its figures, then look for what the figures say. The relay calls it every few seconds.

        While the node does not answer nothing is noticed, since its media may go on: not before it counts as gone.
        """
        if self._lost or self.node.gone:
            maybeDeferred(self._look, self._now()).addErrback(self._fault)
        elif self.node.up and not self._polling and not self._closed:
            self._polling = True
            asked = self.node.client.request("query", {"call-id": self.call})
            asked.addCallbacks(self._figures_came, self._figures_missing).addErrback(self._fault)

    # Telling the node.

    def _check(self, address: Address | None, side: int) -> Address | None:
        if address is None:
            return None
        checked = usable(address, self._families[side])
        for host, *ports in (self.local(0), self.local(1)):
            if checked[0] == host and checked[1] in ports:
                raise UnusableAddressError(f"media address {host} port {checked[1]} is the relay's own: a loop")
        return checked

    def _tell(self) -> None:
        if not self._telling and not self._closed and not self._lost and self.node.up:
            self._telling = True
            Deferred.fromCoroutine(self._tell_all()).addErrback(self._fault).addBoth(self._told_all)

    async def _tell_all(self) -> None:
        """One offer after the other until the node knows all that is wanted."""
        while not self._closed and not self._lost and self._told != self._wanted:
            side = 0 if self._told[0] != self._wanted[0] else 1
            wanted = self._wanted[side]
            fields = {**wanted.request(self.call, self._families, side), "to-tag": TAGS[1 - side]}
            try:
                answer = await self.node.client.request("offer", fields)
                opened = read_ports(answer.get(b"sdp"), self._families[1 - side])
            except NgSilentError:
                return  # The next poll, or the node's return, tells it again.
            except (NgRefusedError, UnreadablePortsError) as error:
                self._complain(str(error))
                return
            self._told[side] = wanted
            self._refreshed = self._now()
            if opened.rtp != self._opened[1 - side].rtp:  # That of RTCP is written as the same where it is multiplexed.
                self._lose("it had forgotten the call, and opens other ports for it")

    def _told_all(self, _: object) -> None:
        self._telling = False
        if self._closed:
            self._delete()

    def _refresh(self, now: float) -> None:
        """Remind the node of a side whose source is not learned, if there is one: learning would begin anew."""
        self._refreshed = now
        self._told[min((0, 1), key=lambda side: self._wanted[side].learning)] = None

    def _complain(self, reason: str) -> None:
        if not self._complained:
            self._complained = True
            self._log.warn(
                "Media node {node} refuses a change of {call}: {reason}. It is tried again every few seconds",
                node=str(self.node),
                call=self.call,
                reason=reason,
            )

    def _lose(self, reason: str) -> None:
        self._lost = True
        self._log.warn(
            "Media node {node} has lost {call}: {reason}. Nothing is heard any more; a call without media ends after"
            " media.timeout. Was rtpengine restarted, or is its --timeout below {refresh} s?",
            node=str(self.node),
            call=self.call,
            reason=reason,
            refresh=2 * REFRESH,
        )

    def _delete(self) -> None:
        fields: dict[str, Encodable] = {"call-id": self.call, "from-tag": TAGS[0], "delete delay": 0}
        deleted = self.node.client.request("delete", fields)
        deleted.addCallbacks(self._count, _gone_already).addErrback(self._fault).addBoth(self._end)

    def _end(self, _: object) -> None:
        self.gone.callback(None)

    def _fault(self, failure: Failure) -> None:
        """A mistake of ours, or of whoever was told: it must not end the polling of others."""
        self._log.failure(
            "Stream {call} of media node {node} met a fault", failure, call=self.call, node=str(self.node)
        )

    # Hearing from the node.

    def _figures_came(self, answer: Answer) -> None:
        self._polling = False
        if not self._closed:
            self._count(answer)
            now = self._now()
            self._look(now)
            if now - self._refreshed >= REFRESH:
                self._refresh(now)
            self._tell()

    def _figures_missing(self, failure: Failure) -> None:
        self._polling = False
        unknown = isinstance(failure.value, NgRefusedError) and failure.getErrorMessage() == _UNKNOWN
        if unknown and not self._closed:
            self._lose("it does not know the call")

    def _count(self, answer: Answer) -> None:
        now = self._now()
        before, self._counts = self._counts, read_counts(answer)
        for side in (0, 1):
            if self._counts[side].packets > before[side].packets:
                self._first[side] = now if self._first[side] is None else self._first[side]
                self._last[side] = self._refreshed = now
            if self._counts[side].controls > before[side].controls:
                self._last_control[side] = now

    def _look(self, now: float) -> None:
        if not self._watch.active or self._closed:
            return
        missing = None if self._opaque else self._watch.missing(self._last, now)
        if self._watch.fell_silent((*self._last, *self._last_control), now):
            self.on_silence()
        elif missing is not None:
            self.on_one_way(missing)


def _gone_already(failure: Failure) -> None:
    """The node does not answer, or knows of no such call: what is left there is deleted when it answers again."""


def _ignore() -> None:
    """Nobody asked to be told."""


def _ignore_side(side: int) -> None:
    """Nobody asked to be told."""


def _ignore_digit(side: int, digit: str, milliseconds: int) -> None:
    """Nobody asked to be told."""
