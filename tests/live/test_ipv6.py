"""IPv6 on loopback: a carrier at ::1 and Teams at 127.0.0.1, and audio that crosses from one version to the other."""

from __future__ import annotations

import pytest
import pytest_twisted

from rustalk.simulator.teams import Addresses
from tests.live.meeting import Meet, meetings, sound

meet = pytest.fixture(meetings)

BOTH = {"bind_address_v6": "::1"}


@pytest.mark.parametrize("wire", ["UDP", "TCP"])
@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_a_call_between_the_two_versions(meet: Meet, way: str, wire: str) -> None:
    """NET-10, HLD-04: each side is given an address of its own version, and every packet crosses."""
    met = await meet(wire=wire, inside="::1", carrier={"address": "::1"}, media=BOTH)
    placed = await getattr(met, way)()
    taken = await met.taken(by="teams" if way == "to_teams" else "carrier")
    assert sound(placed, taken)
    ours = [message.body for message in met.with_carrier if b"o=carrier" not in message.body and message.body]
    assert ours
    assert all(b"c=IN IP6 ::1\r\n" in body for body in ours)
    assert all(b"c=IN IP4 127.0.0.1\r\n" in one.message.body for one in met.seen if one.message.body)


@pytest_twisted.ensureDeferred
async def test_hold_across_the_two_versions(meet: Meet) -> None:
    """HLD-04: re-INVITEs keep the address and the version of each side."""
    met = await meet(inside="::1", carrier={"address": "::1"}, media=BOTH)
    assert sound(await met.from_teams("hold"), await met.taken(by="carrier"))


@pytest.mark.parametrize("way", ["to_teams", "from_teams"])
@pytest_twisted.ensureDeferred
async def test_everything_over_ipv6(meet: Meet, way: str) -> None:
    """NET-10: Teams and the carrier at ::1, and not one IPv4 address for audio."""
    met = await meet(
        inside="::1",
        outside="::1",
        addresses=Addresses(("::1", "::1", "::1"), in_dialog=("::1", 0), trap=("::1", 0)),
        carrier={"address": "::1"},
        media={"bind_address": "::1"},
        teams={"networks": ["::1/128"]},
    )
    placed = await getattr(met, way)("hold")
    assert sound(placed, await met.taken(by="teams" if way == "to_teams" else "carrier"))
    ours = [one.message.body for one in met.seen if one.message.body]
    assert ours
    assert all(b"c=IN IP6 ::1\r\n" in body for body in ours)


@pytest_twisted.ensureDeferred
async def test_audio_of_the_wrong_version_is_refused(meet: Meet) -> None:
    """A carrier at ::1 and no IPv6 address for audio: 488 for its IPv6 offer, and the start warns of it."""
    met = await meet(inside="::1", carrier={"address": "::1"})
    assert (await met.to_teams()).status == 488
    assert sum("bind_address_v6" in warning for warning in met.warnings) == 1
