"""The live tests share addresses, ports and real time: one process must run them all."""

from __future__ import annotations

import os

import pytest


def test_one_process_runs_all_live_tests(request: pytest.FixtureRequest) -> None:
    """Where tests are spread over processes, this one is given out with its group."""
    marker = request.node.get_closest_marker("xdist_group")
    assert marker is not None
    assert marker.args == ("live",)
    assert request.node.nodeid.endswith("@live") is ("PYTEST_XDIST_WORKER" in os.environ)
