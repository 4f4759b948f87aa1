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
    "OTHER_URI",
    "PARAM",
    "PARAMS",
    "PLAIN_ADDR",
    "PLAIN_PARAMS",
    "PLAIN_URI",
    "PLAIN_VIA",
    "REQUEST_LINE",
    "SIP_URI",
    "STATUS_LINE",
    "TOKEN",
    "VIA",
]

_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]++"
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
_SIP = "[Ss][Ii][Pp]"  # in words, since re.IGNORECASE slows a whole expression down
_HOST = r"(?:\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9](?:[A-Za-z0-9\-_.]*+))"

TOKEN = re.compile(_TOKEN)
NUMBER = re.compile(r"[0-9]{1,10}")
HOST = re.compile(_HOST)

# Start lines: single spaces exactly, as section 7.1 says.
REQUEST_LINE = re.compile(rf"({_TOKEN}) ([^\s<>]++) {_SIP}/2\.0", re.ASCII)
STATUS_LINE = re.compile(rf"{_SIP}/2\.0 ([1-6][0-9]{{2}}) ([^\r\n]*)", re.ASCII)

# A control character outside a quoted-pair, or a line end that is not exactly CRLF.
FORBIDDEN = re.compile(rb"(?<!\\)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")

_PARAM = rf'[ \t]*+;[ \t]*+({_TOKEN})(?:[ \t]*+=[ \t]*+({_QUOTED}|[^\s;,"]*+))?'
PARAM = re.compile(_PARAM, re.ASCII)
PARAMS = re.compile(rf"(?:{_PARAM})*+[ \t]*+", re.ASCII)
# The same as nearly everybody writes them: nothing quoted, no white space.
PLAIN_PARAMS = re.compile(rf'(?:;{_TOKEN}(?:=[^\s;,"]*+)?+)*+', re.ASCII)

VIA = re.compile(
    rf"{_SIP}[ \t]*+/[ \t]*+2\.0[ \t]*+/[ \t]*+({_TOKEN})[ \t]++({_HOST})(?:[ \t]*+:[ \t]*+([0-9]{{1,5}}))?(.*)",
    re.ASCII | re.DOTALL,
)
# As nearly everybody writes it: every capital in its place, no white space, nothing quoted.
PLAIN_VIA = re.compile(
    rf'SIP/2\.0/([A-Z]++) ([A-Za-z0-9][A-Za-z0-9\-_.]*+)(?::([0-9]{{1,5}}))?+((?:;{_TOKEN}(?:=[^\s;,"]*+)?+)*+)',
    re.ASCII,
)
CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]++({_TOKEN})", re.ASCII)

# display-name, address in brackets, parameters; Teams glues an unquoted name of several words to the bracket.
NAME_ADDR = re.compile(
    rf'[ \t]*+(?:({_QUOTED})|([^"<>,]*+))[ \t]*+<[ \t]*+([^<>\s]++)[ \t]*+>(.*)', re.ASCII | re.DOTALL
)
# The same without a quoted name and with no parameter but the tag.
PLAIN_ADDR = re.compile(rf'([^"<>,]*+)<([^<>\s]++)>(?:;tag=({_TOKEN}))?+', re.ASCII)
COMMA_ITEM = re.compile(rf'(?:{_QUOTED}|<[^<>]*+>|[^",<]++)++', re.ASCII)

_USER = r"[A-Za-z0-9\-_.!~*'()%&=+$,;?/#]++"
_PASSWORD = r"[A-Za-z0-9\-_.!~*'()%&=+$,]*+"
SIP_URI = re.compile(
    rf"({_SIP}[Ss]?+):(?:({_USER})(?::({_PASSWORD}))?@)?({_HOST})(?::([0-9]{{1,5}}))?((?:;[^;?\s<>]*+)*+)(?:\?([^\s<>]*+))?",
    re.ASCII,
)
OTHER_URI = re.compile(r'([A-Za-z][A-Za-z0-9+\-.]*+):([^\x00-\x20\x7f<>"]++)')
# A URI that needs no second look: a port that is surely one, no header fields.
PLAIN_URI = re.compile(
    rf"sip:(?:{_USER}@)?+[A-Za-z0-9][A-Za-z0-9\-_.]*+(?::[1-9][0-9]{{0,3}})?+(?:;[^;?\s<>]*+)*+", re.ASCII
)
