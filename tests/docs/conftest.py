"""The repository as the tests of its pages see it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def root() -> Path:
    """The top directory of the repository."""
    return ROOT
