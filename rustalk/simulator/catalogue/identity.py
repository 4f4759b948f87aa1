"""Who calls, who was called first, and what an untrusted side may see of it (section 1.4)."""

from __future__ import annotations

from rustalk.sip.message import Field

from ..teams import ANONYMOUS
from .claim import need, same
from .pair import Pair
from .scene import Scene
from .site import COLLEAGUE, ROLES, USER
from .story import story
from .wire import TEAMS

__all__: list[str] = []

CARRIER, PLAIN, PBX = (one.number for one in ROLES[:3])
PROXY = "sip.pstnhub.microsoft.com"
ASSERTED = f"<tel:{USER}>,<sip:john.doe@contoso.example>"
HISTORY = (
    f"<sip:{COLLEAGUE}@{PROXY}:5061;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%2C%20for%20now%22>;index=1,"
    f"<sip:{USER}@{PROXY}:5061;user=phone?Reason=SIP%3Bcause%3D408>;index=1.1,"
    f"<sip:{PBX}@{PROXY}:5061;user=phone>;index=1.1.1"
)
SPY: tuple[Field, ...] = (
    ("X-MS-UserLocation", "external"),
    ("X-MS-MediaPath", "proxysbc.contoso.example, sbc.contoso.example"),
    ("X-MS-UserSite", "Hanoi"),
)


def _numbers(values: list[str]) -> list[str]:
    """The numbers in addresses, in order."""
    return [value.partition("sip:")[2].partition("@")[0] or value.partition("tel:")[2] for value in values]


async def _over(scene: Scene, pair: Pair) -> None:
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("HDR-12")
async def hidden_caller_at_an_untrusted_carrier(scene: Scene) -> None:
    """Two P-Asserted-Identity values with Privacy: id, From anonymous: an untrusted carrier sees neither number."""
    fields = [("P-Asserted-Identity", ASSERTED), ("Privacy", "id")]
    pair = await scene.to_carrier("plain", from_=ANONYMOUS, fields=fields)
    invite = pair.taken.incoming
    text = "\n".join(value for _, value in invite.fields)
    need(USER not in text and "john.doe" not in text, f"HDR-12: the hidden caller shows in {invite.fields}")
    same(invite.from_.uri.user, "anonymous", "HDR-12: the user in From")
    await _over(scene, pair)


@story("HDR-12")
async def hidden_caller_at_a_trusted_pbx(scene: Scene) -> None:
    """A trusted PBX gets the asserted identity together with Privacy."""
    fields = [("P-Asserted-Identity", ASSERTED), ("Privacy", "id")]
    pair = await scene.to_carrier("pbx", from_=ANONYMOUS, fields=fields)
    invite = pair.taken.incoming
    need(USER in _numbers(invite.items("P-Asserted-Identity")), f"PAI is {invite.all('P-Asserted-Identity')}")
    same(invite.get("Privacy"), "id", "Privacy")
    await _over(scene, pair)


@story("HDR-12")
async def asserted_caller(scene: Scene) -> None:
    """Without Privacy a carrier whose identity is PAI gets the number there."""
    pair = await scene.to_carrier("plain", fields=[("P-Asserted-Identity", ASSERTED)])
    need(USER in _numbers(pair.taken.incoming.items("P-Asserted-Identity")), "the carrier got no P-Asserted-Identity")
    same(pair.taken.incoming.from_.uri.user, USER, "the number in From")
    await _over(scene, pair)


@story("HDR-05", "HDR-12")
async def anonymous_caller_of_a_carrier(scene: Scene) -> None:
    """A carrier's anonymous caller stays anonymous at Teams, with Privacy."""
    sender = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    pair = await scene.to_teams(sender=sender, fields=[("Privacy", "id")])
    same(pair.taken.incoming.from_.uri.user, "anonymous", "HDR-05: the user in From")
    same(pair.taken.incoming.get("Privacy"), "id", "Privacy")
    await _over(scene, pair)


@story("HDR-13")
async def history_crosses_to_a_pbx(scene: Scene) -> None:
    """A forwarded call: History-Info with commas inside escaped URIs arrives entry by entry, in order."""
    fields = [("History-Info", HISTORY), ("Referred-By", f"<sip:{COLLEAGUE}@{PROXY}:5061;user=phone>")]
    pair = await scene.to_carrier("pbx", fields=fields, parameters=";cause=302")
    found = pair.taken.incoming.items("History-Info")
    same(_numbers(found)[:3], [COLLEAGUE, USER, PBX], "HDR-13: the numbers in History-Info")
    same([one.partition("index=")[2] for one in found][:3], ["1", "1.1", "1.1.1"], "HDR-13: the indices")
    await _over(scene, pair)


@story("HDR-13")
async def history_becomes_diversion(scene: Scene) -> None:
    """A carrier that knows Diversion (RFC 5806) gets the diverting users, the last one first, and no History-Info."""
    history = HISTORY.replace(PBX, PLAIN)
    pair = await scene.to_carrier("plain", fields=[("History-Info", history)], parameters=";cause=302")
    invite = pair.taken.incoming
    same(_numbers(invite.items("Diversion")), [USER, COLLEAGUE], "HDR-13: the numbers in Diversion")
    need(invite.get("History-Info") is None, "the carrier got History-Info as well")
    await _over(scene, pair)


@story("HDR-13")
async def diversion_becomes_history(scene: Scene) -> None:
    """Diversion of a carrier is History-Info for Teams."""
    diversion = f"<sip:{PLAIN}@carrier.example>;reason=unconditional;counter=1"
    pair = await scene.to_teams("plain", fields=[("Diversion", diversion)])
    invite = pair.taken.incoming
    need(PLAIN in _numbers(invite.items("History-Info")), f"History-Info is {invite.all('History-Info')}")
    need(invite.get("Diversion") is None, "Teams got Diversion as well")
    await _over(scene, pair)


@story("HDR-13")
async def history_of_a_pbx_is_preserved(scene: Scene) -> None:
    """Inbound History-Info of a PBX reaches Teams, entry by entry."""
    history = f"<sip:{PBX}@pbx.example?Reason=SIP%3Bcause%3D302>;index=1, <sip:{USER}@pbx.example>;index=1.1"
    pair = await scene.to_teams("pbx", fields=[("History-Info", history)])
    same(_numbers(pair.taken.incoming.items("History-Info"))[:2], [PBX, USER], "HDR-13: the numbers in History-Info")
    await _over(scene, pair)


@story("HDR-13")
async def forwarding_loop(scene: Scene) -> None:
    """The number called stands twice in the history already: 482."""
    entry = f"<sip:{PBX}@{PROXY}:5061;user=phone?Reason=SIP%3Bcause%3D302>"
    between = f"<sip:{USER}@{PROXY}:5061;user=phone>"
    history = f"{entry};index=1,{between};index=1.1,{entry};index=1.1.1,{between};index=1.1.1.1"
    placed = await scene.dial_carrier("pbx", fields=[("History-Info", history)])
    same(await placed.final(), 482, "HDR-13: the answer to a loop")


@story("HDR-19", "LMO-01")
async def headers_of_microsoft_stay_at_microsoft(scene: Scene) -> None:
    """X-MS-* in INVITE and re-INVITE is tolerated and reaches no carrier, trusted or not."""
    for role in ("carrier", "plain", "pbx"):
        pair = await scene.to_carrier(role, fields=SPY)
        await _over(scene, pair)
        same((await pair.teams.reinvite(same=True, fields=SPY)).status, 200, "the answer to a re-INVITE with X-MS-*")


@story("HDR-11")
async def carrier_offers_late(scene: Scene) -> None:
    """INVITE without a description: Teams gets an offer, the carrier one in the 200, its answer is in the ACK."""
    for role in ("carrier", "plain"):
        pair = await scene.to_teams(role, offer=False)
        await _over(scene, pair)


@story("HDR-18")
async def number_with_an_extension(scene: Scene) -> None:
    """;ext= inside the user part is understood: the call goes where its number goes."""
    number = f"{CARRIER};ext=7334"
    placed = await scene.dial_carrier(to=number)
    taken = await scene.arrival("carrier")
    need((taken.incoming.target.user or "").startswith(CARRIER), f"the number at the carrier is {taken.incoming.uri}")
    await _over(scene, Pair(placed, taken))


@story("HDR-19")
async def user_to_user_crosses(scene: Scene) -> None:
    """User-to-User (RFC 7433) crosses where the trunk keeps it, and only there."""
    fields = [("User-to-User", "56a390f3d2b7310023a2;encoding=hex")]
    kept = await scene.to_carrier("pbx", fields=fields)
    same(kept.taken.incoming.get("User-to-User"), fields[0][1], "User-to-User at the PBX")
    await _over(scene, kept)


@story("OPS-04")
async def reason_of_the_end_crosses(scene: Scene) -> None:
    """Reason in a BYE of Teams, with semicolons inside quotes, reaches the other side's BYE."""
    pair = await scene.talk_to_carrier("pbx")
    reason = 'Q.850;cause=16;text="47f6c1b2;Normal call clearing"'
    need(await pair.teams.hang_up([("Reason", reason)]) == 200, "the BYE was refused")
    await scene.until(lambda: pair.carrier.ended_by, "the BYE at the PBX")
    bye = scene.wire.requests("pbx", "BYE")[-1]
    need("cause=16" in (bye.get("Reason") or ""), f"Reason in the BYE is {bye.get('Reason')}")


@story("HDR-16", "HDR-01", "HDR-04", "HDR-05", "HDR-15")
async def plain_call_each_way(scene: Scene) -> None:
    """A call to Teams and one from Teams, as section 3.3 and 3.4 of the document draw them."""
    first = await scene.talk_to_teams()
    same(first.taken.incoming.from_.uri.user, CARRIER, "the number in From at Teams")
    need(scene.wire.requests(TEAMS, "INVITE"), "Teams saw no INVITE")
    second = await scene.talk_to_carrier()
    same(second.taken.incoming.from_.uri.user, USER, "the number in From at the carrier")
