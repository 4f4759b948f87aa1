"""Who calls, as a trusted trunk asserts it and as a caller may hide it (RFC 3323, RFC 3325).

Identities are told within a circle of trust. A caller who asks for privacy keeps his number in that circle: outside of
it he is anonymous, and nothing that names him goes there.
"""

from __future__ import annotations

from collections.abc import Iterable

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import NameAddr, quote, split_list
from rustalk.sip.message import Field
from rustalk.ua.subject import Party, Subject

from .number import as_user

__all__ = ["ANONYMOUS", "asserted_fields", "is_hidden", "party_value", "read_asserted", "read_privacy"]

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""From of somebody who is not to be known (RFC 3323 section 4.1.1.3)."""

_HIDING = frozenset(("id", "user", "header"))
_MOST = 4


def read_asserted(values: Iterable[str]) -> tuple[Party, ...]:
    """The values of P-Asserted-Identity or P-Preferred-Identity, at most four; what cannot be read is no identity."""
    found: list[Party] = []
    for value in values:
        try:
            items = split_list(value) if value else []
        except RemoteProtocolError:
            continue
        for item in items[: _MOST - len(found)]:
            try:
                address = NameAddr.parse(item)
                number = address.uri.number
            except RemoteProtocolError:
                continue
            if number and address.uri.scheme in ("sip", "sips", "tel"):
                found.append(Party(number, address.display, "" if _is_number(number) else address.address))
    return tuple(found)


def read_privacy(values: Iterable[str]) -> tuple[str, ...]:
    """The tokens of Privacy, in lower case; at most eight."""
    tokens = (token.strip(" \t").lower() for value in values for token in value.replace(",", ";").split(";"))
    return tuple(dict.fromkeys(token for token in tokens if token.isalnum() and token.isascii()))[:8]


def is_hidden(subject: Subject) -> bool:
    """Whether the caller asks not to be known; "none" forbids that anybody asks in his place."""
    privacy = subject.told.privacy
    return bool(privacy) and not _HIDING.isdisjoint(privacy) and "none" not in privacy


def party_value(party: Party, domain: str) -> str:
    """An identity as a header value: its number at ``domain``, or its own address."""
    display = f"{quote(party.display)} " if party.display else ""
    return f"{display}<{party.address or f'sip:{as_user(party.number)}@{domain};user=phone'}>"


def asserted_fields(name: str, parties: Iterable[Party], domain: str, privacy: Iterable[str]) -> list[Field]:
    """P-Asserted-Identity or P-Preferred-Identity, one field an identity, and Privacy."""
    fields = [(name, party_value(party, domain)) for party in parties]
    tokens = ";".join(privacy)
    return [*fields, ("Privacy", tokens)] if tokens else fields


def _is_number(number: str) -> bool:
    return number.isascii() and number.removeprefix("+").isdigit()
