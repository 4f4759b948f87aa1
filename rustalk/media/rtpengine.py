"""The relay engine that has rtpengine carry RTP and RTCP, on one node or several: packets never touch this process.

Streams that have to be treated (SRTP ended, digits heard, ICE answered) are opened by the userspace relay, and so is
every stream while no node answers. A stream stays on its node; what becomes of it when the node is lost is told in
RtpengineStream.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from math import ceil
from secrets import token_hex

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime, IReactorUDP
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from rustalk.interfaces import IMediaRelay, IMediaStream
from rustalk.media.bencode import Encodable, Value
from rustalk.media.latch import Latching
from rustalk.media.ng import NgRefusedError, NgSilentError
from rustalk.media.nodes import Node, NodeAddress, Nodes, Resolve
from rustalk.media.placeholder import UnreadablePortsError
from rustalk.media.ports import NoPortsError
from rustalk.media.query import TAGS
from rustalk.media.rtpengine_stream import RtpengineStream, open_ports
from rustalk.media.watch import Watch

__all__ = ["POLL_INTERVAL", "RtpengineRelay"]

POLL_INTERVAL = 3.0
"""Seconds between two looks at the figures of a stream, as long as there are not more than the next value allows."""

POLLS_PER_TURN = 40
"""Streams that are asked for at once, so that many calls do not make one long pause."""

_TURN = 0.25
_LISTED = 500  # Call ids in one answer: they must fit into a datagram.
_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@implementer(IMediaRelay)
class RtpengineRelay:
    """Opens streams on the nodes that answer, by their weight. ``start`` comes before all else, ``stop`` after it."""

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorUDP,
        nodes: Sequence[NodeAddress],
        *,
        clock: IReactorTime,
        resolve: Resolve,
        userspace: IMediaRelay,
        fall_back: bool = True,
        instance: str | None = None,
        latching: Latching = "auto",
        timeout: float | None = 60.0,
        one_way_after: float | None = 5.0,
    ) -> None:
        """``resolve`` is that of the reactor; nodes may be given by name.

        ``fall_back`` False refuses calls when no node can take them, instead of giving them to ``userspace``.
        ``instance`` names this switch among those that share a node, and must be its own: calls of that name that it
        does not know, left by an instance that was killed, are deleted from each node that begins to answer. Without a
        name they stay until the node's own timeout. ``timeout`` is in seconds of silence. Raises ValueError for nodes
        or a name that cannot be used.
        """
        if instance is not None and not _INSTANCE.fullmatch(instance):
            raise ValueError(f"{instance!r} cannot name an instance: 1 to 64 letters, digits, '.', '_' and '-' can")
        self._reactor, self._resolve, self._clock = reactor, resolve, clock
        self._userspace, self._fall_back = userspace, fall_back
        self._prefix = f"rustalk:{instance or token_hex(8)}:"
        self._latching: Latching = latching
        self._timeout, self._one_way_after = timeout, one_way_after
        self._nodes = Nodes(nodes, clock)
        self._streams: set[RtpengineStream] = set()
        self._calls: set[str] = set()
        self._ending: set[RtpengineStream] = set()
        self._unpolled: list[RtpengineStream] = []
        self._warned = False
        self._poll = LoopingCall(self._poll_some)
        self._poll.clock = clock

    @property
    def streams(self) -> int:
        """How many streams the nodes carry."""
        return len(self._streams)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, with ``address``, ``up`` and ``streams``."""
        return self._nodes.all

    def start(self) -> Deferred[None]:
        """Find out which nodes answer; fires when that is known."""
        for node in self._nodes.all:
            node.on_up = self._node_is_up
        self._poll.start(_TURN, now=False)
        return self._nodes.start(self._reactor, self._resolve).addCallback(lambda _: None)

    def stop(self) -> Deferred[None]:
        """Close every stream, tell the nodes, and close the sockets; nothing can be opened after that."""
        if self._poll.running:
            self._poll.stop()
        for stream in list(self._streams):
            stream.close()
        told = gatherResults([_gone(stream) for stream in self._ending])
        return told.addCallback(lambda _: self._nodes.stop()).addCallback(lambda _: None)

    def open(self, families: tuple[int, int], *, treated: bool = False) -> Deferred[IMediaStream]:
        """Lease a stream, as IMediaRelay promises: two round trips to a node."""
        if treated:
            return self._userspace.open(families, treated=True)
        return Deferred.fromCoroutine(self._open(families))

    async def _open(self, families: tuple[int, int]) -> IMediaStream:
        reason = "none answers"
        for node in self._nodes.in_turn():
            if not node.up:
                continue
            try:
                stream = await self._open_at(node, families)
            except (NgRefusedError, NgSilentError, UnreadablePortsError) as error:
                reason = f"{node} says: {error}" if node.up else f"{node}: {error}"
            else:
                self._warned = False
                return stream
        return await self._open_elsewhere(families, reason)

    async def _open_at(self, node: Node, families: tuple[int, int]) -> RtpengineStream:
        call = self._prefix + token_hex(8)
        with ExitStack() as undo:
            undo.callback(self._abandon, node, call)
            self._calls.add(call)
            node.streams += 1
            opened = await open_ports(node, call, families)
            undo.pop_all()
        stream = RtpengineStream(
            node,
            call,
            families,
            opened,
            latching=self._latching,
            watch=Watch(self._one_way_after, self._timeout),
            now=self._clock.seconds,
            release=self._release,
        )
        self._streams.add(stream)
        return stream

    async def _open_elsewhere(self, families: tuple[int, int], reason: str) -> IMediaStream:
        if not self._fall_back:
            raise NoPortsError(f"no rtpengine node of media.rtpengine can take the call ({reason})")
        if not self._warned:
            self._warned = True
            self._log.warn(
                "No rtpengine node can take a call ({reason}): the userspace relay carries new calls until one can."
                " Check the nodes in media.rtpengine",
                reason=reason,
            )
        return await self._userspace.open(families)

    def _abandon(self, node: Node, call: str) -> None:
        """Give up a call that may be half open."""
        node.streams -= 1
        self._calls.discard(call)
        if node.up:
            node.client.request("delete", _deletion(call)).addErrback(_tolerate)

    def _release(self, stream: RtpengineStream) -> None:
        self._streams.discard(stream)
        self._calls.discard(stream.call)
        stream.node.streams -= 1
        self._ending.add(stream)
        stream.gone.addCallback(lambda _: self._ending.discard(stream))

    def _poll_some(self) -> None:
        """Ask for the figures of one part of the streams."""
        if not self._unpolled:
            self._unpolled = list(self._streams)
        part = ceil(len(self._streams) * _TURN / POLL_INTERVAL)
        for _ in range(min(part, POLLS_PER_TURN, len(self._unpolled))):
            self._unpolled.pop().poll()

    def _node_is_up(self, node: Node) -> None:
        for stream in self._streams:
            if stream.node is node:
                stream.resume()
        Deferred.fromCoroutine(self._sweep(node)).addErrback(_tolerate)

    async def _sweep(self, node: Node) -> None:
        """Delete the calls of our name that we do not know: left by an instance that was killed, or lost on the way."""
        while True:
            answer = await node.client.request("list", {"limit": _LISTED})
            listed = answer.get(b"calls")
            calls = [_text(each) for each in listed] if isinstance(listed, list) else []
            stale = [call for call in calls if call.startswith(self._prefix) and call not in self._calls]
            for call in stale:
                await node.client.request("delete", _deletion(call))
            if stale:
                self._log.info("Deleted {count} old calls from media node {node}", count=len(stale), node=str(node))
            if not stale or len(calls) < _LISTED:
                return


def _deletion(call: str) -> dict[str, Encodable]:
    return {"call-id": call, "from-tag": TAGS[0], "delete delay": 0}


def _gone(stream: RtpengineStream) -> Deferred[None]:
    """Fires when the stream is gone, without taking the news from others who wait for it."""
    told: Deferred[None] = Deferred()
    stream.gone.addCallback(lambda _: told.callback(None))
    return told


def _tolerate(failure: Failure) -> None:
    """The node has fallen silent again or refuses: what is left there ends by the node's own timeout."""
    if not isinstance(failure.value, (NgRefusedError, NgSilentError)):
        failure.raiseException()


def _text(call: Value) -> str:
    return call.decode("ascii", "replace") if isinstance(call, bytes) else ""
