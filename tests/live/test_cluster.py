"""Two nodes on one PostgreSQL: real processes, real sockets, real phones."""

from __future__ import annotations

import json
import re
import secrets
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.postgres import Postgres, postgres
from tests.live.baresip import LATCHING, Baresip, Phone
from tests.live.house import ADDRESSES, DOMAIN, TONES, extension, password, talk
from tests.live.layout import vacant
from tests.live.running import Running, until

__all__ = ["postgres"]

EDGES = {"a": "127.0.0.2", "b": "127.0.0.3"}


class Cluster:
    """Both nodes. The phones 1001 and 1003 come in at node a, 1002 at node b."""

    def __init__(
        self,
        switch: Callable[..., Running],
        baresip: Callable[[Phone], Baresip],
        postgres: Postgres,
        directory: Path,
    ) -> None:
        self.postgres = postgres
        self._baresip = baresip
        self._switch = switch
        self._directory = directory
        self._key = secrets.token_hex(32)
        self._url = postgres.database()
        self.ports = {name: vacant(address) for name, address in EDGES.items()}
        self.nodes = {name: self._node(name) for name in EDGES}
        for name, other in (("a", "b"), ("b", "a")):
            until(lambda name=name, other=other: self.sees(name, other), f"node {name} to see {other}")

    def _node(self, name: str) -> Running:
        state = self._directory / f"state-{name}"
        state.mkdir(mode=0o700)
        (state / "vault.key").write_text(self._key + "\n")
        (state / "vault.key").chmod(0o600)
        (state / "node.id").write_text(f"{name}-00000000\n")
        address, port = EDGES[name], self.ports[name]
        return self._switch(
            {
                "server": {"state_directory": str(state), "shutdown_timeout": 1},
                "sip": {"domain": DOMAIN, "digest_algorithms": ["MD5"]},
                "sip_profiles": [
                    {"id": "phones", "bind_address": address, "bind_port": port, "protocols": ["udp", "tcp"]}
                ],
                "database": {"url": self._url},
                "extensions": [extension(number, srtp="") for number in ("1001", "1002", "1003")],
                "media": {"bind_address": address, **LATCHING},
                "api": {"port": vacant("127.0.0.1"), "auth": "off"},
            }
        )

    def sees(self, name: str, other: str) -> bool:
        """Whether a node has said last that the other one is there."""
        said = re.findall(rf"Node {other}-00000000 is (there|gone)", self.nodes[name].log)
        return bool(said) and said[-1] == "there"

    def phone(self, number: str, name: str, transport: str) -> Baresip:
        """A phone that has registered at a node, where the other node knows of it."""
        address = ADDRESSES[number]
        switch = f"{EDGES[name]}:{self.ports[name]}"
        phone = self._baresip(
            Phone(
                number,
                address,
                vacant(address),
                switch,
                TONES[number],
                "",
                transport=transport,
                domain=DOMAIN,
                password=password(number),
            )
        )
        for node in self.nodes.values():
            until(lambda node=node: registered(node, number), f"{number} to be registered")
        return phone


def registered(node: Running, number: str) -> bool:
    """Whether a node knows of a registration."""
    return any(each["extension"] == number for each in node.get("/api/v1/registrations")["registrations"])


def create(node: Running, path: str, item: dict[str, Any]) -> None:
    """Let a node make one more item."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{node.settings['api']['port']}{path}",
        json.dumps(item).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 201


def numbers(node: Running) -> set[str]:
    """The extensions that a node has."""
    return {each["extension"] for each in node.get("/api/v1/extensions")["extensions"]}


def both(node: Running, call: str) -> list[dict[str, Any]]:
    """The records of a call that has crossed, as any node shows them; none before there are two."""
    logs: list[dict[str, Any]] = node.get(f"/api/v1/call-logs?call_id={call}")["logs"]
    return logs if len(logs) == 2 else []


def call(caller: Baresip, number: str) -> None:
    """A call that somebody answers."""
    caller.command("dial", number)
    caller.wait_for("CALL_ESTABLISHED")


def fails(caller: Baresip, number: str) -> None:
    """A call that nobody answers."""
    caller.command("dial", number)
    caller.wait_for("CALL_CLOSED")


def hang_up(phone: Baresip, other: Baresip) -> None:
    """The call of a phone ends, for the other one too."""
    phone.command("hangup")
    other.wait_for("CALL_CLOSED")


@pytest.fixture
def cluster(
    switch: Callable[..., Running], baresip: Callable[[Phone], Baresip], postgres: Postgres, tmp_path: Path
) -> Cluster:
    """Two nodes that see each other."""
    return Cluster(switch, baresip, postgres, tmp_path)


def test_a_change_at_one_node_is_seen_by_the_other_within_a_second(cluster: Cluster) -> None:
    """By the API of one, in the configuration of the other."""
    create(cluster.nodes["a"], "/api/v1/extensions", {"extension": "1004", "password": "six-green-bottles"})
    changed = time.monotonic()
    until(lambda: "1004" in numbers(cluster.nodes["b"]), "the other node to have it", 1.0)
    assert time.monotonic() - changed < 1.0


def test_a_phone_of_one_node_is_called_through_the_other(cluster: Cluster) -> None:
    """Both ways, over the flow of the registration, with audio; the records say through which node."""
    alice, bob = cluster.phone("1001", "a", "tcp"), cluster.phone("1002", "b", "udp")
    for caller, callee in ((bob, alice), (alice, bob)):
        call(caller, callee.phone.user)
        talk(caller, callee)
        hang_up(callee, caller)
    for node in cluster.nodes.values():
        until(lambda node=node: node.stats["active_calls"] == 0, "the calls to end")
    record = cluster.nodes["b"].calls[-1]
    assert (record["source_trunk"], record["destination_trunk"]) == ("extension:1002", "node:a-00000000")
    parts = until(lambda: both(cluster.nodes["a"], record["id"]), "both records")
    assert {each["node"] for each in parts} == {"a-00000000", "b-00000000"}
    assert {each["call_id"] for each in parts} == {record["id"]}
    assert "From: <sip:1002@" in alice.written


def test_calls_go_on_while_the_database_is_stopped(cluster: Cluster) -> None:
    """Between the nodes too; both say so, and both recover and see each other's changes again."""
    alice, bob = cluster.phone("1001", "a", "tcp"), cluster.phone("1002", "b", "udp")
    cluster.postgres.stop()
    try:
        for node in cluster.nodes.values():
            until(lambda node=node: "PostgreSQL" in str(node.get("/ready")), "the node to say so")
        call(bob, "1001")
        talk(bob, alice)
        hang_up(bob, alice)
    finally:
        cluster.postgres.start()
    for node in cluster.nodes.values():
        until(lambda node=node: "PostgreSQL" not in str(node.get("/ready")), "the node to recover", 30)
    create(cluster.nodes["b"], "/api/v1/extensions", {"extension": "1004", "password": "six-green-bottles"})
    until(lambda: "1004" in numbers(cluster.nodes["a"]), "the other node to have it", 10)
    assert all(cluster.sees(*names) for names in (("a", "b"), ("b", "a")))


def test_the_phones_of_a_dead_node_are_unreachable_until_it_is_back(cluster: Cluster) -> None:
    """The other node's own calls go on. After the restart the phone over UDP is called at once, without a REGISTER."""
    carol, bob = cluster.phone("1003", "a", "udp"), cluster.phone("1002", "b", "udp")
    alice = cluster.phone("1001", "b", "tcp")
    node = cluster.nodes["a"]
    node.signal(signal.SIGKILL)
    node.wait()
    fails(bob, "1003")
    call(bob, "1001")
    hang_up(bob, alice)
    until(lambda: not cluster.sees("b", "a"), "the node to be missed")
    node.start()
    until(lambda: cluster.sees("b", "a"), "the node to be back")
    registers = carol.written.count("REGISTER sip:")
    call(bob, "1003")
    talk(bob, carol)
    hang_up(bob, carol)
    assert carol.written.count("REGISTER sip:") == registers
