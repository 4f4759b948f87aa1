"""The way upward: every result to the right method, and no error back down."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.parse import Limits, parse_datagram
from rustalk.transport.reception import Reception
from rustalk.transport.udp import UdpFlow, UdpSocket
from tests.transport.ends import Ear, anyone, options


class Wrong:
    """A receiver full of bugs."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def reception(receiver) -> tuple[Reception, UdpFlow]:
    made = Reception(receiver, anyone, Limits())
    return made, UdpSocket("p", made, Clock()).flow("192.0.2.1", 5060)


def test_each_result_has_its_method():
    """Messages, broken messages and losses are told apart."""
    ear = Ear()
    made, flow = reception(ear)
    made.deliver(parse_datagram(options("a"), Limits()), flow)
    made.deliver(RemoteProtocolError("broken"), flow)
    made.lost(flow, "gone")
    assert (ear.call_ids, len(ear.broken), ear.lost) == (["a"], 1, [(flow, "gone")])


def test_errors_of_the_receiver_stop_here(log):
    """They are logged with the peer, and never reach the socket."""
    made, flow = reception(Wrong())
    made.deliver(RemoteProtocolError("broken"), flow)
    made.lost(flow, "gone")
    assert len([line for line in log if "192.0.2.1" in line]) == 2
