"""Presence documents: PIDF (RFC 3863) with activities of RPID (RFC 4480), written for watchers, read from phones."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.sip.errors import RemoteProtocolError

from .markup import Path, attribute, content, walk

__all__ = ["CONTENT_TYPE", "Condition", "read", "write"]

CONTENT_TYPE = "application/pidf+xml"

_PIDF = "urn:ietf:params:xml:ns:pidf"
_PERSON = "urn:ietf:params:xml:ns:pidf:data-model"
_RPID = "urn:ietf:params:xml:ns:pidf:rpid"
_ROOT = f"{_PIDF} presence"
_BASIC = (_ROOT, f"{_PIDF} tuple", f"{_PIDF} status", f"{_PIDF} basic")
_NOTES = ((_ROOT, f"{_PIDF} note"), (_ROOT, f"{_PIDF} tuple", f"{_PIDF} note"))
_PERSONS_NOTE = (_ROOT, f"{_PERSON} person", f"{_PERSON} note")
_ACTIVITIES = """
appointment away breakfast busy dinner holiday in-transit looking-for-work lunch meal meeting on-the-phone performance
permanent-absence playing presentation shopping sleeping spectator steering travel tv vacation working worship
"""
_KNOWN = frozenset(_ACTIVITIES.split())
_MOST_ACTIVITIES = 4
_LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether somebody takes calls, what they do in words of RPID, and a note in their own."""

    is_open: bool
    activities: tuple[str, ...] = ()
    note: str = ""


class _Reading:
    """What has been found so far."""

    def __init__(self) -> None:
        self.basics: list[str] = []
        self.activities: list[str] = []
        self.notes: dict[bool, str] = {}

    def ended(self, path: Path, text: str) -> None:
        """An element of the document; those that nobody asks for are passed over."""
        if path[0] != _ROOT:
            raise RemoteProtocolError("the body is no presence document (RFC 3863)")
        namespace, _, name = path[-1].rpartition(" ")
        if path == _BASIC:
            self.basics.append(text.strip())
        elif path in _NOTES or path == _PERSONS_NOTE:
            self._noted(" ".join(text.split()), of_person=path == _PERSONS_NOTE)
        elif namespace == _RPID and path[-2:-1] == (f"{_RPID} activities",):
            self._active(name)

    def _active(self, name: str) -> None:
        if name in _KNOWN and name not in self.activities and len(self.activities) < _MOST_ACTIVITIES:
            self.activities.append(name)

    def _noted(self, note: str, *, of_person: bool) -> None:
        if note:
            self.notes.setdefault(of_person, note[:_LONGEST_NOTE])


def read(document: bytes) -> Condition:
    """What a phone says of its user: open where any tuple is, or where it does not say. The first note counts.

    What has no meaning here is left out. Raises RemoteProtocolError for what is no PIDF.
    """
    reading = _Reading()
    walk(document, reading.ended)
    is_open = not reading.basics or "open" in reading.basics
    note = reading.notes.get(True) or reading.notes.get(False) or ""
    return Condition(is_open, tuple(reading.activities), note)


def write(entity: str, condition: Condition) -> bytes:
    """The document that tells watchers of ``entity``, a SIP URI, in what condition it is."""
    note = f"<note>{content(condition.note)}</note>" if condition.note else ""
    person = ""
    if condition.activities:
        activities = "".join(f"<rpid:{activity}/>" for activity in condition.activities)
        person = f'<dm:person id="person"><rpid:activities>{activities}</rpid:activities></dm:person>\n'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<presence xmlns="{_PIDF}" xmlns:dm="{_PERSON}" xmlns:rpid="{_RPID}" entity={attribute(entity)}>\n'
        f'<tuple id="line"><status><basic>{"open" if condition.is_open else "closed"}</basic></status>'
        f"<contact>{content(entity)}</contact>{note}</tuple>\n"
        f"{person}</presence>\n"
    ).encode("utf-8", "replace")
