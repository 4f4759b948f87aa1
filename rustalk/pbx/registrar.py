"""REGISTER of an extension that has shown who it is (RFC 3261 section 10.3, RFC 3327, RFC 5626).

Who may register, and the way that the phone is reached by, are decided here; what becomes of its bindings in
`rustalk.pbx.bindings`, where they are kept by `rustalk.pbx.locate`. Nothing here waits: a REGISTER is answered before
the next message is read.
"""

from __future__ import annotations

import math
from email.utils import formatdate

from rustalk.config.extension import Extension
from rustalk.interfaces import IFlow
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Request
from rustalk.sip.uri import find
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.inspect import Unfit

from .bindings import Asked, Binding, Bounds, read, register
from .locate import Locator, flow_key

__all__ = ["Registrar"]

_SUPPORTED = "path, outbound"
_OPTIONS = frozenset(_SUPPORTED.split(", "))


class Registrar:
    """Answers REGISTER and keeps what it says in ``locator``.

    ``flow_timer`` is the seconds within which an outbound phone sends a keep-alive over its connection (RFC 5626
    section 4.4.1); it must be shorter than what the transport calls idle.
    """

    def __init__(self, locator: Locator, bounds: Bounds | None = None, *, flow_timer: int = 120) -> None:
        self._locator = locator
        self._bounds = bounds or Bounds()
        self._flow_timer = flow_timer
        self._date = (0, "")

    def register_received(self, transaction: ServerTransaction, extension: Extension) -> None:
        """A REGISTER that showed the password of ``extension``; one for anybody else is refused.

        Raises RemoteProtocolError for what is broken, which the endpoint answers.
        """
        request, flow = transaction.request, transaction.flow
        number = extension.extension
        unfit = _unfit(request, number)
        if unfit is None:
            asked = read(request, self._bounds)
            unfit = _unkept(request, asked)
        if unfit is not None:
            transaction.refuse(unfit.code, fields=unfit.fields)
            return
        bindings = self._locator.all(number)
        if asked.wishes or asked.everything:
            outcome = self._register(asked, number, flow)
            if isinstance(outcome, Unfit):
                transaction.refuse(outcome.code, fields=outcome.fields)
                return
            bindings = outcome
            self._locator.put(number, bindings, flow)
        transaction.respond(200, fields=self._fields(asked, bindings, flow))

    def _register(self, asked: Asked, number: str, flow: IFlow) -> tuple[Binding, ...] | Unfit:
        """The bindings after it. Those that cannot be reached give way where there are too many."""
        locator, key = self._locator, flow_key(flow)
        current, now = locator.all(number), locator.now()
        outcome = register(current, asked, self._bounds, extension=number, flow=key, node=locator.node, now=now)
        if isinstance(outcome, Unfit) and outcome.code == "too_many_devices":
            current = tuple(each for each in current if locator.is_reachable(each))
            outcome = register(current, asked, self._bounds, extension=number, flow=key, node=locator.node, now=now)
        return outcome

    def _fields(self, asked: Asked, bindings: tuple[Binding, ...], flow: IFlow) -> list[Field]:
        """What a 200 says: every binding there is, and what was understood of how to reach the phone."""
        now = self._locator.now()
        fields = [("Contact", each.field(now)) for each in bindings if each.expires_at > now]
        fields += [("Path", hop) for hop in asked.path]
        fields.append(("Supported", _SUPPORTED))
        if _is_outbound(asked):
            fields.append(("Require", "outbound"))
            if flow.reliable and not asked.path:  # over UDP the phone asks every 24 to 29 s by itself (section 4.4)
                fields.append(("Flow-Timer", str(self._flow_timer)))
        fields.append(("Date", self._today(now)))
        return fields

    def _today(self, now: float) -> str:
        """The Date, made once a second."""
        second = math.floor(now)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _unfit(request: Request, number: str) -> Unfit | None:
    """Why this account may not send this REGISTER; None when it may (section 10.3, steps 2 and 4)."""
    if request.get("Require") is not None:
        unknown = request.tokens("Require") - _OPTIONS
        if unknown:
            return Unfit("bad_extension", (("Unsupported", ", ".join(sorted(unknown))),))
    if request.to.uri.number != number or request.from_.uri.number != number:
        return Unfit("other_account")
    return None


def _is_outbound(asked: Asked) -> bool:
    return any(wish.reg_id for wish in asked.wishes)


def _unkept(request: Request, asked: Asked) -> Unfit | None:
    """Whether outbound is asked for behind a proxy that does not keep the flow (RFC 5626 section 6)."""
    if not _is_outbound(asked) or len(request.items("Via")) == 1:
        return None
    keeps = any(find(NameAddr.parse(hop).uri.params, "ob") is not None for hop in asked.path)
    return None if keeps else Unfit("first_hop_lacks_outbound")
