"""RFC 4566 section 9, RFC 3605 and RFC 4568 section 9 as named regular expressions over bytes.

Every expression is linear and counts only ASCII as digits and letters. Runs of spaces are taken where the RFC says one.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

__all__ = ["CONNECTION", "CRYPTO", "KEY", "MEDIA", "ORIGIN", "RTCP", "RTPMAP", "address"]

# m=<media> <port>[/<number of ports>] <proto> <fmt> ...; the formats may be missing on a line with port 0.
MEDIA = re.compile(rb"m=([!-~]++) ++(([0-9]{1,5})(?:/([0-9]{1,5}))?) ++([!-~]++)((?: ++[!-~]++)*+) *+")
# c=IN <addrtype> <address>[/<ttl>][/<number of addresses>]
CONNECTION = re.compile(rb"c=IN ++(IP[46]) ++([0-9A-Za-z.:\-]++)(?:/[0-9]{1,3}){0,2} *+")
ORIGIN = re.compile(rb"o=([!-~]++) ++([0-9]{1,20}) ++([0-9]{1,20}) ++IN ++IP[46] ++([!-~]++) *+")
RTCP = re.compile(rb"a=rtcp: *+([0-9]{1,5})(?: ++IN ++(IP[46]) ++([0-9A-Za-z.:\-]++))? *+")
# Searched for in a whole section.
RTPMAP = re.compile(rb"\na=rtpmap: *+([0-9]{1,3}) ++[!-.0-~]++/([1-9][0-9]{0,6})(?![0-9])")
CRYPTO = re.compile(rb"a=crypto: *+([0-9]{1,9}) ++([0-9A-Za-z_]++) ++([!-~]++)((?: ++[!-~]++)*+) *+")
# inline:<key||salt>[|<lifetime>][|<MKI>:<MKI length>]
KEY = re.compile(
    rb"inline:([0-9A-Za-z+/]++={0,2})(?:\|(?:2\^([0-9]{1,2})|([0-9]{1,20})))?(?:\|([0-9]{1,40}):([0-9]{1,3}))?"
)

_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP4 = re.compile(rb"%b(?:\.%b){3}" % (_OCTET, _OCTET))


def address(kind: bytes, text: bytes) -> str | None:
    """An address of the type ``kind`` (IP4 or IP6) in its usual spelling; None if ``text`` is no such address.

    A host name is none either: the relay does not ask the DNS on a stranger's word. Nor is an IPv4 address in IPv6
    spelling, whose packets would leave by the other family.
    """
    if kind == b"IP4":
        return text.decode("ascii") if _IP4.fullmatch(text) else None
    try:
        host = IPv6Address(text.decode("ascii"))
    except AddressValueError:
        return None
    return None if host.ipv4_mapped else str(host)
