"""SIPp, the caller and callee that RusTalk did not write."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SCENARIOS", "Outcome", "Sipp"]

SCENARIOS = Path(__file__).parents[1] / "data" / "sipp"

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went: SIPp's exit code (0: every call as its scenario says) and its count of calls."""

    code: int
    successful: int
    failed: int
    complaints: str


class Sipp:
    """One SIPp at work. ``scenario`` is one of its own ("uac", "uas") or a file of tests/data/sipp.

    Its files lie in ``directory``: the statistics, the errors and every message.
    """

    def __init__(self, program: str, directory: Path, scenario: str, *arguments: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        file = SCENARIOS / f"{scenario}.xml"
        source = ["-sf", str(file)] if file.exists() else ["-sn", scenario]
        self._directory = directory
        with (directory / "screen.txt").open("wb") as screen:
            self._process = subprocess.Popen(
                [program, *source, *arguments, *self._traces()],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
            )

    def _traces(self) -> list[str]:
        return [
            *("-nostdin", "-trace_stat", "-stf", str(self._directory / "statistics.csv"), "-fd", "1"),
            *("-trace_err", "-error_file", str(self._directory / "errors.txt")),
            *("-trace_msg", "-message_file", str(self._directory / "messages.txt")),
        ]

    @property
    def messages(self) -> str:
        """Every message sent and received so far."""
        file = self._directory / "messages.txt"
        return file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n") if file.exists() else ""

    def wait(self, seconds: float = _PATIENCE) -> Outcome:
        """How it went, once it has made or taken all its calls."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            code = -1
        successful, failed = self._counts()
        return Outcome(code, successful, failed, self._complaints())

    def stop(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def _counts(self) -> tuple[int, int]:
        file = self._directory / "statistics.csv"
        rows = list(csv.DictReader(file.open(), delimiter=";")) if file.exists() else []
        last = rows[-1] if rows else {"SuccessfulCall(C)": "0", "FailedCall(C)": "0"}
        return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])

    def _complaints(self) -> str:
        files = [self._directory / name for name in ("errors.txt", "screen.txt")]
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files if file.exists())
