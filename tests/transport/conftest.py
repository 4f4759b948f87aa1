"""What the transport tests share."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from tests.transport.peers import Pki


@pytest.fixture(scope="session")
def pki() -> Pki:
    """Authorities, made once."""
    return Pki()


@pytest.fixture
def log():
    """The log lines written during the test."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)
