"""How the location that comes with a call for help was found: the method of a PIDF-LO (RFC 4119 section 2.2.3)."""

from __future__ import annotations

from xml.parsers import expat

from .multipart import Multipart

__all__ = ["PIDF", "location_method"]

PIDF = "application/pidf+xml"
_LONGEST = 64
_DEEPEST = 64


def location_method(body: Multipart | None) -> str:
    """What the first location in a body says of its own origin, such as LIS or Manual, as it is written there.

    '' for no location, for one that does not say, and for one that cannot be read: whoever answers must ask the caller.
    """
    part = body.find(PIDF) if body is not None else None
    if body is None or part is None:
        return ""
    found = _Method()
    try:
        found.read(body.content(part).decode("utf-8", "replace").strip())
    except (expat.ExpatError, _UnfitError):
        return ""
    text = "".join(found.text).strip()
    return text if len(text) <= _LONGEST and text.isprintable() else ""


class _UnfitError(Exception):
    """The document wants more of us than a location should."""


class _Method:
    """Collects the text of the first ``method`` element, in whatever namespace its author put it.

    A document type is refused as a whole, since only that can declare entities, and so is a document that nests deeper
    than any location does (A31); its size is that of a SIP message at most.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self._depth = 0
        self._inside = self._done = False
        self._length = 0

    def read(self, document: str) -> None:
        """Go through the document. Raises ExpatError or _UnfitError."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.Parse(document, True)

    def _refuse(self, *declared: object) -> None:
        raise _UnfitError

    def _start(self, name: str, attributes: object) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnfitError
        self._inside = not self._done and name.rpartition(" ")[2] == "method"

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._done = self._done or self._inside
        self._inside = False

    def _data(self, text: str) -> None:
        self._length += len(text) if self._inside else 0
        if self._inside and self._length <= 2 * _LONGEST:
            self.text.append(text)
