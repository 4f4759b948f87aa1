"""Who sends this request: the login of phones by password or certificate (RFC 3261 section 22, RFC 8760).

Whoever does not show the password of an extension learns nothing from the answer: whether there is such an extension,
whether it may register from there, how near the guess was. The same challenge comes each time, of the same length and
after the same work, and the same 403 to a wrong answer (A5); why it came stands in the log.

A challenge costs no memory and is sent once: nothing is kept of a request that shows nothing, so that a flood of them
fills no table, and a 407 to an INVITE from a forged address is not repeated to whoever has it (A38). Over UDP an answer
that is much longer than its request comes out of a small allowance, unless a phone is registered from that address.

SHA-256 is offered first and MD5 beside it. There are phones that give up when they see an algorithm that they do not
know, against RFC 7616 section 3.7 (libre 1.0, for one): who comes again without an answer is offered MD5 alone, and
who uses MD5 stays with it when its nonce has grown old.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, cast
from urllib.parse import unquote

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from rustalk.config.extension import Extension
from rustalk.config.secret import Secret
from rustalk.interfaces import IFlow
from rustalk.observe.counters import Counters
from rustalk.observe.printable import printable
from rustalk.security.identity import VerifiedCertificate
from rustalk.security.limits import TokenBucket
from rustalk.security.networks import NetworkSet
from rustalk.sip.digest import Authorization, Verdict, Verifier, ha1
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request
from rustalk.sip.transaction.effects import Send
from rustalk.sip.uri import Uri
from rustalk.transport.identity import PeerIdentity
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.reasons import reason_field

__all__ = ["Authenticator", "Logins", "Why"]

log = Logger()

Why = Literal["unknown", "password", "disabled", "network", "uri", "nonce"]
"""Why a login failed: no such extension, a wrong password, one that is switched off, not from that address, shown for
another destination again and again; or nothing of that is held against the address, since the challenge that was
answered was not sent there."""

_SHOWN = 4
"""Authorization fields of one request that are looked at."""
_ACCOUNT = 64
"""Characters of a user name that are logged and counted."""
_RATIO = 1.5
"""How much longer than its request an answer over UDP may be without using the allowance (A38)."""
_ALLOWANCE, _ALLOWANCE_PER_SECOND = 32768.0, 1024.0
"""Bytes beyond that, for all unproven addresses together."""
_LINES, _LINES_PER_SECOND = 50.0, 10.0
_CODES = {Verdict.WRONG: "login_failed", Verdict.REPLAYED: "login_replayed"}
_NONCES = 20_000
_CALLERS = 20_000
_ATTEMPT = 1.0
"""Seconds after which a request is another attempt, not one of several that a phone sends together."""
_NOBODYS = "what is hashed where there is no password"


class Logins(Protocol):
    """Who counts logins. ``address`` is the peer's, ``account`` the number it gave, printable and not long."""

    def on_challenge(self, address: str, account: str) -> None:
        """A request showed nothing and was challenged: the beginning of each login, and all that a scanner does.

        ``account`` is what From names.
        """

    def on_failure(self, address: str, account: str, why: Why) -> None:
        """A login failed."""

    def on_success(self, address: str, account: str) -> None:
        """A login, by password or certificate."""


@lru_cache(1024)
def _networks(networks: tuple[str, ...]) -> NetworkSet:
    return NetworkSet(networks)


def _barred(extension: Extension | None, address: str) -> Why | None:
    """Why nobody logs in so, whatever the password; None where the password decides."""
    networks = _networks(extension.allowed_networks if extension is not None else ())
    inside = networks.contains(address)
    if extension is None:
        return "unknown"
    if not extension.enabled:
        return "disabled"
    return None if inside or not networks else "network"


class _Offer(NamedTuple):
    """What a caller is offered: MD5 ``alone`` or beside SHA-256; and since when which request has waited for an answer.

    ``request`` is 0 where none does.
    """

    alone: bool = False
    request: int = 0
    since: float = 0.0


class _Offers:
    """Who is offered MD5 alone, by address and name; those heard of longest ago are forgotten.

    A challenge without an answer may have been too much for the caller, or was lost: the next attempt gets the other
    offer, so that whoever can log in at all does so by its second attempt. Requests that come together are one attempt.
    """

    __slots__ = ("_offers",)

    def __init__(self) -> None:
        self._offers: dict[tuple[str, str], _Offer] = {}

    def is_md5_alone(self, caller: tuple[str, str]) -> bool:
        """Whether MD5 alone is what this caller is offered now."""
        return self._offers.get(caller, _Offer()).alone

    def challenged(self, caller: tuple[str, str], request: Request, now: float) -> None:
        """A request that shows nothing, which is challenged."""
        asked = hash((request.call_id, request.cseq))
        offer = self._offers.get(caller, _Offer())
        if not offer.request:
            self._keep(caller, _Offer(offer.alone, asked, now))
        elif offer.request != asked and now - offer.since >= _ATTEMPT:
            self._keep(caller, _Offer(not offer.alone, asked, now))

    def answered(self, caller: tuple[str, str]) -> None:
        """A caller knows how to answer what it was offered."""
        if self.is_md5_alone(caller):
            self._keep(caller, _Offer(alone=True))
        else:
            self._offers.pop(caller, None)

    def settle(self, caller: tuple[str, str]) -> None:
        """Offer MD5 alone to a caller that has the password and used MD5: it may know nothing else."""
        self._keep(caller, _Offer(alone=True))

    def _keep(self, caller: tuple[str, str], offer: _Offer) -> None:
        self._offers.pop(caller, None)
        if len(self._offers) >= _CALLERS:
            del self._offers[next(iter(self._offers))]
        self._offers[caller] = offer


class Authenticator:
    """Finds the extension that a request comes from, or asks for its password.

    ``find(number)`` gives an extension as it is configured now. ``key`` makes nonces and is new in each process.
    ``proven(address)`` says whether somebody has logged in from an address and is still there. ``algorithms`` are
    offered in this order.
    """

    def __init__(
        self,
        realm: str,
        find: Callable[[str], Extension | None],
        *,
        key: bytes,
        clock: IReactorTime,
        counters: Counters,
        logins: Logins,
        proven: Callable[[str], bool],
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
    ) -> None:
        self._realm = realm
        self._find = find
        self._clock = clock
        self._counters = counters
        self._logins = logins
        self._proven = proven
        self._verifier = Verifier(realm, key, clock.seconds, algorithms=algorithms, capacity=_NONCES)
        self._offers = _Offers()
        self._misdirected: dict[tuple[str, str], None] = {}
        now = clock.seconds()
        self._allowance = TokenBucket(_ALLOWANCE_PER_SECOND, _ALLOWANCE, now)
        self._lines = TokenBucket(_LINES_PER_SECOND, _LINES, now)

    def authenticate(self, transaction: ServerTransaction) -> Extension | None:
        """The extension that sends this request outside any dialog; None when it has been answered, or dropped.

        From is not compared with it: a caller may hide its name, but calls as who it has shown to be.
        """
        request, flow = transaction.request, transaction.flow
        if flow.identity is not None:
            extension = self._certified(request, flow)
            if extension is not None:
                self._logins.on_success(flow.peer[0], extension.extension)
                return extension
        caller = _caller(request, flow)
        answer = self._shown(request)
        if answer is not None:
            return self._judge(transaction, answer, caller)
        self._logins.on_challenge(*caller)
        self._offers.challenged(caller, request, self._clock.seconds())
        self._challenge(transaction, caller)
        return None

    def _certified(self, request: Request, flow: IFlow) -> Extension | None:
        """The extension that the peer's verified certificate stands for."""
        extension = self._find((request.to if request.method == "REGISTER" else request.from_).uri.number)
        if extension is None or not extension.certificate_subject or not extension.enabled:
            return None
        if not _bears(flow.identity, extension.certificate_subject):
            return None
        return None if _barred(extension, flow.peer[0]) else extension

    def _shown(self, request: Request) -> Authorization | None:
        """What the request shows to our realm; a broken answer is none."""
        name = "Authorization" if request.method == "REGISTER" else "Proxy-Authorization"
        for value in request.all(name)[:_SHOWN]:
            try:
                answer = Authorization.parse(value)
            except RemoteProtocolError:
                self._counters.messages_malformed += 1
                return None
            if answer is not None and answer.realm == self._realm:
                return answer
        return None

    def _judge(
        self, transaction: ServerTransaction, answer: Authorization, caller: tuple[str, str]
    ) -> Extension | None:
        request, address = transaction.request, transaction.flow.peer[0]
        self._offers.answered(caller)
        number = answer.username.partition("@")[0]
        extension = self._find(number)
        secret, why = self._secret(extension, answer), _barred(extension, address)
        is_directed = answer.uri == request.uri or self._is_for(request, answer.uri, transaction.flow)
        verdict = self._verifier.verify(
            answer, request.method, request.body, None if why else secret, address, is_directed=is_directed
        )
        if verdict is Verdict.ACCEPTED:
            self._misdirected.pop(caller, None)
            self._logins.on_success(address, number)
            return extension
        code = _CODES.get(verdict, "")
        if verdict is Verdict.WRONG:
            if not self._verifier.made(answer.nonce, address):
                why = "nonce"
            self._failed(transaction, number, why or "password")
            if why != "nonce":
                self._refuse(transaction)
                return None
        elif verdict is Verdict.MISDIRECTED:
            code = self._redirect(transaction, number, caller)
        elif verdict is Verdict.REPLAYED:
            self._counters.refuse("login_replayed")
            self._note(transaction, "A login of {account!r} from {transport} {host} was seen before", number)
        if verdict is not Verdict.WRONG and answer.algorithm == "MD5":
            self._offers.settle(caller)
        # Whoever repeats an answer, as phones that count no nonces do, has the password: it may answer a new challenge.
        self._challenge(transaction, caller, code, stale=verdict is not Verdict.WRONG)
        return None

    def _is_for(self, request: Request, shown: str, flow: IFlow) -> bool:
        """Whether an answer for the URI ``shown`` is one for this request, though it is written in another way.

        The host is that of the Request-URI or a name of ours, which a proxy may have changed; the user is the same (RFC
        3261 section 19.1.4). Clients that name no user, as SIPp does, and those that register, show the host only.
        """
        try:
            ours, asked = Uri.parse(shown), request.target
        except RemoteProtocolError:
            return False
        hosts = {asked.host.lower(), self._realm.lower(), flow.local[0].lower()}
        if ours.scheme not in {"sip", "sips"} or ours.host.lower() not in hosts:
            return False
        return request.method == "REGISTER" or ours.user is None or unquote(ours.user) == unquote(asked.user or "")

    def _redirect(self, transaction: ServerTransaction, number: str, caller: tuple[str, str]) -> str:
        """The right password for another destination: asked for anew once, and then counted (RFC 7616 section 3.4.6).

        Whoever has seen an answer must not use it for a call of its own.
        """
        if caller in self._misdirected:
            self._failed(transaction, number, "uri")
            return "login_failed"
        if len(self._misdirected) >= _CALLERS:
            del self._misdirected[next(iter(self._misdirected))]
        self._misdirected[caller] = None
        return ""

    def _secret(self, extension: Extension | None, answer: Authorization) -> str | None:
        """The HA1 that an extension's answer is compared with, worked out for nobody too."""
        kind = answer.algorithm if answer.algorithm in self._verifier.algorithms else "MD5"
        password = extension.password if extension is not None else Secret()
        made = ha1(kind, answer.username, self._realm, password.reveal() or _NOBODYS)
        if extension is None or password:
            return made if password else None
        stored = extension.ha1_sha256 if kind == "SHA-256" else extension.ha1_md5
        return stored.reveal() or None if answer.username == extension.extension else None

    def _failed(self, transaction: ServerTransaction, number: str, why: Why) -> None:
        self._counters.refuse("login_failed")
        self._logins.on_failure(transaction.flow.peer[0], _shortened(number), why)
        self._note(transaction, f"Login of {{account!r}} from {{transport}} {{host}} failed: {why}", number)

    def _note(self, transaction: ServerTransaction, text: str, number: str) -> None:
        """Write a line, unless there were many."""
        flow = transaction.flow
        if self._lines.take(self._clock.seconds()):
            account = _shortened(number)
            log.info(text, account=account, transport=flow.transport, host=flow.peer[0], call_id=transaction.call_id)

    def _challenge(
        self, transaction: ServerTransaction, caller: tuple[str, str], code: str = "", *, stale: bool = False
    ) -> None:
        """Ask for the password, and forget that the request was there. ``code`` is why the one shown does not do."""
        request, flow = transaction.request, transaction.flow
        register = request.method == "REGISTER"
        name = "WWW-Authenticate" if register else "Proxy-Authenticate"
        offered = self._verifier.challenges(flow.peer[0], stale)
        if self._offers.is_md5_alone(caller):
            offered = [each for each in offered if each.algorithm == "MD5"] or offered
        fields = [(name, str(each)) for each in offered]
        status = 401 if register else 407
        if code:
            fields.append(reason_field(code, status))
        self._send_once(transaction, status, fields)

    def _refuse(self, transaction: ServerTransaction) -> None:
        """Say that it was not the password: challenged again, some phones try the same one on and on (libre 1.1)."""
        self._send_once(transaction, 403, [reason_field("login_failed", 403)])

    def _send_once(self, transaction: ServerTransaction, status: int, fields: list[Field]) -> None:
        request = transaction.request
        response = request.response(status, to_tag=transaction.endpoint.tag_for(request), fields=fields)
        for effect in transaction.machine.respond(response):
            if isinstance(effect, Send) and self._affords(transaction.flow, len(effect.data), len(request.raw)):
                transaction.endpoint.write(effect.data, transaction.flow, transaction.call_id)
        transaction.end()

    def _affords(self, flow: IFlow, size: int, asked: int) -> bool:
        """Whether an answer of this size may go to a peer whose address may be forged (A38)."""
        excess = size - _RATIO * asked
        if flow.reliable or excess <= 0 or self._proven(flow.peer[0]):
            return True
        now = self._clock.seconds()
        if self._allowance.take(now, excess):
            return True
        if self._lines.take(now):
            log.info("No challenge is sent to {host}: too many short requests come over UDP (A38)", host=flow.peer[0])
        return False


def _caller(request: Request, flow: IFlow) -> tuple[str, str]:
    """The address that a request comes from and who it says it is; '' where that is not legible."""
    try:
        return flow.peer[0], _shortened(request.from_.uri.number)
    except RemoteProtocolError:
        return flow.peer[0], ""


def _shortened(account: str) -> str:
    return printable(account[:_ACCOUNT])


_COMMA = re.compile(r"(?<!\\),")
_SUBJECT = 200
"""Characters of a subject that the transport keeps: one as long as this may have been cut within a name."""


def _bears(identity: object, name: str) -> bool:
    """Whether a verified certificate bears this name: among its DNS names, or as its only common name."""
    if isinstance(identity, PeerIdentity) and len(identity.subject) < _SUBJECT:
        common = [part for part in _COMMA.split(identity.subject) if part.startswith("CN=")]
        if common == [f"CN={name}"]:
            return True
    return cast(VerifiedCertificate, identity).covers(name)
