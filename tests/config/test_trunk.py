"""The sections of the trunks."""

from __future__ import annotations

import dataclasses

from rustalk.config.secret import Secret
from rustalk.config.trunk import Trunk, TrunkHost


def test_the_hosts_of_a_trunk_are_sorted_by_priority() -> None:
    """The trunk's own host is one among them."""
    second = TrunkHost(host="b.example:5070", priority=1)
    first = TrunkHost(host="c.example", priority=0)
    trunk = Trunk(id="t", host="a.example", port=5080, priority=2, hosts=(second, first))
    assert [host.target for host in trunk.targets] == [("c.example", 0), ("b.example", 5070), ("a.example", 5080)]


def test_a_trunk_prints_no_secret() -> None:
    """Neither repr nor a conversion to plain values shows the password (A40)."""
    trunk = Trunk(id="t", host="h", password=Secret("hunter2"))
    assert "hunter2" not in repr(trunk)
    assert "hunter2" not in str(dataclasses.asdict(trunk))


def test_a_trunk_is_watched_but_does_not_register_by_itself() -> None:
    """OPTIONS are on by default, registration and credentials are not."""
    trunk = Trunk(id="t", host="h")
    assert (trunk.options_ping_enabled, trunk.register, trunk.media, trunk.protocol) == (True, False, "relay", "udp")
    assert not trunk.password
