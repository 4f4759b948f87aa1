"""The calls of an extension as its watchers see them (RFC 4235)."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from rustalk.config.extension import Extension, Permissions
from rustalk.pbx.dialog_info import CallState, DialogInfo, may_watch

ALICE, BOB = Extension(extension="1001"), Extension(extension="1002")
RINGS = CallState("c1", "early", "recipient", "+15551230001", "Carol")
CALLS = CallState("c2", "trying", "initiator", "1001")
NS = "{urn:ietf:params:xml:ns:dialog-info}"


@pytest.fixture
def calls() -> DialogInfo:
    """Of 1001 and 1002."""
    return DialogInfo({"1001": ALICE, "1002": BOB}.get, lambda: "pbx.example.com")


def shown(
    calls: DialogInfo, state: tuple[CallState, ...], told: tuple[CallState, ...] | None = None, version: int = 0
) -> ElementTree.Element:
    """The document of 1002."""
    return ElementTree.fromstring(calls.document("1002", state, told, version))


def test_a_document_is_full_and_counted(calls: DialogInfo) -> None:
    """Section 4.1: whose calls, all of them, and the how-manieth document it is."""
    root = shown(calls, (), version=7)
    assert root.tag == f"{NS}dialog-info"
    assert root.attrib == {"version": "7", "state": "full", "entity": "sip:1002@pbx.example.com"}
    assert len(root) == 0


def test_a_call_is_shown_with_both_ends(calls: DialogInfo) -> None:
    """State before local and remote, as the schema wants it; no Call-ID and no tags."""
    (dialog,) = shown(calls, (RINGS,))
    assert dialog.attrib == {"id": "c1", "direction": "recipient"}
    assert [each.tag for each in dialog] == [f"{NS}state", f"{NS}local", f"{NS}remote"]
    assert dialog.findtext(f"{NS}state") == "early"
    identity = dialog.find(f"{NS}remote/{NS}identity")
    assert identity is not None
    assert (identity.text, identity.get("display")) == ("sip:+15551230001@pbx.example.com", "Carol")


def test_who_hides_is_not_shown(calls: DialogInfo) -> None:
    """The call is, without the other end."""
    (dialog,) = shown(calls, (replace(RINGS, remote="", display="Carol"),))
    assert dialog.find(f"{NS}remote") is None
    assert b"Carol" not in calls.document("1002", (replace(RINGS, remote="", display="Carol"),), None, 0)


def test_a_call_that_is_over_is_told_once_more(calls: DialogInfo) -> None:
    """To who knew of it: terminated, beside those that go on."""
    states = {each.get("id"): each.findtext(f"{NS}state") for each in shown(calls, (CALLS,), (RINGS, CALLS))}
    assert states == {"c2": "trying", "c1": "terminated"}
    assert len(shown(calls, (), ())) == 0


@pytest.mark.parametrize(
    "payload", ['"><dialog id="x">', "</identity>", "&xxe;", "a\r\nb", "\x00\x1b[2J", "\udcff", "']]>"]
)
def test_numbers_and_names_stay_text(calls: DialogInfo, payload: str) -> None:
    """A29: whatever a caller calls himself."""
    root = shown(calls, (CallState(payload, "early", "recipient", payload, payload),))
    assert len(root) == 1
    assert [each.tag for each in root[0]] == [f"{NS}state", f"{NS}local", f"{NS}remote"]


def test_only_so_many_calls_are_told(calls: DialogInfo) -> None:
    """A document has an end."""
    many = tuple(replace(RINGS, id=str(number)) for number in range(100))
    assert len(shown(calls, many, tuple(replace(each, id=f"old{each.id}") for each in many))) == 40


def test_who_only_rings_is_not_busy(calls: DialogInfo) -> None:
    """Who talks, or calls, is."""
    for state, is_busy in (
        ((RINGS,), False),
        ((CALLS,), True),
        ((replace(RINGS, state="confirmed"),), True),
        ((), False),
    ):
        calls.put("1002", state)
        assert calls.is_busy("1002") is is_busy
    assert calls._calls == {}


@pytest.mark.parametrize(
    ("permissions", "number", "code"),
    [
        (Permissions(), "1002", ""),
        (Permissions(), "1001", ""),
        (Permissions(), "4711", "nobody_to_watch"),
        (Permissions(internal=False), "1002", "internal_barred"),
        (Permissions(internal=False), "1001", ""),
        (Permissions(internal=False, allow=("1002",)), "1002", ""),
        (Permissions(deny=("1002",)), "1002", "number_barred"),
    ],
)
def test_who_may_call_may_watch(permissions: Permissions, number: str, code: str) -> None:
    """Extensions only, and oneself always."""
    watcher = replace(ALICE, permissions=permissions)
    assert may_watch(watcher, number, {"1001": ALICE, "1002": BOB}.get) == code


def test_who_is_switched_off_is_not_watched() -> None:
    """As if there were nobody."""
    assert may_watch(ALICE, "1002", {"1002": replace(BOB, enabled=False)}.get) == "nobody_to_watch"
