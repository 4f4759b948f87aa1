"""What the process itself consumes: processor time and resident memory (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["ProcessUsage"]

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SHORTEST = 1.0


class ProcessUsage:
    """Reads the figures on demand; nothing is sampled in between."""

    def __init__(
        self,
        seconds: Callable[[], float],
        processor: Callable[[], float] = time.process_time,
        statm: Path = Path("/proc/self/statm"),
    ) -> None:
        self._seconds = seconds
        self._processor = processor
        self._statm = statm
        self._since = seconds()
        self._used = processor()
        self._percent: float | None = None

    def cpu(self) -> float | None:
        """Percent of one core since the last reading; readings within a second repeat it. None in the first second."""
        now, used = self._seconds(), self._processor()
        if now - self._since >= _SHORTEST:
            self._percent = round(100 * (used - self._used) / (now - self._since), 1)
            self._since, self._used = now, used
        return self._percent

    def memory(self) -> int | None:
        """Resident octets; None where the system does not tell."""
        try:
            return int(self._statm.read_text(encoding="ascii").split()[1]) * _PAGE
        except (OSError, IndexError, ValueError):
            return None
