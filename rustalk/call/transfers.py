"""What becomes of a call that its sides want to go elsewhere: REFER, Replaces and 3xx (XFR-01..09)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from rustalk.media.session import MediaSide
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Field, Request
from rustalk.sip.replaces import Replaces, asked_in
from rustalk.sip.uri import Uri
from rustalk.ua.dialogs import Dialogs, Usage
from rustalk.ua.endpoint import ServerTransaction
from rustalk.ua.reasons import REASONS
from rustalk.ua.referral import Referral
from rustalk.ua.session import Session
from rustalk.ua.subject import Diverted, Subject
from rustalk.ua.timeouts import Timeouts

from . import bridge
from .attempt import Dial
from .call import Call
from .events import Refused
from .hairpin import Hairpin
from .join import Join
from .leg import Leg
from .switchboard import Placed, Switchboard, enter
from .target import Target, Trunk
from .transfer import Transfer
from .verdict import code_of

__all__ = ["Transfers"]

_REFER = ("Refer-To", "Referred-By", "Refer-Sub")
_NOTIFY = ("Event", "Subscription-State", "Content-Type")
_MOVED = 302
_CONTACTS = 8
"""So many contacts of a 3xx are looked at: each is asked of all routes."""


class Transfers:
    """Decides who is called when a call is to go elsewhere, and whether it may.

    ``owner`` finds the call and the leg of a dialog, ``ringing`` those of a branch that rings, and where it does.
    ``spend`` counts a new call, and gives the code of why it may not begin. ``loop`` gives the address, by IP version,
    over which the media of two calls of ours reach each other.
    """

    def __init__(
        self,
        *,
        trunks: Mapping[str, Trunk],
        switchboard: Switchboard,
        dialogs: Dialogs,
        dial: Dial,
        token: Callable[[], str],
        timeouts: Timeouts,
        ring_timeout: float,
        owner: Callable[[Usage], tuple[Call, Leg] | None],
        ringing: Callable[[Replaces], tuple[Call, Leg, str] | None],
        spend: Callable[[Subject], str],
        loop: Mapping[int, str],
    ) -> None:
        self._trunks = trunks
        self._switchboard = switchboard
        self._dialogs = dialogs
        self._dial = dial
        self._token = token
        self._timeouts = timeouts
        self._ring_timeout = ring_timeout
        self._owner = owner
        self._ringing = ringing
        self._spend = spend
        self._loop = loop

    # REFER.

    def referred(self, call: Call, leg: Leg, transaction: ServerTransaction) -> None:
        """A side wants the other one to be connected elsewhere. Raises RemoteProtocolError for an unusable REFER."""
        other = call.other(leg)
        if call.transfer is not None or call.answered_at is None or other is None or other.session is None:
            transaction.refuse("glare")
        elif self._trunks[leg.trunk].refer == "pass" and self._trunks[other.trunk].takes_refer:
            call.passes_refer = True
            fields = _fields(transaction.request, _REFER)
            other.session.ask("REFER", fields, transaction.request.body, bridge.Relayed(transaction))
        else:
            referral = Referral(cast(Session, leg.session), transaction)
            replaces = asked_in(referral.target)
            if replaces is not None and not self._trunks[leg.trunk].answers_at(referral.target):
                self._join(call, leg, referral, replaces, transaction)
            else:
                self._hand_on(call, leg, referral)

    def notified(self, call: Call, leg: Leg, transaction: ServerTransaction) -> None:
        """What became of a REFER that was passed on goes back to who sent it."""
        other = call.other(leg)
        event = (transaction.request.get("Event") or "").partition(";")[0].strip(" \t").lower()
        if event != "refer" or not call.passes_refer or other is None or other.session is None:
            transaction.refuse("no_dialog")
            return
        fields = [("Event", event), *_fields(transaction.request, _NOTIFY[1:])]
        other.session.ask("NOTIFY", fields, transaction.request.body, bridge.Relayed(transaction))

    def _hand_on(self, call: Call, leg: Leg, referral: Referral) -> None:
        """Call who the REFER names in place of who sent it."""
        uri = referral.target
        if (uri.param("method") or "INVITE").upper() != "INVITE":
            referral.refuse("bad_request", 400)
            return
        trunk = self._trunks[leg.trunk]
        subject = self._handed_on(call, leg, referral)
        subject = replace(subject, called=trunk.inward(uri.number))
        if trunk.answers_at(uri):
            placed = Placed(replace(subject, uri=_international(uri)), trunk.targets())
        else:
            placed = self._switchboard.place(subject, leg.trunk)
        placed, code = self._enter(placed, leg.trunk)
        if code:
            referral.accept()
            referral.finish(placed.status or REASONS[code].status)
            return
        transfer = Transfer(
            call,
            leg,
            referral,
            subject,
            placed,
            dial=self._dial,
            token=self._token,
            timeouts=self._timeouts,
            follow=self._follow,
        )
        transfer.start(self._ring_timeout)

    def _handed_on(self, call: Call, leg: Leg, referral: Referral) -> Subject:
        """The call as its new side sees it: from the side that stays (XFR-04)."""
        subject = call.subject
        fresh = replace(
            subject,
            call=self._token(),
            referred_by=referral.referred_by,
            host=self._trunks[leg.trunk].host_of(subject.tenant),
            is_secure=referral.target.scheme == "sips",
        )
        stays = call.other(leg)
        number = call.number_of(stays) if stays is not None else subject.caller
        return fresh if number == subject.caller else replace(fresh, caller=number, display="")

    def _enter(self, placed: Placed, source: str) -> tuple[Placed, str]:
        """Count a call as a new one, and at the first target that takes it; or the code of why none does."""
        code = "" if placed.code else self._spend(placed.subject)
        return (placed, code) if code else enter(self._switchboard, placed, source)

    # Replaces.

    def replaced(self, replaces: Replaces, source: str, tenant: str | None) -> tuple[Call, Leg] | str:
        """The side of a call that an INVITE from ``source`` may take over or pick up, or the code of why it may not.

        ``tenant`` None leaves open whose it is. A dialog with another trunk, or of another tenant, is none that this
        one could know (RFC 3891 section 3).
        """
        ringing = self._ringing(replaces)
        if ringing is not None:
            call, leg, peer = ringing
            fits = self._switchboard.picks_up(source, peer) and tenant in (None, call.subject.tenant)
            return (call, leg) if fits else "no_dialog"
        usage = self._dialogs.get((replaces.call_id, replaces.to_tag, replaces.from_tag))
        found = self._owner(usage) if usage is not None and usage.trunk == source else None
        if found is None:
            return "no_dialog"
        call, _ = found
        if call.answered_at is None or tenant not in (None, call.subject.tenant):
            return "no_dialog"
        if replaces.early_only:
            return "already_answered"
        return "glare" if call.transfer is not None else found

    def _join(
        self, call: Call, leg: Leg, referral: Referral, replaces: Replaces, transaction: ServerTransaction
    ) -> None:
        """Connect the sides that stay of two calls that the same peer has with us."""
        found = self.replaced(replaces, leg.trunk, call.subject.tenant)
        if isinstance(found, str) or found[0].answered_at is None or found[0] is call or _end(call, leg) is found[1]:
            code = found if isinstance(found, str) else "no_dialog"
            referral.accept()
            referral.finish(REASONS[code].status)
            return
        family = self._trunks[leg.trunk].media.family
        loop = MediaSide(family=family, advertised=self._loop.get(family))
        Join((call, leg), found, referral, transaction.flow, loop=loop, timeouts=self._timeouts).start()

    # 3xx.

    def redirected(self, call: Call, contacts: Sequence[str]) -> Sequence[Target]:
        """Who to call after a 3xx: the first of its numbers that a route takes. Its hosts are not believed."""
        source = call.caller.trunk if call.caller is not None else ""
        found = self._follow(call.destination or "", source, call.subject, contacts)
        if found is None:
            return ()
        return _turned(call, found)

    def onward(self, call: Call, refusal: Refused) -> Sequence[Target]:
        """Who to call after nobody has taken the call."""
        source = call.caller.trunk if call.caller is not None else ""
        code = code_of(refusal)
        known = refusal if code == "far_end" else replace(refusal, cause=code)
        following = self._switchboard.onward(call.way, source, known)
        if following is None:
            return ()
        placed, code = enter(self._switchboard, following, source)
        return () if code else _turned(call, placed)

    def _follow(self, trunk: str, source: str, subject: Subject, contacts: Sequence[str]) -> Placed | None:
        """Where a call goes after a 3xx of ``trunk``; the first target has admitted it."""
        former = self._trunks.get(trunk)
        if former is None or former.redirects != "follow":
            return None
        asker = self._switchboard.asker(trunk, source)
        for contact in contacts[:_CONTACTS]:
            number = former.inward(_number(contact))
            if not number or number == subject.called:
                continue
            history = (*subject.told.history, Diverted(subject.called, _MOVED))
            moved = replace(
                subject,
                called=number,
                uri="",
                told=replace(subject.told, history=history),
                is_secure=contact.lower().startswith("sips:"),
            )
            placed, code = self._enter(self._switchboard.place(moved, asker), source)
            if not code:
                return placed
        return None

    def passes_redirects(self, call: Call) -> bool:
        """Whether the caller's trunk is told of a 3xx; Teams never is (XFR-08)."""
        former = self._trunks.get(call.destination or "")
        caller = self._trunks.get(call.caller.trunk) if call.caller is not None else None
        return former is not None and former.redirects == "pass" and caller is not None and caller.takes_redirects


def _turned(call: Call, placed: Placed) -> Sequence[Target]:
    """The targets, once the call knows that it goes there; it counts at the first of them now."""
    call.way, call.subject = placed, placed.subject
    call.grants += placed.grants
    call.hold(placed.targets[0].limit, 1)
    return placed.targets


def _fields(request: Request, names: Sequence[str]) -> list[Field]:
    return [(name, value) for name, value in request.fields if name in names]


def _international(uri: Uri) -> str:
    """The URI as it was written, but a number of digits only gets its plus (XFR-06, HDR-04).

    Teams, which has TLS only, is written no ``sips:`` (OPT-09).
    """
    text, digits = str(uri), uri.user or ""
    if uri.scheme == "sips":
        text = f"sip{text[4:]}"
    return text.replace(f":{digits}@", f":+{digits}@", 1) if digits.isascii() and digits.isdigit() else text


def _end(call: Call, leg: Leg) -> Leg | None:
    """Who a leg talks to, be it over calls that are joined."""
    other = call.other(leg)
    return other.session.end if other is not None and isinstance(other.session, Hairpin) else other


def _number(contact: str) -> str:
    try:
        uri = Uri.parse(contact)
    except RemoteProtocolError:
        return ""
    return uri.number if uri.scheme in ("sip", "sips", "tel") else ""
