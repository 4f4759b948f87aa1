"""The switch at a glance, and its figures."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from rustalk import __version__
from rustalk.observe.figures import Ratio, SessionFigures, Spread
from rustalk.observe.snapshots import TrunkState
from rustalk.observe.switch import ISwitch

from . import schema
from .route import Answer, Ask, Route

__all__ = ["Status"]


class Status:
    """``/status`` answers a person, ``/stats`` a graph."""

    def __init__(self, switch: ISwitch) -> None:
        self._switch = switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        return [
            Route("GET", "/api/v1/status", self.status, "Readiness, trunks and calls at a glance."),
            Route("GET", "/api/v1/stats", self.stats, "The figures since the start; sizes in bytes, times in seconds."),
            Route(
                "GET",
                "/api/v1/stats/trunks",
                self.trunks,
                "The end-to-end figures of RFC 6076 for each trunk, and for all phones together; null where nothing "
                "happened yet.",
                gives=schema.record({"trunks": schema.array({"type": "object"}), "total": {"type": "integer"}}),
            ),
        ]

    async def status(self, ask: Ask) -> Answer:
        """Sum up what an operator looks for first."""
        readiness, figures, teams = self._switch.ready(), self._switch.statistics(), self._switch.teams()
        trunks = self._switch.trunks()
        states = [trunk.state for trunk in trunks]
        return Answer(
            {
                "service": "rustalk",
                "version": __version__,
                "ready": readiness.ready,
                "reasons": [reason.text for reason in readiness.reasons],
                "uptime_seconds": figures.uptime_seconds,
                "active_calls": figures.active_calls,
                "total_calls": figures.total_calls,
                "trunks": {
                    "total": len(states),
                    **{state.value: states.count(state) for state in TrunkState},
                },
                "trunks_not_up": {trunk.id: trunk.state.value for trunk in trunks if trunk.state != TrunkState.UP},
                "teams": {
                    "enabled": teams.enabled,
                    "proxies": {health.proxy: health.status.value for health in teams.health_status},
                },
            }
        )

    async def stats(self, ask: Ask) -> Answer:
        """Give all figures."""
        return Answer(asdict(self._switch.statistics()))

    async def trunks(self, ask: Ask) -> Answer:
        """Give the figures of each trunk."""
        found = self._switch.figures()
        trunks = [
            {
                "id": trunk,
                "outbound": _sessions(figures.outbound),
                "inbound": _sessions(figures.inbound),
                "registrations": {
                    "rrd": asdict(figures.registrations.rrd),
                    "ira": _ratio(figures.registrations.ira),
                },
            }
            for trunk, figures in found.items()
        ]
        return Answer({"trunks": trunks, "total": len(trunks)})


def _sessions(figures: SessionFigures) -> dict[str, Any]:
    values = ((field.name, getattr(figures, field.name)) for field in fields(figures))
    return {name: _ratio(value) if isinstance(value, Ratio) else _plain(value) for name, value in values}


def _plain(value: Spread | int) -> Any:
    return asdict(value) if isinstance(value, Spread) else value


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {"percent": ratio.percent, "count": ratio.count, "of": ratio.of}
