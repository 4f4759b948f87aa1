"""The parts of the settings that are lists of things with a name: what the API changes one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from rustalk.config.model import (
    Acl,
    BillTemplate,
    Calendar,
    Codec,
    Did,
    Extension,
    Mailbox,
    Policy,
    RateCard,
    RingGroup,
    Route,
    Settings,
    SipProfile,
    Trunk,
)

__all__ = ["COLLECTIONS", "Collection"]


@dataclass(frozen=True, slots=True)
class Collection:
    """One list: its ``name`` in the API, the class of its items, where it stands in the settings, and their name.

    ``key`` is the attribute by which items are told apart, a key of the file for all but codecs.
    """

    name: str
    kind: type[Any]
    path: str
    key: str = "id"

    def items(self, settings: Settings) -> tuple[Any, ...]:
        """The items in their order."""
        found: Any = settings
        for name in self.path.split("."):
            found = getattr(found, name)
        return tuple(found)

    def key_of(self, item: Any) -> str:
        """The name of an item."""
        return str(getattr(item, self.key))

    def find(self, settings: Settings, key: str) -> Any | None:
        """The item of that name; this looks at each in turn."""
        return next((item for item in self.items(settings) if getattr(item, self.key) == key), None)

    def replaced(self, settings: Settings, items: tuple[Any, ...]) -> Settings:
        """The settings with these items instead."""
        section, _, name = self.path.rpartition(".")
        changes: dict[str, Any] = {name: items}
        if section:
            changes = {section: replace(getattr(settings, section), **changes)}
        return replace(settings, **changes)


_ALL = (
    Collection("extensions", Extension, "extensions"),
    Collection("trunks", Trunk, "trunks"),
    Collection("dids", Did, "dids"),
    Collection("ring_groups", RingGroup, "ring_groups"),
    Collection("routes", Route, "routing.routes"),
    Collection("sip_profiles", SipProfile, "sip_profiles"),
    Collection("acls", Acl, "acls.acls", "name"),
    Collection("codecs", Codec, "codecs.codecs", "encoding"),
    Collection("rates", RateCard, "rates"),
    Collection("bill_templates", BillTemplate, "bill_templates"),
    Collection("policies", Policy, "policies"),
    Collection("calendars", Calendar, "calendars"),
    Collection("mailboxes", Mailbox, "mailboxes"),
)

COLLECTIONS: Mapping[str, Collection] = MappingProxyType({collection.name: collection for collection in _ALL})
"""The collections by name."""
