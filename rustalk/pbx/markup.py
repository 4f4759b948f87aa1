"""XML, written and read: what comes from the network cannot become an element, and what is read declares no entities.

Expat expands nothing here: a document type declaration, where entities would be declared, is refused before it is read
(A31). Depth and number of elements are bounded; how long a document may be is for who hands it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

from rustalk.observe.printable import printable
from rustalk.sip.errors import RemoteProtocolError

__all__ = ["Path", "attribute", "content", "walk"]

_NO_CHARACTER = re.compile("[\ufffe\uffff]")
_DEEPEST = 16
_MOST = 500

Path = tuple[str, ...]
"""The elements from the root to one of them, each as its namespace, a space and its name."""


def content(text: str) -> str:
    """Text as it stands between two tags."""
    return escape(_clean(text))


def attribute(text: str) -> str:
    """Text as the value of an attribute, with its quotes."""
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    """XML has no way to write most control characters, nor the two code points that are none."""
    return _NO_CHARACTER.sub("\ufffd", printable(text))


def walk(document: bytes, ended: Callable[[Path, str], None]) -> None:
    """Read a document in UTF-8, whatever it says of itself: ``ended(path, text)`` for each element when it ends.

    ``text`` is what stands in the element itself. Raises RemoteProtocolError for what is no such document, for a
    document type declaration, and for more elements than anybody needs.
    """
    path: list[str] = []
    texts: list[list[str]] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(path) == _DEEPEST or count > _MOST:
            raise RemoteProtocolError("the XML document has too many elements, or they are too deep")
        path.append(name)
        texts.append([])

    def characters(text: str) -> None:
        texts[-1].append(text)

    def end(name: str) -> None:
        ended(tuple(path), "".join(texts.pop()))
        path.pop()

    parser = ParserCreate("UTF-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.CharacterDataHandler = characters
    parser.EndElementHandler = end
    try:
        parser.Parse(document.decode(), True)
    except UnicodeDecodeError:
        raise RemoteProtocolError("the body is not in UTF-8") from None
    except ExpatError as error:
        raise RemoteProtocolError(f"the body is no XML document: line {error.lineno}, column {error.offset}") from None


def _refuse(name: str, system: str | None, public: str | None, internal: bool) -> None:
    raise RemoteProtocolError("an XML document with a DOCTYPE is not read")
