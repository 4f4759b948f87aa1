"""Which profile nodes meet on, whom a node believes, and what a call of a node may ring."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from rustalk.call.events import Refused
from rustalk.call.switchboard import Placed
from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.pbx.nodes import Local, meeting_place, own_place
from rustalk.pbx.passport import FIELD, Passports
from rustalk.store.nodes import Node
from rustalk.ua.subject import Subject

TEAMS = {
    "enabled": True,
    "sbc_fqdn": "sbc.example.com",
    "mtls_cert_path": "/etc/rustalk/cert.pem",
    "mtls_key_path": "/etc/rustalk/key.pem",
}


def settings(*profiles: tuple[str, ...], **more: Any) -> Settings:
    """One profile for each set of protocols, on ports of their own."""
    made = [
        {"id": "-".join(each), "bind_address": "192.0.2.1", "bind_port": 5060 + 2 * at, "protocols": list(each)}
        for at, each in enumerate(profiles)
    ]
    return load(json.dumps({"sip_profiles": made, "api": {"enabled": False}, **more}))


@pytest.mark.parametrize(
    ("profiles", "chosen"),
    [
        ([("udp",), ("udp", "tcp")], "udp-tcp"),
        ([("tls",), ("udp",)], "udp"),
        ([("tls",)], None),
    ],
)
def test_nodes_meet_on_a_profile_without_tls(profiles: list[tuple[str, ...]], chosen: str | None) -> None:
    """Over TCP where there is one, since an INVITE with a passport is long."""
    found = meeting_place(settings(*profiles))
    assert (found.id if found is not None else None) == chosen


def test_nodes_do_not_meet_where_teams_calls() -> None:
    """Its profile is for Teams alone."""
    assert meeting_place(settings(("tls",), teams=TEAMS)) is None


def test_where_this_node_is_called() -> None:
    """At the address of the profile; on all addresses the database knows which."""
    (profile,) = settings(("udp",)).profiles
    assert own_place("a", profile, 5062) == Node("a", "192.0.2.1", 5062, "UDP")
    wide = load(json.dumps({"sip_profiles": [{"id": "p", "bind_address": "::", "protocols": ["tcp"]}]})).profiles[0]
    assert own_place("a", wide, 5060) == Node("a", "", 5060, "TCP", 6)
    assert own_place("a", None, 0) == Node("a")


class Inner:
    """A switchboard that sends everybody to a trunk, and on when nobody answers."""

    def tenant(self, subject: Subject, source: str) -> str | None:
        return "red"

    def place(self, subject: Subject, source: str, header: Any = None) -> Placed:
        return Placed(subject, (cast(Any, "trunk"),), goal=self)

    def onward(self, placed: Placed, source: str, refusal: Refused) -> Placed | None:
        return placed

    def asker(self, peer: str, source: str) -> str:
        return source

    def picks_up(self, source: str, peer: str) -> bool:
        return source == peer


class Handset:
    """An extension of which one phone is here."""

    def chosen(self, names: tuple[str, ...]) -> str | None:
        return "phone" if "0a1b2c3d4e5f" in names else None


def board() -> Local:
    """Extension 1001 has a phone here."""
    return Local(Inner(), lambda number: cast(Any, Handset() if number == "1001" else None))


def passport(phone: str) -> Any:
    """The header of an INVITE of a node for a phone."""
    issued = Passports(b"k" * 32, "b-00000000", lambda: 1.8e9, lambda length: b"n" * length).issue(
        "a-00000000", [phone], trusted=True, caller="1002", called="1001"
    )
    return {FIELD: issued}.get


@pytest.mark.parametrize(
    ("called", "phone", "code"),
    [
        ("1001", "0a1b2c3d4e5f", ""),
        ("1001", "ffffffffffff", "extension_offline"),
        ("1009", "0a1b2c3d4e5f", "extension_offline"),
    ],
)
def test_a_call_of_a_node_rings_the_phone_that_it_names(called: str, phone: str, code: str) -> None:
    """Or nobody: it never goes on from here."""
    local = board()
    placed = local.place(Subject("1002", called), "node:b-00000000", passport(phone))
    assert (placed.code, placed.targets) == (code, () if code else ("phone",))
    assert local.onward(placed, "node:b-00000000", Refused(486)) is None


def test_other_calls_are_placed_as_ever() -> None:
    """Whatever their INVITE says."""
    local = board()
    placed = local.place(Subject("1002", "1001"), "carrier", passport("0a1b2c3d4e5f"))
    assert placed.targets == ("trunk",)
    assert local.onward(placed, "carrier", Refused(486)) is placed
    assert local.tenant(Subject("1", "2"), "teams") == "red"
