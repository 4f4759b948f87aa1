"""Where the live fuzz sends from: sockets of loopback that the switch knows or does not, and a callee that answers."""

from __future__ import annotations

import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from tests.fakes.mutate import Mutator

__all__ = ["Datagrams", "Place", "Sink", "Streams", "in_batches"]

Place = tuple[str, int]

_BURST = 40
_PATIENCE = 10.0
_LARGEST = 65_000
_TAG = re.compile(rb"^To:.*;tag=([^\s;]+)", re.MULTILINE)
_CALL_ID = re.compile(rb"^Call-ID: (\S+)", re.MULTILINE)
_AUDIO = re.compile(rb"^(m=audio) \d+ ", re.MULTILINE)
_COPIED = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq):.*\r\n", re.MULTILINE)


class Datagrams:
    """A UDP socket that pours messages into the switch and asks after each burst whether it still answers.

    ``slowest`` is the longest wait for such an answer, in seconds; since datagrams are read in order, it has read by
    then all that was sent before.
    """

    def __init__(self, address: str, switch: Place) -> None:
        self.slowest = 0.0
        self._switch = switch
        self._socket = _datagram_socket(address)
        self._pulse = _datagram_socket(address)
        self._dialog: tuple[bytes, bytes] | None = None
        self._beats = 0

    def pour(self, messages: Iterable[bytes], pulse: Datagrams | None = None) -> int:
        """Send them all; how many. ``pulse`` asks in place of a source that the switch does not answer."""
        pulse = pulse or self
        sent = 0
        for burst in in_batches(messages, _BURST):
            for data in burst:
                self._socket.sendto(self._inside(data)[:_LARGEST], self._switch)
            sent += len(burst)
            pulse.slowest = max(pulse.slowest, pulse.ping())
            self._learn()
        return sent

    def ping(self) -> float:
        """Seconds until OPTIONS is answered. Raises TimeoutError when it is not."""
        self._beats += 1
        host, port = self._pulse.getsockname()
        name = f"pulse{self._beats}.{port}"
        lines = (
            f"OPTIONS sip:{self._switch[0]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{name}",
            "Max-Forwards: 70",
            f"From: <sip:pulse@{host}>;tag={name}",
            f"To: <sip:{self._switch[0]}>",
            f"Call-ID: {name}",
            "CSeq: 1 OPTIONS",
            "Content-Length: 0",
        )
        start = time.monotonic()
        self._pulse.settimeout(_PATIENCE)
        self._pulse.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self._switch)
        while name.encode() not in self._pulse.recv(_LARGEST):
            pass
        return time.monotonic() - start

    def _learn(self) -> None:
        """Remember a dialog from the answers, so that later requests can be inside it."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                answer = self._socket.recv(_LARGEST)
                call_id, tag = _CALL_ID.search(answer), _TAG.search(answer)
                if call_id and tag and answer.startswith((b"SIP/2.0 200", b"SIP/2.0 18")):
                    self._dialog = call_id[1], tag[1]
        self._socket.setblocking(True)

    def _inside(self, data: bytes) -> bytes:
        """A message that claims to be in a dialog, put into the one last learned."""
        if self._dialog is None or b";tag=t1" not in data:
            return data
        call_id, tag = self._dialog
        return _CALL_ID.sub(lambda _: b"Call-ID: " + call_id, data).replace(b";tag=t1", b";tag=" + tag)


class Streams:
    """Connections that carry a few messages each and end: TCP, or TLS with a context.

    ``unfinished`` counts those that the switch had not ended some seconds after we had.
    """

    def __init__(self, address: str, switch: Place, context: ssl.SSLContext | None = None) -> None:
        self.unfinished = 0
        self._address = address
        self._switch = switch
        self._context = context

    def pour(self, messages: Iterable[bytes], per_connection: int) -> int:
        """Send them all; how many."""
        sent = 0
        for batch in in_batches(messages, per_connection):
            try:
                with suppress(ConnectionError, ssl.SSLError):
                    self._carry(b"".join(batch))
            except TimeoutError:
                self.unfinished += 1
            sent += len(batch)
        return sent

    def _carry(self, data: bytes) -> None:
        plain = socket.create_connection(self._switch, _PATIENCE, source_address=(self._address, 0))
        with self._context.wrap_socket(plain) if self._context else plain as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(_LARGEST):
                pass


class Sink(threading.Thread):
    """A callee that answers everything: every third answer as it should, the others broken by a mutator."""

    def __init__(self, place: Place, seed: int) -> None:
        super().__init__(daemon=True)
        self.taken = 0
        self._random = random.Random(seed)
        self._place = place
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(place)

    def run(self) -> None:
        """Answer until the process ends."""
        while True:
            request, peer = self._socket.recvfrom(_LARGEST)
            if request.startswith(b"ACK "):
                continue
            self.taken += 1
            for status in self._statuses(request):
                answer = self._answer(request, status)
                if self._random.randrange(3):
                    answer = next(Mutator(self._random.randrange(2**32), [answer]))
                with suppress(OSError):
                    self._socket.sendto(answer[:_LARGEST], peer)

    def _statuses(self, request: bytes) -> tuple[bytes, ...]:
        if not request.startswith(b"INVITE "):
            return (b"200 OK",)
        last = self._random.choice((b"200 OK", b"200 OK", b"486 Busy Here", b"302 Moved", b"401 Unauthorized", b""))
        return (b"100 Trying", b"180 Ringing", last) if last else (b"183 Session Progress",)

    def _answer(self, request: bytes, status: bytes) -> bytes:
        head, _, offer = request.partition(b"\r\n\r\n")
        body = _AUDIO.sub(rb"\1 40000 ", offer).replace(b" 127.0.0.1", b" " + self._place[0].encode())
        copied = b"".join(_COPIED.findall(head + b"\r\n"))
        host, port = self._place
        return b"".join(
            (
                b"SIP/2.0 " + status + b"\r\n",
                re.sub(rb"(?m)^(To:[^\r;]*)\r", rb"\1;tag=sink\r", copied),
                b"Contact: <sip:sink@%s:%d>\r\n" % (host.encode(), port),
                b"Session-Expires: 1800;refresher=uac\r\n",
                b'WWW-Authenticate: Digest realm="sink", nonce="n", qop="auth"\r\n' if status[:3] == b"401" else b"",
                b"Content-Type: application/sdp\r\n" if body else b"",
                b"Content-Length: %d\r\n\r\n" % len(body) + body,
            )
        )


def in_batches(messages: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """The messages, so many at a time."""
    rest = iter(messages)
    while batch := list(islice(rest, size)):
        yield batch


def _datagram_socket(address: str) -> socket.socket:
    opened = socket.socket(type=socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    opened.bind((address, 0))
    return opened
