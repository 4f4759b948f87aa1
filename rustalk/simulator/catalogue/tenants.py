"""Many customers behind one SBC (section 1.10)."""

from __future__ import annotations

from .claim import need, same
from .pair import Pair
from .refer import ask, target, told_of
from .scene import Scene
from .site import ROLES, SHORT, TENANTS, USER
from .story import story
from .wire import TEAMS

__all__: list[str] = []

ONE, TWO = TENANTS


async def _short(scene: Scene, tenant: str, user: str, role: str) -> Pair:
    placed = await scene.dial_carrier(role, to=SHORT, fqdn=scene.site.tenant(tenant), from_=f"Jane Doe<{user}>")
    pair = Pair(placed, await scene.arrival(role))
    same(pair.taken.incoming.target.number.lstrip("+"), SHORT.lstrip("+"), "the number that was called")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)
    return pair


@story("MTN-05", "MTN-04")
async def two_tenants_have_the_same_number(scene: Scene) -> None:
    """The Request-URI's host tells the tenants apart: the same short number reaches another trunk for each."""
    for tenant in TENANTS:
        pair = await _short(scene, tenant.id, tenant.user, tenant.short)
        contact = pair.placed.answers[0].contact
        same(contact and contact.uri.host, scene.site.tenant(tenant.id), "MTN-03: the host in the Contact of the 200")


@story("MTN-05")
async def short_number_without_a_tenant(scene: Scene) -> None:
    """The short number of the tenants means nothing at the common name."""
    placed = await scene.dial_carrier("pbx", to=SHORT)
    need(await placed.final() in (404, 403, 484), f"it was answered {placed.status}")


@story("MTN-05")
async def unknown_host_is_refused(scene: Scene) -> None:
    """A Request-URI host that belongs to no tenant is refused, whatever the number."""
    placed = await scene.dial_carrier(fqdn=scene.site.tenant("three"))
    need(400 <= await placed.final() < 700 and placed.status != 503, f"MTN-05: it was answered {placed.status}")
    await scene.no_arrival("carrier", 0.1)


@story("MTN-05")
async def common_routes_serve_every_tenant(scene: Scene) -> None:
    """A number that no route of the tenant takes goes by the common ones."""
    fqdn = scene.site.tenant(ONE.id)
    placed = await scene.dial_carrier("plain", fqdn=fqdn, from_=f"Jane Doe<{ONE.user}>")
    pair = Pair(placed, await scene.arrival("plain"))
    same(pair.taken.incoming.target.user, ROLES[1].number, "the number that was called")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("MTN-01", "MTN-02", "MTN-03")
async def calls_to_tenants_bear_their_name(scene: Scene) -> None:
    """A carrier calls a user of each tenant: the Contact host is the tenant's own, covered by the wildcard."""
    for tenant in TENANTS:
        pair = await scene.to_teams("carrier", to=tenant.user)
        invite, name = pair.taken.incoming, scene.site.tenant(tenant.id)
        same(invite.contact and invite.contact.uri.host, name, "MTN-03: the host in Contact")
        same(invite.from_.uri.host, name, "HDR-05: the host in From")
        await scene.answer(pair)
        await scene.audio(pair.teams, pair.carrier)


@story("MTN-03")
async def common_users_bear_the_common_name(scene: Scene) -> None:
    """A user of the carrier's own tenant is called under the SBC's own name."""
    pair = await scene.to_teams("carrier", to=USER)
    contact = pair.taken.incoming.contact
    same(contact and contact.uri.host, scene.site.fqdn, "MTN-03: the host in Contact")
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("MTN-03", "XFR-04")
async def transfer_keeps_the_tenant(scene: Scene) -> None:
    """A transfer in a tenant's call: the new INVITE bears the tenant's name as well."""
    pair = await scene.to_teams("carrier", to=TWO.user)
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)
    await ask(scene, pair.teams, target(scene, object="8:orgid:two"))
    call = await scene.arrival()
    contact = call.incoming.contact
    same(contact and contact.uri.host, scene.site.tenant(TWO.id), "MTN-03: the host in Contact")
    call.accept()
    need(await call.confirmed(), "RNG-08: the 200 got no ACK")
    await told_of(scene, pair.teams, 200)
    await scene.audio(call, pair.carrier)


@story("MTN-06")
async def pings_bear_the_common_name(scene: Scene) -> None:
    """OPTIONS name the carrier trunk in Contact, never a tenant."""
    hosts = {one.contact.uri.host for one in scene.wire.pings if one.contact is not None}
    need(scene.wire.pings, f"no OPTIONS came to {TEAMS}")
    same(hosts, {scene.site.fqdn}, "MTN-06: the hosts in the Contact of OPTIONS")
