"""What an INVITE from one node to another carries to show where it comes from, and which phones it is for.

A header field of ours, ``X-RusTalk-Node``, which leaves the cluster in neither direction:

    edge1-1f00ba47;to=edge2-0c0ffee0;at=1800000000;nonce=9f...;phones=0a1b2c3d4e5f.a0b1c2d3e4f5;trusted;call=5c...;mac=7d...

``mac`` is over all before it and over both numbers of the call, by a key that the nodes share. So the field is worth
nothing to who has seen it: for another call it does not fit, for the same one it is too late, or has been used.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["FIELD", "Passport", "Passports", "read_passport"]

FIELD = "X-RusTalk-Node"

_VALID = 60.0
"""Seconds that a passport is good for, and by which the clocks of two nodes may differ."""
_MOST_PHONES = 20
_NODE = r"[a-z0-9-]{1,60}"
_FORM = re.compile(
    rf"({_NODE});to=({_NODE});at=([0-9]{{1,12}});nonce=([0-9a-f]{{32}});"
    rf"phones=([0-9a-f]{{12}}(?:\.[0-9a-f]{{12}}){{0,{_MOST_PHONES - 1}}});(trusted|strange)"
    r"(?:;call=([0-9A-Za-z]{1,40}))?;mac=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Passport:
    """What a field says: the ``node`` that sent it, the ``phones`` that are to ring, whether the caller is trusted.

    A phone is named by the end of the id of its binding. ``call`` is the id of the call at that node.
    """

    node: str
    phones: tuple[str, ...]
    is_trusted: bool
    call: str = ""


class Passports:
    """Writes and checks passports of the node ``id``. ``now`` is in seconds since 1970, ``random(n)`` gives n bytes."""

    def __init__(self, key: bytes, id: str, now: Callable[[], float], random: Callable[[int], bytes]) -> None:
        self._key = key
        self._id = id
        self._now = now
        self._random = random
        self._used: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def issue(self, to: str, phones: Sequence[str], *, trusted: bool, caller: str, called: str, call: str = "") -> str:
        """The field for an INVITE to a node, for at most twenty of its phones."""
        named = ".".join(phones[:_MOST_PHONES])
        trust = "trusted" if trusted else "strange"
        nonce = self._random(16).hex()
        text = f"{self._id};to={to};at={self._now():.0f};nonce={nonce};phones={named};{trust}"
        text += f";call={call}" if call else ""
        return f"{text};mac={self._seal(text, caller, called)}"

    def check(self, field: str, *, caller: str, called: str, call_id: str) -> Passport | None:
        """What a field says that is good for this call; None for any other. A second INVITE may only repeat the first.

        Nothing is remembered of a field that none of our nodes has sent.
        """
        read = _FORM.fullmatch(field)
        if read is None:
            return None
        text, _, mac = field.rpartition(";mac=")
        if not hmac.compare_digest(mac, self._seal(text, caller, called)):
            return None
        to, at, nonce, now = read[2], int(read[3]), read[4], self._now()
        if to != self._id or abs(now - at) > _VALID:
            return None
        while self._used and next(iter(self._used.values()))[1] < now:
            self._used.popitem(last=False)
        if self._used.setdefault(nonce, (call_id, now + 2 * _VALID))[0] != call_id:
            return None
        return _passport(read)

    def _seal(self, text: str, caller: str, called: str) -> str:
        sealed = "\n".join((text, caller, called)).encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, sealed, "sha256").hex()


def read_passport(field: str) -> Passport | None:
    """What a field says, whoever has written it; None for what is none."""
    read = _FORM.fullmatch(field)
    return _passport(read) if read is not None else None


def _passport(read: re.Match[str]) -> Passport:
    return Passport(read[1], tuple(read[5].split(".")), read[6] == "trusted", read[7] or "")
