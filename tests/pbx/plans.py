"""Dialplans in few words."""

from __future__ import annotations

import datetime
from typing import Any

from rustalk.config.model import TEAMS, Destination, Extension, Route, Routing, Settings, Teams, Trunk
from rustalk.config.pattern import Pattern
from rustalk.pbx.dialplan import Decision, Dialplan, Outcome, Query

__all__ = ["MONDAY_NOON", "at", "call", "goal", "house", "phone", "plan", "said", "to", "trunk"]

MONDAY_NOON = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.UTC)


def at(text: str) -> datetime.datetime:
    """A moment, as 2026-11-23T12:00+01:00."""
    return datetime.datetime.fromisoformat(text)


def to(value: str, pattern: str = "", *, type: Any = "Trunk", **keys: Any) -> Route:
    """A route that is called after where it leads."""
    destination = Destination(type=type, value=value)
    parts: dict[str, Any] = {"id": f"to-{value}", "pattern": Pattern(pattern), "destination": destination}
    return Route(**(parts | keys))


def trunk(id: str, **keys: Any) -> Trunk:
    """A trunk."""
    return Trunk(**({"id": id, "host": "192.0.2.7"} | keys))


def phone(number: str, **keys: Any) -> Extension:
    """An extension."""
    return Extension(extension=number, **keys)


def house(*routes: Route, **keys: Any) -> Settings:
    """Settings with these routes, with every trunk that they lead to, and with the extensions 1001 and 1002."""
    parts: dict[str, Any] = {
        "routing": Routing(routes=routes),
        "trunks": (trunk("carrier", country="DE"),),
        "extensions": (phone("1001"), phone("1002")),
        "teams": Teams(enabled=True, sbc_fqdn="sbc.example.com"),
    } | keys
    defined = {each.id for each in parts["trunks"]} | {TEAMS}
    every = (*routes, *(route for tenant in parts["teams"].tenants for route in tenant.routes))
    wanted = {each.value for route in every for each in route.targets if each.type == "Trunk"}
    missing = tuple(trunk(id) for id in sorted(wanted - defined))
    return Settings(**(parts | {"trunks": (*parts["trunks"], *missing)}))


def plan(*routes: Route, **keys: Any) -> Dialplan:
    """The dialplan of such a house; by weight the first one always wins."""
    return Dialplan(house(*routes, **keys), below=lambda _count: 0)


def call(destination: str = "+15551234567", **keys: Any) -> Query:
    """A call from the carrier at noon on a Monday."""
    parts: dict[str, Any] = {
        "source": "carrier",
        "caller": "+4420",
        "destination": destination,
        "now": MONDAY_NOON,
    }
    return Query(**(parts | keys))


def said(made: Outcome) -> str:
    """Where a call goes, as "Trunk carrier"; or the code of why it does not."""
    if not isinstance(made, Decision):
        return made.code
    return ", ".join(f"{each.type} {each.value}" for each in made.destinations)


def goal(*routes: Route, settings: dict[str, Any] | None = None, **keys: Any) -> str:
    """Where a call goes by these routes."""
    return said(plan(*routes, **(settings or {})).decide(call(**keys)))
