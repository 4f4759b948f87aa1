"""Peers of our own trunks that send what SIP does not allow: nothing is raised, nothing hangs, nothing stays.

A15 for the layers above the parser: each message here parses, and is wrong in a detail that somebody asks for later.
"""

from __future__ import annotations

import pytest

from rustalk.sip.message import Field
from tests.scenarios.site import Site


@pytest.mark.parametrize(
    ("replace", "status"),
    [
        ({"Record-Route": "nonsense"}, 400),
        ({"Record-Route": "<sip:x:99999;lr>"}, 400),
        ({"Contact": "*"}, 400),
        ({"Contact": "<sip:x:0>"}, 400),
        ({"Contact": "<tel:+1555>"}, 416),
        ({"From": "<mailto:a@b>;tag=x"}, None),
        ({"From": "<sip:@:>;tag=x"}, 400),
        ({"Min-SE": "x"}, 400),
        ({"Max-Forwards": "300"}, 400),
        ({"Content-Type": "multipart/mixed;boundary=x"}, 415),
    ],
)
def test_an_invite_that_is_wrong_in_a_detail(site: Site, replace: dict[str, str], status: int | None) -> None:
    """A15: refused with the status that says why, or carried out where the detail does not matter."""
    leg = site.carrier.call(replace=replace)
    site.run()
    if status is None:
        leg.cancel()
        site.run()
    else:
        assert leg.statuses == [status]
        assert site.teams.calls == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([("Record-Route", "nonsense")], 502),
        ([("Record-Route", "<sip:x>, <sip:y:99999>")], 502),
        ([("Session-Expires", "soon;refresher=uac")], 200),
        ([("Session-Expires", "1;refresher=uac")], 200),
        ([("Require", "foo")], 200),
    ],
)
def test_an_answer_that_is_wrong_in_a_detail(site: Site, fields: list[Field], status: int) -> None:
    """A15: the caller does not wait for ever, whatever the callee says."""
    talk = site.ringing()
    talk.callee.answer(fields=fields)
    site.run(1)
    assert talk.caller.statuses == [status]
    if status == 200:
        talk.caller.bye()
    site.run(40)


NOWHERE = ["sip:nowhere.example.com", "sip:198.51.100.66;transport=ws", "sips:x.example"]


@pytest.mark.parametrize("contact", NOWHERE)
def test_a_contact_that_leads_nowhere(site: Site, contact: str) -> None:
    """The ACK finds no way: the callee gives up by itself, and the switch forgets the call when the caller does."""
    talk = site.ringing("teams", "carrier")
    site.carrier.contact_uri = contact
    talk.callee.answer()
    site.run(1)
    assert talk.callee.acks == []
    talk.caller.bye()
    talk.callee.over = True
    site.run(40)


TEXT = ("Content-Type", "text/plain")


@pytest.mark.parametrize(
    ("method", "body", "fields", "status"),
    [
        ("INVITE", b"x", [], 415),
        ("UPDATE", b"x", [], 415),
        ("INVITE", b"", [("Require", "foo")], 420),
        ("INVITE", b"", [("Session-Expires", "x")], 400),
        ("PRACK", b"", [], 481),
        ("FOO", b"", [], 405),
    ],
)
def test_a_request_in_a_call_that_is_wrong_in_a_detail(
    site: Site, method: str, body: bytes, fields: list[Field], status: int
) -> None:
    """A15: refused, and the call goes on."""
    talk = site.talking()
    answers = talk.caller.ask(method, body, fields, content=TEXT)
    site.run()
    assert answers[-1].status == status
    assert not talk.is_over
    talk.end()


@pytest.mark.parametrize("contact", ["mailto:x@y", "tel:+1555"])
def test_a_new_target_that_cannot_be_followed(site: Site, contact: str) -> None:
    """The old one stays in force."""
    talk = site.talking()
    site.carrier.contact_uri = contact
    answers = talk.caller.ask("INVITE", talk.caller.local)
    site.run()
    assert answers[-1].status == 416
    talk.callee.bye()
    site.run()
    assert talk.is_over


def test_an_ack_with_a_body_of_another_kind(site: Site) -> None:
    """It acknowledges all the same, and changes no media."""
    site.carrier.acks = False
    talk = site.ringing()
    talk.callee.answer()
    site.run(0.2)
    ack = talk.caller.dialog.request("ACK", [("Content-Type", "text/plain")], b"x", number=1)
    ack.fields.insert(0, ("Via", "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKack"))
    site.carrier.flow().send(ack.to_bytes())
    site.run(40)
    assert not talk.is_over
    talk.end()


def test_a_422_that_names_no_interval(site: Site) -> None:
    """RFC 4028 section 6 is broken by the callee; the caller hears of it."""
    talk = site.ringing()
    talk.callee.refuse(422)
    site.run()
    assert talk.caller.statuses == [503]


def test_a_flood_of_forked_answers(site: Site) -> None:
    """Fifty phones that answer one call: one talks, each of the others gets ACK and BYE, and all is forgotten."""
    talk = site.ringing()
    for number in range(50):
        talk.callee.answer(tag=f"t{number}")
    site.run(1)
    assert len(site.dialogs) == 2
    assert len(talk.callee.received("BYE")) == 49
    talk.caller.bye()
    site.run(40)


def test_hundreds_of_offers_in_a_row(site: Site) -> None:
    """No memory of them stays, and the last one counts."""
    talk = site.talking()
    for version in range(2, 60):
        talk.caller.ask("INVITE", site.carrier.describe(version=version, lines=[f"a=ptime:{version}"]))
        site.run(0.1)
    assert f"a=ptime:{59}".encode() in talk.callee.remote
    talk.end()


def test_the_end_of_all_calls_is_not_stopped_by_one(site: Site) -> None:
    """Shutting down: a call whose peer leads nowhere does not keep the others alive."""
    broken = site.ringing("teams", "carrier")
    site.carrier.contact_uri = "sip:nowhere.example.com"
    broken.callee.answer()
    site.run(1)
    site.carrier.contact_uri = ""
    good = site.talking("carrier", "teams")
    site.calls.end_all()
    broken.callee.over = True
    site.run(1)
    assert good.is_over
    assert len(site.calls) == 0
