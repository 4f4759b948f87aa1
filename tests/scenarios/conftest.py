"""A switch for each scenario, which must leave nothing behind."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scenarios.office import Build, Office
from tests.scenarios.site import Site, watched_log


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """No Deferred may be dropped with an error in it that nobody looked at; only the collector tells of these."""
    with watched_log() as failures:
        yield
        gc.collect()
    assert [line for line in failures if line.startswith("Unhandled error")] == []


@pytest.fixture
def build() -> Iterator[Callable[..., Site]]:
    """Makes a switch with a configuration of its own; afterwards nothing may be left of any call."""
    sites: list[Site] = []

    def build(**changes: Any) -> Site:
        sites.append(Site(**changes))
        return sites[-1]

    with watched_log() as failures:
        yield build
        left = [site.leftovers() for site in sites]
        expected = sum(site.expected_failures for site in sites)
        sites.clear()
    assert not any(left), f"left behind: {left}"
    assert len(failures) == expected, failures


@pytest.fixture
def site(build: Callable[..., Site]) -> Site:
    """The switch as configured in site.py."""
    return build()


@pytest.fixture
def house() -> Iterator[Build]:
    """Makes a switch with phones; afterwards nothing may be left of any call."""
    offices: list[Office] = []

    def build(kind: type[Office] = Office, **changes: Any) -> Office:
        offices.append(kind(**changes))
        return offices[-1]

    with watched_log() as failures:
        yield build
        left = [office.leftovers() for office in offices]
        expected = sum(office.expected_failures for office in offices)
        offices.clear()
    assert not any(left), f"left behind: {left}"
    assert len(failures) == expected, failures
