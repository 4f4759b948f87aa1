"""The rules on where calls are sent: that it exists, and that no caller chooses the trunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rustalk.config.destination import CALLED, Destination
from rustalk.config.finding import Finding, undefined
from rustalk.config.known import Known
from rustalk.config.model import Policy
from rustalk.config.problem import Notice, Problem
from rustalk.config.routing import PHONES
from rustalk.config.scalars import shown
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.uri import Uri

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["check_destination", "check_policy", "check_source", "check_trunk"]


def check_destination(
    destination: Destination, path: str, known: Known, reader: Reader, used: bool
) -> Iterator[Finding]:
    """The destination at ``path`` exists; ``used`` is whether calls get there at all."""
    kind, value, place = destination.type, destination.value, f"{path}.value"
    if kind in {"Extension", "Voicemail"} and (value in known.extensions or value == CALLED):
        if kind == "Voicemail" and used:
            yield Notice(place, f"this version records no messages: {_ONWARD}")
        return
    if "${" in value:
        yield Problem(place, shown(value), f'a value without "${{"; {CALLED} alone stands for an extension')
    elif kind == "Hangup":
        if value and not _is_status(value):
            yield Problem(place, shown(value), "a SIP status from 400 to 699, or nothing")
    elif kind == "Custom":
        yield from _uri(value, place)
    elif not value:
        yield Problem(place, "nothing", _EXPECTED[kind])
    elif kind == "Trunk":
        yield from check_trunk(value, place, known, reader, used)
    elif kind == "Queue":
        if used:
            yield Notice(place, f"there are no queues in this version: {_ONWARD}")
    elif kind == "RingGroup":
        yield from _group(value, place, known, reader, used)
    elif kind == "Extension" and _is_meant_for_group(value, known):
        yield Problem(place, shown(value), _EXPECTED[kind], _of_group(value.removeprefix("RingGroup:"), path))
    else:
        yield from undefined(place, value, _EXPECTED[kind], known.extensions, reader)


_ONWARD = "calls go on to what follows there, and are refused with 480 where nothing does"

_EXPECTED = {
    "Trunk": 'the id of a trunk, or "teams"',
    "Extension": f"the number of an extension, or {CALLED}",
    "Voicemail": f"the number of an extension, or {CALLED}",
    "RingGroup": "the id or name of a ring group",
    "Queue": "the name of a queue",
}


def check_trunk(id: str, path: str, known: Known, reader: Reader, used: bool) -> Iterator[Finding]:
    """``id`` names a trunk or Teams; one that is not enabled is worth a word."""
    if id not in known.trunks:
        yield from undefined(path, id, _EXPECTED["Trunk"], known.trunks, reader)
    elif used and not known.trunks[id]:
        yield Notice(path, f'"{id}" is not enabled, so no call comes from or goes to it')


def check_source(source: str, path: str, known: Known, reader: Reader, used: bool) -> Iterator[Finding]:
    """``source`` names who calls: a trunk, Teams, or the extensions together."""
    if source != PHONES:
        yield from check_trunk(source, path, known, reader, used)


def check_policy(policy: str | Policy, path: str, known: Known, reader: Reader) -> Iterator[Finding]:
    """A policy that is named exists."""
    if isinstance(policy, str) and policy and policy not in known.policies:
        yield from undefined(f"{path}.policy", policy, "the id of a policy, or an object", known.policies, reader)


def _group(value: str, place: str, known: Known, reader: Reader, used: bool) -> Iterator[Finding]:
    if value not in known.groups:
        yield from undefined(place, value, _EXPECTED["RingGroup"], known.groups, reader)
    elif used and not known.groups[value].enabled:
        yield Notice(place, f'ring group "{value}" is not enabled, so calls to it are refused')


def _is_meant_for_group(value: str, known: Known) -> bool:
    return value.startswith("RingGroup:") or value in known.groups


def _of_group(group: str, path: str) -> str:
    """How to name a ring group where a text alone is the number of an extension, in a file and on the command line."""
    key = path.rpartition(".")[2]
    line = f", on the command line {key}.type=RingGroup {key}.value={group}" if key.isidentifier() else ""
    return f'a ring group is {{"type": "RingGroup", "value": {shown(group)}}}{line}'


def _uri(value: str, place: str) -> Iterator[Finding]:
    try:
        if Uri.parse(value).scheme in {"sip", "sips"}:
            return
    except RemoteProtocolError:
        pass
    yield Problem(place, shown(value) if value else "nothing", "a SIP URI such as sip:alice@example.com")


def _is_status(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 3 and "400" <= text <= "699"
