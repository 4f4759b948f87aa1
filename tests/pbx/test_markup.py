"""XML that is written stays what it is, and XML that is read can do nothing (A29, A31)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from rustalk.pbx.markup import attribute, content, walk
from rustalk.sip.errors import RemoteProtocolError

WELL_FORMED = ("no-namespace", "other-root", "xinclude-outside")
DOCUMENTS = sorted((Path(__file__).parent.parent / "data" / "presence" / "hostile").iterdir())
HOSTILE = [document for document in DOCUMENTS if document.stem not in WELL_FORMED]
PAYLOADS = [
    "Alice & Bob",
    "</note><note>x",
    '"><script>alert(1)</script>',
    "' onload='alert(1)",
    '" onload="alert(1)',
    "]]><x/><![CDATA[",
    "<!--",
    "-->",
    "<?php ?>",
    "&lt;b&gt;",
    "&#0;&#x41;",
    "&xxe;",
    "\x00\x01\x1b[31m",
    "line\r\nbreak\ttab",
    "\ufffe\uffff",
    "\udcff\ud800",
    "\u202eesrever\u2028",
    "Grüße, 你好, \U0001f600",
    "%s %n {0} ${jndi:ldap://x}",
    "=cmd|'/C calc'!A0",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_comes_from_the_network_stays_text(payload: str) -> None:
    """A29: one element and one attribute, whatever stands in them, and nothing in either that moves a cursor."""
    text = f"<a b={attribute(payload)}>{content(payload)}</a>".encode("utf-8", "replace")
    root = ElementTree.fromstring(text)
    assert (len(root), list(root.attrib)) == (0, ["b"])
    assert root.text == root.attrib["b"]
    assert (root.text or "").isprintable()


def test_common_text_is_as_it_was() -> None:
    """Nothing is lost of what people are called."""
    assert content("Grüße, 你好") == "Grüße, 你好"
    assert attribute("O'Neil") == '"O\'Neil"'


def test_elements_come_when_they_end() -> None:
    """With their way from the root, and their own text alone."""
    found: list[tuple[tuple[str, ...], str]] = []
    walk(b'<a xmlns="u">one<b>two</b>three<c xmlns="v"/></a>', lambda path, text: found.append((path, text)))
    assert found == [(("u a", "u b"), "two"), (("u a", "v c"), ""), (("u a",), "onethree")]


@pytest.mark.parametrize("document", HOSTILE, ids=lambda each: each.stem)
def test_hostile_documents_end_with_an_error(document: Path) -> None:
    """A31: no entity is declared, nothing is fetched, nothing grows; what was read before is for nobody."""
    with pytest.raises(RemoteProtocolError) as raised:
        walk(document.read_bytes(), lambda path, text: None)
    assert raised.value.status == 400


def test_the_encoding_is_ours_to_say() -> None:
    """Whatever the document says: no codec is looked up for it."""
    texts: list[str] = []
    walk('<?xml version="1.0" encoding="utf-7"?><a>é</a>'.encode(), lambda path, text: texts.append(text))
    assert texts == ["é"]
