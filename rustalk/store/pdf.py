"""Pages of plain text as a PDF (ISO 32000-1), written as they come; only the places of the pages are remembered."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

__all__ = ["COLUMNS", "ROWS", "Pdf"]

COLUMNS = 183
"""How many characters fit into a line, all of the same width."""

ROWS = 60
"""How many lines fit on a page."""

_WIDTH, _HEIGHT, _MARGIN = 842, 595, 36
_SIZE, _LEADING = 7, 8.7
_CATALOG, _PAGES, _FONT, _FIRST = 1, 2, 3, 4
_ESCAPES = {ord("\\"): "\\\\", ord("("): "\\(", ord(")"): "\\)"}


class Pdf:
    """One document on landscape A4: `start`, then `page` for each page, then `end`; each returns what is to be written.

    Characters that the built-in fonts lack (those outside Windows-1252) become question marks.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._length = 0
        self._places: dict[int, int] = {}
        self._pages: list[int] = []

    def start(self) -> bytes:
        """The beginning of the file."""
        return (
            self._counted(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
            + self._object(_CATALOG, b"<< /Type /Catalog /Pages %d 0 R >>" % _PAGES)
            + self._object(_FONT, b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>")
        )

    def page(self, lines: Sequence[str]) -> bytes:
        """One page of at most `ROWS` lines, each cut to `COLUMNS`; its title and number stand at the foot."""
        number = _FIRST + 2 * len(self._pages)
        self._pages.append(number)
        foot = f"{self._title}, page {len(self._pages)}"
        text = zlib.compress(_text([*lines[:ROWS], *[""] * (ROWS - len(lines)), "", foot]))
        return self._object(
            number,
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /F %d 0 R >> >> "
            b"/Contents %d 0 R >>" % (_PAGES, _WIDTH, _HEIGHT, _FONT, number + 1),
        ) + self._object(
            number + 1, b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(text), text)
        )

    def end(self) -> bytes:
        """The list of the pages and where each object stands."""
        kids = b" ".join(b"%d 0 R" % number for number in self._pages)
        pages = self._object(_PAGES, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(self._pages), kids))
        size = max(self._places) + 1
        places = b"".join(b"%010d 00000 n \n" % self._places[number] for number in range(1, size))
        return (
            pages
            + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, places)
            + b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, _CATALOG, self._length)
        )

    def _object(self, number: int, body: bytes) -> bytes:
        self._places[number] = self._length
        return self._counted(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    def _counted(self, data: bytes) -> bytes:
        self._length += len(data)
        return data


def _text(lines: Sequence[str]) -> bytes:
    shown = "".join(f"({line[:COLUMNS].translate(_ESCAPES)}) Tj T*\n" for line in lines)
    start = f"BT /F {_SIZE} Tf {_LEADING} TL {_MARGIN} {_HEIGHT - _MARGIN} Td\n"
    return f"{start}{shown}ET".encode("cp1252", "replace")
