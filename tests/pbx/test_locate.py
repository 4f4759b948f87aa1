"""Where the phones are: across restarts, nodes and whatever ends a binding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from rustalk.interfaces import IFlow
from rustalk.pbx.bindings import Binding, FlowKey
from rustalk.pbx.locate import Locator, flow_key
from rustalk.sip.uri import Uri
from rustalk.transport.errors import TransportError
from tests.fakes.network import DatagramFlow, Network

NOW = 1_800_000_000.0
HOST = "198.51.100.7"
UDP = FlowKey("inside", "UDP", HOST, 5060)
TCP = FlowKey("inside", "TCP", HOST, 40000)


def bound(number: str = "1001", contact: str = "sip:1001@10.0.0.5", flow: FlowKey = UDP, **parts: object) -> Binding:
    """A binding that lives for ten minutes from now."""
    made = Binding(number, contact, NOW + 600, flow, "call", 1, since=NOW, refreshed_at=NOW, node="a")
    return replace(made, **parts)  # type: ignore[arg-type]


class Place:
    """A locator of node a, and what it asks for."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.saved: list[tuple[str, tuple[Binding, ...]]] = []
        self.told: list[tuple[str, Binding]] = []
        self.sought: list[str] = []
        self.reachable: dict[str, IFlow] = {}
        self.living = {"b"}
        self.locator = Locator(
            self.clock,
            lambda: NOW + self.clock.seconds(),
            node="a",
            datagrams=self.datagrams,
            find=self.find,
            passes=self.living.__contains__,
            saved=lambda number, bindings: self.saved.append((number, bindings)),
            told=lambda event, binding: self.told.append((event, binding)),
        )

    def datagrams(self, profile: str, host: str, port: int) -> IFlow | None:
        return self.network.flow(profile, ("192.0.2.10", 5060), (host, port)) if profile == "inside" else None

    def find(self, profile: str, uri: Uri) -> Deferred[IFlow]:
        self.sought.append(f"{profile} {uri}")
        return self._found(str(uri))

    def _found(self, name: str) -> Deferred[IFlow]:
        waiting: Deferred[IFlow] = Deferred()
        if name in self.reachable:
            waiting.callback(self.reachable[name])
        else:
            waiting.errback(TransportError("refused", name))
        return waiting

    def outcome(self, binding: Binding) -> list[object]:
        """The flow to a phone, or the cause of its absence."""
        found: list[object] = []
        self.locator.flow(binding).addCallbacks(found.append, lambda reason: found.append(reason.value.cause))
        return found


@pytest.fixture
def place() -> Place:
    """Nobody is registered."""
    return Place()


def test_the_preferred_device_comes_first(place: Place) -> None:
    """RFC 3261 section 10.2.1.2: by q, and of equals the one that was heard last."""
    low, old = bound(contact="sip:a@h", q=0.1), bound(contact="sip:b@h", refreshed_at=NOW - 9)
    new = bound(contact="sip:c@h")
    place.locator.put("1001", (low, old, new))
    assert place.locator.bindings("1001") == (new, old, low)
    assert place.locator.bindings("1002") == ()


def test_registrations_survive_a_restart(place: Place) -> None:
    """The UDP phone is called at once; nobody is told, since nothing has changed; what has ended stays away."""
    phone, gone = bound(), bound("1002", expires_at=NOW - 1, refreshed_at=NOW - 3601)
    place.locator.restore([phone, gone])
    assert place.locator.bindings("1001") == (phone,)
    assert place.locator.bindings("1002") == ()
    assert (place.saved, place.told, place.locator.count) == ([], [], 1)
    assert place.outcome(phone) == [place.datagrams(*UDP[:1], *UDP[2:])]


def test_a_connection_does_not_survive_a_restart(place: Place) -> None:
    """Behind a NAT the phone is away until it comes back."""
    phone = bound(flow=TCP)
    place.locator.restore([phone])
    assert place.locator.bindings("1001") == ()
    assert place.outcome(phone) == ["lost"]


@pytest.mark.parametrize(
    ("parts", "uri"),
    [
        ({"contact": f"sip:1001@{HOST}:5070;transport=tcp"}, f"sip:1001@{HOST}:5070;transport=tcp"),
        ({"path": ("<sip:edge.example.com;lr>", "<sip:b;lr>")}, "sip:edge.example.com;lr"),
    ],
)
def test_a_new_connection_where_one_can_be_made(place: Place, parts: dict[str, object], uri: str) -> None:
    """To a phone that is not behind a NAT, or to the proxy of its Path (RFC 3327)."""
    phone = bound(flow=TCP, **parts)
    place.locator.restore([phone])
    assert place.locator.bindings("1001") == (phone,)
    place.reachable[uri] = flow = place.network.flow("inside", ("192.0.2.10", 1), ("192.0.2.20", 2))
    assert place.outcome(phone) == [flow]
    assert place.sought == [f"inside {uri}"]


def test_a_phone_that_takes_no_connection_is_not_tried_again(place: Place) -> None:
    """Until it registers once more."""
    phone = bound(flow=TCP, contact=f"sip:1001@{HOST}")
    place.locator.restore([phone])
    assert place.outcome(phone) == ["refused"]
    assert place.locator.bindings("1001") == ()
    again = replace(phone, cseq=2, refreshed_at=NOW + 1)
    place.locator.put("1001", (again,))
    assert place.locator.bindings("1001") == (again,)


def test_no_socket_no_way(place: Place) -> None:
    """The profile of a saved registration may be gone."""
    assert place.outcome(bound(flow=UDP._replace(profile="gone"))) == ["lost"]


def test_a_phone_of_another_node(place: Place) -> None:
    """Nodes share registrations: it is called through the node that has the flow, and not from here."""
    theirs = bound(node="b")
    place.locator.learn("1001", [theirs])
    assert place.locator.bindings("1001") == (theirs,)
    assert place.locator.is_elsewhere(theirs)
    assert place.outcome(theirs) == ["lost"]
    assert place.saved == []
    place.locator.learn("1001", [])
    assert place.locator.bindings("1001") == ()


@pytest.mark.parametrize("flow", [UDP, TCP])
def test_a_phone_of_a_node_that_is_dead(place: Place, flow: FlowKey) -> None:
    """Behind a NAT it is away until it registers here; where its Contact is its address it is called from here."""
    hidden, open_ = bound(node="b", flow=flow), bound("1002", f"sip:1002@{HOST}:5070", flow, node="b")
    place.locator.learn("1001", [hidden])
    place.locator.learn("1002", [open_])
    place.living.clear()
    assert place.locator.bindings("1001") == ()
    assert place.outcome(hidden) == ["lost"]
    place.reachable[open_.contact] = way = place.network.flow("inside", ("192.0.2.10", 1), (HOST, 5070))
    assert place.locator.bindings("1002") == (open_,)
    assert place.outcome(open_) == [way]


def test_what_was_stored_does_not_replace_what_has_registered_since(place: Place) -> None:
    """The database answered late: the phone that came meanwhile stays as it is, its other line comes back."""
    fresh, other = bound(refreshed_at=NOW + 1, flow=UDP._replace(port=5080)), bound(contact="sip:soft@h")
    place.locator.put("1001", (fresh,))
    place.locator.restore([bound(), other], {"1001": NOW - 9, "1003": NOW - 99})
    assert place.locator.all("1001") == (other, fresh)
    assert place.locator.last_seen("1003") == NOW - 99


def test_what_another_node_changed(place: Place) -> None:
    """Ours stay as they are while they are shared; one that has moved is called at the other node; one may be gone."""
    desk, soft = bound(), bound(contact="sip:soft@h", flow=UDP._replace(port=5062))
    place.locator.put("1001", (desk, soft))
    moved = replace(soft, node="b", refreshed_at=NOW + 9)
    place.locator.learn("1001", [replace(desk, refreshed_at=NOW - 9), moved])
    assert place.locator.all("1001") == (desk, moved)
    place.locator.learn("1001", [moved])
    assert place.locator.all("1001") == (moved,)
    assert (place.locator.count, len(place.saved)) == (1, 1)


def test_a_registration_is_removed_by_its_id(place: Place) -> None:
    """DELETE /registrations/{id}; another id changes nothing."""
    desk, soft = bound(), bound(contact="sip:soft@h")
    place.locator.put("1001", (desk, soft))
    assert place.locator.remove(desk.id) is desk
    assert (place.locator.listed(), place.told[-1]) == ([soft], ("removed", desk))
    assert [place.locator.remove(id) for id in (desk.id, "1001-00", "", "9-9")] == [None] * 4


def test_an_extension_is_decommissioned(place: Place) -> None:
    """All its bindings go, and with them what is remembered of it."""
    place.locator.put("1001", (bound(), bound(contact="sip:soft@h")))
    place.locator.forget("1001")
    assert (place.locator.count, place.locator.last_seen("1001"), place.saved[-1]) == (0, None, ("1001", ()))


def test_when_an_extension_was_seen(place: Place) -> None:
    """Now while it is registered; the last refresh when it is gone; never."""
    place.locator.put("1001", (bound(refreshed_at=NOW - 5),))
    assert place.locator.last_seen("1001") == NOW
    place.locator.put("1001", ())
    assert place.locator.last_seen("1001") == NOW - 5
    assert place.locator.last_seen("1002") is None


def test_addresses_of_phones_are_known(place: Place) -> None:
    """As long as one phone is registered from there."""
    place.locator.put("1001", (bound(),))
    place.locator.put("1002", (bound("1002"),))
    place.locator.put("1001", ())
    assert place.locator.knows(HOST)
    place.locator.put("1002", ())
    assert not place.locator.knows(HOST)


def test_nothing_stays_of_who_has_gone(place: Place) -> None:
    """A thousand refreshes over new connections, and then the end: every index is empty."""
    ends = [DatagramFlow(place.network, "inside", ("192.0.2.10", 5060), (HOST, port)) for port in range(1000)]
    for port, flow in enumerate(ends):
        flow.reliable, flow.transport = True, "TCP"
        place.locator.put("1001", (bound(flow=flow_key(flow), cseq=port, refreshed_at=NOW + port),), flow)
        assert len(place.locator._connections) == len(place.locator._users) == 1
    place.locator.put("1001", ())
    indexes = (place.locator._table, place.locator._connections, place.locator._users, place.locator._hosts)
    assert not any(indexes)
    assert place.locator.count == 0


def test_a_connection_that_only_ends_a_registration_is_not_kept(place: Place) -> None:
    """Nothing is reached over it."""
    place.locator.put("1001", (bound(),))
    flow = DatagramFlow(place.network, "inside", ("192.0.2.10", 5060), (HOST, 1))
    flow.reliable, flow.transport = True, "TCP"
    place.locator.put("1001", (), flow)
    assert place.locator._connections == {}


def test_a_sweep_looks_at_everybody_in_five_seconds(place: Place) -> None:
    """A share each second, so that ten thousand that expire together do not stall the reactor."""
    for number in range(1000):
        place.locator.put(str(number), (bound(str(number), expires_at=NOW + 1),))
    place.locator.start()
    place.clock.pump([1.0] * 2)
    assert 0 < place.locator.count < 1000
    place.clock.pump([1.0] * 5)
    assert place.locator.count == 0
    place.locator.stop()
