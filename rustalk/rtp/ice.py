"""ICE-lite (RFC 8445 section 2.5): answering the connectivity checks of a peer that does all the choosing.

We send no checks. One Agent serves one port. Media may come from whatever source has passed a check; the source of a
check with USE-CANDIDATE is the one that the peer has nominated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rustalk.rtp.packet import MalformedPacketError
from rustalk.rtp.stun import (
    BINDING_ERROR,
    BINDING_REQUEST,
    BINDING_SUCCESS,
    ERROR_CODE,
    PRIORITY,
    UNKNOWN_ATTRIBUTES,
    USE_CANDIDATE,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    StunMessage,
    build,
    error_code,
    parse_message,
    xor_address,
)
from rustalk.rtp.treatment import IceCredentials

__all__ = ["Agent", "Answer"]

Address: TypeAlias = tuple[str, int]

CHECKS = 200.0
"""Checks answered per second, and at once: several forks with a dozen pairs each, tried every 50 ms, stay below."""

REFUSALS = 10.0
"""Refusals per second, and at once: they go to whoever sends, so they must not be worth asking for."""

FORKS = 16
"""Forks, told by their user name fragments, whose nominations are remembered."""

_UNDERSTOOD = frozenset({USERNAME, PRIORITY, USE_CANDIDATE, 0x0001, 0x0014, 0x0015, XOR_MAPPED_ADDRESS})
_COMPREHENSION_OPTIONAL = 0x8000


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a STUN message: what to send back to its source, and what the source has earned."""

    response: bytes | None = None
    accepted: bool = False
    nominated: bool = False


_SILENCE = Answer()


class _Allowance:
    """So many per second on the average, and that many at once."""

    __slots__ = ("_left", "_rate", "_since")

    def __init__(self, rate: float) -> None:
        self._rate = self._left = rate
        self._since = 0.0

    def spend(self, now: float) -> bool:
        self._left = min(self._rate, self._left + (now - self._since) * self._rate)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Agent:
    """The ICE-lite agent of one port. Without credentials it answers nothing."""

    __slots__ = ("_checks", "_credentials", "_nominations", "_refusals")

    def __init__(self) -> None:
        self._credentials: IceCredentials | None = None
        self._nominations: dict[str, Address] = {}
        self._checks, self._refusals = _Allowance(CHECKS), _Allowance(REFUSALS)

    @property
    def active(self) -> bool:
        """Whether checks are answered."""
        return self._credentials is not None

    @property
    def nominated(self) -> Address | None:
        """The source that the peer of the credentials has nominated last; any peer where its fragment is not known."""
        if self._credentials is None:
            return None
        if self._credentials.remote_ufrag:
            return self._nominations.get(self._credentials.remote_ufrag)
        return next(reversed(self._nominations.values()), None)

    def use(self, credentials: IceCredentials | None) -> bool:
        """Take up what the session descriptions say; True where that is a restart: our fragment or password is new.

        A change of the remote fragment alone means that another fork counts now; what it nominated before is in force
        at once.
        """
        restart = _ours(credentials) != _ours(self._credentials)
        if restart:
            self._nominations.clear()
        self._credentials = credentials
        return restart

    def answer(self, datagram: bytes, source: Address, now: float) -> Answer:
        """What to do about a STUN message that came from ``source`` at ``now`` seconds. Nothing is ever raised.

        What is malformed, or no binding request, gets silence. A request with a wrong user name or integrity gets 401,
        one without either 400, one with an attribute that has to be understood and is not 420 (RFC 5389 sections 7.3.1
        and 10.1.2).
        """
        credentials = self._credentials
        if credentials is None:
            return _SILENCE
        try:
            message = parse_message(datagram)
        except MalformedPacketError:
            return _SILENCE
        if message.kind != BINDING_REQUEST:
            return _SILENCE
        username = message.get(USERNAME)
        if username is None or message.signed is None:
            return self._refuse(message, 400, "Bad Request", now)
        ours, _, theirs = username.decode("utf-8", "replace").partition(":")
        if ours != credentials.ufrag or not message.verifies(credentials.password):
            return self._refuse(message, 401, "Unauthorized", now)
        if not self._checks.spend(now):
            return _SILENCE
        return self._accept(message, source, theirs, credentials)

    def _refuse(self, message: StunMessage, code: int, reason: str, now: float) -> Answer:
        if not self._refusals.spend(now):
            return _SILENCE
        return Answer(build(BINDING_ERROR, message.transaction, [(ERROR_CODE, error_code(code, reason))]))

    def _accept(self, message: StunMessage, source: Address, theirs: str, credentials: IceCredentials) -> Answer:
        strange = [kind for kind, _ in message.attributes if kind < _COMPREHENSION_OPTIONAL and kind not in _UNDERSTOOD]
        if strange:
            listed = b"".join(kind.to_bytes(2, "big") for kind in strange)
            attributes = [(ERROR_CODE, error_code(420, "Unknown Attribute")), (UNKNOWN_ATTRIBUTES, listed)]
            refusal = build(BINDING_ERROR, message.transaction, attributes, password=credentials.password)
            return Answer(refusal)
        mapped = [(XOR_MAPPED_ADDRESS, xor_address(*source, message.transaction))]
        response = build(BINDING_SUCCESS, message.transaction, mapped, password=credentials.password)
        if message.get(USE_CANDIDATE) is not None:
            self._nominate(theirs, source)
        return Answer(response, accepted=True, nominated=source == self.nominated)

    def _nominate(self, fork: str, source: Address) -> None:
        self._nominations.pop(fork, None)
        if len(self._nominations) >= FORKS:
            del self._nominations[next(iter(self._nominations))]
        self._nominations[fork] = source


def _ours(credentials: IceCredentials | None) -> tuple[str, str] | None:
    return None if credentials is None else (credentials.ufrag, credentials.password)
