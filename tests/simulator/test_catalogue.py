"""The whole catalogue against the real switch, built by rustalk.app and met over loopback sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from rustalk.simulator.catalogue import bypass
from rustalk.simulator.catalogue.play import play
from rustalk.simulator.catalogue.story import Story
from rustalk.simulator.catalogue.table import CATALOGUE
from tests.simulator.stand import Stand

WITHOUT_BYPASS = [one for one in CATALOGUE if one.play.__module__ != bypass.__name__]
EVERYWHERE = [(True, one) for one in CATALOGUE] + [(False, one) for one in WITHOUT_BYPASS]


@pytest.fixture(scope="module")
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The switch with media bypass or without it, for all stories one after the other."""
    made = Stand(tmp_path_factory.mktemp("catalogue"), bypass=request.param)
    try:
        pytest_twisted.blockon(Deferred.fromCoroutine(made.open()))
        yield made
    finally:
        pytest_twisted.blockon(Deferred.fromCoroutine(made.close()))


@pytest.mark.parametrize(
    ("stand", "story"),
    EVERYWHERE,
    indirect=["stand"],
    ids=[f"{'bypass' if bypassed else 'processor'}-{one.name}" for bypassed, one in EVERYWHERE],
)
@pytest_twisted.ensureDeferred
async def test_the_switch_does_what_the_document_asks_for(stand: Stand, story: Story) -> None:
    """Each call script of the document: its rows are in its record, and in the message when it fails."""
    stand.faults.clear()
    verdict = await play(stand.scene, story)
    assert verdict.cause == "", verdict.line
    assert stand.faults == []


@pytest.mark.parametrize("stand", [True, False], indirect=True, ids=["bypass", "processor"])
@pytest_twisted.ensureDeferred
async def test_nothing_is_left_of_all_the_calls(stand: Stand) -> None:
    """The switch holds no call once every story has been told."""
    switch = stand.switch
    assert switch is not None
    await stand.scene.until(lambda: not len(switch.calls), "the end of every call")
