"""Emergency calls with a location, and local media optimisation (section 1.11)."""

from __future__ import annotations

from rustalk.sip.message import Field

from ..description import facts
from ..multipart import Part, parts
from .claim import need, same
from .pair import Pair
from .scene import Scene
from .site import INTERNAL_MEDIA
from .story import story

__all__: list[str] = []

CID = "target123@contoso.example"
METHODS = ("LIS", "ASSIST", "CLS", "Manual", "")


def _pidf(method: str) -> bytes:
    """A location as Teams sends it, odd white space and a byte that is no UTF-8 included."""
    return (
        b'<?xml version="1.0" encoding="utf-8"?>\r\n<presence  xmlns="urn:ietf:params:xml:ns:pidf" '
        b'entity="pres:john.doe@contoso.example">\n\t<tuple id="0"><status><geopriv>'
        b"<location-info><civicAddress><A3>M\xfcnchen</A3></civicAddress></location-info>"
        b"<method>" + method.encode() + b"</method></geopriv></status></tuple></presence>\r\n\r\n"
    )


def _location(method: str) -> tuple[Part, list[Field]]:
    fields = (("Content-Type", "application/pidf+xml"), ("Content-ID", f"<{CID}>"))
    return Part(fields, _pidf(method)), [("Geolocation", f"<cid:{CID}>")]


async def _call(scene: Scene, number: str, method: str = "LIS") -> Pair:
    part, fields = _location(method)
    placed = await scene.dial_carrier("psap", to=number, fields=fields, parts=[part])
    pair = Pair(placed, await scene.arrival("psap"))
    invite = pair.taken.incoming
    found = {one.kind: one for one in parts(invite)}
    same(sorted(found), ["application/pidf+xml", "application/sdp"], "EMG-01: the parts at the emergency service")
    same(found["application/pidf+xml"].body, part.body, "EMG-01: the location, byte for byte")
    same(dict(found["application/pidf+xml"].fields).get("Content-ID"), f"<{CID}>", "EMG-01: Content-ID")
    same(invite.get("Geolocation"), f"<cid:{CID}>", "EMG-01: Geolocation")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)
    return pair


@story("EMG-01")
async def location_arrives_byte_for_byte(scene: Scene) -> None:
    """The session description is rewritten inside multipart/mixed, the location part is not touched."""
    await _call(scene, "911")


@story("EMG-03")
async def emergency_number_with_and_without_plus(scene: Scene) -> None:
    """911 and +911 both reach the emergency service."""
    for number in ("911", "+911"):
        await _call(scene, number)


@story("EMG-02")
async def every_kind_of_location(scene: Scene) -> None:
    """Whatever the method of the location, it arrives as it was sent, so that the service can screen it."""
    for method in METHODS:
        await _call(scene, "911", method)


@story("EMG-01")
async def location_goes_nowhere_else(scene: Scene) -> None:
    """A carrier that is no emergency service gets the description alone."""
    part, fields = _location("LIS")
    pair = await scene.to_carrier("plain", fields=fields, parts=[part])
    same([one.kind for one in parts(pair.taken.incoming)], ["application/sdp"], "the parts at the carrier")
    need(pair.taken.incoming.get("Geolocation") is None, "the carrier got Geolocation")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("LMO-01")
async def internal_user_gets_the_internal_address(scene: Scene) -> None:
    """X-MS-UserLocation: internal, in any case of letters: the answer names the internal media address."""
    for value, internal in (("internal", True), ("Internal", True), ("external", False)):
        pair = await scene.to_carrier(fields=[("X-MS-UserLocation", value), ("X-MS-UserSite", "Hanoi")])
        await scene.answer(pair)
        found = facts(pair.placed.answers[0].body, answer=True)
        wanted = INTERNAL_MEDIA if internal else scene.site.address
        same(found and found.address, wanted, f"LMO-01: the media address for a user who is {value}")
        await pair.teams.hang_up()


@story("LMO-02", "HDR-07")
async def no_record_route_without_a_proxy(scene: Scene) -> None:
    """An SBC that is no proxy SBC writes no Record-Route of its own."""
    pair = await scene.talk_to_teams()
    same(pair.taken.incoming.all("Record-Route"), [], "LMO-02: Record-Route in the INVITE")
