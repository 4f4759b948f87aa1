"""The way to a peer."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from rustalk.interfaces import IFlow
from rustalk.sip.uri import Uri
from rustalk.ua.route import Routed
from tests.ua.ends import PEER, Ends


def outcome(ends: Ends, waiting: Deferred[IFlow]) -> IFlow | str:
    """The flow, or the cause of there being none."""
    found: list[IFlow | str] = []
    waiting.addCallbacks(found.append, lambda reason: found.append(reason.value.cause))
    ends.run(5)
    return found[0]


def test_udp_to_an_address_needs_no_waiting(ends: Ends) -> None:
    """The common case of a UDP trunk."""
    assert ends.router().known(Uri.parse(f"sip:{PEER}"), None) is ends.flow
    assert ends.router().known(Uri.parse("sip:peer.example.com"), None) is None


def test_a_connection_is_used_for_its_own_address(ends: Ends) -> None:
    """Requests to where a stream leads go on that stream."""
    ends.network.open(ends.peer, "TCP", (PEER, 5060))
    stream = outcome(ends, ends.router("TCP").find(Uri.parse(f"sip:{PEER}")))
    assert not isinstance(stream, str)
    assert ends.router("TCP").known(Uri.parse(f"sip:bob@{PEER}:1234"), stream) is stream
    assert ends.router("TCP").known(Uri.parse("sip:198.51.100.9"), stream) is None


def test_a_name_is_resolved(ends: Ends) -> None:
    """RFC 3263, with the hosts first."""
    assert outcome(ends, ends.router().find(Uri.parse("sip:peer.example.com"))) is ends.flow


@pytest.mark.parametrize(
    ("uri", "cause"),
    [
        ("sip:nowhere.example.com", "dns"),
        ("sip:peer.example.com;transport=tcp", "refused"),
        ("sip:peer.example.com;transport=ws", "unsupported"),
        ("sip:198.51.100.7;transport=sctp", "unsupported"),
    ],
)
def test_why_there_is_no_way(ends: Ends, uri: str, cause: str) -> None:
    """A TransportError for whatever a peer writes into its Contact."""
    assert outcome(ends, ends.router().find(Uri.parse(uri))) == cause


def test_a_path_remembers_its_flow(ends: Ends) -> None:
    """The second request does not look again; a lost flow is looked for anew."""
    ends.network.open(ends.peer, "TCP", (PEER, 5060))
    path, used, uri = Routed(ends.router("TCP"), None), [], Uri.parse("sip:peer.example.com;transport=tcp")
    for _ in range(2):
        path.follow(uri, used.append, pytest.fail)
        ends.run()
    assert used[0] is used[1]
    assert len(ends.network.attempts) == 1
    used[0].close()
    path.lost({used[0]})
    ends.run()
    path.follow(uri, used.append, pytest.fail)
    ends.run()
    assert used[2] is not used[0]


def test_a_path_is_not_led_astray_by_a_late_answer(ends: Ends) -> None:
    """Two branches of a forked call share it: a flow found for one is not the other's."""
    ends.network.open(ends.peer, "TCP", (PEER, 5060))
    path, used = Routed(ends.router("TCP"), None), []
    one, two = Uri.parse("sip:peer.example.com;transport=tcp"), Uri.parse(f"sip:{PEER};transport=udp")
    path.follow(one, used.append, pytest.fail)
    path.follow(two, used.append, pytest.fail)
    ends.run()
    path.follow(two, used.append, pytest.fail)
    assert [flow.transport for flow in used] == ["UDP", "TCP", "UDP"]


def test_a_path_that_leads_nowhere_says_why(ends: Ends) -> None:
    """In words for the log."""
    failures: list[str] = []
    Routed(ends.router(), None).follow(Uri.parse("sip:nowhere.example.com"), pytest.fail, failures.append)
    ends.run()
    assert "nowhere.example.com" in failures[0]


def test_a_path_falls_back_on_the_connection_it_came_on(ends: Ends) -> None:
    """Behind NAT nobody can connect to what a Contact names; the open connection is the way that is left."""
    ends.network.open(ends.peer, "TCP", (PEER, 5060))
    stream = outcome(ends, ends.router("TCP").find(Uri.parse(f"sip:{PEER}")))
    assert not isinstance(stream, str)
    path, used, failures = Routed(ends.router("TCP"), stream), [], []
    path.follow(Uri.parse("sip:192.168.1.2;transport=tcp"), used.append, failures.append)
    ends.run(10)
    assert (used, failures) == ([stream], [])
    path.lost({stream})
    path.follow(Uri.parse("sip:192.168.1.2;transport=tcp"), used.append, failures.append)
    ends.run(10)
    assert len(failures) == 1
