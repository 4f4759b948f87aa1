"""A call drawn as a ladder: the parties side by side, one arrow for each message, time running down.

::

                carrier                  RusTalk                   teams
            127.0.0.1:5070                                     127.0.0.2:5061
       0.000       |---- INVITE (SDP) ---->|                         |
       0.001       |<---- 100 Trying ------|                         |
       0.003       |                       |---- INVITE (SDP) ------>|
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .printable import printable

__all__ = ["Step", "draw_ladder"]

_URI = re.compile(r"\bsips?:([^@;\s]+)\S*")
_MARGIN = 10
_GAP = 38


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow. ``leg`` 0 is the caller's; ``sent`` means that it leaves the switch."""

    time: float
    leg: int
    sent: bool
    peer: str
    summary: str


def draw_ladder(
    steps: Sequence[Step], names: Mapping[int, str] | None = None, *, middle: str = "RusTalk", gap: int = _GAP
) -> str:
    """The ladder as text that a terminal can be given. ``names`` are the headings of the legs.

    Leg 0 stands left of the switch, every further leg right of it; ``gap`` is the width between two lines.
    """
    if not steps:
        return "No messages of this call are in the trace any more.\n"
    columns = _columns(steps, gap)
    peers = {step.leg: step.peer for step in reversed(steps)}
    headings = {columns[leg]: (names or {}).get(leg) or f"leg {leg + 1}" for leg in peers}
    headings[columns[None]] = middle
    rows = [_heading(headings), _heading({columns[leg]: peer for leg, peer in peers.items()})]
    start = steps[0].time
    rows += [_row(step, start, columns) for step in steps]
    return "\n".join(row.rstrip() for row in rows) + "\n"


def _columns(steps: Sequence[Step], gap: int) -> dict[int | None, int]:
    """Where each leg's line stands; None is the switch."""
    left = _MARGIN + gap // 4
    columns: dict[int | None, int] = {0: left, None: left + gap}
    for leg in sorted({step.leg for step in steps} - {0}):
        columns[leg] = left + gap * len(columns)
    if all(step.leg for step in steps):
        return {leg: column - gap for leg, column in columns.items() if leg != 0}
    return columns


def _heading(texts: Mapping[int, str]) -> str:
    row = ""
    for column, text in sorted(texts.items()):
        text = printable(text)
        row = row.ljust(max(column - len(text) // 2, len(row) + 1 if row else 0)) + text
    return row


def _row(step: Step, start: float, columns: Mapping[int | None, int]) -> str:
    row = [" "] * (max(columns.values()) + 1)
    for column in columns.values():
        row[column] = "|"
    row[:_MARGIN] = f"{step.time - start:{_MARGIN - 1}.3f} "
    here, there = columns[None], columns[step.leg]
    low, high = min(here, there), max(here, there)
    row[low + 1 : high] = _arrow(step.summary, high - low - 1, rightwards=(there > here) == step.sent)
    return "".join(row)


def _arrow(summary: str, width: int, *, rightwards: bool) -> str:
    label = printable(summary)
    if len(label) > width - 6:
        label = _URI.sub(r"\1", label)
    if len(label) > width - 6:
        label = label[: width - 7] + "…"
    shaft = f" {label} ".center(width - 1, "-")
    return shaft + ">" if rightwards else "<" + shaft
