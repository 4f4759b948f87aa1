"""By whom a call was forwarded: History-Info, Diversion, and one neutral form between them.

History-Info (RFC 4244, RFC 7044) lists every number that the call was for, oldest first, and the number that it is for
now; Diversion (RFC 5806) only those that it left, newest first. RFC 7544 says how one becomes the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.headers import NameAddr, split_list
from rustalk.sip.message import Field
from rustalk.sip.uri import Uri
from rustalk.ua.subject import Diverted

from .number import as_user

__all__ = ["diversions", "history_infos", "read_history"]

_MOST = 20
_UNKNOWN = 404
_REASONS = {302: "unconditional", 486: "user-busy", 408: "no-answer", 480: "deflection", 487: "deflection"} | {
    503: "unavailable",
    _UNKNOWN: "unknown",
}
_CAUSES = {reason: cause for cause, reason in _REASONS.items() if cause != 487}
_SIP_CAUSE = re.compile(r"SIP\s*;(?:[^,]*;)?\s*cause\s*=\s*([1-6][0-9]{2})", re.ASCII | re.IGNORECASE)
_INDEX = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,19}", re.ASCII)
_NOBODY = "sip:anonymous@anonymous.invalid"


def read_history(fields: Iterable[Field]) -> tuple[Diverted, ...]:
    """What History-Info says, or Diversion where there is none; at most 20 numbers, the oldest first.

    A value that cannot be read is left out: it is a courtesy, for which no call is refused.
    """
    told: dict[str, list[str]] = {"History-Info": [], "Diversion": []}
    for name, value in fields:
        if name in told:
            told[name].append(value)
    if told["History-Info"]:
        return _from_history_info(_addresses(told["History-Info"]))
    return tuple(reversed([each for at in _addresses(told["Diversion"]) if (each := _from_diversion(at)) is not None]))


def _addresses(values: Iterable[str]) -> list[NameAddr]:
    found: list[NameAddr] = []
    for value in values:
        try:
            items = split_list(value) if value else []
        except RemoteProtocolError:
            continue
        for item in items[: _MOST - len(found)]:
            try:
                address = NameAddr.parse(item)
                _ = address.uri
            except RemoteProtocolError:
                continue
            found.append(address)
    return found


def _from_history_info(addresses: Sequence[NameAddr]) -> tuple[Diverted, ...]:
    """Each number with what made the call leave it: its own Reason, or the cause of the number behind it (RFC 4458)."""
    found = []
    for address, following in zip(addresses, [*addresses[1:], None], strict=False):
        uri = address.uri
        if uri.number:
            index = address.param("index") or ""
            found.append(
                Diverted(
                    uri.number,
                    _cause(uri, following),
                    index=index if _INDEX.fullmatch(index) else "",
                    is_hidden="history" in _embedded(uri, "privacy").lower(),
                )
            )
    return tuple(found)


def _cause(uri: Uri, following: NameAddr | None) -> int:
    said = _SIP_CAUSE.search(_embedded(uri, "reason"))
    if said is not None:
        return int(said[1])
    cause = following.uri.param("cause") if following is not None else None
    return int(cause) if cause and re.fullmatch(r"[1-6][0-9]{2}", cause, re.ASCII) else 0


def _embedded(uri: Uri, name: str) -> str:
    """A header field that stands in a URI behind its question mark, without the escapes."""
    for piece in uri.headers.split("&"):
        key, _, value = piece.partition("=")
        if key.lower() == name:
            return unquote(value)
    return ""


def _from_diversion(address: NameAddr) -> Diverted | None:
    number = address.uri.number
    if not number:
        return None
    reason = (address.param("reason") or "unknown").strip('"').lower()
    privacy = (address.param("privacy") or "off").strip('"').lower()
    return Diverted(
        number,
        _CAUSES.get(reason, _UNKNOWN),
        reason if re.fullmatch(r"[a-z0-9\-]{1,30}", reason) else "unknown",
        is_hidden=privacy in ("full", "name", "uri"),
    )


def history_infos(history: Sequence[Diverted], called: str, domain: str, *, hiding: bool) -> list[Field]:
    """History-Info, one field a number, with the addresses of ``domain``; what Diversion told gets its place in it.

    ``called`` is the number that the call is for now; ``hiding`` leaves out the numbers that want privacy.
    """
    if not history:
        return []
    indexed = all(each.index for each in history)
    entries = list(history) if indexed or not history[-1].cause else [*history, Diverted(called)]
    fields = []
    for place, each in enumerate(entries):
        index = each.index if indexed else ".".join("1" * (place + 1))
        fields.append(("History-Info", f"<{_history_uri(each, domain, hiding)}>;index={index}"))
    return fields


def _history_uri(each: Diverted, domain: str, hiding: bool) -> str:
    said = []
    if each.cause:
        said.append("Reason=" + quote(f"SIP;cause={each.cause}", safe=""))
    if each.is_hidden and not hiding:
        said.append("Privacy=history")
    uri = _NOBODY if each.is_hidden and hiding else f"sip:{as_user(each.number)}@{domain};user=phone"
    return f"{uri}?{'&'.join(said)}" if said else uri


def diversions(history: Sequence[Diverted], domain: str, *, hiding: bool) -> list[Field]:
    """Diversion, one field for each number that the call has left, the newest first."""
    fields = []
    for each in reversed(history):
        if each.cause:
            uri = _NOBODY if each.is_hidden and hiding else f"sip:{as_user(each.number)}@{domain};user=phone"
            reason = each.reason or _REASONS.get(each.cause, "unknown")
            privacy = "full" if each.is_hidden else "off"
            fields.append(("Diversion", f"<{uri}>;reason={reason};privacy={privacy};counter=1"))
    return fields
