"""Our 2xx, repeated until its ACK comes."""

from __future__ import annotations

from rustalk.ua.accept import Acceptance
from rustalk.ua.endpoint import ServerTransaction
from tests.ua.ends import SBC, Ends


def accept(ends: Ends, given_up: list[bool]) -> list[Acceptance]:
    """Answer the next INVITE."""
    found: list[Acceptance] = []

    def answer(transaction: ServerTransaction) -> None:
        response = transaction.request.response(200, to_tag="t", fields=[("Contact", f"<sip:{SBC}>")])
        found.append(Acceptance(transaction, response, lambda: given_up.append(True)))

    ends.act = answer
    ends.peer.acks = False
    return found


def test_it_is_repeated_ever_more_slowly_and_then_given_up(ends: Ends) -> None:
    """RFC 3261 section 13.3.1.4: T1, doubling up to T2, for 64*T1."""
    given_up: list[bool] = []
    accept(ends, given_up)
    leg = ends.peer.call()
    ends.run(31.9)
    assert len(leg.statuses) == 11
    assert given_up == []
    ends.run(1)
    assert given_up == [True]
    assert ends.is_clean()


def test_the_ack_ends_it(ends: Ends) -> None:
    """Nothing more is sent."""
    given_up: list[bool] = []
    found = accept(ends, given_up)
    leg = ends.peer.call()
    ends.run(1)
    found[0].acknowledged()
    before = len(leg.statuses)
    ends.run(40)
    assert len(leg.statuses) == before
    assert given_up == []
