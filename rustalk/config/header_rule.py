"""What becomes of the header fields that cross a trunk: the keys trunks[].headers and teams.headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import formats
from rustalk.config.about import about
from rustalk.config.substitution import mapping
from rustalk.sip.headers import canonical

__all__ = ["OWN_NAMES", "HeaderRule", "header_name"]

_OWN = """
Accept Accept-Encoding Allow Allow-Events Authentication-Info Authorization Call-ID Contact CSeq Event Expires From
Max-Forwards MIME-Version Min-Expires Min-SE Path Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Record-Route
Refer-To Replaces Require Retry-After Route RSeq Service-Route Session-Expires SIP-ETag SIP-If-Match Subscription-State
Supported To Unsupported Via WWW-Authenticate
"""
OWN_NAMES = frozenset(_OWN.split())
"""Header fields that belong to one leg and are written by the stack itself, beside all of Content-*."""


def header_name(text: str) -> str:
    """A header field that a rule may touch, in its usual spelling; raises ValueError for one of the stack's own."""
    name = canonical(text)
    if not name:
        raise ValueError("the name of a header field, such as User-to-User")
    if name in OWN_NAMES or name.lower().startswith("content-"):
        raise ValueError(f"a header field that crosses: {name} belongs to one leg and is written by RusTalk itself")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """One rule on a header field. Rules are carried out in their order, after all that other keys do to headers."""

    name: str = field(
        metadata=about(
            "Header field, in any case. Not one that belongs to a leg by itself, such as Via, Contact or Content-Type.",
            example="User-to-User",
            check=header_name,
        )
    )
    direction: Literal["in", "out"] = field(
        metadata=about("`in`: what comes from this trunk; `out`: what goes to it.", example="out")
    )
    action: Literal["keep", "drop", "set", "rename", "map"] = field(
        metadata=about(
            "`keep`: the field crosses although it would not by itself; `drop`: it does not cross; `set`: it has "
            "`value`, whether it was there or not; `rename`: it crosses under the name in `value`; `map`: `value` is "
            "a pattern and its replacement.",
            example="map",
        )
    )
    value: str = field(
        default="",
        metadata=about(
            'For `set` the text, for `rename` the new name, for `map` "PATTERN => REPLACEMENT": the first match of the '
            r"pattern (RE2) is replaced, \1 to \9 are its groups. A field that does not match stays as it is.",
            example=r"^00(\d+) => +\1",
            check=formats.one_line,
        ),
    )

    def mapped(self, text: str) -> str:
        """What a rule with action `map` makes of the field ``text``."""
        new = mapping(self.value).apply(text)
        return text if new is None else new
