"""Trunks and the health of their hosts."""

from __future__ import annotations

from rustalk.observe.snapshots import TargetSnapshot, TrunkSnapshot
from rustalk.observe.switch import ISwitch

from .moment import moment
from .route import Answer, Ask, Route

__all__ = ["Trunks"]


class Trunks:
    """``/api/v1/trunks``. No user name and no password is shown."""

    def __init__(self, switch: ISwitch) -> None:
        self._switch = switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        return [Route("GET", "/api/v1/trunks", self.list, "Every trunk with its health and why it is so.")]

    async def list(self, ask: Ask) -> Answer:
        """Give all trunks."""
        trunks = self._switch.trunks()
        return Answer({"trunks": [_trunk(trunk) for trunk in trunks], "total": len(trunks)})


def _trunk(trunk: TrunkSnapshot) -> dict[str, object]:
    return {
        "id": trunk.id,
        "name": trunk.name,
        "state": trunk.state.value,
        "why": trunk.why,
        "since": moment(trunk.since),
        "registered": trunk.registered,
        "active_calls": trunk.active_calls,
        "total_calls": trunk.total_calls,
        "targets": [_target(target) for target in trunk.targets],
    }


def _target(target: TargetSnapshot) -> dict[str, object]:
    return {
        "host": target.host,
        "port": target.port,
        "transport": target.transport,
        "state": target.state.value,
        "why": target.why,
        "since": moment(target.since),
        "last_check": moment(target.last_check),
        "response_time_ms": target.response_time_ms,
    }
