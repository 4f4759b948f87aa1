"""Every resource of the API, and so every route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .acls import Acls
from .audit import AuditLog
from .bills import Bills
from .call_logs import CallLogs
from .calls import Calls
from .certificates import Certificates
from .codecs import Codecs
from .collection import KINDS, Items
from .configuration import Configuration
from .events import EventFeed
from .extensions import Extensions
from .health import Health
from .mailboxes import Mailboxes
from .openapi import Document
from .protection import Protection
from .rates import Rates
from .registrations import Registrations
from .route import Route
from .rules import Rules
from .sources import Sources
from .status import Status
from .teams import Teams
from .tokens import TokenList
from .trunks import Trunks

__all__ = ["LARGE", "routes"]

LARGE = (b"/api/v1/extensions/import", b"/api/v1/rates/import")
"""The paths that take tables."""

_OWN: Mapping[str, type[Items]] = {
    "acls": Acls,
    "bill_templates": Bills,
    "codecs": Codecs,
    "extensions": Extensions,
    "mailboxes": Mailboxes,
    "rates": Rates,
    "routes": Rules,
    "trunks": Trunks,
}


class Resource(Protocol):
    """One part of the API."""

    def routes(self) -> list[Route]:
        """The routes of this part."""


def routes(sources: Sources) -> list[Route]:
    """Every route of the API, in the order of the reference."""
    switch = sources.switch
    resources: tuple[Resource, ...] = (
        Health(switch),
        Status(switch),
        Calls(switch, sources.clock),
        CallLogs(sources),
        Teams(switch),
        *(_OWN.get(kind.collection, Items)(kind, sources) for kind in KINDS),
        Configuration(sources),
        Registrations(sources),
        Protection(sources),
        Certificates(switch),
        EventFeed(sources),
        AuditLog(sources),
    )
    found = [route for resource in resources for route in resource.routes()]
    areas = frozenset(route.area for route in found) | {"tokens"}
    found += TokenList(sources, areas).routes()
    return [*found, *Document(found).routes()]
