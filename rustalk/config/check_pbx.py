"""The rules on extensions, ring groups, DIDs, mailboxes and policies.

Each loop over all extensions is one that a change of a single one can afford: what concerns an extension by itself is
looked at only where it was just read, what concerns its references by looking them up.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

from rustalk.config.check_destination import check_destination, check_policy
from rustalk.config.extension import CallForwarding, Extension
from rustalk.config.finding import Finding, each_once, undefined
from rustalk.config.known import Known, all_routes
from rustalk.config.model import Did, Policy, RingGroup, Settings
from rustalk.config.password import ALLOWED, weakness
from rustalk.config.problem import Notice, Problem

if TYPE_CHECKING:
    from rustalk.config.read import Reader

__all__ = ["RULES"]

_NAMED = 5
_NO_FORWARDING = CallForwarding()
_FORWARDS = ("always", "busy", "no_answer", "unreachable")
_LIMITS = (
    "frequency_limit",
    "daily_limit",
    "concurrency",
    "time_window",
    "allowed_countries",
    "denied_countries",
    "spend_limit",
)


def _names_once(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Ids and numbers are unique among their kind."""
    yield from each_once(settings.extensions, "extension", "extension", reader)
    yield from each_once(settings.extensions, "id", "extension", reader)
    yield from each_once(settings.ring_groups, "id", "ring group", reader)
    yield from each_once(settings.dids, "id", "DID", reader)
    yield from each_once(settings.mailboxes, "id", "mailbox", reader)
    yield from each_once(settings.mailboxes, "extension", "mailbox", reader)
    yield from each_once([policy for policy in settings.policies if policy.id], "id", "policy", reader)
    yield from each_once(settings.calendars, "id", "calendar", reader)


def _extensions(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Each extension that was just read is what a phone can use."""
    forwards: dict[str, bool] = {}
    for extension in reader.reads(Extension):
        yield from _credentials(extension, reader.path(extension))
        if extension.call_forwarding != _NO_FORWARDING:
            yield from _forwarding(extension, settings, known, reader, forwards)


def _realm(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """What is kept of passwords was made with the realm that phones are asked for."""
    domain = settings.sip.domain
    if {"", domain}.issuperset(map(attrgetter("ha1_realm"), settings.extensions)):
        return
    stale = [each for each in settings.extensions if each.ha1_realm not in ("", domain) and not each.password]
    lost = [each for each in stale if each.ha1_md5 or each.ha1_sha256]
    if lost:
        text = f"{len(lost)} extensions have a password of which only the HA1 for {lost[0].ha1_realm} is kept"
        numbers = sorted((each.extension for each in lost), key=lambda number: (len(number), number))
        more = f", and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
        first = f"{', '.join(numbers[:_NAMED])}{more}"
        todo = "give them new ones (`rustalk extensions rotate-passwords --all`), or go back to that domain"
        yield Notice("$.sip.domain", f"{text}, so their phones cannot log in to {domain} ({first}): {todo}")


def _references(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The policies and codecs that extensions name exist."""
    for policy in set(map(attrgetter("policy"), settings.extensions)):
        if isinstance(policy, str) and policy and policy not in known.policies:
            for extension in (each for each in settings.extensions if each.policy == policy):
                yield from check_policy(policy, reader.path(extension), known, reader)
    for codecs in set(map(attrgetter("codecs"), settings.extensions)):
        if not known.codecs.issuperset(map(str.lower, codecs)):
            for extension in (each for each in settings.extensions if each.codecs == codecs):
                yield from _codecs(extension, known, reader)


def _codecs(extension: Extension, known: Known, reader: Reader) -> Iterator[Finding]:
    for number, name in enumerate(extension.codecs):
        if name.lower() not in known.codecs:
            path = f"{reader.path(extension)}.codecs[{number}]"
            yield from undefined(path, name, "a codec of $.codecs.codecs or a standard one", known.codecs, reader)


def _credentials(extension: Extension, path: str) -> Iterator[Finding]:
    """A phone can prove who it is, and nobody guesses how."""
    password = extension.password.reveal()
    if not (password or extension.ha1_md5 or extension.ha1_sha256 or extension.certificate_subject):
        if extension.enabled:
            yield Notice(f"{path}.password", "none, so no phone can register as this extension")
    elif password:
        why = weakness(password, extension.extension)
        if not why and extension.extension in password:
            why = "contains the extension's number"
        if why:
            yield Notice(f"{path}.password", f"is easily guessed, for it {why}; give {ALLOWED}")


def _forwarding(
    extension: Extension, settings: Settings, known: Known, reader: Reader, forwards: dict[str, bool]
) -> Iterator[Finding]:
    """Calls are forwarded to where something takes them; ``forwards`` remembers the numbers that were asked about."""
    for key in _FORWARDS:
        target = getattr(extension.call_forwarding, key)
        path = f"{reader.path(extension)}.call_forwarding.{key}"
        if target and target in {extension.extension, extension.id}:
            yield Problem(path, f'"{target}"', "another extension or number", "the extension would forward to itself")
        elif target and target not in known.extensions and ":" not in target:
            if target not in forwards:
                forwards[target] = any(
                    route.enabled and route.pattern.matches(target) for route in all_routes(settings)
                )
            if not forwards[target]:
                yield Notice(path, f'"{target}" is no extension and no route takes it, so nothing is reached')


def _dids(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The numbers lead somewhere, and each enabled one is there once for each priority."""
    inside = known.extensions
    elsewhere = (d for d in settings.dids if d.destination.type != "Extension" or d.destination.value not in inside)
    for did in elsewhere:
        yield from check_destination(did.destination, f"{reader.path(did)}.destination", known, reader, did.enabled)
    seen: set[tuple[str, int]] = set()
    for did in settings.dids if reader.reads(Did) else ():
        place = (did.number, did.priority)
        if did.enabled and place in seen:
            yield Notice(f"{reader.path(did)}.number", f"{did.number} is there before with the same priority")
        elif did.enabled:
            seen.add(place)


def _ring_groups(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The members of a group exist, each once, and its overflow leads out of it."""
    for group in settings.ring_groups:
        path = reader.path(group)
        if group.enabled and not group.ringing:
            yield Notice(f"{path}.extensions", "no member, so calls to the group go to its overflow at once")
        yield from _members(group, path, known, reader)
        if group.overflow is not None:
            yield from check_destination(group.overflow, f"{path}.overflow", known, reader, group.enabled)
        circle = _circle(group, known)
        if circle:
            yield Notice(f"{path}.overflow", f"comes back to this group ({circle}); the call then ends with 482")


def _members(group: RingGroup, path: str, known: Known, reader: Reader) -> Iterator[Finding]:
    named = [(name, f"{path}.extensions[{number}]") for number, name in enumerate(group.extensions)]
    named += [(each.extension, f"{path}.members[{number}].extension") for number, each in enumerate(group.members)]
    seen: set[str] = set()
    for name, place in named:
        if name not in known.extensions:
            yield from undefined(place, name, "the number or id of an extension", known.extensions, reader)
        elif name in seen:
            yield Problem(place, f'"{name}" again', "each extension once")
        seen.add(name)


def _circle(group: RingGroup, known: Known) -> str:
    """The way from a group over the overflows of groups back to it; empty where there is none."""
    way, current = [group.id], group
    while current.overflow is not None and current.overflow.type == "RingGroup" and len(way) <= len(known.groups):
        following = known.groups.get(current.overflow.value)
        if following is None:
            return ""
        way.append(following.id)
        if following.id == group.id:
            return " - ".join(way)
        current = following
    return ""


def _mailboxes(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """A box belongs to an extension and has the greeting that it plays."""
    for box in settings.mailboxes:
        if box.extension not in known.extensions:
            path = f"{reader.path(box)}.extension"
            yield from undefined(path, box.extension, "the number of an extension", known.extensions, reader)
        if box.greeting == "custom" and not box.greeting_path:
            yield Problem(f"{reader.path(box)}.greeting_path", "nothing", "the sound file of the greeting")
        if box.pin and box.pin.reveal() == box.extension:
            yield Notice(f"{reader.path(box)}.pin", "is the number of the extension, which everybody guesses")


def _policies(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """Those of the section have names, and each that was just read limits something."""
    for policy in settings.policies:
        if not policy.id:
            yield Problem(f"{reader.path(policy)}.id", "nothing", "the name of the policy", "the key is required here")
    for policy in reader.reads(Policy):
        path = reader.path(policy)
        if not any(getattr(policy, limit) for limit in _LIMITS):
            yield Notice(path, "the policy limits nothing")
        both = sorted(set(policy.allowed_countries) & set(policy.denied_countries))
        if both:
            yield Notice(f"{path}.denied_countries", f"{', '.join(both)}: allowed as well, and denied is what counts")
        spend = policy.spend_limit
        if spend and spend.currency not in {card.currency for card in settings.rates if card.active}:
            yield Notice(
                f"{path}.spend_limit", f"no active rate card is in {spend.currency}, so nothing is ever spent of it"
            )


def _trunks(settings: Settings, reader: Reader, known: Known) -> Iterator[Finding]:
    """The policies that trunks name exist."""
    for trunk in settings.trunks:
        yield from check_policy(trunk.policy, reader.path(trunk), known, reader)


RULES = (_names_once, _extensions, _realm, _references, _dids, _ring_groups, _mailboxes, _policies, _trunks)
"""The rules, each a function of the settings, of where they were read, and of what is defined."""
