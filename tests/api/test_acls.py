"""ACLs, and what they say of an address."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.fakes.desk import Desk


@pytest.mark.parametrize(
    ("name", "ip", "allowed"),
    [
        ("rfc1918", "10.1.2.3", True),
        ("rfc1918", "192.0.2.1", False),
        ("localhost", "::1", True),
        ("rfc1918", "::ffff:10.1.2.3", True),
        ("allow_all", "192.0.2.1", True),
        ("teams", "52.112.0.1", True),
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_address_is_checked(desk: Desk, name: str, ip: str, allowed: bool) -> None:
    reply = await desk.ask("GET", f"/acls/{name}/check/{ip}")
    assert (reply.status, reply.json) == (200, {"acl": name, "ip": ip, "allowed": allowed})


@pytest_twisted.ensureDeferred
async def test_no_address_and_no_acl_are_told_apart(desk: Desk) -> None:
    assert (await desk.ask("GET", "/acls/rfc1918/check/nonsense")).status == 400
    assert (await desk.ask("GET", "/acls/nope/check/10.0.0.1")).status == 404


@pytest_twisted.ensureDeferred
async def test_a_standard_acl_is_changed_but_stays(desk: Desk) -> None:
    assert (await desk.ask("PATCH", "/acls/allow_all", {"description": "ours"})).status == 200
    reply = await desk.ask("DELETE", "/acls/allow_all")
    assert (reply.status, reply.json["code"]) == (400, "standard-item")
