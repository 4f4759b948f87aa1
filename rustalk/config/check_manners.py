"""The rules on what trunks and Teams have alike, `Manners`, and on the table of codecs that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rustalk.config.codecs import Codec
from rustalk.config.finding import Finding, undefined
from rustalk.config.header_rule import HeaderRule, header_name
from rustalk.config.manners import Manners
from rustalk.config.model import Settings
from rustalk.config.numbers import NumberRule
from rustalk.config.problem import Notice, Problem
from rustalk.config.scalars import shown
from rustalk.config.stand_in import StandIn
from rustalk.config.substitution import mapping, substitution
from rustalk.config.teams import Teams

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES", "check_number_rules"]

_G711 = frozenset({"pcmu", "pcma"})
_NO_SPEECH = frozenset({"telephone-event", "cn"})
_DYNAMIC = range(96, 128)


def _sides(settings: Settings, reader: Reader) -> Iterator[tuple[str, Manners]]:
    """Teams and the trunks, with their places in the file."""
    yield "$.teams", settings.teams
    yield from ((reader.path(trunk), trunk) for trunk in settings.trunks)


def _table(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """No codec and no payload type is there twice."""
    keys: dict[object, Codec] = {}
    types: dict[int, Codec] = {}
    free = _free_type(settings)
    for codec in settings.codecs.codecs:
        if isinstance(codec.name, StandIn):
            continue
        other = keys.setdefault(codec.key, codec)
        if other is not codec:
            yield Problem(f"{reader.path(codec)}.name", f'"{codec.encoding}" again', "each codec once")
            continue
        other = types.setdefault(codec.payload_type, codec)
        if other is not codec:
            theirs = codec if reader.path(codec) == "$" else other
            path = reader.path(other if theirs is codec else codec)
            yield Problem(
                f"{path}.payload_type",
                str(codec.payload_type),
                f"a payload type of its own, such as {free}",
                f"{codec.payload_type} is that of {theirs.encoding}",
            )


def _free_type(settings: Settings) -> int:
    """The first dynamic payload type that no codec has (RFC 3551 section 6)."""
    taken = {codec.payload_type for codec in settings.codecs.codecs}
    return next((number for number in _DYNAMIC if number not in taken), _DYNAMIC[-1])


def _codecs(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The codecs that a side names exist and can be used, and there is one to speak with."""
    known = [codec.name for codec in settings.codecs.codecs]
    for path, side in _sides(settings, reader):
        seen: set[str] = set()
        for number, name in enumerate(side.codecs):
            place, found = f"{path}.codecs[{number}]", settings.codecs.named(name)
            if not found:
                yield from undefined(place, name, "a codec of $.codecs.codecs or a standard one", known, reader)
            elif name.lower() in seen:
                yield Problem(place, f'"{name}" again', "each codec once")
            elif not any(codec.enabled for codec in found):
                yield Notice(place, f"{name} is not enabled in $.codecs, so it is not used")
            seen.add(name.lower())
        if seen and seen <= _NO_SPEECH:
            yield Problem(f"{path}.codecs", "no codec for speech", "at least one, such as PCMA")
        yield from _digits(path, side, seen)


def _digits(path: str, side: Manners, codecs: set[str]) -> Iterator[Finding]:
    """Digits cross with the codecs that a side names."""
    if codecs and side.dtmf == "rfc4733" and "telephone-event" not in codecs:
        yield Notice(f"{path}.codecs", 'without telephone-event no digit crosses with dtmf "rfc4733"')
    if codecs and side.dtmf == "inband" and not codecs & _G711:
        yield Notice(f"{path}.codecs", 'without PCMU and PCMA no digit crosses with dtmf "inband"')


def _headers(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Each rule on headers has the value that its action needs, and tells no carrier what is Microsoft's (HDR-19)."""
    for _, side in _sides(settings, reader):
        for rule in side.headers:
            path = reader.path(rule)
            yield from _value(path, rule)
            if rule.direction == "out" and rule.action != "drop" and not isinstance(side, Teams):
                for key, name in (("name", rule.name), ("value", rule.value if rule.action == "rename" else "")):
                    if name.lower().startswith("x-ms-"):
                        yield Problem(f"{path}.{key}", f'"{name}"', "another header field", "X-MS-* is for Teams only")


def _value(path: str, rule: HeaderRule) -> Iterator[Finding]:
    """The value of a rule is a text, a name or a pattern with its replacement, as its action says."""
    try:
        if rule.action == "rename":
            header_name(rule.value)
        elif rule.action == "map":
            mapping(rule.value)
        elif rule.action == "set" and not rule.value.strip():
            raise ValueError('the text of the field, or action "drop"')
    except ValueError as error:
        found = shown(rule.value) if rule.value else "nothing"
        yield Problem(f"{path}.value", found, str(error), f'action "{rule.action}" needs it')
    if rule.action in {"keep", "drop"} and rule.value:
        yield Notice(f"{path}.value", f'has no effect with action "{rule.action}"')


def _numbers(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """The rules on numbers of each side can be carried out."""
    for _, side in _sides(settings, reader):
        yield from check_number_rules((*side.numbers.in_, *side.numbers.out), reader)


def check_number_rules(rules: Iterable[NumberRule], reader: Reader) -> Iterator[Finding]:
    """The replacement of a number names groups that its pattern has."""
    for rule in rules:
        path = reader.path(rule)
        try:
            substitution(rule.match, rule.replace)
        except ValueError as error:
            yield Problem(f"{path}.replace", shown(rule.replace), str(error))
        if not rule.match.anchored:
            yield Notice(f"{path}.match", "matches anywhere in the number; start it with ^ if that is not meant")


def _direct(settings: Settings, reader: Reader) -> Iterator[Finding]:
    """Audio that does not come through here cannot be changed."""
    for path, side in _sides(settings, reader):
        if side.media != "direct":
            continue
        lost = {
            "srtp": side.srtp == "off",
            "dtmf": side.dtmf != "rfc4733",
            "strip_comfort_noise": side.strip_comfort_noise,
            "media_bypass": isinstance(side, Teams) and side.media_bypass,
        }
        for key in (key for key, there in lost.items() if there):
            yield Notice(
                f"{path}.{key}", 'has no effect on calls whose audio does not come through here: media "direct"'
            )


RULES = (_table, _codecs, _headers, _numbers, _direct)
"""The rules, each a function of the settings and of where they were read."""
