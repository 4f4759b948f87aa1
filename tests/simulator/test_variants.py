"""Stories that need other settings than those of the catalogue, against the real switch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_twisted

from rustalk.simulator.catalogue.pair import Pair
from rustalk.simulator.catalogue.refer import ask, target, told_of
from rustalk.simulator.catalogue.scene import Scene
from rustalk.simulator.catalogue.site import ROLES
from tests.simulator.stand import Stand

PBX = ROLES[2].number


@asynccontextmanager
async def scene_with(directory: Path, **teams: Any) -> AsyncIterator[Scene]:
    """A switch with these settings of Teams, and one story's time with it."""
    stand = Stand(directory, bypass=False, **teams)
    try:
        await stand.open()
        stand.scene.begin()
        yield stand.scene
        await stand.scene.end()
    finally:
        await stand.close()


@pytest_twisted.ensureDeferred
async def test_teams_does_the_transfer_itself_where_refer_is_not_allowed(tmp_path: Path) -> None:
    """XFR-01: Allow lists NOTIFY without REFER, and a REFER all the same is refused; the call goes on."""
    async with scene_with(tmp_path, allow_refer=False) as scene:
        pair = await scene.talk_to_teams()
        allowed = pair.taken.incoming.tokens("Allow")
        assert "NOTIFY" in allowed
        assert "REFER" not in allowed
        response = await pair.teams.request("REFER", fields=[("Refer-To", f"<{target(scene, number=PBX)}>")])
        assert response is not None
        assert response.status == 405
        await scene.audio(pair.teams, pair.carrier)


@pytest_twisted.ensureDeferred
async def test_a_transfer_to_a_number_takes_the_short_cut_where_it_may(tmp_path: Path) -> None:
    """XFR-05: the local short cut to the carrier is a setting."""
    async with scene_with(tmp_path, refer_local=True) as scene:
        pair = await scene.talk_to_teams()
        await ask(scene, pair.teams, target(scene, number=PBX))
        call = await scene.arrival("pbx")
        assert call.incoming.target.user == PBX
        call.ring(180)
        call.accept()
        assert await call.confirmed()
        await told_of(scene, pair.teams, 200)
        moved = Pair(pair.placed, call)
        for one in (moved.placed, moved.taken):
            one.sound.end.expect(1000)
        await scene.audio(moved.placed, moved.taken)
