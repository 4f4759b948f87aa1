"""What an INVITE to a trunk tells of its caller."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.model import Manners, NumberRule, Numbers
from rustalk.config.pattern import Pattern
from rustalk.sip.message import Field
from rustalk.sip.multipart import Multipart
from rustalk.trunk.plan import NumberPlan
from rustalk.trunk.write import Writer
from rustalk.ua.subject import Diverted, Party, Subject, Told

ASSERTED = Party("+15550000009", "Bob")
USER = Party("bob", "", "sip:bob@contoso.example")
HIDDEN = Subject("+15550000001", "+2", "Bob", told=Told(asserted=(ASSERTED,), privacy=("id",)), is_trusted=True)
NOBODY = '"Anonymous" <sip:anonymous@anonymous.invalid>'
LOCATION = ("Geolocation", "<cid:here@contoso.example>")
DESCRIPTION = b"Content-Type: application/sdp\r\n\r\nv=0\r\n"
BODY = b"--b\r\n" + DESCRIPTION + b"\r\n--b\r\nContent-Type: application/pidf+xml\r\n\r\n<x/>\r\n--b--"
ENCLOSED = Multipart.parse("multipart/mixed;boundary=b", BODY)


def writer(*, is_teams: bool = False, **manners: Any) -> Writer:
    """What writes for a trunk of these manners."""
    made = Manners(**manners)
    return Writer(made, NumberPlan(made), is_teams=is_teams)


def told(subject: Subject, **manners: Any) -> list[Field]:
    """The further fields of an INVITE."""
    return list(writer(**manners).fields(subject, "s.example"))


def test_nothing_more_is_told_by_default() -> None:
    """Number and name stand in From."""
    subject = Subject("+1", "+2", "Bob")
    assert told(subject) == []
    assert writer().caller(subject, "s.example").from_ == '"Bob" <sip:+1@s.example>'


@pytest.mark.parametrize(("identity", "name"), [("pai", "P-Asserted-Identity"), ("ppi", "P-Preferred-Identity")])
def test_where_the_number_stands(identity: str, name: str) -> None:
    """HDR-12: as the carrier looks for it; a trusted trunk's assertion before From."""
    assert told(Subject("+1", "+2"), identity=identity) == [(name, "<sip:+1@s.example;user=phone>")]
    subject = Subject("+1", "+2", told=Told(asserted=(ASSERTED, USER)), is_trusted=True)
    assert told(subject, identity=identity) == [(name, '"Bob" <sip:+15550000009@s.example;user=phone>')]


def test_the_address_of_a_user_stays_in_the_circle_of_trust() -> None:
    """RFC 3325: both values pass to a trusted trunk, the number alone to another."""
    subject = Subject("+1", "+2", told=Told(asserted=(ASSERTED, USER)), is_trusted=True)
    assert [value for _, value in told(subject, identity="pai", trusted=True)][1] == "<sip:bob@contoso.example>"


def test_a_hidden_caller_outside_of_the_circle_of_trust() -> None:
    """RFC 3323: nothing of the INVITE names him."""
    for identity in ("pai", "ppi", "from", "none"):
        made = writer(identity=identity).caller(HIDDEN, "s.example")
        assert (made.from_, made.user) == (NOBODY, "anonymous")
        assert told(HIDDEN, identity=identity) == []


def test_a_hidden_caller_within_the_circle_of_trust() -> None:
    """RFC 3325: he is named, and his wish with him."""
    fields = [("P-Asserted-Identity", '"Bob" <sip:+15550000009@s.example;user=phone>'), ("Privacy", "id")]
    assert told(HIDDEN, identity="pai", trusted=True) == told(HIDDEN, trusted=True) == fields


def test_teams_shows_no_hidden_caller() -> None:
    """HDR-05: anonymous at our own name, with Privacy."""
    teams = writer(is_teams=True, trusted=True)
    assert teams.caller(HIDDEN, "s.example").from_ == "<sip:anonymous@s.example>"
    assert ("Privacy", "id") in teams.fields(HIDDEN, "s.example")


def test_nobody_is_asserted_to_a_trusted_trunk_by_an_untrusted_one() -> None:
    """RFC 3325 section 5: From is what anybody may write."""
    assert told(Subject("+1", "+2"), identity="pai", trusted=True) == []
    assert told(Subject("+1", "+2", is_trusted=True), identity="pai", trusted=True) != []


def test_no_identity_at_all() -> None:
    """For a trunk that is told nothing of callers."""
    assert writer(identity="none").caller(Subject("+1", "+2", "Bob"), "s.example").from_ == NOBODY


def test_numbers_go_out_by_the_rules_of_the_trunk() -> None:
    """Called, caller, identities and history alike."""
    rules = Numbers(out=(NumberRule(match=Pattern(r"^\+49"), replace="0"),))
    history = (Diverted("+493", 302),)
    subject = Subject("+491", "+492", told=Told(history=history))
    made = writer(numbers=rules, identity="pai", history="diversion")
    assert made.called(subject) == "02"
    assert made.caller(subject, "s.example").from_ == "<sip:01@s.example>"
    assert [value.partition("@")[0] for _, value in made.fields(subject, "s.example")] == ["<sip:01", "<sip:03"]


@pytest.mark.parametrize(("number", "teams", "carrier"), [("+911", "+911", "911"), ("911", "+911", "911")])
def test_a_call_for_help(number: str, teams: str, carrier: str) -> None:
    """EMG-03: as everybody dials it towards a carrier; HDR-04: Teams takes nothing without a plus."""
    subject = Subject("+1", number, is_emergency=True)
    assert writer(is_teams=True).called(subject) == teams
    assert writer().called(subject) == carrier


WORDS = {"history-info": ["History-Info"], "diversion": ["Diversion"], "none": []}
WORDS["both"] = [*WORDS["history-info"], *WORDS["diversion"]]


@pytest.mark.parametrize(("history", "names"), WORDS.items())
def test_who_forwarded_the_call(history: str, names: list[str]) -> None:
    """HDR-13: in the words of the trunk; hidden numbers stay in the circle of trust."""
    subject = Subject("+1", "+2", told=Told(history=(Diverted("+3", 302, index="1"),)))
    assert [name for name, _ in told(subject, history=history)] == names
    hidden = Subject("+1", "+2", told=Told(history=(Diverted("+3", 302, index="1"),), privacy=("history",)))
    assert "+3" not in "".join(value for _, value in told(hidden, history=history))


def test_the_target_of_a_transfer() -> None:
    """XFR-03, XFR-04, HDR-10: every parameter in its place, Referred-By byte for byte, Replaces never."""
    uri = "sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:a;x-t=b"
    subject = Subject("+1", "", uri=f"{uri}?Replaces=x%3Bto-tag%3Dy", referred_by="<sip:x;x-tt=A%3D>")
    teams = writer(is_teams=True)
    assert teams.target(subject, "") == uri
    assert teams.fields(subject, "s.example") == (("Referred-By", "<sip:x;x-tt=A%3D>"),)
    assert told(subject) == []


def test_a_location_goes_where_help_is_called() -> None:
    """EMG-01: to a carrier that is called for help, and to nobody else unless a rule says so."""
    subject = Subject("+1", "911", is_emergency=True, told=Told(geolocation=(LOCATION,), enclosed=ENCLOSED))
    assert told(subject) == [LOCATION]
    made = writer().enclose(subject, b"v=1\r\n")
    assert made == ("multipart/mixed;boundary=b", BODY.replace(b"v=0", b"v=1"))
    other = Subject("+1", "+2", told=subject.told)
    assert told(other) == []
    assert writer().enclose(other, b"v=1\r\n") is None


def test_a_description_in_which_the_boundary_stands() -> None:
    """It goes alone: a broken body helps nobody."""
    subject = Subject("+1", "911", is_emergency=True, told=Told(enclosed=ENCLOSED))
    assert writer().enclose(subject, b"v=0\r\n--b--\r\n") is None
