"""Writes the generated pages of docs/: ``python -m docs.generate``; with ``--check`` it only says which are stale."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from docs.pages import api, examples, reasons, requirements, state_machines
from rustalk.config.describe import describe

__all__ = ["main", "pages"]

DOCS = Path(__file__).parent


def pages() -> dict[Path, str]:
    """The generated pages and what they should say now."""
    cited = requirements.citations(DOCS.parent / "tests")
    whole = {
        "api.md": api.page(),
        "configuration.md": describe(),
        "reasons.md": reasons.page(),
        "state-machines.md": state_machines.page(),
    }
    tables = ("security.md", "teams.md")
    filled = {name: requirements.fill((DOCS / name).read_text(encoding="utf-8"), cited) for name in tables}
    shown = [name for name in examples.PAGES if (DOCS / name).exists()]
    worked = {name: examples.fill((DOCS / name).read_text(encoding="utf-8")) for name in shown}
    return {DOCS / name: text for name, text in (whole | filled | worked).items()}


def main(arguments: Sequence[str]) -> int:
    """Write or check; 1 when a page is stale."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"docs/{path.name} is not what the code says: run `python -m docs.generate`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
