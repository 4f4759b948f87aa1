"""One question to the DNS and its answer, made safe: bounded, cleaned, its aliases followed (RFC 1034 section 3.6.2).

What a server sends is used only when it answers the name that was asked, directly or through at most eight aliases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from typing import Protocol as Shape

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSQueryTimeoutError, DomainError, ResolverError

__all__ = ["Address", "Answer", "Kind", "Lookup", "LookupFailedError", "NamesLookup", "Pointer", "Record", "Service"]

_MAX_ALIASES = 8
_MAX_RECORDS = 32
_MAX_TTL = 86400
_NOTHING_TTL = 30
_TIMEOUTS = (1, 2)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\Z", re.ASCII)


class Kind(IntEnum):
    """The record types that SIP needs, by their DNS number."""

    A = dns.A
    AAAA = dns.AAAA
    SRV = dns.SRV
    NAPTR = dns.NAPTR


@dataclass(frozen=True, slots=True)
class Address:
    """An A or AAAA record."""

    address: str


@dataclass(frozen=True, slots=True)
class Service:
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """A NAPTR record of the kind SIP uses: flag "s", no expression (RFC 3263 section 4.1)."""

    order: int
    preference: int
    service: str
    replacement: str


Record = Address | Service | Pointer


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is under a name; no records: the name, or this kind under it, does not exist. ``ttl`` in seconds."""

    records: tuple[Record, ...]
    ttl: int


class LookupFailedError(Exception):
    """No server gave an answer: a timeout, SERVFAIL, REFUSED or nonsense. It says nothing about the name."""


class Lookup(Shape):
    """Asks the DNS once; caching is somebody else's."""

    def __call__(self, name: str, kind: Kind) -> Deferred[Answer]:
        """Fails with LookupFailedError."""


class Resolver(Shape):
    """The part of twisted.names.client.Resolver that is used."""

    def query(self, query: dns.Query, timeout: Sequence[int]) -> Deferred[_Sections]: ...


_Sections = tuple[list[dns.RRHeader], list[dns.RRHeader], list[dns.RRHeader]]


class NamesLookup:
    """Asks through twisted.names, which never blocks."""

    def __init__(self, resolver: Resolver, timeouts: Sequence[int] = _TIMEOUTS) -> None:
        self._resolver = resolver
        self._timeouts = timeouts

    def __call__(self, name: str, kind: Kind) -> Deferred[Answer]:
        """Ask, following aliases."""
        return Deferred.fromCoroutine(self._follow(_folded(name), kind))

    async def _follow(self, name: str, kind: Kind) -> Answer:
        ttl = _MAX_TTL
        for _ in range(_MAX_ALIASES):
            headers = await self._ask(name, kind)
            name, records, ttl = _read(headers, name, kind, ttl)
            if records or name not in _aliased_away(headers):
                return Answer(records, ttl if records else _NOTHING_TTL)
        raise LookupFailedError(f"{name}: more than {_MAX_ALIASES} aliases")

    async def _ask(self, name: str, kind: Kind) -> list[dns.RRHeader]:
        if not _NAME.match(name):
            return []
        try:
            answers, _, _ = await self._resolver.query(dns.Query(name.encode("ascii"), int(kind)), self._timeouts)
        except DNSNameError:
            return []
        except (DNSQueryTimeoutError, TimeoutError):
            raise LookupFailedError(f"{name}: no answer from the DNS within {sum(self._timeouts)} s") from None
        except (DomainError, ResolverError, ConnectError, OSError, ValueError, EOFError) as error:
            raise LookupFailedError(f"{name}: the DNS failed ({type(error).__name__})") from None
        return list(answers)


def _read(headers: Iterable[dns.RRHeader], name: str, kind: Kind, ttl: int) -> tuple[str, tuple[Record, ...], int]:
    """Where the aliases in this answer lead, the records there, and the smallest time to live on the way."""
    by_owner: dict[str, list[dns.RRHeader]] = {}
    for header in headers:
        by_owner.setdefault(_folded(_text(header.name)), []).append(header)
    for _ in range(_MAX_ALIASES):
        here = by_owner.get(name, [])
        records = [header for header in here if header.type == kind]
        alias = next((header for header in here if header.type == dns.CNAME), None)
        for header in records or ([alias] if alias else []):
            ttl = min(ttl, max(0, header.ttl))
        if records or alias is None:
            clean = (_clean(header.payload, kind) for header in records[:_MAX_RECORDS])
            return name, tuple(record for record in clean if record is not None), ttl
        name = _target(alias)
    raise LookupFailedError(f"{name}: the aliases go round in circles")


def _aliased_away(headers: Iterable[dns.RRHeader]) -> set[str]:
    """The names that aliases lead to and that this answer says nothing more about: they must be asked for."""
    owners = {_folded(_text(header.name)) for header in headers}
    return {_target(header) for header in headers if header.type == dns.CNAME} - owners


def _target(alias: dns.RRHeader) -> str:
    payload = alias.payload
    return _folded(_text(payload.name)) if isinstance(payload, dns.Record_CNAME) else ""


def _clean(payload: object, kind: Kind) -> Record | None:
    if isinstance(payload, dns.Record_A | dns.Record_AAAA) and payload.address:
        return Address(str(ip_address(payload.address)))
    if isinstance(payload, dns.Record_SRV):
        target = _folded(_text(payload.target))
        if _NAME.match(target) and 0 < payload.port < 65536:
            return Service(payload.priority, payload.weight, payload.port, target)
    if isinstance(payload, dns.Record_NAPTR):
        replacement = _folded(_text(payload.replacement))
        if _label(payload.flags) == "S" and not _label(payload.regexp) and _NAME.match(replacement):
            return Pointer(payload.order, payload.preference, _label(payload.service), replacement)
    return None


def _label(value: dns.Charstr) -> str:
    return str(value.string, "ascii", "replace").upper()


def _text(name: dns.Name) -> str:
    return str(name.name, "ascii", "replace")


def _folded(name: str) -> str:
    return name.lower().removesuffix(".")
