"""Is the process alive, and can it take a call: two questions with two answers."""

from __future__ import annotations

from rustalk import __version__
from rustalk.observe.switch import ISwitch

from .route import Answer, Ask, Route

__all__ = ["Health"]


class Health:
    """``/health`` for the supervisor that restarts, ``/ready`` for the one that sends calls."""

    def __init__(self, switch: ISwitch) -> None:
        self._switch = switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        return [
            Route("GET", "/health", self.health, "The process runs."),
            Route("GET", "/ready", self.ready, "The switch can take a call; 503 with the reasons where it cannot."),
        ]

    async def health(self, ask: Ask) -> Answer:
        """Answer as long as the process does."""
        return Answer({"status": "healthy", "service": "rustalk", "version": __version__})

    async def ready(self, ask: Ask) -> Answer:
        """Tell whether a call can be taken now."""
        readiness = self._switch.ready()
        body = {"ready": readiness.ready, "reasons": list(readiness.reasons)}
        return Answer(body, 200 if readiness.ready else 503)
