"""Who a request inside a dialog is for."""

from __future__ import annotations

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

    def flow_lost(self, flow: object) -> None:
        self.lost.append(flow)


def bye(tag: str) -> Request:
    """A request of the caller in the dialog with this tag of ours."""
    return make_request("BYE", to=f"Bob <sip:bob@biloxi.example.com>;tag={tag}")


def test_a_request_finds_its_dialog_by_both_tags() -> None:
    """RFC 3261 section 12.2.2."""
    dialogs, usage = Dialogs(), Usage()
    dialogs.add(usage)
    assert dialogs.find(bye("ours")) is usage
    assert dialogs.find(bye("other")) is None


def test_a_dialog_that_was_replaced_is_not_removed_by_the_old_one() -> None:
    """The early dialog becomes a session under the same name."""
    dialogs, early, session = Dialogs(), Usage(), Usage()
    dialogs.add(early)
    dialogs.add(session)
    dialogs.remove(early)
    assert dialogs.find(bye("ours")) is session
    dialogs.remove(session)
    assert len(dialogs) == 0


def test_a_lost_connection_is_told_to_all() -> None:
    """Each knows whether it was its own."""
    dialogs, one, two = Dialogs(), Usage("a"), Usage("b")
    dialogs.add(one)
    dialogs.add(two)
    dialogs.flow_lost("flow")
    assert one.lost == two.lost == ["flow"]
