"""Takes the secrets out of a SIP message before anybody sees it (A40): credentials, media keys, passwords, digits.

Works on raw octets, since a message may be shown that no parser would take.
"""

from __future__ import annotations

import re

__all__ = ["redact"]

_LINE = rb"(?:\A|(?<=[\r\n]))"
_REST = rb"[^\r\n]*(?:(?:\r\n|\r|\n)[ \t]+[^\r\n]*)*"

_PATTERNS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (
        re.compile(_LINE + rb"((?:proxy-)?authorization|authentication-info)([ \t]*:[ \t]*)" + _REST, re.IGNORECASE),
        rb"\1\2***",
    ),
    (re.compile(rb"(inline[ \t]*:[ \t]*)[^|;\s]*", re.IGNORECASE), rb"\1***"),
    (re.compile(_LINE + rb"(a=(?:ice-pwd|key-mgmt)[ \t]*:|k=)[^\r\n]*", re.IGNORECASE), rb"\1***"),
    (re.compile(rb"([?&](?:proxy-)?authorization=)[^&>\s\"]*", re.IGNORECASE), rb"\1***"),
    (re.compile(rb"(\bpass(?:word|wd)?[ \t]*[=:][ \t]*)(?:\"[^\"\r\n]*\"|[^\s;,&>]*)", re.IGNORECASE), rb"\1***"),
    (re.compile(_LINE + rb"(signal[ \t]*=[ \t]*)[^\r\n]*", re.IGNORECASE), rb"\1***"),
)

_URI = re.compile(rb"\b(?:sips?|tel):[^\s<>\"]+", re.IGNORECASE)
_PASSWORD = re.compile(rb"(\b(?:sips?|tel):[^:;?]*:).*", re.IGNORECASE | re.DOTALL)


def redact(message: bytes) -> bytes:
    """The message with each secret value replaced by ``***``; everything else stays octet for octet."""
    message = _URI.sub(_without_password, message)
    for pattern, replacement in _PATTERNS:
        message = pattern.sub(replacement, message)
    return message


def _without_password(uri: re.Match[bytes]) -> bytes:
    """Mask in two linear steps: one pattern over all would look for an ``@`` anew from each colon."""
    *users, host = uri[0].split(b"@")
    return b"@".join([*(_PASSWORD.sub(rb"\1***", user) for user in users), host])
