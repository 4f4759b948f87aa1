"""What a description says for connectivity checks (RFC 8445, RFC 8839), and what we say as ICE-lite (ICE-01)."""

from __future__ import annotations

from collections.abc import Iterable

from rustalk.sdp.model import Media, Session

__all__ = ["LITE", "lines", "read"]

LITE = b"a=ice-lite"

# RFC 8839 section 5.4: 4 to 256 and 22 to 256 characters.
_LONGEST = 256


def read(session: Session, media: Media) -> tuple[str, str] | None:
    """User name fragment and password in force for a media line: its own, else the session's; None without both."""
    ufrag = _value(media.lines, b"a=ice-ufrag:") or _value(session.lines, b"a=ice-ufrag:")
    password = _value(media.lines, b"a=ice-pwd:") or _value(session.lines, b"a=ice-pwd:")
    return (ufrag, password) if ufrag and password else None


def _value(lines: Iterable[bytes], prefix: bytes) -> str:
    for line in lines:
        if line.startswith(prefix):
            value = line[len(prefix) :].strip(b" ")
            return value.decode("ascii", "replace") if len(value) <= _LONGEST else ""
    return ""


def lines(ufrag: str, password: str, address: str, port: int) -> tuple[bytes, ...]:
    """The attribute lines of a media line of ours: one candidate, which is where we are (ICE-01, ICE-04).

    The component is 1, since RTCP shares the port; the priority is that of a host candidate (RFC 8445 section 5.1.2.1).
    """
    return tuple(
        line.encode("ascii")
        for line in (
            f"a=ice-ufrag:{ufrag}",
            f"a=ice-pwd:{password}",
            f"a=candidate:1 1 UDP 2130706431 {address} {port} typ host",
        )
    )
