"""What counts only from the next start."""

from __future__ import annotations

from rustalk.config.load import load
from rustalk.config.restart import COUNTS_LATER, waiting


def test_a_key_that_is_read_once_waits_for_the_next_start() -> None:
    """One that is live does not, and one that is as it was at the start neither."""
    running = load('{"api": {"auth": "off"}, "sip": {"ring_timeout": 30}}')
    wanted = load('{"api": {"auth": "token"}, "sip": {"ring_timeout": 40, "user_agent": "PBX"}}')
    assert [str(each) for each in waiting(running, wanted)] == [
        f"$.sip.user_agent: {COUNTS_LATER}",
        f"$.api.auth: {COUNTS_LATER}",
    ]
    assert list(waiting(running, running)) == []
