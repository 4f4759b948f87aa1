"""A re-INVITE of ours."""

from __future__ import annotations

import pytest

from tests.ua.ends import Ends, Listener


def test_each_copy_of_the_200_gets_the_same_ack(ends: Ends, listener: Listener) -> None:
    """RFC 3261 section 13.2.2.4; the first one counts."""
    session, said = ends.session(listener), []
    session.offer(b"v=0\r\nnew", lambda status, body: said.append(status))
    ends.run(0.009)
    ends.network.loss = 1.0
    ends.run(0.1)
    ends.network.loss = 0.0
    ends.run(2)
    assert said == [200]
    assert len(ends.peer.last.acks) == 1
    ends.peer.last.bye()
    assert ends.is_clean()


@pytest.mark.parametrize(("status", "end"), [(481, "gone"), (408, "lost"), (491, None), (500, None)])
def test_what_a_refusal_means_for_the_session(ends: Ends, listener: Listener, status: int, end: str | None) -> None:
    """RFC 3261 section 12.2.1.2: 481 and 408 end the dialog."""
    session = ends.session(listener)
    ends.peer.answers["INVITE"] = status
    session.offer(b"v=0\r\nnew", lambda status, body: None)
    ends.run()
    assert listener.said == ([end] if end else [])
    if end is None:
        ends.peer.last.bye()
    assert ends.is_clean()


def test_a_peer_that_does_not_answer(ends: Ends, listener: Listener) -> None:
    """Nothing at all is the end of the session, 100 and then nothing is a refusal."""
    session, said = ends.session(listener), []
    ends.peer.answers["INVITE"] = 0
    session.offer(b"v=0\r\nnew", lambda status, body: said.append(status))
    ends.run(33)
    assert said == [504]
    assert listener.said == []
    ends.peer.deaf = True
    session.offer(b"v=0\r\nnewer", lambda status, body: said.append(status))
    ends.run(33)
    assert said == [504, 0]
    assert listener.said == ["lost"]
    assert ends.is_clean()
