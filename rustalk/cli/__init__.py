"""The `rustalk` program: a parser, and a file for each group of commands. The installed script calls `main`."""

from __future__ import annotations

from rustalk.cli.program import main

__all__ = ["main"]
