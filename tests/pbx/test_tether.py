"""The way to a phone: the flow it came by, and after that is lost the one that it registered again by."""

from __future__ import annotations

from typing import Any, cast

from rustalk.pbx.tether import Tether
from rustalk.sip.uri import Uri

PRIVATE = Uri.parse("sip:1001@10.0.0.7:5060")
FIRST, SECOND = cast(Any, "first flow"), cast(Any, "second flow")


def used(tether: Tether) -> list[str]:
    """What a request would go over, or why it does not."""
    found: list[str] = []
    tether.follow(PRIVATE, lambda flow: found.append(str(flow)), found.append)
    return found


def test_requests_go_over_the_flow_whatever_the_contact_says() -> None:
    """A phone behind NAT names an address that nobody can reach."""
    assert used(Tether(FIRST, lambda: None)) == ["first flow"]


def test_a_lost_flow_is_replaced_by_that_of_the_registration() -> None:
    """Only when it is needed, and only if it is the one that was lost."""
    tether = Tether(FIRST, lambda: SECOND)
    tether.lost({SECOND})
    assert used(tether) == ["first flow"]
    tether.lost({FIRST})
    assert used(tether) == ["second flow"]


def test_a_phone_that_is_gone_is_told_so() -> None:
    """The cause is a sentence for the log."""
    tether = Tether(FIRST, lambda: None)
    tether.lost({FIRST})
    assert "not registered again" in used(tether)[0]
