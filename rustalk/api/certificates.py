"""Certificates: take up new files without a restart (OPS-05)."""

from __future__ import annotations

from dataclasses import asdict

from rustalk.observe.switch import ISwitch

from .route import Answer, Ask, Route

__all__ = ["Certificates"]


class Certificates:
    """``/api/v1/certificates``."""

    def __init__(self, switch: ISwitch) -> None:
        self._switch = switch

    def routes(self) -> list[Route]:
        """The routes of this resource."""
        return [
            Route(
                "POST",
                "/api/v1/certificates/reload",
                self.reload,
                "Read all certificate files anew; a bad one leaves the old in force.",
                least="operator",
                area="certificates",
                changes=True,
            )
        ]

    async def reload(self, ask: Ask) -> Answer:
        """Reload, and tell what became of each file. ``success`` only if all were taken."""
        results = self._switch.reload_certificates()
        taken = all(result.loaded for result in results)
        return Answer({"success": taken, "certificates": [asdict(result) for result in results]})
