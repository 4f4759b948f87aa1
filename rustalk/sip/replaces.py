"""The Replaces header (RFC 3891): which dialog a new call takes the place of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .errors import RemoteProtocolError
from .headers import parse_params
from .uri import Uri, find

__all__ = ["Replaces", "asked_in"]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog as the one who is asked knows it: ``to_tag`` is his own tag, ``from_tag`` that of his peer."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Understand a header value.

        Raises RemoteProtocolError when one of the tags is missing, or where the escapes of a URI hid a line end.
        """
        if _CONTROL.search(text) is not None:
            raise RemoteProtocolError("Replaces holds a control character")
        call_id, semicolon, rest = text.strip(" \t").partition(";")
        params = parse_params(semicolon + rest)
        to_tag, from_tag = find(params, "to-tag"), find(params, "from-tag")
        if not call_id or not to_tag or not from_tag:
            raise RemoteProtocolError("Replaces needs a Call-ID, a to-tag and a from-tag")
        return cls(call_id.strip(" \t"), to_tag, from_tag, find(params, "early-only") is not None)

    def escaped(self) -> str:
        """The value as it stands in the headers of a URI (section 7)."""
        early = ";early-only" if self.early_only else ""
        text = f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"
        return quote(text, safe="", errors="surrogateescape")


def asked_in(uri: Uri) -> Replaces | None:
    """What a Refer-To URI asks to be replaced: ``sip:bob@host?Replaces=...``; None when it asks for nothing."""
    for item in uri.headers.split("&"):
        name, _, value = item.partition("=")
        if name.lower() == "replaces":
            return Replaces.parse(unquote(value, errors="surrogateescape"))
    return None
