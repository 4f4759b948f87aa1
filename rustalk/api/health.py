"""Is the process alive, and can it take a call: two questions with two answers."""

from __future__ import annotations

from rustalk import __version__
from rustalk.observe.switch import ISwitch

from . import schema
from .route import Answer, Ask, Route

__all__ = ["Health"]

_HEALTH = schema.record({name: {"type": "string"} for name in ("status", "service", "version")})
_TEXTS = schema.array({"type": "string"})
_READY = schema.record({"ready": {"type": "boolean"}, "codes": _TEXTS, "reasons": _TEXTS})


class Health:
    """``/health`` for the supervisor that restarts, ``/ready`` for the one that sends calls."""

    def __init__(self, switch: ISwitch) -> None:
        self._switch = switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        return [
            Route("GET", "/health", self.health, "The process runs.", least=None, gives=_HEALTH),
            Route("GET", "/api/v1/health", self.health, "The same.", least=None, gives=_HEALTH),
            Route(
                "GET",
                "/ready",
                self.ready,
                "The switch can take a call; 503 where it cannot. Why, and what is wrong beside: `codes`, in the same "
                "order `reasons`, which tell more to those who have a token.",
                least=None,
                gives=_READY,
            ),
        ]

    async def health(self, ask: Ask) -> Answer:
        """Answer as long as the process does."""
        return Answer({"status": "healthy", "service": "rustalk", "version": __version__})

    async def ready(self, ask: Ask) -> Answer:
        """Tell whether a call can be taken now."""
        readiness = self._switch.ready()
        may_read = ask.who.role is not None
        body = {
            "ready": readiness.ready,
            "codes": [reason.code for reason in readiness.reasons],
            "reasons": [reason.text if may_read else reason.plain for reason in readiness.reasons],
        }
        return Answer(body, 200 if readiness.ready else 503)
