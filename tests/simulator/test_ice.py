"""The controlling ICE agent of a Teams client against one that answers, in virtual time."""

from __future__ import annotations

from twisted.internet.task import Clock

from rustalk.simulator.ice import Candidate, IceAgent, IcePeer
from rustalk.simulator.stun import ERROR, USE_CANDIDATE, Stun

HERE, THERE = ("192.0.2.1", 50000), ("192.0.2.2", 60000)


class Meeting:
    """A client and an SBC that is ICE-lite; what they send is delivered at once unless ``lost``."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.lost = False
        self.sent: list[bytes] = []
        self.client = IceAgent(self.clock, HERE, self.to_sbc)
        self.sbc = IceAgent(self.clock, THERE, lambda data, to: self.client.received(data, THERE), lite=True)

    def to_sbc(self, data: bytes, to: tuple[str, int]) -> None:
        self.sent.append(data)
        if not self.lost and to == THERE:
            self.sbc.received(data, HERE)

    @property
    def peer(self) -> IcePeer:
        candidate = Candidate.read(self.sbc.lines[-1].removeprefix("a=candidate:"))
        return IcePeer(self.sbc.ufrag, self.sbc.password, (candidate,) if candidate else (), True)


def test_a_check_is_answered_and_tells_our_address() -> None:
    """ICE-02."""
    met = Meeting()
    met.client.check(met.peer)
    assert (met.client.answered, met.client.mapped, met.sbc.asked) == (1, HERE, 1)
    assert met.client.selected is None
    met.client.stop()


def test_a_pair_is_selected_by_a_check_with_use_candidate() -> None:
    """ICE-03."""
    met = Meeting()
    met.client.check(met.peer)
    met.client.nominate()
    assert met.client.selected == THERE
    nominating = Stun.read(met.sent[-1], met.sbc.password)
    assert nominating is not None
    assert nominating.get(USE_CANDIDATE) == b""
    met.client.stop()


def test_a_lost_check_is_sent_again_until_it_is_answered() -> None:
    met = Meeting()
    met.lost = True
    met.client.check(met.peer)
    met.clock.advance(0.1)
    met.lost = False
    met.clock.pump([0.1] * 5)
    assert (len(met.sent), met.client.answered) == (3, 1)
    assert not met.clock.getDelayedCalls()


def test_a_wrong_password_gets_no_success() -> None:
    """ICE-02."""
    met = Meeting()
    met.client.check(met.peer, password="wrong", again=False)
    assert (met.client.answered, met.sbc.asked) == (0, 0)
    assert not met.clock.getDelayedCalls()


def test_an_error_response_is_counted() -> None:
    met = Meeting()
    met.lost = True
    met.client.check(met.peer, again=False)
    transaction = met.sent[0][8:20]
    met.client.received(Stun(ERROR, (), transaction).to_bytes("anything"), THERE)
    assert (met.client.answered, met.client.refused) == (0, 1)


def test_a_restart_changes_fragment_and_password() -> None:
    """ICE-05."""
    met = Meeting()
    met.client.check(met.peer)
    met.client.nominate()
    before = (met.client.ufrag, met.client.password)
    met.client.restart()
    assert met.client.ufrag != before[0]
    assert met.client.password != before[1]
    assert met.client.selected is None
    met.client.stop()


def test_what_each_kind_of_agent_describes() -> None:
    """ICE-01, ICE-04, ICE-06: three candidates of a client, one of a lite end, one and the pair in the final offer."""
    met = Meeting()
    assert sum(line.startswith("a=candidate:") for line in met.client.lines) == 3
    assert sum(line.startswith("a=candidate:") for line in met.sbc.lines) == 1
    met.client.check(met.peer)
    met.client.nominate()
    met.client.final = True
    assert met.client.lines[-1] == "a=remote-candidates:1 192.0.2.2 60000"
    met.client.stop()


def test_an_unreadable_candidate_is_passed_over() -> None:
    assert Candidate.read("1 1 UDP") is None
    assert Candidate.read("1 x UDP 1 192.0.2.1 5 typ host") is None
