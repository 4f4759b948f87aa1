"""What one side learns of the caller on the other: identities, privacy, forwarding, and header fields by rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scenarios.site import CONFIGURATION, SBC, Site

PAI = ("P-Asserted-Identity", "<tel:+15551230009>, <sip:bob@contoso.example>")
PRIVACY = ("Privacy", "id")
HISTORY = (
    "History-Info",
    "<sip:+15551230008@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22a%2C%20b%22>;"
    "index=1,<sip:+15551230002@sip.pstnhub.microsoft.com:5061;user=phone>;index=1.1",
)


def carrier(**manners: Any) -> list[dict[str, Any]]:
    """The trunks, the carrier with these manners."""
    return [CONFIGURATION["trunks"][0] | manners, CONFIGURATION["trunks"][1]]


def sender(user: str) -> dict[str, str]:
    """The From of a caller."""
    return {"From": f"<sip:{user}@peer.example>;tag=caller"}


def test_a_hidden_caller_is_nobody_to_an_untrusted_carrier(build: Callable[..., Site]) -> None:
    """HDR-12: the identity that Teams asserts stays here, and nothing else names him either."""
    site = build(trunks=carrier(identity="pai"))
    talk = site.talking("teams", "carrier", replace=sender("anonymous"), fields=[PAI, PRIVACY])
    wire = talk.callee.invite.to_bytes()
    assert b'From: "Anonymous" <sip:anonymous@anonymous.invalid>' in wire
    assert b"+15551230009" not in wire
    assert b"contoso" not in wire
    talk.end()


def test_a_hidden_caller_is_asserted_to_a_trusted_carrier(build: Callable[..., Site]) -> None:
    """HDR-12: P-Asserted-Identity with Privacy, both values."""
    site = build(trunks=carrier(identity="pai", trusted=True))
    talk = site.talking("teams", "carrier", replace=sender("anonymous"), fields=[PAI, PRIVACY])
    invite = talk.callee.invite
    assert invite.items("P-Asserted-Identity") == [f"<sip:+15551230009@{SBC};user=phone>", "<sip:bob@contoso.example>"]
    assert invite.get("Privacy") == "id"
    talk.end()


def test_history_becomes_diversion_for_a_carrier(build: Callable[..., Site]) -> None:
    """HDR-13: commas in an escaped URI and all; no name of Teams' hosts goes out."""
    site = build(trunks=carrier(history="diversion"))
    talk = site.talking("teams", "carrier", fields=[HISTORY])
    diversion = f"<sip:+15551230008@{SBC};user=phone>;reason=unconditional;privacy=off;counter=1"
    assert talk.callee.invite.all("Diversion") == [diversion]
    assert b"pstnhub" not in talk.callee.invite.to_bytes()
    talk.end()


def test_diversion_becomes_history_for_teams(build: Callable[..., Site]) -> None:
    """HDR-13: with the indexes and the escapes of RFC 4244."""
    site = build()
    talk = site.talking(fields=[("Diversion", "<sip:+15551230008@pbx.example>;reason=no-answer")])
    first, last = talk.callee.invite.items("History-Info")
    assert "+15551230008@" in first
    assert first.endswith("?Reason=SIP%3Bcause%3D408>;index=1")
    assert last.endswith(";user=phone>;index=1.1")
    talk.end()


def test_a_call_that_goes_round_is_stopped(build: Callable[..., Site]) -> None:
    """HDR-13: our own number twice; 482."""
    site = build()
    again = ("Diversion", "<sip:+15551230008@x>;reason=unconditional, <sip:+15551230008@x>;reason=unconditional")
    leg = site.carrier.call(fields=[again])
    site.run()
    assert leg.statuses == [482]


@pytest.mark.parametrize("action", ["keep", "set", "map"])
def test_nothing_of_microsoft_goes_to_a_carrier(build: Callable[..., Site], action: str) -> None:
    """HDR-19: whatever the rules say."""
    rule = {"name": "X-MS-UserSite", "action": action, "value": {"keep": "", "set": "v", "map": "a => b"}[action]}
    site = build(teams={"headers": [rule | {"direction": "in"}]})
    fields = [("X-MS-UserSite", "a"), ("x-ms-mediapath", "a.example"), ("X-Ms-UserLocation", "internal")]
    talk = site.talking("teams", "carrier", fields=fields)
    assert b"x-ms-" not in talk.callee.invite.to_bytes().lower()
    talk.end()


def test_a_trunk_keeps_what_its_table_says(build: Callable[..., Site]) -> None:
    """An unknown field crosses under the name that the carrier knows, and no other does."""
    renamed = {"name": "X-Cost-Centre", "direction": "out", "action": "rename", "value": "X-Account"}
    site = build(trunks=carrier(headers=[renamed]))
    talk = site.talking("teams", "carrier", fields=[("X-Cost-Centre", "17"), ("X-Other", "1")])
    assert talk.callee.invite.get("X-Account") == "17"
    assert talk.callee.invite.get("X-Other") is None
    talk.end()


def test_national_numbers_meet_e164(build: Callable[..., Site]) -> None:
    """HDR-04, HDR-05: a carrier that speaks of its own country, and Teams that wants a plus."""
    out = {"out": [{"match": r"^\+49", "replace": "0"}]}
    site = build(trunks=carrier(country="DE", numbers=out))
    talk = site.talking(called="030123456", replace=sender("040987654"))
    invite = talk.callee.invite
    assert (invite.target.number, invite.from_.uri.number) == ("+4930123456", "+4940987654")
    talk.end()
    talk = site.talking("teams", "carrier", called="+4930123456", replace=sender("+4940987654"))
    assert (talk.callee.invite.target.number, talk.callee.invite.from_.uri.number) == ("030123456", "040987654")
    talk.end()


@pytest.mark.parametrize("number", ["911", "+911"])
def test_a_call_for_help(build: Callable[..., Site], number: str) -> None:
    """EMG-03: as Teams writes it, to the carrier as it is dialled; the location goes with it."""
    rules = {"in": [{"match": r"^(\d+)$", "replace": r"+1\1"}]}
    location = ("Geolocation", "<cid:here@contoso.example>")
    site = build(teams={"numbers": rules, "country": "US"})
    talk = site.talking("teams", "carrier", called=number, fields=[location])
    assert talk.callee.invite.target.number == "911"
    assert talk.callee.invite.get("Geolocation") == location[1]
    talk.end()
    talk = site.talking("teams", "carrier", fields=[location])
    assert talk.callee.invite.get("Geolocation") is None
    talk.end()


def test_the_location_goes_with_a_call_for_help(build: Callable[..., Site]) -> None:
    """EMG-01: every byte but those of the description is as Teams sent it; another call gets no location."""
    site = build()
    kind, location = 'multipart/mixed; boundary="a=b"', b"<?xml version='1.0'?>\n<presence/> \t\r\n"
    head, tail = b"--a=b\r\nContent-Type: application/sdp\r\n\r\n", b"\r\n--a=b\r\nContent-Type: application/pidf+xml"
    body = head + site.teams.describe() + tail + b"\r\n\r\n" + location + b"\r\n--a=b--\r\n"
    talk = site.talking("teams", "carrier", called="911", body=body, replace={"Content-Type": kind})
    invite = talk.callee.invite
    assert invite.get("Content-Type") == kind
    assert invite.body.startswith(head)
    assert invite.body.endswith(tail + body.partition(tail)[2])
    assert b"c=IN IP4 203.0.113.10" in invite.body
    talk.end()
    talk = site.talking("teams", "carrier", body=body, replace={"Content-Type": kind})
    assert talk.callee.invite.content_type == "application/sdp"
    assert location not in talk.callee.invite.body
    talk.end()


@pytest.mark.parametrize(
    ("method", "callee"),
    [("LIS", "other"), ("Assist", "other"), ("CLS", "carrier"), ("MANUAL", "carrier"), ("", "carrier")],
)
def test_a_location_that_is_known_goes_straight_to_help(build: Callable[..., Site], method: str, callee: str) -> None:
    """EMG-02: LIS and ASSIST to the trunk of the emergency service, everything else to where somebody asks first."""
    known = {"type": "Location", "methods": ["LIS", "ASSIST"]}
    direct = {
        "id": "psap",
        "pattern": "^911$",
        "conditions": [known],
        "destination": {"type": "Trunk", "value": "other"},
    }
    screened = {"id": "screen", "pattern": "", "destination": {"type": "Trunk", "value": "carrier"}}
    site = build(routing={"routes": [direct, screened]})
    body, kind = located(site, method.encode())
    talk = site.talking("teams", callee, called="911", body=body, replace={"Content-Type": kind})
    assert b"<method>" + method.encode() in talk.callee.invite.body
    talk.end()


def located(site: Site, method: bytes) -> tuple[bytes, str]:
    """A description and a location that was found in this way, and their Content-Type."""
    place = b"<presence xmlns='urn:ietf:params:xml:ns:pidf'><method>" + method + b"</method></presence>"
    parts = ((b"application/sdp", site.teams.describe()), (b"application/pidf+xml", place))
    text = b"".join(b"--b\r\nContent-Type: " + kind + b"\r\n\r\n" + part + b"\r\n" for kind, part in parts)
    return text + b"--b--\r\n", "multipart/mixed;boundary=b"


def test_the_cause_of_a_refusal_crosses(site: Site) -> None:
    """OPS-03: a number of a disabled user: 403 with cause 63, not 404, and the carrier hears both."""
    talk = site.ringing()
    said = 'Q.850;cause=63;text="560403;7c1d-5e;user is disabled"'
    talk.callee.refuse(403, [("Reason", said)])
    site.run()
    assert talk.caller.statuses == [403]
    assert talk.caller.responses[-1].get("Reason") == said


def test_a_full_trunk(build: Callable[..., Site]) -> None:
    """FO-09: 503, so that Teams moves on; with room again when a call is over, whichever side it came from."""
    site = build(trunks=carrier(max_calls=1))
    for first in (("carrier", "teams"), ("teams", "carrier")):
        talk = site.talking(*first)
        leg = site.teams.call()
        site.run()
        assert leg.statuses == [503]
        assert "trunk_full" in (leg.responses[-1].get("Reason") or "")
        talk.end()
    site.talking("teams", "carrier").end()


def test_a_trunk_that_is_called_too_fast(build: Callable[..., Site]) -> None:
    """FO-09: 503 for the third call of a second."""
    site = build(trunks=carrier(max_cps=2))
    legs = [site.teams.call() for _ in range(3)]
    site.run(0.1)
    assert [leg.over for leg in legs] == [False, False, True]
    assert "trunk_too_fast" in (legs[2].responses[-1].get("Reason") or "")
    for leg in legs[:2]:
        leg.cancel()
    site.run(1)
