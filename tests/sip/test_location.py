"""How a location was found."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from rustalk.sip.location import location_method
from rustalk.sip.multipart import Multipart

BODY = (Path(__file__).parent.parent / "data" / "emergency" / "body.multipart").read_bytes()


def found(document: bytes, kind: bytes = b"application/pidf+xml") -> str:
    """What is read from a document."""
    body = b"--b\r\nContent-Type: " + kind + b"\r\n\r\n" + document + b"\r\n--b--"
    return location_method(Multipart.parse("multipart/mixed;boundary=b", body))


def test_a_location_of_teams() -> None:
    """EMG-02: the whole document, as it comes."""
    assert location_method(Multipart.parse('multipart/mixed;boundary="0_mixed+Boundary"', BODY)) == "Manual"


@pytest.mark.parametrize(
    ("document", "method"),
    [
        (b"<p><method>LIS</method></p>", "LIS"),
        (b"<g:p xmlns:g='urn:x'><g:method> ASSIST\r\n</g:method><g:method>CLS</g:method></g:p>", "ASSIST"),
        (b"<p><method/><method>LIS</method></p>", ""),
        (b"<p><A3>M\xfcnchen</A3><method>CLS</method></p>", "CLS"),
        (b"<?xml version='1.0' encoding='utf-16'?><p><method>LIS</method></p>", "LIS"),
        (b"\r\n <?xml version='1.0'?><p><method>L&#73;S</method></p> ", "LIS"),
        (b"<p/>", ""),
        (b"<p>method</p>", ""),
    ],
)
def test_what_a_location_says(document: bytes, method: str) -> None:
    """EMG-02: the first method counts, under any prefix and in any encoding that is nearly UTF-8."""
    assert found(document) == method


def test_without_a_location() -> None:
    """No body of several parts, or none of them a location."""
    assert location_method(None) == ""
    assert found(b"<p><method>LIS</method></p>", b"text/xml") == ""


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<p><method>LIS</method>",
        b"<!DOCTYPE p><p><method>LIS</method></p>",
        b"<!DOCTYPE p SYSTEM 'file:///etc/passwd'><p><method>LIS</method></p>",
        b"<!DOCTYPE p [<!ENTITY a 'LIS'>]><p><method>&a;</method></p>",
        b"<p><method>&a;</method></p>",
        b"<p><method>" + b"x" * 65 + b"</method></p>",
        b"<p><method>L\nIS</method></p>",
        b"<x>" * 65 + b"<method>LIS</method>" + b"</x>" * 65,
        b"<p xmlns:a='" + b"y" * 30000 + b"'" + b" a:b='1'" * 3000 + b"/>",
    ],
)
def test_a_location_that_is_not_read(document: bytes) -> None:
    """A31: broken, with a document type or an entity, too deep or too long: it says nothing, and nothing is raised."""
    assert found(document) == ""


def test_a_large_location_takes_little() -> None:
    """A31: 60 KiB of text in one element are not gathered."""
    document = b"<p><method>" + b"x" * 60000 + b"</method></p>"
    tracemalloc.start()
    assert found(document) == ""
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(document)
