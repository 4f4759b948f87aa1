"""Presence documents as they are read and written (RFC 3863, RFC 4480)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from rustalk.pbx.pidf import Condition, read, write
from rustalk.sip.errors import RemoteProtocolError

DATA = Path(__file__).parent.parent / "data" / "presence"
BARE = '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:1002@a"><tuple id="t">{}</tuple></presence>'
BASIC = "<status><basic>{}</basic></status>"


def test_a_rich_document_is_read() -> None:
    """Open where a tuple is; the note of the person before others; activities that RPID knows; nothing is included."""
    condition = read((DATA / "rich.xml").read_bytes())
    assert condition == Condition(True, ("meeting", "away"), "Back at 4 <pm> & then home")


@pytest.mark.parametrize(("basic", "is_open"), [("open", True), ("closed", False), ("perhaps", False)])
def test_basic_decides(basic: str, is_open: bool) -> None:
    """Section 4.1.4; without it nothing is said against calling."""
    assert read(BARE.format(BASIC.format(basic)).encode()).is_open is is_open
    assert read(BARE.format("").encode()).is_open


def test_a_long_note_is_cut() -> None:
    """It is told to each watcher."""
    note = read(BARE.format(f"<note>{'long ' * 1000}</note>").encode()).note
    assert len(note) == 200


@pytest.mark.parametrize("document", sorted((DATA / "hostile").iterdir()), ids=lambda each: each.stem)
def test_hostile_documents_are_refused(document: Path) -> None:
    """A31: 400 for each of them."""
    with pytest.raises(RemoteProtocolError) as raised:
        read(document.read_bytes())
    assert raised.value.status == 400


@pytest.mark.parametrize(
    "condition",
    [
        Condition(True),
        Condition(False, ("on-the-phone",), "On the phone"),
        Condition(True, ("away", "busy"), "Back at </note><basic>closed</basic> 4 & \U0001f600"),
    ],
)
def test_what_is_written_is_read_as_it_was(condition: Condition) -> None:
    """Whatever stands in the note (A29)."""
    document = write("sip:1002@pbx.example.com", condition)
    assert read(document) == condition
    assert ElementTree.fromstring(document).get("entity") == "sip:1002@pbx.example.com"


def test_elements_stand_where_the_schema_wants_them() -> None:
    """Status, contact and note in a tuple; the person after the tuples (RFC 3863 section 4.4, RFC 4479)."""
    root = ElementTree.fromstring(write("sip:1002@a", Condition(True, ("away",), "Lunch")))
    names = [[each.tag.rpartition("}")[2] for each in parent] for parent in (root, root[0], root[1])]
    assert names == [["tuple", "person"], ["status", "contact", "note"], ["activities"]]
