"""RFC 3261 section 25 as named regular expressions.

Every expression is linear: repetitions are possessive or separated by a character that they cannot contain, and
only ASCII counts as a digit, a letter or white space.
"""

from __future__ import annotations

import re

__all__ = [
    "COMMA_ITEM",
    "CSEQ",
    "FORBIDDEN",
    "HOST",
    "NAME_ADDR",
    "NUMBER",
    "PARAM",
    "PARAMS",
    "REQUEST_LINE",
    "SIP_URI",
    "STATUS_LINE",
    "TOKEN",
    "URI_PARAM",
    "VIA",
]

_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]++"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_HOST = r"(?:\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9](?:[A-Za-z0-9\-_.]*+))"

TOKEN = re.compile(_TOKEN)
NUMBER = re.compile(r"[0-9]{1,10}")
HOST = re.compile(_HOST)

# Start lines: single spaces exactly, as section 7.1 says.
REQUEST_LINE = re.compile(rf"({_TOKEN}) ([^\s<>]++) SIP/2\.0", re.IGNORECASE | re.ASCII)
STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ([^\r\n]*)", re.IGNORECASE | re.ASCII)

# A control character outside a quoted-pair, or a line end that is not exactly CRLF.
FORBIDDEN = re.compile(rb"(?<!\\)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")

_PARAM = rf'[ \t]*+;[ \t]*+({_TOKEN})(?:[ \t]*+=[ \t]*+({_QUOTED}|[^\s;,"]*+))?'
PARAM = re.compile(_PARAM, re.ASCII)
PARAMS = re.compile(rf"(?:{_PARAM})*+[ \t]*+", re.ASCII)

VIA = re.compile(
    rf"SIP[ \t]*+/[ \t]*+2\.0[ \t]*+/[ \t]*+({_TOKEN})[ \t]++({_HOST})(?:[ \t]*+:[ \t]*+([0-9]{{1,5}}))?(.*)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]++({_TOKEN})", re.ASCII)

# display-name, address in brackets, parameters; Teams glues an unquoted name of several words to the bracket.
NAME_ADDR = re.compile(
    rf'[ \t]*+(?:({_QUOTED})|([^"<>,]*+))[ \t]*+<[ \t]*+([^<>\s]++)[ \t]*+>(.*)', re.ASCII | re.DOTALL
)
COMMA_ITEM = re.compile(rf'(?:{_QUOTED}|<[^<>]*+>|[^",<])++', re.ASCII)

_USER = r"[A-Za-z0-9\-_.!~*'()%&=+$,;?/#]++"
_PASSWORD = r"[A-Za-z0-9\-_.!~*'()%&=+$,]*+"
SIP_URI = re.compile(
    rf"(sips?):(?:({_USER})(?::({_PASSWORD}))?@)?({_HOST})(?::([0-9]{{1,5}}))?((?:;[^;?\s]*+)*+)(?:\?(\S*))?",
    re.IGNORECASE | re.ASCII,
)
URI_PARAM = re.compile(r";([^;=?\s]++)(?:=([^;?\s]*+))?")
