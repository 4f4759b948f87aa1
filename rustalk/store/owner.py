"""Whose a new file is: a command that root runs must leave no file that the switch, as its own user, cannot open."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["give"]


def give(file: int, directory: Path) -> None:
    """Let an open file belong to whom its directory belongs; does nothing but for root."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
