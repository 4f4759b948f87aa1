"""Microsoft Teams: whether its proxies answer us."""

from __future__ import annotations

from rustalk.observe.snapshots import ProxyHealth
from rustalk.observe.switch import ISwitch

from .moment import moment
from .route import Answer, Ask, Route

__all__ = ["Teams"]


class Teams:
    """``/api/v1/teams``."""

    def __init__(self, switch: ISwitch) -> None:
        self._switch = switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        return [
            Route("GET", "/api/v1/teams/status", self.status, "The Teams proxies, their health, and our calls."),
        ]

    async def status(self, ask: Ask) -> Answer:
        """Give the health of each proxy."""
        teams = self._switch.teams()
        return Answer(
            {
                "enabled": teams.enabled,
                "config": dict(teams.config),
                "health_status": [_proxy(health) for health in teams.health_status],
                "total_calls": teams.total_calls,
                "active_calls": teams.active_calls,
            }
        )


def _proxy(health: ProxyHealth) -> dict[str, object]:
    return {
        "proxy": health.proxy,
        "status": health.status.value,
        "last_check": moment(health.last_check),
        "response_time_ms": health.response_time_ms,
        "error": health.error,
    }
