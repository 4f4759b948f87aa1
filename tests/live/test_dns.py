"""Trunks that are names: a DNS server of its own leads to them, and its death cuts nobody off (RFC 3263, F-07)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.layout import CALLEE, CALLER, NUMBER, OTHER_CALLEE, SWITCH, two_trunks, vacant
from tests.live.nameserver import NameServer, address, pointer, service
from tests.live.running import Running, until
from tests.live.sipp import Sipp

StartSwitch = Callable[..., Running]
StartSipp = Callable[..., Sipp]
Serve = Callable[..., NameServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a DNS server with these records."""
    started: list[NameServer] = []

    def start(*records: str) -> NameServer:
        started.append(NameServer(tmp_path / f"dns-{len(started)}", records))
        return started[-1]

    yield start
    for server in started:
        server.die()
        print(f"--- log of the name server\n{server.log}")


def named(server: NameServer, protocol: str = "udp", **callee: Any) -> dict[str, Any]:
    """Two trunks of which the callee is the name trunk.example, without a port: DNS must give it."""
    settings = two_trunks(protocol, dns={"servers": [server.place], "hosts_file": ""})
    settings["trunks"][1] |= {"host": "trunk.example", "port": 0, **callee}
    return settings


def place(sipp: StartSipp, running: Running, protocol: str = "udp") -> Sipp:
    """One call."""
    wire = ("-t", {"udp": "u1", "tcp": "t1"}[protocol])
    return sipp("uac", CALLER, vacant(CALLER), f"{SWITCH}:{running.port}", "-m", "1", "-s", NUMBER, *wire)


def test_srv_leads_to_the_port(switch: StartSwitch, sipp: StartSipp, serve: Serve) -> None:
    """The SRV record gives host and port of a trunk; a caller known by name only is let in once it is resolved."""
    port = vacant(CALLEE)
    server = serve(
        service("_sip._udp.trunk.example", 10, port, "a.trunk.example"),
        address("a.trunk.example", CALLEE),
        address("caller.example", CALLER),
    )
    settings = named(server)
    settings["trunks"][0]["host"] = "caller.example"
    running = switch(settings)
    sipp("uas", CALLEE, port)
    until(lambda: place(sipp, running).wait().code == 0, "the first call of a caller known by name")
    assert running.calls[0]["reason"] == "normal"


def test_next_srv_target_when_the_first_refuses(switch: StartSwitch, sipp: StartSipp, serve: Serve) -> None:
    """A target of better priority that refuses the connection costs nothing but the attempt."""
    port = vacant(OTHER_CALLEE)
    server = serve(
        service("_sip._tcp.trunk.example", 10, vacant(CALLEE), "a.trunk.example"),
        service("_sip._tcp.trunk.example", 20, port, "b.trunk.example"),
        address("a.trunk.example", CALLEE),
        address("b.trunk.example", OTHER_CALLEE),
    )
    running = switch(named(server, "tcp"))
    sipp("uas", OTHER_CALLEE, port, "-t", "t1")
    outcome = place(sipp, running, "tcp").wait()
    assert outcome.code == 0, outcome.complaints


def test_naptr_leads_to_a_contact(switch: StartSwitch, sipp: StartSipp, serve: Serve) -> None:
    """A Contact without port and transport is followed through NAPTR, SRV and A: ACK and BYE arrive there."""
    port = vacant(CALLEE)
    server = serve(
        pointer("phones.example", "SIP+D2U", "elsewhere.example"),
        service("elsewhere.example", 10, port, "a.phones.example"),
        address("a.phones.example", CALLEE),
    )
    settings = named(server, host=CALLEE, port=port)
    running = switch(settings)
    taking = sipp("named_callee", CALLEE, port, "-m", "1", "-key", "host", "phones.example")
    outcome = place(sipp, running).wait()
    assert outcome.code == 0, outcome.complaints
    assert taking.wait().successful == 1


def test_last_good_answer_outlives_the_server(switch: StartSwitch, sipp: StartSipp, serve: Serve) -> None:
    """When the DNS dies, calls go on to where it said last, each of them, and the log says so."""
    port = vacant(CALLEE)
    server = serve(service("_sip._udp.trunk.example", 10, port, "a.example"), address("a.example", CALLEE))
    running = switch(named(server))
    sipp("uas", CALLEE, port)
    assert place(sipp, running).wait().code == 0
    server.die()

    def called_on_old_knowledge() -> bool:
        outcome = place(sipp, running).wait()
        assert outcome.code == 0, outcome.complaints
        return "its last good answer is used" in running.log

    until(called_on_old_knowledge, "the answer to grow old")
    assert place(sipp, running).wait().code == 0
