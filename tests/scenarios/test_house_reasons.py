"""Every code that phones can be refused with reaches one in a Reason header; those of trunks are in test_reasons.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rustalk.sip.message import Request
from rustalk.ua.reasons import REASONS
from tests.fakes.agents import Leg
from tests.fakes.phone import Phone
from tests.fakes.watcher import Watcher
from tests.scenarios.office import Build, Office, extension
from tests.scenarios.site import CARRIER, PLAIN
from tests.scenarios.test_subscriptions import Watched

CLOSED = {"start": "08:00", "end": "18:00"}
"""Hours of a day: the clock of a test begins at midnight."""
OUTSIDE = "+442079460000"


# What phones do.


def dialled(office: Office, *numbers: str, caller: str = "1001") -> Office:
    """One call after the other, none of which is answered; at the end they are given up."""
    legs: list[Leg] = []
    for number in numbers:
        legs.append(office.phones[caller].call(number))
        office.run()
    for leg in legs:
        leg.cancel()
    office.run()
    return office


def talked(office: Office, seconds: float, *numbers: str) -> Office:
    """Calls that the carrier answers, each of which lasts so long; the last one is refused."""
    for number in numbers:
        leg = office.phones["1001"].call(number)
        office.run()
        if office.carrier.calls and not office.carrier.last.over:
            office.carrier.last.answer()
            office.run(seconds)
            leg.bye()
            office.run()
    return office


def registered(office: Office, phone: Phone | None = None, **parts: Any) -> Office:
    """A REGISTER of the first phone, or of this one."""
    (phone or office.phones["1001"]).register(**parts)
    office.run()
    return office


def guessed(office: Office) -> Office:
    """A wrong password."""
    thief = office.phone("1001", "203.0.113.99")
    thief.password = "guessed"
    return registered(office, thief)


def replayed(office: Office) -> Office:
    """Somebody sends again what a phone has sent, under another branch."""
    phone = office.phones["1001"]
    challenges = phone.ask("REGISTER", uri=f"sip:{phone.domain}")
    office.run()
    asked = phone.request("REGISTER", uri=f"sip:{phone.domain}", fields=[("Expires", "600")])
    fields = [*asked.fields, *phone.answer_to(challenges[-1], asked)]
    for _ in range(2):
        phone.send(Request("REGISTER", asked.uri, list(fields)), phone.flow())
        office.run()
    return office


def too_late(office: Office) -> Office:
    """A REGISTER that comes after one that was sent later."""
    for number in (9, 5):
        registered(office, call_id="one", replace={"CSeq": f"{number} REGISTER"})
    return office


def without_flow(office: Office) -> Office:
    """A phone with outbound behind a proxy that has not heard of it."""
    phone = office.phones["1001"]
    contact = f'<{phone.contact_uri}>;reg-id=1;+sip.instance="<urn:uuid:1>"'
    beyond = ("Via", "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKbeyond")
    return registered(
        office,
        fields=[("Expires", "600"), ("Supported", "path, outbound"), beyond],
        replace={"Contact": contact},
    )


def crowded(office: Office) -> Office:
    """An eleventh phone of one extension."""
    for each in range(10):
        registered(office, office.phone("1001", f"203.0.113.{100 + each}"))
    return office


def watching(event: str = "dialog", number: str = "1002", **parts: Any) -> Callable[[Build], Office]:
    """A subscription that is refused."""

    def subscribed(house: Build) -> Office:
        office = house(Watched)
        Watcher(office.phones["1001"], event, number, **parts)
        office.run(1)
        return office

    return subscribed


def watched_by_too_many(house: Build) -> Office:
    """One subscription more than an extension may have."""
    office = house(Watched)
    assert isinstance(office, Watched)
    office.watching.subscriptions._bounds = type(office.watching.subscriptions._bounds)(per_extension=1)
    for number in ("1002", "1003"):
        Watcher(office.phones["1001"], "dialog", number, expires=60)
        office.run(1)
    return office


def publishing(*fields: tuple[str, str], body: bytes = b"") -> Callable[[Build], Office]:
    """A PUBLISH that is refused."""
    kind = {"Content-Type": "application/pidf+xml"} if body else {}

    def published(house: Build) -> Office:
        office = house(Watched)
        office.phones["1001"].prove("PUBLISH", fields=[("Event", "presence"), *fields], body=body, replace=kind)
        office.run(1)
        return office

    return published


# How the house is configured.


def forwards(**targets: str) -> dict[str, Any]:
    """Extensions that forward everything."""
    return {f"{number}": {"call_forwarding": {"always": target}} for number, target in targets.items()}


def chained(house: Build) -> Office:
    """Forwards that lead on and on."""
    chain = [
        extension(str(2000 + each), call_forwarding={"always": str(2001 + each)}, permissions={"internal": True})
        for each in range(30)
    ]
    return dialled(house(extensions=[*(extension(number) for number in ("1001", "1002", "1003")), *chain]), "2000")


def routed(destination: dict[str, str], **keys: Any) -> dict[str, Any]:
    """The only route of a house with two trunks, of which the carrier calls by the numbers of Britain."""
    trunks = [{"id": "carrier", "host": CARRIER, "port": 5060, "country": "GB", **PLAIN}]
    return {
        "trunks": trunks,
        "routing": {"routes": [{"id": "only", "pattern": "", "destination": destination, **keys}]},
    }


def out(policy: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """Everything goes to the carrier, under this policy."""
    more = {"policies": [{"id": "strict", **policy}]} if policy is not None else {}
    named = {"policy": "strict"} if policy is not None else {}
    return {**routed({"type": "Trunk", "value": "carrier"}, **named, **keys), **more}


def permitted(**permissions: Any) -> dict[str, Any]:
    """What the first phone may call; everything goes to the carrier."""
    return {**out(), "more": {"1001": {"permissions": permissions}}}


def closed() -> dict[str, Any]:
    """A carrier that takes calls during the day."""
    changes = out()
    changes["trunks"][0]["hours"] = CLOSED
    return changes


def costly() -> dict[str, Any]:
    """Ten pounds a minute where five may be spent a day."""
    rate = {"id": "dear", "prefix": "", "rate_per_minute": 10, "currency": "GBP", "effective_date": "1970-01-01"}
    return {**out({"spend_limit": {"per_day": 5, "currency": "GBP"}}), "rates": [rate]}


HOUSE: dict[str, Callable[[Build], Office]] = {
    "login_failed": lambda house: guessed(house()),
    "login_replayed": lambda house: replayed(house()),
    "other_account": lambda house: registered(house(), caller="1002"),
    "register_too_brief": lambda house: registered(house(), seconds=30),
    "register_out_of_order": lambda house: too_late(house()),
    "first_hop_lacks_outbound": lambda house: without_flow(house()),
    "too_many_devices": lambda house: crowded(house()),
    "bad_event": watching("weather"),
    "event_too_brief": watching(expires=1),
    "nobody_to_watch": watching(number="4711"),
    "too_many_subscriptions": watched_by_too_many,
    "publication_unknown": publishing(("SIP-If-Match", "nothing")),
    "too_large": publishing(body=b"<presence>" + b" " * 20000),
    "extension_offline": lambda house: dialled(house(more={"1002": {}}, absent=("1002",)), "1002"),
    "extension_busy": lambda house: dialled(house(more={"1002": {"max_concurrent_calls": 1}}), "1002", "1002"),
    "extension_disabled": lambda house: dialled(house(more={"1002": {"enabled": False}}, absent=("1002",)), "1002"),
    "do_not_disturb": lambda house: dialled(house(more={"1002": {"do_not_disturb": True}}), "1002"),
    "forward_loop": lambda house: dialled(house(more=forwards(**{"1002": "1003", "1003": "1002"})), "1002"),
    "too_many_forwards": chained,
    "group_empty": lambda house: dialled(house(ring_groups=[{"id": "all", "extensions": []}]), "all"),
    "voicemail_unavailable": lambda house: dialled(house(**routed({"type": "Voicemail", "value": "1002"})), "7"),
    "queue_unavailable": lambda house: dialled(house(**routed({"type": "Queue", "value": "help"})), "7"),
    "internal_barred": lambda house: dialled(house(more={"1001": {"permissions": {"internal": False}}}), "1002"),
    "domestic_barred": lambda house: dialled(house(**permitted(domestic=False)), OUTSIDE),
    "international_barred": lambda house: dialled(house(**permitted()), "+4930123456"),
    "premium_barred": lambda house: dialled(house(**permitted()), "+449098790000"),
    "number_barred": lambda house: dialled(house(**permitted(deny=["^[+]4420"])), OUTSIDE),
    "trunk_closed": lambda house: dialled(house(**closed()), OUTSIDE),
    "route_full": lambda house: dialled(house(**out(max_calls=1)), OUTSIDE, OUTSIDE),
    "route_too_fast": lambda house: dialled(house(**out(max_cps=1)), OUTSIDE, OUTSIDE),
    "policy_hours": lambda house: dialled(house(**out({"time_window": CLOSED})), OUTSIDE),
    "policy_country": lambda house: dialled(house(**out({"denied_countries": ["GB"]})), OUTSIDE),
    "policy_frequency": lambda house: dialled(
        house(**out({"frequency_limit": {"count": 1, "window_hours": 1}})), OUTSIDE, OUTSIDE
    ),
    "policy_daily": lambda house: dialled(house(**out({"daily_limit": {"count": 1}})), OUTSIDE, OUTSIDE),
    "policy_concurrency": lambda house: dialled(
        house(**out({"concurrency": {"max_total": 1, "max_per_account": 0}})), OUTSIDE, OUTSIDE
    ),
    "policy_account": lambda house: dialled(
        house(**out({"concurrency": {"max_total": 0, "max_per_account": 1}})), OUTSIDE, OUTSIDE
    ),
    "policy_spend": lambda house: talked(house(**costly()), 60, OUTSIDE, OUTSIDE),
}
"""What happens in a house where the reason of this code is given."""


def reasons(office: Office) -> str:
    """Every Reason header that a phone got, those of registrations too."""
    found = [message.get("Reason") or "" for agent in office.all_phones for message in agent.messages]
    return "\n".join(found)


@pytest.mark.parametrize("code", HOUSE)
def test_the_phone_is_told_why(house: Build, code: str) -> None:
    """The log, the record and the Reason header speak one vocabulary, and the status is that of the registry."""
    office = HOUSE[code](house)
    assert f'SIP;cause={REASONS[code].status};text="{code}: ' in reasons(office)
    assert office.counters.refused[code] >= 1
