"""The ACK to a 2xx of ours."""

from __future__ import annotations

from rustalk.sip.dialog import Dialog
from rustalk.ua.acknowledgement import Acknowledgement
from tests.ua.ends import PEER, Ends


def make(ends: Ends, target: str) -> Acknowledgement:
    """The ACK of a dialog with this target."""
    dialog = Dialog("id", "<sip:a@x>;tag=a", "a", "<sip:b@y>;tag=b", "b", target=target)
    return Acknowledgement(ends.endpoint, dialog, ends.path(), 7, b"v=0")


def test_it_is_sent_again_byte_for_byte(ends: Ends) -> None:
    """RFC 3261 section 13.2.2.4: the same branch, the CSeq of the INVITE."""
    acknowledgement = make(ends, f"sip:bob@{PEER}")
    acknowledgement.send()
    acknowledgement.send()
    ends.run()
    first, second = ends.peer.requests("ACK")
    assert first.raw == second.raw
    assert first.cseq.number == 7
    assert first.body == b"v=0"


def test_one_that_finds_no_way_has_another_chance(ends: Ends) -> None:
    """RNG-08: with the next copy of the 2xx."""
    acknowledgement = make(ends, "sip:nowhere.example.com")
    acknowledgement.send()
    ends.run()
    assert ends.peer.requests("ACK") == []
    ends.resolver.hosts["nowhere.example.com"] = (PEER,)
    acknowledgement.send()
    ends.run()
    assert len(ends.peer.requests("ACK")) == 1
