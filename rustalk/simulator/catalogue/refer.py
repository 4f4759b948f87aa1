"""Transfers as a peer asks for them: REFER, what NOTIFY tells of it (RFC 3515), and Replaces (RFC 3891)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from rustalk.sip.message import Field, Request

from ..call import Call
from ..style import guid, hexadecimal
from ..taken import TakenCall
from .claim import has, need, same
from .scene import Scene

__all__ = ["Asked", "ask", "embedded", "fragments", "replaces", "target", "told_of"]

TENANT = "a5c2f4e0-1b2c-4d3e-8f90-123456789abc"


@dataclass(frozen=True, slots=True)
class Asked:
    """A REFER that was accepted: where it points, and its Referred-By as written."""

    uri: str
    by: str


def target(scene: Scene, *, number: str = "", object: str = "", extra: str = "") -> str:
    """A Refer-To URI as Teams writes it: at the first proxy, with a number or with the id of an object (XFR-02)."""
    user = f"{number}@" if number else ""
    found = f";x-m={object}" if object else ""
    return f"sip:{user}{scene.teams.sip_proxies[0]};transport=tls{found}{extra}"


async def ask(scene: Scene, call: Call, uri: str, fields: tuple[Field, ...] = ()) -> Asked:
    """Send REFER in this call of Teams; it must get 202 at once, and a first NOTIFY with 100 (XFR-04)."""
    scene.teams.referred.add(uri)
    by = (
        f"<sip:{scene.teams.sip_proxies[0]};x-m=8:orgid:{guid(hexadecimal)};x-t={TENANT};"
        f"x-ti={guid(hexadecimal)};x-tt=aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHk%3D>"
    )
    own: list[Field] = [("Refer-To", f"<{uri}>"), ("Referred-By", by)]
    response = await call.request("REFER", fields=[*own, *fields])
    same(response.status if response else 0, 202, "the answer to REFER")
    await scene.until(lambda: fragments(call), "the first NOTIFY")
    same(fragments(call)[0], "SIP/2.0 100 Trying", "the first NOTIFY")
    return Asked(uri, by)


def fragments(call: Call) -> list[str]:
    """The status lines that NOTIFY has told in this call, each message held to its form (XFR-04)."""
    found = []
    for request in call.seen:
        if request.method == "NOTIFY":
            _claim_form(request)
            found.append(request.body.decode("utf-8", "replace").splitlines()[0])
    return found


async def told_of(scene: Scene, call: Call, status: int) -> None:
    """Wait for the NOTIFY of the transfer's end; it must have this status and end the subscription."""

    def last() -> Request | None:
        return next((one for one in reversed(call.seen) if one.method == "NOTIFY"), None)

    def over() -> bool:
        notify = last()
        return notify is not None and (notify.get("Subscription-State") or "").startswith("terminated")

    await scene.until(over, f"a NOTIFY that ends the subscription; so far {fragments(call)}")
    line = fragments(call)[-1]
    need(line.startswith(f"SIP/2.0 {status} "), f"the last NOTIFY says {line!r}, it should say {status}")
    states = [one.get("Subscription-State") or "" for one in call.seen if one.method == "NOTIFY"]
    need(all(state.startswith("active") for state in states[:-1]), f"Subscription-State went {states}")


def replaces(call: Call, extra: str = "") -> str:
    """The Replaces value that names this call's dialog, as the SBC has to match it (RFC 3891 section 3)."""
    if call.dialog is not None:
        ours, theirs = call.dialog.local_tag, call.dialog.remote_tag
    elif isinstance(call, TakenCall):
        ours, theirs = call.tag_of("a"), call.incoming.from_.tag
    else:
        ours = theirs = ""
    return f"{call.call_id};to-tag={theirs};from-tag={ours}{extra}"


def embedded(value: str) -> str:
    """A Replaces value as it stands behind the question mark of a Refer-To."""
    return f"?Replaces={quote(value, safe='')}"


def _claim_form(notify: Request) -> None:
    same((notify.get("Event") or "").partition(";")[0], "refer", "the Event of NOTIFY")
    same(notify.content_type, "message/sipfrag", "the Content-Type of NOTIFY")
    has({name for name, _ in notify.fields}, "Subscription-State", "NOTIFY")
