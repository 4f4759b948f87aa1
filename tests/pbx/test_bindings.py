"""What a REGISTER makes of the bindings of an address of record."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.pbx.bindings import Asked, Binding, Bounds, FlowKey, equal, read, register
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.ua.inspect import Unfit

UUID = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
DESK, HOME = "<sip:1001@198.51.100.7:5060>", "<sip:1001@203.0.113.9:5060>"
HERE = FlowKey("inside", "UDP", "198.51.100.7", 5060)
THERE = FlowKey("inside", "UDP", "203.0.113.9", 5060)
NOW = 1_800_000_000.0
BOUNDS = Bounds()


def asked(*contacts: str, expires: str = "", call_id: str = "phone", cseq: int = 1, **fields: str) -> Asked:
    """What a REGISTER with these Contacts asks for."""
    more = [("Contact", contact) for contact in contacts] + [("Expires", expires)] * bool(expires)
    more += [(name.replace("_", "-"), text) for name, text in fields.items()]
    return read(Request("REGISTER", "sip:a", [("Call-ID", call_id), ("CSeq", f"{cseq} REGISTER"), *more]), BOUNDS)


def after(
    current: tuple[Binding, ...], wanted: Asked, flow: FlowKey = HERE, now: float = NOW
) -> tuple[Binding, ...] | Unfit:
    """What becomes of the bindings of 1001."""
    return register(current, wanted, BOUNDS, extension="1001", flow=flow, node="a", now=now)


def done(*args: Any, **parts: Any) -> tuple[Binding, ...]:
    """The same where nothing is refused."""
    outcome = after(*args, **parts)
    assert not isinstance(outcome, Unfit), outcome
    return outcome


def refused(*args: Any, **parts: Any) -> str:
    """The code of the refusal."""
    outcome = after(*args, **parts)
    assert isinstance(outcome, Unfit)
    return outcome.code


def contacts(bindings: tuple[Binding, ...]) -> list[str]:
    """Their Contact URIs, in brackets as they were asked for."""
    return [f"<{each.contact}>" for each in bindings]


def test_a_contact_becomes_a_binding() -> None:
    """RFC 3261 section 10.3 step 7: with the address it came from and a time at which it ends."""
    (binding,) = done((), asked(DESK, expires="600", User_Agent="Desk/1"))
    assert (binding.contact, binding.flow, binding.user_agent) == (DESK[1:-1], HERE, "Desk/1")
    assert (binding.since, binding.refreshed_at, binding.expires_at) == (NOW, NOW, NOW + 600)


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        (DESK, "", 3600),
        (DESK, "120", 120),
        (f"{DESK};expires=300", "120", 300),
        (f"{DESK};expires=86400", "", 3600),
        (f"{DESK};expires=soon", "120", 120),
        (DESK, "soon", 3600),
    ],
)
def test_how_long_a_binding_lives(contact: str, header: str, seconds: int) -> None:
    """Section 10.3 step 6: the parameter, the header field, our own choice; nonsense is none of them."""
    (binding,) = done((), asked(contact, expires=header))
    assert binding.expires_at == NOW + seconds


def test_an_expiry_that_is_too_brief() -> None:
    """423 with Min-Expires, and 0 is not brief but the end."""
    outcome = after((), asked(DESK, expires="59"))
    assert isinstance(outcome, Unfit)
    assert (outcome.code, outcome.fields) == ("register_too_brief", (("Min-Expires", "60"),))
    assert done((), asked(DESK, expires="60"))
    assert done((), asked(DESK, expires="0")) == ()


def test_a_refresh_replaces_its_binding() -> None:
    """The same Contact: one binding, which is as old as it was."""
    first = done((), asked(DESK))
    (binding,) = done(first, asked(DESK, cseq=2), now=NOW + 60)
    assert (binding.since, binding.refreshed_at, binding.cseq) == (NOW, NOW + 60, 2)


def test_several_devices() -> None:
    """Each Contact is a binding of its own, also within one request."""
    desk = done((), asked(f"{DESK};q=0.5", call_id="desk"))
    both = done(desk, asked(HOME, call_id="home"), flow=THERE)
    assert [each.q for each in both] == [0.5, 1.0]
    assert contacts(done((), asked(f"{DESK}, {HOME}"))) == [DESK, HOME]


def test_one_device_of_several_leaves() -> None:
    """Expires 0 takes its own binding away, and one that is not there does no harm."""
    both = done((), asked(DESK, HOME))
    assert contacts(done(both, asked(f"{DESK};expires=0", cseq=2))) == [HOME]
    assert done(both, asked("<sip:nobody@192.0.2.1>;expires=0", cseq=2)) == both


def test_all_devices_leave() -> None:
    """``Contact: *`` with Expires 0 (section 10.2.2)."""
    both = done((), asked(DESK, HOME))
    assert done(both, asked("*", expires="0", cseq=2)) == ()


@pytest.mark.parametrize(("contacts", "expires"), [(["*"], ""), (["*"], "60"), (["*", DESK], "0")])
def test_a_star_stands_alone(contacts: list[str], expires: str) -> None:
    """Section 10.3 step 6: anything else is 400."""
    with pytest.raises(RemoteProtocolError, match="alone"):
        asked(*contacts, expires=expires)


def test_no_contact_asks_for_the_bindings() -> None:
    """A fetch: nothing changes, and what has expired is not shown."""
    both = done((), asked(f"{DESK};expires=60", HOME))
    assert done(both, asked(cseq=1)) == both
    assert contacts(done(both, asked(cseq=1), now=NOW + 60)) == [HOME]


@pytest.mark.parametrize("cseq", [4, 5])
@pytest.mark.parametrize("contact", [DESK, f"{DESK};expires=0", "*"])
def test_an_old_request_changes_nothing(cseq: int, contact: str) -> None:
    """Section 10.3 step 7: within one Call-ID only a higher CSeq counts."""
    current = done((), asked(DESK, cseq=5))
    late = asked(contact, expires="0" if contact == "*" else "", cseq=cseq)
    assert refused(current, late) == "register_out_of_order"


def test_another_call_id_is_another_order() -> None:
    """A phone that has restarted counts from one."""
    current = done((), asked(DESK, cseq=500))
    assert done(current, asked(DESK, call_id="restarted", cseq=1))[0].cseq == 1


def test_all_or_nothing() -> None:
    """One old binding, or one brief expiry, and nothing of the request is done."""
    current = done((), asked(DESK, cseq=5))
    assert refused(current, asked(HOME, DESK, cseq=5)) == "register_out_of_order"
    assert refused(current, asked(HOME, f"{DESK};expires=5", cseq=6)) == "register_too_brief"


def test_no_more_devices_than_allowed() -> None:
    """Ten; the eleventh is refused, and the ten can still be refreshed."""
    full: tuple[Binding, ...] = ()
    for number in range(10):
        full = done(full, asked(f"<sip:1001@192.0.2.{number}>", call_id=f"c{number}"))
    assert refused(full, asked(DESK)) == "too_many_devices"
    assert len(done(full, asked("<sip:1001@192.0.2.3>", call_id="c3", cseq=2))) == 10


def outbound(reg_id: int, contact: str = DESK, **parts: Any) -> Asked:
    """A REGISTER of a phone with flows."""
    return asked(f'{contact};reg-id={reg_id};+sip.instance="<{UUID}>"', Supported="path, outbound", **parts)


def test_a_flow_is_known_by_instance_and_reg_id() -> None:
    """RFC 5626 section 6: the same flow with another Contact and Call-ID replaces, another reg-id adds."""
    one = done((), outbound(1))
    moved = done(one, outbound(1, HOME, call_id="restarted"), flow=THERE)
    assert (contacts(moved), moved[0].flow) == ([HOME], THERE)
    two = done(moved, outbound(2, DESK, call_id="second"))
    assert [each.reg_id for each in two] == [1, 2]
    assert two[0].id != two[1].id


def test_reg_id_counts_only_with_outbound_and_an_instance() -> None:
    """RFC 5626 section 6: otherwise it is as if it were not there."""
    assert done((), asked(f'{DESK};reg-id=1;+sip.instance="<{UUID}>"'))[0].reg_id == 0
    assert done((), asked(f"{DESK};reg-id=1", Supported="outbound"))[0].reg_id == 0


def test_one_flow_for_each_request() -> None:
    """Two Contacts with reg-id in one REGISTER are 400."""
    contact = f'{DESK};reg-id=1;+sip.instance="<{UUID}>", {HOME};reg-id=2;+sip.instance="<{UUID}>"'
    with pytest.raises(RemoteProtocolError, match="reg-id"):
        asked(contact, Supported="outbound")


def test_a_phone_that_has_restarted_leaves_nothing_behind() -> None:
    """The same instance from another address with another Call-ID: nobody listens at the old one any more."""
    first = done((), asked(f'{DESK};+sip.instance="<{UUID}>"'))
    again = asked(f'{HOME};+sip.instance="<{UUID}>"', call_id="restarted")
    assert contacts(done(first, again, flow=THERE)) == [HOME]


def test_two_lines_of_one_phone() -> None:
    """They share the instance and the flow, and each has a Contact and a Call-ID."""
    first = done((), asked(f'<sip:line1@198.51.100.7>;+sip.instance="<{UUID}>"', call_id="one"))
    both = done(first, asked(f'<sip:line2@198.51.100.7>;+sip.instance="<{UUID}>"', call_id="two"))
    assert len(both) == 2


def test_the_path_is_kept() -> None:
    """RFC 3327 section 5.3: in the order in which it will be a Route."""
    (binding,) = done((), asked(DESK, Path="<sip:p2.example.com;lr>,<sip:p1.example.com;lr;ob>"))
    assert binding.path == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr;ob>")


@pytest.mark.parametrize(
    "fields",
    [
        {"Contact": "<tel:+15551230001>"},
        {"Contact": "<sip:1001@192.0.2.1?Replaces=x>"},
        {"Contact": f"<sip:{'1' * 600}@192.0.2.1>"},
        {"Contact": "<sip:1001@192.0.2.1;x=\u00e9>"},
        {"Contact": f"{DESK};q=2"},
        {"Contact": f'{DESK};+sip.instance="{"x" * 200}"'},
        {"Contact": ", ".join([DESK] * 11)},
        {"Contact": f'{DESK};+sip.instance="{UUID}";reg-id=-1', "Supported": "outbound"},
        {"Contact": DESK, "Path": ", ".join(["<sip:p.example.com>"] * 6)},
        {"Contact": DESK, "Path": "<tel:1>"},
        {"Contact": DESK, "Call-ID": "x" * 300},
    ],
)
def test_what_is_not_taken(fields: dict[str, str]) -> None:
    """400: no SIP URI, or longer than the bounds (nothing of a phone's may grow without one)."""
    fields = {"Call-ID": "a", **fields}
    with pytest.raises(RemoteProtocolError) as problem:
        read(Request("REGISTER", "sip:a", [("CSeq", "1 REGISTER"), *fields.items()]), BOUNDS)
    assert problem.value.status == 400


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:%61lice@Atlanta.com;transport=TCP", "sip:alice@atlanta.com;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", True),
        ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on", False),
        ("sip:ALICE@atlanta.com", "sip:alice@atlanta.com", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sips:bob@biloxi.com", "sip:bob@biloxi.com", False),
        ("sip:bob:pass@biloxi.com", "sip:bob@biloxi.com", False),
    ],
)
def test_equal_uris(one: str, other: str, same: bool) -> None:
    """The examples of RFC 3261 section 19.1.4, both ways round."""
    assert (equal(one, other), equal(other, one)) == (same, same)


def test_an_equal_contact_is_the_same_binding() -> None:
    """Written differently, it is refreshed and not doubled."""
    current = done((), asked("<sip:1001@Desk.example.com;transport=TCP>"))
    assert len(done(current, asked("<sip:1001@desk.example.com;transport=tcp>", cseq=2))) == 1


def test_what_the_phone_is_told() -> None:
    """Contact with the seconds left, rounded up, and everything that names the binding."""
    (plain,) = done((), asked(f"{DESK};q=0.25", expires="60"))
    assert plain.field(NOW + 0.5) == f"{DESK};expires=60;q=0.25"
    (flow,) = done((), outbound(1))
    assert flow.field(NOW) == f'{DESK};expires=3600;+sip.instance="<{UUID}>";reg-id=1'


def test_an_id_names_the_extension_and_stays() -> None:
    """The name by which the API removes a binding does not change with a refresh."""
    (first,) = done((), asked(DESK))
    (second,) = done((first,), asked(DESK, cseq=2), now=NOW + 9)
    assert first.id == second.id
    assert first.id.startswith("1001-")
