"""What Microsoft sees of us, header by header."""

from __future__ import annotations

import pytest

from rustalk.sip.message import Message, Request, Response
from tests.scenarios.site import FQDN, PROXIES, REGION, SBC, TRAP, Site

ONE = next(iter(PROXIES))
OURS = f"{FQDN}:5061"
NOT_FOR_TEAMS = {"UPDATE", "PRACK", "INFO", "REFER", "SUBSCRIBE", "MESSAGE"}


def invite(site: Site, **parts: object) -> Request:
    """The INVITE that Teams gets for a call of the carrier."""
    leg = site.carrier.call(**parts)
    site.run()
    leg.cancel()
    site.run(1)
    return site.teams.last.invite


def test_the_contact_of_an_invite(site: Site) -> None:
    """HDR-01: the paired FQDN with our port and transport, the user before it, and only one."""
    (contact,) = invite(site).contacts
    assert str(contact) == f"<sip:+15551230001@{OURS};transport=tls>"


def test_the_request_uri_of_an_invite(site: Site) -> None:
    """HDR-04: a plus, the proxy's name, user=phone; HDR-06: the same name in To."""
    request = invite(site, called="15551230002")
    assert request.uri == f"sip:+15551230002@{ONE}:5061;user=phone;transport=tls"
    assert request.to.uri.host == ONE
    assert request.to.uri.number == "+15551230002"


def test_the_from_of_an_invite(site: Site) -> None:
    """HDR-05: a plus and our FQDN."""
    sender = invite(site, caller="15551230001").from_
    assert (sender.uri.number, sender.uri.host) == ("+15551230001", FQDN)


def test_an_anonymous_caller(site: Site) -> None:
    """HDR-05: never an empty user."""
    sender = "<sip:198.51.100.7>;tag=x"
    assert invite(site, replace={"From": sender}).from_.uri.number == "anonymous"


def test_short_numbers_and_extensions(site: Site) -> None:
    """HDR-18: +1001 stays as it is; parameters inside the user part are not the number."""
    assert invite(site, called="+1001").target.number == "+1001"
    assert invite(site, called="+14025557334;ext=7334").target.number == "+14025557334"


def test_the_display_name_crosses_and_cannot_break_out(site: Site) -> None:
    """A10: what a display name says stays a display name."""
    name = '"Bob \\"x\\" <sip:evil@example.com>"'
    sender = f"{name} <sip:+15551230001@198.51.100.7>;tag=x"
    request = invite(site, replace={"From": sender})
    assert request.from_.display == 'Bob "x" <sip:evil@example.com>'
    assert request.from_.uri.host == FQDN


def test_no_record_route_no_sips_no_require(site: Site) -> None:
    """OPT-08, OPT-09, HDR-09: in nothing that we send to Teams, in any of its calls."""
    talk = site.talking("carrier", "teams")
    talk.end()
    site.talking("teams", "carrier").end()
    site.teams.ask("OPTIONS")
    site.run()
    for message in site.teams.messages:
        assert REGION[0] in (message.get("Record-Route") or REGION[0])
        assert b"sips:" not in message.raw
        assert message.get("Require") is None or (isinstance(message, Response) and message.get("Require") == "timer")


def test_teams_gets_no_method_that_it_does_not_know(site: Site) -> None:
    """HDR-09: whatever the carrier sends in a call."""
    talk = site.talking("carrier", "teams")
    for method in ("UPDATE", "INFO"):
        talk.caller.ask(method)
        site.run()
    talk.caller.ask("UPDATE", site.carrier.describe(version=2, lines=["a=inactive"]))
    site.run()
    talk.end()
    methods = {message.method for message in site.teams.messages if isinstance(message, Request)}
    assert not methods & NOT_FOR_TEAMS


def test_our_allow_says_what_we_can(site: Site) -> None:
    """OPT-10: in INVITE, 200 and OPTIONS; REFER only when transfers are carried out."""
    talk = site.talking("teams", "carrier")
    talk.end()
    site.talking("carrier", "teams").end()
    answers = site.teams.ask("OPTIONS")
    site.run()
    allows = [
        site.teams.last.invite.get("Allow"),
        next(r for r in site.teams.calls[0].responses if r.status == 200).get("Allow"),
        answers[0].get("Allow"),
    ]
    for allow in allows:
        methods = {method.strip() for method in (allow or "").split(",")}
        assert methods >= {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"}
        assert methods >= {"NOTIFY", "REFER"}


def test_every_message_names_the_product_once(site: Site) -> None:
    """HDR-15: User-Agent in requests that begin something, Server in answers: one token."""
    site.talking("carrier", "teams").end()
    talk = site.talking("teams", "carrier")
    talk.end()
    assert site.teams.calls[0].invite.all("User-Agent") == [site.settings.sip.user_agent]
    (final,) = [r for r in site.teams.calls[1].responses if r.status == 200]
    assert final.all("Server") == [site.settings.sip.user_agent]


def test_our_200_to_teams_carries_the_fqdn(site: Site) -> None:
    """HDR-07: the Contact of a 200 is where Teams sends its next request."""
    talk = site.talking("teams", "carrier")
    (final,) = [r for r in talk.caller.responses if r.status == 200]
    assert final.contact is not None
    assert final.contact.uri.host == FQDN
    assert final.contact.uri.port == 5061
    assert final.get("Record-Route") == site.teams.record_route
    talk.end()


@pytest.mark.parametrize("caller", ["carrier", "teams"])
def test_requests_in_a_call_follow_the_route_of_teams(site: Site, caller: str) -> None:
    """HDR-07, HDR-08: to the Record-Route host on 5061, the Contact byte for byte; port 443 is never touched."""
    talk = site.talking(caller, "teams" if caller == "carrier" else "carrier")
    leg = talk.callee if caller == "carrier" else talk.caller
    (talk.caller if caller == "carrier" else talk.callee).bye()
    site.run()
    (bye,) = leg.received("BYE")
    assert bye.uri == site.teams.contact_uri
    assert bye.get("Route") == site.teams.record_route
    place = site.teams.flows[site.teams.messages.index(bye)].local
    assert place == (REGION[1], 5061)
    assert (TRAP[1], 443) not in site.network.attempts


def test_topology_is_hidden_on_both_legs(site: Site) -> None:
    """Own Call-ID, tags, Via and Contact on each leg; no address of one network reaches the other."""
    talk = site.talking("carrier", "teams")
    talk.end()
    site.talking("teams", "carrier").end()
    for message in site.teams.messages:
        assert "198.51.100.7" not in text(message)
    for message in site.carrier.messages:
        assert "52.114." not in text(message)
        assert "pstnhub" not in text(message)
    assert talk.caller.call_id != talk.callee.call_id


def text(message: Message) -> str:
    """What a message says, without what its receiver wrote itself and gets back."""
    own: tuple[str, ...] = ("Route", "To")
    if isinstance(message, Response):
        own += ("Via", "From", "Call-ID", "Record-Route")
    if isinstance(message, Request) and message.to.tag:
        own += ("From", "Call-ID")
    return "\n".join(value for name, value in message.fields if name not in own) + message.body.decode()


def test_a_via_is_added_in_front(site: Site) -> None:
    """RFC 3261 section 18.1.1: one Via, ours, with the FQDN that Teams knows."""
    (via,) = invite(site).vias
    assert (via.transport, via.host, via.port) == ("TLS", FQDN, 5061)


def test_the_carrier_sees_our_address(site: Site) -> None:
    """A profile without a name uses the address it listens on, UDP without a transport parameter."""
    talk = site.ringing("teams", "carrier")
    request = talk.callee.invite
    assert request.via.host == SBC
    assert str(request.contact) == f"<sip:+15551230001@{SBC}:5060>"
    assert "X-MS" not in text(request)
    talk.caller.cancel()
    site.run()


def test_the_names_of_headers_may_be_upper_case(site: Site) -> None:
    """HDR-20: Teams writes FROM:, VIA:, CALL-ID:."""
    request = site.teams.request("INVITE", body=site.teams.describe())
    request.fields.insert(0, ("Via", "SIP/2.0/TLS 52.114.7.7:5061;branch=z9hG4bKupper"))
    head, body = request.to_bytes().split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    upper = [line.partition(b":")[0].upper() + b":" + line.partition(b":")[2] for line in lines[1:]]
    site.teams.flow().send(b"\r\n".join([lines[0], *upper]) + b"\r\n\r\n" + body)
    site.run()
    assert len(site.carrier.calls) == 1
    site.switch.hang_up(site.record.id)
    site.run(40)
