"""The PDF: each object stands where the list at the end says, and the text is what was given."""

from __future__ import annotations

import re
import zlib

from rustalk.store.pdf import COLUMNS, ROWS, Pdf


def document(*pages: list[str]) -> bytes:
    pdf = Pdf("Title")
    return b"".join([pdf.start(), *(pdf.page(lines) for lines in pages), pdf.end()])


def objects(data: bytes) -> dict[int, bytes]:
    """The objects, read by way of the list at the end as a reader does."""
    start = int(data[data.rindex(b"startxref") :].split()[1])
    assert data.startswith(b"xref", start)
    size = int(data[start:].split()[2])
    lines = data[start:].split(b"\n", size + 2)[2:]
    assert all(len(line) == 19 for line in lines[:size])
    places = {number: int(line[:10]) for number, line in enumerate(lines[:size]) if line.endswith(b"n ")}
    found = {}
    for number, place in places.items():
        assert data.startswith(b"%d 0 obj\n" % number, place)
        found[number] = data[place : data.index(b"\nendobj\n", place)]
    return found


def texts(data: bytes) -> list[list[str]]:
    """The lines of each page."""
    streams = [
        body.split(b"stream\n", 1)[1].removesuffix(b"\nendstream")
        for body in objects(data).values()
        if b"FlateDecode" in body
    ]
    shown = [re.findall(rb"^\((.*)\) Tj T\*$", zlib.decompress(stream), re.MULTILINE) for stream in streams]
    return [[line.decode("cp1252") for line in lines] for lines in shown]


def test_the_list_at_the_end_leads_to_each_object() -> None:
    found = objects(document(["one"], ["two"]))
    assert sorted(found) == list(range(1, 8))
    assert b"/Count 2 /Kids [4 0 R 6 0 R]" in found[2]


def test_lines_and_the_foot_of_each_page() -> None:
    pages = texts(document(["one", "two"], ["three"]))
    assert [page[:2] for page in pages] == [["one", "two"], ["three", ""]]
    assert [page[-1] for page in pages] == ["Title, page 1", "Title, page 2"]
    assert {len(page) for page in pages} == {ROWS + 2}


def test_what_means_something_to_a_reader_is_escaped() -> None:
    assert texts(document([r"a (b) \c) Tj"]))[0][0] == r"a \(b\) \\c\) Tj"


def test_what_the_font_lacks_is_a_question_mark_and_what_is_too_long_is_cut() -> None:
    lines = texts(document(["Zoë € 漢", "x" * 500]))[0]
    assert lines[:2] == ["Zoë € ?", "x" * COLUMNS]
