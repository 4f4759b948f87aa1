"""Who a request inside a dialog is for."""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet.task import Clock

from rustalk.sip.dialog import Dialog
from rustalk.sip.message import Request
from rustalk.ua.dialogs import Dialogs
from rustalk.ua.endpoint import ServerTransaction
from tests.fakes.messages import make_request


class Usage:
    """Something that lives in a dialog."""

    trunk = "carrier"

    def __init__(self, tag: str = "ours") -> None:
        invite = make_request("INVITE", "Contact: <sip:alice@192.0.2.1>")
        self.dialog = Dialog.as_server(invite, tag)
        self.lost: list[object] = []

    def request_received(self, transaction: ServerTransaction) -> None: ...

    def ack_received(self, request: Request) -> None: ...

    def flows_lost(self, flows: Collection[object]) -> None:
        self.lost.append(set(flows))


def bye(tag: str) -> Request:
    """A request of the caller in the dialog with this tag of ours."""
    return make_request("BYE", to=f"Bob <sip:bob@biloxi.example.com>;tag={tag}")


def test_a_request_finds_its_dialog_by_both_tags() -> None:
    """RFC 3261 section 12.2.2."""
    dialogs, usage = Dialogs(Clock()), Usage()
    dialogs.add(usage)
    assert dialogs.find(bye("ours")) is usage
    assert dialogs.find(bye("other")) is None


def test_a_dialog_that_was_replaced_is_not_removed_by_the_old_one() -> None:
    """The early dialog becomes a session under the same name."""
    dialogs, early, session = Dialogs(Clock()), Usage(), Usage()
    dialogs.add(early)
    dialogs.add(session)
    dialogs.remove(early)
    assert dialogs.find(bye("ours")) is session
    dialogs.remove(session)
    assert len(dialogs) == 0


def test_lost_connections_are_told_to_all_at_once() -> None:
    """F-05: each knows whether one was its own; 2,000 that end together cost each dialog one call, not 2,000."""
    clock = Clock()
    dialogs, one, two = Dialogs(clock), Usage("a"), Usage("b")
    dialogs.add(one)
    dialogs.add(two)
    for flow in range(2000):
        dialogs.flow_lost(flow)
    clock.advance(0)
    dialogs.flow_lost("another")
    clock.advance(0)
    assert one.lost == two.lost == [set(range(2000)), {"another"}]
