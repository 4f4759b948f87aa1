"""The bindings of one address of record, and what a REGISTER makes of them (RFC 3261 section 10.3, RFC 5626, RFC 3327).

The rules, in their order; a request that breaks one changes nothing at all:

====================================  =======================================================================
no Contact                            nothing changes: the bindings are asked for
``Contact: *``                        with ``Expires: 0`` and alone, every binding goes; otherwise 400
expires above 0, below the minimum    423 with Min-Expires
expires above the maximum             the maximum
a binding of the same Call-ID         a CSeq that is not higher is an old request that came late: 500
expires 0                             the binding goes; one that is not there is no mistake
otherwise                             the binding is replaced, or made
more bindings than devices allowed    403
====================================  =======================================================================

A binding is known by its instance and reg-id where the phone uses outbound (RFC 5626 section 6), else by its Contact
(section 19.1.4 says which URIs are equal). A phone that comes back from elsewhere with another Call-ID has restarted:
what the same instance had registered without outbound goes, since nobody listens there any more. Times are seconds
since the epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2s
from typing import NamedTuple
from urllib.parse import unquote as unescape

from rustalk.observe.printable import printable
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import NameAddr, parse_number, quote, unquote
from rustalk.sip.message import Request
from rustalk.sip.uri import Uri, find
from rustalk.ua.inspect import Unfit

__all__ = ["Asked", "Binding", "Bounds", "FlowKey", "Wish", "equal", "read", "register"]

_Q = re.compile(r"0(?:\.[0-9]{0,6})?|\.[0-9]{1,6}|1(?:\.0{0,6})?")
_LONGEST_EXPIRES = 0xFFFFFFFF
_LARGEST_REG_ID = 0x7FFFFFFF


class FlowKey(NamedTuple):
    """What tells the ways to phones apart: a peer's address and port, seen from one profile over one transport."""

    profile: str
    transport: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one address of record may make us hold. Expiries in seconds, lengths in characters."""

    min_expires: int = 60
    max_expires: int = 3600
    default_expires: int = 3600
    devices: int = 10
    contact: int = 512
    instance: int = 128
    call_id: int = 256
    path: int = 5
    user_agent: int = 128


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to reach an extension.

    ``contact`` is the URI exactly as the phone wrote it, ``path`` the proxies to pass, nearest to us first.
    ``reg_id`` is 0 and ``instance`` may be '' where the phone does not use outbound. ``since`` is when this binding
    was made, ``refreshed_at`` when it was last confirmed, ``node`` the node of the cluster that holds the flow.
    """

    extension: str
    contact: str
    expires_at: float
    flow: FlowKey
    call_id: str
    cseq: int
    instance: str = ""
    reg_id: int = 0
    q: float = 1.0
    path: tuple[str, ...] = ()
    user_agent: str = ""
    since: float = 0.0
    refreshed_at: float = 0.0
    node: str = ""

    @property
    def name(self) -> tuple[str, int]:
        """What tells it from the other bindings of its extension."""
        return (self.instance, self.reg_id) if self.reg_id else (self.contact, 0)

    @property
    def id(self) -> str:
        """Its name in the API and in the store: the same as long as it is the same binding, also after a restart."""
        digest = blake2s(repr(self.name).encode(), digest_size=6, person=b"binding")
        return f"{self.extension}-{digest.hexdigest()}"

    def field(self, now: float) -> str:
        """The Contact value that tells the phone about it, with the seconds that are left."""
        parts = [f"<{self.contact}>;expires={max(1, math.ceil(self.expires_at - now))}"]
        if self.q != 1.0:
            parts.append(f"q={self.q:g}")
        if self.instance:
            parts.append(f"+sip.instance={quote(self.instance)}")
        if self.reg_id:
            parts.append(f"reg-id={self.reg_id}")
        return ";".join(parts)


@dataclass(frozen=True, slots=True)
class Wish:
    """One Contact of a REGISTER, with the seconds it asks for."""

    contact: str
    expires: int
    q: float = 1.0
    instance: str = ""
    reg_id: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What one REGISTER asks for. ``everything`` is ``Contact: *``."""

    wishes: tuple[Wish, ...]
    everything: bool
    call_id: str
    cseq: int
    path: tuple[str, ...]
    user_agent: str


def read(request: Request, bounds: Bounds) -> Asked:
    """Understand a REGISTER. Raises RemoteProtocolError for what is broken or longer than the bounds."""
    fields = request.all("Contact")
    everything = "*" in fields
    seconds = _expires(request.get("Expires"), bounds.default_expires)
    if everything and (len(fields) > 1 or seconds != 0):
        raise RemoteProtocolError("Contact: * must stand alone, with Expires: 0")
    contacts = [] if everything else request.contacts
    if len(contacts) > bounds.devices:
        raise RemoteProtocolError(f"more than {bounds.devices} Contacts")
    outbound = "outbound" in request.tokens("Supported")
    wishes = tuple([_wish(contact, seconds, outbound, bounds) for contact in contacts])
    if sum(1 for wish in wishes if wish.reg_id and wish.expires) > 1:
        raise RemoteProtocolError("more than one Contact with reg-id")
    call_id = request.call_id
    if not call_id.isascii() or len(call_id) > bounds.call_id:
        raise RemoteProtocolError(f"a Call-ID of more than {bounds.call_id} characters, or not of ASCII")
    agent = printable((request.get("User-Agent") or "")[: bounds.user_agent])
    return Asked(wishes, everything, call_id, request.cseq.number, _path(request, bounds), agent)


def _expires(text: str | None, default: int) -> int:
    """The seconds that a phone asks for; what is no number counts as the default (section 20.19)."""
    if text is None:
        return default
    try:
        return parse_number("Expires", text.strip(" \t"), _LONGEST_EXPIRES)
    except RemoteProtocolError:
        return default


def _wish(contact: NameAddr, seconds: int, outbound: bool, bounds: Bounds) -> Wish:
    _measure("Contact", contact.address, bounds)
    uri = contact.uri
    if uri.scheme not in ("sip", "sips") or uri.headers:
        raise RemoteProtocolError("a Contact must be a SIP URI without header fields")
    if not contact.params:
        return Wish(contact.address, seconds)
    instance = _instance(contact.param("+sip.instance"), bounds)
    reg_id = contact.param("reg-id") if instance and outbound else None
    return Wish(
        contact.address,
        _expires(contact.param("expires"), seconds),
        _q(contact.param("q")),
        instance,
        0 if reg_id is None else parse_number("reg-id", reg_id, _LARGEST_REG_ID),
    )


def _measure(name: str, uri: str, bounds: Bounds) -> None:
    if len(uri) > bounds.contact or not uri.isascii():
        raise RemoteProtocolError(f"a URI in {name} has more than {bounds.contact} characters, or others than ASCII")


def _instance(text: str | None, bounds: Bounds) -> str:
    instance = unquote(text) if text and text[0] == '"' else text or ""
    if len(instance) > bounds.instance or not (instance.isascii() and instance.isprintable()):
        raise RemoteProtocolError(f"an instance of more than {bounds.instance} characters, or not of ASCII")
    return instance


def _q(text: str | None) -> float:
    if text is None:
        return 1.0
    if _Q.fullmatch(text) is None:
        raise RemoteProtocolError(f"bad q {text[:20]!r}")
    return float(text)


def _path(request: Request, bounds: Bounds) -> tuple[str, ...]:
    """The values of Path, which go into Route of what is sent to the phone (RFC 3327 section 5.3)."""
    path = tuple(request.items("Path"))
    if len(path) > bounds.path:
        raise RemoteProtocolError(f"more than {bounds.path} hops in Path")
    for hop in path:
        _measure("Path", hop, bounds)
        if NameAddr.parse(hop).uri.scheme not in ("sip", "sips"):
            raise RemoteProtocolError("Path names something that is no SIP URI")
    return path


def register(
    current: Iterable[Binding], asked: Asked, bounds: Bounds, *, extension: str, flow: FlowKey, node: str, now: float
) -> tuple[Binding, ...] | Unfit:
    """The bindings after a REGISTER that came over ``flow``, the one changed last at the end; or why it is refused."""
    bindings = [each for each in current if each.expires_at > now]
    if asked.everything:
        return Unfit("register_out_of_order") if any(_is_later(each, asked) for each in bindings) else ()
    if any(0 < wish.expires < bounds.min_expires for wish in asked.wishes):
        return Unfit("register_too_brief", (("Min-Expires", str(bounds.min_expires)),))
    for wish in asked.wishes:
        found = _find(bindings, wish)
        if found is not None and _is_later(found, asked):
            return Unfit("register_out_of_order")
    for wish in asked.wishes:
        found = _find(bindings, wish)
        bindings = [each for each in bindings if each is not found and not _is_abandoned(each, wish, asked, flow)]
        if wish.expires:
            made = Binding(
                extension,
                wish.contact,
                now + min(wish.expires, bounds.max_expires),
                flow,
                asked.call_id,
                asked.cseq,
                wish.instance,
                wish.reg_id,
                wish.q,
                asked.path,
                asked.user_agent,
                now if found is None else found.since,
                now,
                node,
            )
            bindings.append(made)
    return tuple(bindings) if len(bindings) <= bounds.devices else Unfit("too_many_devices")


def _is_later(binding: Binding, asked: Asked) -> bool:
    """Whether the binding was made by a request that the phone sent after this one, or by this one."""
    return binding.call_id == asked.call_id and asked.cseq <= binding.cseq


def _find(bindings: Iterable[Binding], wish: Wish) -> Binding | None:
    """The binding that a Contact is about."""
    for binding in bindings:
        if wish.reg_id or binding.reg_id:
            if wish.reg_id == binding.reg_id and wish.instance == binding.instance:
                return binding
        elif wish.contact == binding.contact or equal(wish.contact, binding.contact):
            return binding
    return None


def _is_abandoned(binding: Binding, wish: Wish, asked: Asked, flow: FlowKey) -> bool:
    """Whether the phone that registers has restarted since it made this binding.

    Two lines of one phone have the same instance and Call-IDs of their own, but come over the same flow.
    """
    if not wish.instance or binding.instance != wish.instance or wish.reg_id or binding.reg_id:
        return False
    return binding.call_id != asked.call_id and binding.flow != flow


_DECISIVE = ("user", "ttl", "method", "maddr", "transport")


def equal(one: str, other: str) -> bool:
    """Whether two SIP URIs are the same address (RFC 3261 section 19.1.4)."""
    a, b = Uri.parse(one), Uri.parse(other)
    if (a.scheme, a.host.lower(), a.port) != (b.scheme, b.host.lower(), b.port):
        return False
    if (unescape(a.user or ""), a.password) != (unescape(b.user or ""), b.password):
        return False
    names = {name.lower() for name, _ in (*a.params, *b.params)}
    return all(_agree(find(a.params, name), find(b.params, name), name) for name in names)


def _agree(one: str | None, other: str | None, name: str) -> bool:
    """A parameter that only one of them has counts where it changes where the URI leads."""
    if one is None or other is None:
        return name not in _DECISIVE
    return one.lower() == other.lower()
