"""STUN on the SIP port: how a phone with outbound keeps its NAT open over UDP (RFC 5626 section 8).

It asks how it is seen, without credentials. The answer is as short as can be: it goes to whatever address the question
bears.
"""

from __future__ import annotations

from rustalk.rtp.packet import MalformedPacketError
from rustalk.rtp.stun import (
    BINDING_ERROR,
    BINDING_REQUEST,
    BINDING_SUCCESS,
    ERROR_CODE,
    UNKNOWN_ATTRIBUTES,
    XOR_MAPPED_ADDRESS,
    StunMessage,
    build_plain,
    error_code,
    parse_message,
    xor_address,
)

__all__ = ["answer"]

_UNDERSTOOD = frozenset({0x0006, XOR_MAPPED_ADDRESS})
"""USERNAME is passed over, as is what proves it: nobody has to show anything here."""
_COMPREHENSION_OPTIONAL = 0x8000


def answer(datagram: bytes, host: str, port: int) -> bytes | None:
    """What to send back to where a STUN message came from; None for all but a binding request. Nothing is ever raised.

    An attribute that has to be understood and is not gets 420 (RFC 5389 section 7.3.1).
    """
    try:
        message = parse_message(datagram)
    except MalformedPacketError:
        return None
    if message.kind != BINDING_REQUEST:
        return None
    strange = [kind for kind, _ in message.attributes if kind < _COMPREHENSION_OPTIONAL and kind not in _UNDERSTOOD]
    if strange:
        return _refusal(message, strange)
    mapped = xor_address(host, port, message.transaction)
    return build_plain(BINDING_SUCCESS, message.transaction, [(XOR_MAPPED_ADDRESS, mapped)])


def _refusal(message: StunMessage, strange: list[int]) -> bytes:
    listed = b"".join(kind.to_bytes(2, "big") for kind in strange)
    attributes = [(ERROR_CODE, error_code(420, "")), (UNKNOWN_ATTRIBUTES, listed)]
    return build_plain(BINDING_ERROR, message.transaction, attributes)
