"""The last SIP messages in memory, so that any recent call can be drawn as a ladder without a second program.

The wire hands in each message as it stands; nothing is copied, parsed or formatted until somebody looks. What comes out
has been redacted (rustalk.observe.redact) and made printable; the octets themselves never leave.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from .printable import printable
from .redact import redact

if TYPE_CHECKING:
    from rustalk.interfaces import IFlow

__all__ = ["Trace", "TraceEntry", "summarise"]

Record = Callable[[float, bool, "IFlow", bytes, str], None]
_Kept = tuple[float, bool, str, tuple[str, int], bytes, str]

_CSEQ = re.compile(rb"[\r\n]CSeq[ \t]*:[ \t]*[0-9]+[ \t]+([A-Z]+)", re.IGNORECASE)
_TYPE = re.compile(rb"[\r\n](?:Content-Type|c)[ \t]*:[ \t]*application/sdp", re.IGNORECASE)
_OVERHEAD = 250
_LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One message of a call, safe to show.

    ``time`` in seconds since the epoch; ``leg`` the place of its Call-ID among those asked for; ``peer`` as
    "address:port".
    """

    time: float
    leg: int
    sent: bool
    peer: str
    transport: str
    summary: str
    text: str


class Trace:
    """A ring of messages bounded by count and by octets; the oldest go first.

    Call ``trace.record(now, sent, flow, data, call_id)`` with ``now`` in seconds since the epoch. While switched off,
    ``record`` is a function that does nothing: callers look it up each time and never keep it.
    """

    __slots__ = ("_kept", "_max_bytes", "_max_messages", "_size", "record")

    record: Record

    def __init__(self, max_messages: int = 20_000, max_bytes: int = 8 * 1024 * 1024, *, enabled: bool = True) -> None:
        self._kept: deque[_Kept] = deque()
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._size = 0
        self.switch(enabled)

    @property
    def enabled(self) -> bool:
        """Whether messages are being kept."""
        return self.record != _ignore

    def switch(self, enabled: bool) -> None:
        """Begin or stop keeping messages; those already kept stay."""
        self.record = self._keep if enabled else _ignore

    def clear(self) -> None:
        """Forget all messages."""
        self._kept.clear()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """The octets held, with what Python adds for each entry."""
        return self._size

    def _keep(self, now: float, sent: bool, flow: IFlow, data: bytes, call_id: str) -> None:
        kept = self._kept
        kept.append((now, sent, flow.transport, flow.peer, data, call_id))
        self._size += len(data) + _OVERHEAD
        while self._size > self._max_bytes or len(kept) > self._max_messages:
            self._size -= len(kept.popleft()[4]) + _OVERHEAD

    def of_call(self, call_ids: Sequence[str], limit: int = 500) -> list[TraceEntry]:
        """The first ``limit`` messages with these Call-IDs in the order in which they passed; each Call-ID is one leg.

        The limit keeps a peer that floods one dialog from holding up everybody when somebody looks at it.
        """
        legs = {call_id: leg for leg, call_id in enumerate(call_ids)}
        found = (kept for kept in self._kept if kept[5] in legs)
        return [_entry(kept, legs[kept[5]]) for kept in islice(found, limit)]


def _ignore(now: float, sent: bool, flow: IFlow, data: bytes, call_id: str) -> None:
    """Stand in for a switched off trace."""


def _entry(kept: _Kept, leg: int) -> TraceEntry:
    now, sent, transport, (host, port), data, _ = kept
    peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    safe = redact(data)
    text = printable(safe.decode("utf-8", "surrogateescape"), lines=True)
    return TraceEntry(now, leg, sent, peer, transport, summarise(safe), text)


def summarise(message: bytes) -> str:
    """One line that names the message: ``INVITE sip:a@b (SDP)``, ``200 OK to INVITE``."""
    first = message.lstrip(b"\r\n").partition(b"\r\n")[0][:_LONGEST_LINE]
    line = printable(first.decode("utf-8", "surrogateescape"))
    body = " (SDP)" if _TYPE.search(message) else ""
    version, _, rest = line.partition(" ")
    if version.upper() == "SIP/2.0":
        method = _CSEQ.search(message)
        return rest + (f" to {method[1].decode('ascii')}" if method else "") + body
    return line.removesuffix(" SIP/2.0") + body
