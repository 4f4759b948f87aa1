"""What the API shows and changes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from rustalk.api.sources import Sources


def test_the_sources_stay_what_they_were(sources: Sources) -> None:
    with pytest.raises(FrozenInstanceError):
        sources.clock = None
