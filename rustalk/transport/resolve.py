"""From a host in a SIP URI to addresses, in the order to try them (RFC 3263; RFC 2782 for SRV).

The hosts file and ``dns.hosts`` come first. Answers live as long as the DNS says; when it fails, the last good answer
is used for a day, and asking again waits a few seconds, so that a dead DNS costs a call nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .errors import TransportError
from .identity import is_address
from .lookup import Address, Answer, Kind, Lookup, LookupFailedError, Pointer, Record, Service

__all__ = ["Resolver", "Target", "read_hosts"]

_DEFAULT_PORT = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
_SRV_PREFIX = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
_NAPTR_TRANSPORT = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}

_SHORTEST_TTL = 1
_STALE_SECONDS = 86400.0
_DENIED_SECONDS = 300.0
_RETRY_SECONDS = 5.0
_PATIENCE_SECONDS = 0.5
_MAX_ENTRIES = 10_000
_MAX_TARGETS = 16


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try. ``name`` is what a TLS server there must prove: the host that was asked for (RFC 5922)."""

    transport: str
    address: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class _Remembered:
    """An answer: until when it is fresh, until when it may be used at all, when to ask again after a failure."""

    answer: Answer
    fresh_until: float
    usable_until: float
    retry_at: float = 0.0
    denied: bool = False


class Resolver:
    """Names to addresses, with a memory. ``below(n)`` gives a random number from 0 up to n - 1 for the SRV weights."""

    log = Logger()

    def __init__(
        self,
        lookup: Lookup,
        clock: IReactorTime,
        hosts: Mapping[str, Sequence[str]] | None = None,
        below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self.hosts = {name.lower().removesuffix("."): tuple(found) for name, found in (hosts or {}).items()}
        self._lookup = lookup
        self._clock = clock
        self._below = below
        self._memory: dict[tuple[str, Kind], _Remembered] = {}
        self._asking: dict[tuple[str, Kind], list[Deferred[Answer]]] = {}

    async def addresses(self, host: str, families: Iterable[int] = (4, 6)) -> tuple[str, ...]:
        """The addresses of a host, IPv4 before IPv6 unless ``families`` says otherwise; none is an error.

        Raises TransportError with cause ``dns``.
        """
        families = tuple(families)
        known = (host,) if is_address(host) else self.hosts.get(host.lower().removesuffix("."))
        if known is not None:
            found = [one for family in families for one in known if ip_address(one).version == family]
        else:
            found = await self._addresses(host, families)
        if not found:
            raise TransportError("dns", f"{host} has no address of IP version {' or '.join(map(str, families))}")
        return tuple(found[:_MAX_TARGETS])

    async def targets(
        self,
        host: str,
        port: int | None = None,
        transport: str | None = None,
        *,
        secure: bool = False,
        supported: Sequence[str] = ("UDP", "TCP", "TLS"),
        families: Iterable[int] = (4, 6),
    ) -> tuple[Target, ...]:
        """Where to send a request for this URI, best first (RFC 3263 section 4).

        ``supported`` are our transports, the preferred first; ``secure`` allows TLS only. Raises TransportError with
        cause ``dns``.
        """
        allowed = ("TLS",) if secure else tuple(supported)
        plain = transport or ("TLS" if secure else "UDP" if "UDP" in allowed else allowed[0])
        families = tuple(families)
        if is_address(host) or port is not None or host.lower().removesuffix(".") in self.hosts:
            return await self._at(host, host, port or _DEFAULT_PORT[plain], plain, families)
        services = await self._services(host, (transport,) if transport else allowed, ask_pointers=transport is None)
        if not services:
            return await self._at(host, host, _DEFAULT_PORT[plain], plain, families)
        return await self._located(host, services, families)

    async def _located(
        self, host: str, services: Sequence[tuple[str, Service]], families: tuple[int, ...]
    ) -> tuple[Target, ...]:
        found: list[Target] = []
        problem = TransportError("dns", f"{host} offers no service")
        for transport, service in services[:_MAX_TARGETS]:
            try:
                found += await self._at(service.target, host, service.port, transport, families)
            except TransportError as error:
                problem = error
        if not found:
            raise problem
        return tuple(found[:_MAX_TARGETS])

    async def _at(
        self, host: str, name: str, port: int, transport: str, families: tuple[int, ...]
    ) -> tuple[Target, ...]:
        return tuple(Target(transport, address, port, name) for address in await self.addresses(host, families))

    async def _services(self, host: str, transports: Sequence[str], *, ask_pointers: bool) -> list[tuple[str, Service]]:
        """The SRV records of the best transport that has some: as NAPTR says, else in our own order."""
        asked = [(transport, _SRV_PREFIX[transport] + host) for transport in transports]
        if ask_pointers:
            pointers = [one for one in await self._try(host, Kind.NAPTR) if isinstance(one, Pointer)]
            pointers.sort(key=lambda one: (one.order, one.preference))
            named = [(_NAPTR_TRANSPORT.get(one.service, ""), one.replacement) for one in pointers]
            asked = [one for one in named if one[0] in transports] or asked
        found: list[tuple[str, Service]] = []
        for transport, name in asked:
            records = [one for one in await self._try(name, Kind.SRV) if isinstance(one, Service)]
            found += [(transport, service) for service in self._ordered(records)]
        return found

    def _ordered(self, services: Iterable[Service]) -> list[Service]:
        """RFC 2782: priorities ascending; within one, drawn by weight, the weightless first in the running sum."""
        ordered: list[Service] = []
        waiting = sorted(services, key=lambda one: (one.priority, one.weight))
        while waiting:
            group = [one for one in waiting if one.priority == waiting[0].priority]
            drawn = self._below(sum(one.weight for one in group) + 1)
            for service in group:
                drawn -= service.weight
                if drawn <= 0:
                    break
            ordered.append(service)
            waiting.remove(service)
        return ordered

    async def _addresses(self, host: str, families: tuple[int, ...]) -> list[str]:
        found: list[str] = []
        problem: LookupFailedError | None = None
        for family in families:
            try:
                answer = await self._remembered(host, Kind.A if family == 4 else Kind.AAAA)
            except LookupFailedError as error:
                problem = error
                continue
            found += [record.address for record in answer.records if isinstance(record, Address)]
        if not found and problem is not None:
            raise TransportError("dns", str(problem))
        return found

    async def _try(self, name: str, kind: Kind) -> tuple[Record, ...]:
        """Records, or none where the DNS fails: the next step of RFC 3263 may still succeed."""
        try:
            return (await self._remembered(name, kind)).records
        except LookupFailedError as error:
            self.log.info("Looking on without the {kind} records: {error}", kind=kind.name, error=error)
            return ()

    # Memory

    async def _remembered(self, name: str, kind: Kind) -> Answer:
        key = (name.lower().removesuffix("."), kind)
        now = self._clock.seconds()
        entry = self._memory.get(key)
        if entry is not None and now >= entry.usable_until:
            entry = None
        if entry is not None and (now < entry.fresh_until or now < entry.retry_at):
            return entry.answer
        waiter = self._ask(key)
        if entry is None:
            return await waiter
        waiter.addTimeout(_PATIENCE_SECONDS, self._clock)
        try:
            return await waiter
        except (LookupFailedError, TimeoutError):
            self._log_last_good(name)
            return entry.answer

    def _ask(self, key: tuple[str, Kind]) -> Deferred[Answer]:
        """Wait for the answer to one question; those who ask the same meanwhile wait with us."""
        waiter: Deferred[Answer] = Deferred()
        if key in self._asking:
            self._asking[key].append(waiter)
            return waiter
        self._asking[key] = [waiter]
        self._lookup(*key).addCallbacks(self._answered, self._failed, callbackArgs=(key,), errbackArgs=(key,))
        return waiter

    def _answered(self, answer: Answer, key: tuple[str, Kind]) -> None:
        now = self._clock.seconds()
        known = self._memory.get(key)
        if not answer.records and known is not None and known.answer.records and now < known.usable_until:
            # The name was good a moment ago. A slip of the zone must not cut a trunk: it gets minutes to come back.
            usable = known.usable_until if known.denied else now + _DENIED_SECONDS
            self._memory[key] = replace(known, usable_until=usable, retry_at=now + _RETRY_SECONDS, denied=True)
            answer = known.answer
        else:
            if len(self._memory) >= _MAX_ENTRIES:
                self._memory.clear()
            fresh = now + max(_SHORTEST_TTL, answer.ttl)
            self._memory[key] = _Remembered(answer, fresh, fresh + (_STALE_SECONDS if answer.records else 0.0))
        for waiter in self._asking.pop(key):
            if not waiter.called:
                waiter.callback(answer)

    def _failed(self, failure: object, key: tuple[str, Kind]) -> None:
        value = getattr(failure, "value", None)
        error = value if isinstance(value, LookupFailedError) else LookupFailedError(f"{key[0]}: {value!r}")
        known = self._memory.get(key)
        if known is not None:
            self._memory[key] = replace(known, retry_at=self._clock.seconds() + _RETRY_SECONDS)
        for waiter in self._asking.pop(key):
            if not waiter.called:
                waiter.errback(error)

    def _log_last_good(self, name: str) -> None:
        self.log.info("The DNS does not answer for {name}; its last good answer is used", name=name)


def read_hosts(path: Path) -> dict[str, tuple[str, ...]]:
    """The names of a hosts file, each with its addresses in order. Bad lines are skipped, no file is no names."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if not is_address(address):
            continue
        for name in names:
            name = name.lower().removesuffix(".")
            if address not in found.get(name, ()):
                found[name] = (*found.get(name, ()), address)
    return found
