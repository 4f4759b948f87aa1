"""Which changes count only from the next start: of keys that a part reads once, when it is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from rustalk.config.about import about_of, key_of
from rustalk.config.model import Settings
from rustalk.config.overlay import SECTIONS
from rustalk.config.problem import Notice

__all__ = ["COUNTS_LATER", "waiting"]

COUNTS_LATER = "counts from the next start of the switch; until then it is what it was"


def waiting(running: Settings, wanted: Settings) -> Iterator[Notice]:
    """What differs from the settings that the process started with and waits for the next start."""
    for name in SECTIONS:
        here, there = getattr(running, name), getattr(wanted, name)
        for field in fields(there):
            about = about_of(field)
            if about is not None and about.restart and getattr(here, field.name) != getattr(there, field.name):
                yield Notice(f"$.{name}.{key_of(field)}", COUNTS_LATER)
