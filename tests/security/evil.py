"""Patterns and texts made to hang an engine that backtracks (A18): 50 patterns, texts of 64 characters."""

from __future__ import annotations

__all__ = ["EVIL_PATTERNS", "EVIL_TEXTS"]

_GROUPS = (r"\d+", r"\d*", r"[0-9]+", r"\d|\d\d", r"\d?\d", r"1|1?", r"(1|11)+", r"\d{1,9}", r".+", r"[^~]+")
_SHAPES = ("^({})+$", "^({})*$", "({})+!", "^(({})+)+z", "^({0})+({0})+$")

EVIL_PATTERNS = tuple(shape.format(group) for group in _GROUPS for shape in _SHAPES)
EVIL_TEXTS = ("1" * 63 + "~", "12" * 31 + "1~", "1" * 64, "+" + "1" * 62 + "\n", "1~" * 32)
