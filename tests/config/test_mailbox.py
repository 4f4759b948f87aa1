"""The section of the mailboxes."""

from __future__ import annotations

from rustalk.config.mailbox import Mailbox
from rustalk.config.secret import Secret
from tests.config.findings import faults


def test_a_box_has_the_limits_of_rustalk_and_no_pin_that_everybody_knows() -> None:
    """RusTalk's was 0000 (A40)."""
    box = Mailbox(extension="1001")
    assert (box.id, box.max_messages, box.max_message_length, box.greeting) == ("1001", 100, 300, "default")
    assert not box.pin
    assert not box.email_attach


def test_a_pin_is_never_shown() -> None:
    """Neither in a repr nor in a fault."""
    assert "4711" not in repr(Mailbox(extension="1001", pin=Secret("4711")))
    found = faults(extensions=[{"extension": "1001"}], mailboxes=[{"extension": "1001", "pin": "47-11"}])
    assert [fault.path for fault in found] == ["$.mailboxes[0].pin"]
    assert "47-11" not in str(found)
