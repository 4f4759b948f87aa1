"""From the INVITE of one trunk to the INVITE of another: what crosses by default, by rules and by trust."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustalk.config.model import HeaderRule, Manners
from rustalk.sip.message import Request
from rustalk.trunk.dialect import dialects
from tests.fakes.messages import make_request, parse, request_wire

NAMES = ("X-Unknown", "X-MS-Secret", "User-to-User", "Referred-By", "Reason", "History-Info", "P-Asserted-Identity")
VALUES = {
    "X-Unknown": "v",
    "X-MS-Secret": "v",
    "User-to-User": "aabb;encoding=hex",
    "Referred-By": "<sip:bob@contoso.example>",
    "Reason": 'Q.850;cause=16;text="a;b"',
    "History-Info": "<sip:+15550000009@contoso.example?Reason=SIP%3Bcause%3D302>;index=1",
    "P-Asserted-Identity": "<sip:+15550000001@contoso.example>",
}
ACTIONS = ("keep", "set", "map", "drop", "rename")
VALUE = {"map": "contoso => fabrikam", "rename": "X-New"}


def cross(name: str, *rules: HeaderRule, source: dict[str, Any], target: dict[str, Any], line: str = "") -> list[Any]:
    """The fields of the INVITE to the trunk b for one with this field from the trunk a."""
    ours = tuple(rule for rule in rules if rule.direction == "in")
    theirs = tuple(rule for rule in rules if rule.direction == "out")
    spoken = dialects({"a": Manners(headers=ours, **source), "b": Manners(headers=theirs, **target)}, "teams")
    request = make_request("INVITE", line or f"{name}: {VALUES[name]}", uri="sip:+15550000002@sbc.example")
    return list(spoken["b"].writer.fields(spoken["a"].reader.subject(request), "sbc.example"))


def rule(name: str, direction: Any, action: Any) -> HeaderRule:
    """One rule, with a value that suits it."""
    return HeaderRule(
        name=name, direction=direction, action=action, value=VALUES[name] if action == "set" else VALUE.get(action, "")
    )


def expected(name: str, action: str, direction: str, trusts: tuple[bool, bool]) -> list[str]:
    """The names that cross, as the description of the keys says it."""
    alone = all(trusts) and name in ("User-to-User", "Referred-By", "Reason")
    named = "X-New" if action == "rename" else name
    if action == "drop" or named.startswith("X-MS-"):
        return []
    if action == "rename" and direction == "out" and name == "P-Asserted-Identity" and not trusts[0] and trusts[1]:
        return []  # nobody whom only an untrusted trunk has named is asserted to a trusted one
    if action in ("keep", "map") and direction == "out" and name == "P-Asserted-Identity":
        return [] if trusts == (False, True) else [named]
    return [named] if action else [name] if alone else []


MATRIX = list(itertools.product(NAMES, ACTIONS, ("in", "out"), itertools.product((False, True), repeat=2)))


@pytest.mark.parametrize(("name", "action", "direction", "trusts"), MATRIX)
def test_a_rule_on_a_field(name: str, action: str, direction: str, trusts: tuple[bool, bool]) -> None:
    """HDR-10, HDR-12, HDR-13, HDR-19: every name, action, direction and trust of the two trunks."""
    source, target = ({"trusted": trusted} for trusted in trusts)
    crossed = cross(name, rule(name, direction, action), source=source, target=target)
    assert [key for key, _ in crossed] == expected(name, action, direction, trusts)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trusts", list(itertools.product((False, True), repeat=2)))
def test_without_rules(name: str, trusts: tuple[bool, bool]) -> None:
    """Unknown fields never cross, words about the call only where both sides are trusted."""
    crossed = cross(name, source={"trusted": trusts[0]}, target={"trusted": trusts[1]})
    assert [key for key, _ in crossed] == expected(name, "", "", trusts)


def test_a_drop_on_the_way_wins_over_a_keep_behind_it() -> None:
    """The one side does not tell, so the other cannot."""
    rules = rule("X-Unknown", "in", "drop"), rule("X-Unknown", "out", "keep")
    assert cross("X-Unknown", *rules, source={}, target={}) == []
    rules = rule("X-Unknown", "in", "keep"), rule("X-Unknown", "out", "drop")
    assert cross("X-Unknown", *rules, source={}, target={}) == []


def test_what_another_trunk_asks_for_crosses_only_to_it() -> None:
    """A rule of trunk c is none of trunk b."""
    keep = Manners(headers=(rule("X-Unknown", "out", "keep"),))
    spoken = dialects({"a": Manners(), "b": Manners(), "c": keep}, "teams")
    subject = spoken["a"].reader.subject(make_request("INVITE", "X-Unknown: v"))
    assert spoken["b"].writer.fields(subject, "s") == ()
    assert spoken["c"].writer.fields(subject, "s") == (("X-Unknown", "v"),)


def test_a_renamed_field_is_read_by_its_new_name() -> None:
    """A PBX with a header of its own for the caller."""
    renamed = HeaderRule(name="X-Caller", direction="in", action="rename", value="P-Asserted-Identity")
    crossed = cross("", renamed, source={}, target={"identity": "pai"}, line="X-Caller: <tel:+15550000005>")
    assert crossed == [("P-Asserted-Identity", "<sip:+15550000005@sbc.example;user=phone>")]


URIS = (b"<", b">", b"sip:", b"tel:", b"+1555", b"@a.example", b"?Reason=SIP%3Bcause%3D302", b"&Privacy=history")
SIGNS = (b";", b",", b'"', b"\\", b"%", b"%ff", b"\xff", b"\xc3\xbc", b" ", b"\t", b";reason=", b";index=1.1", b"id")
PIECES = st.sampled_from(URIS + SIGNS)
VALUE_OF_ANYBODY = st.one_of(st.binary(max_size=40), st.lists(PIECES, max_size=14).map(b"".join))


MORE_NAMES = ("Diversion", "Privacy", "P-Preferred-Identity", "Geolocation")


@given(name=st.sampled_from(NAMES + MORE_NAMES), value=VALUE_OF_ANYBODY)
def test_whatever_a_peer_writes(name: str, value: bytes) -> None:
    """A9, A10: it is read or left out, and what is written has as many lines as it has fields."""
    value = value.translate(None, bytes((*range(9), *range(10, 32), 127)))
    wire = request_wire("INVITE", "X-Here: 1").replace(b"X-Here: 1", name.encode() + b": " + value)
    manners = Manners(identity="pai", history="both", trusted=True, headers=(rule(name, "in", "keep"),), country="US")
    request = parse(wire)
    assert isinstance(request, Request)
    for target in (manners, Manners(history="both", identity="ppi")):
        spoken = dialects({"a": manners, "b": target}, "teams")
        fields = spoken["b"].writer.fields(spoken["a"].reader.subject(request), "sbc.example")
        assert len(fields) <= 64
        Request("INVITE", "sip:a", fields).to_bytes()
