"""One registration kept alive; the whole of it is in tests/scenarios/test_registration.py."""

from __future__ import annotations

from itertools import pairwise

from rustalk.sip.uri import Uri
from rustalk.ua.registration import Account, Registration
from tests.ua.ends import PEER, SBC, Ends


def make_registration(ends: Ends) -> Registration:
    """A registration without credentials, that never waits longer than it must."""
    account = Account(
        "carrier", Uri.parse(f"sip:{PEER}"), f"sip:alice@{PEER}", 3600, None, lambda flow: f"<sip:alice@{SBC}>"
    )
    return Registration(ends.endpoint, ends.router(), account, ends.clock, lambda: 0.0)


def test_it_says_how_it_stands(ends: Ends) -> None:
    """Before, while and after."""
    it = make_registration(ends)
    assert (it.registered, it.why) == (False, "not tried yet")
    ends.peer.registrar = lambda exchange: exchange.respond(200, fields=[("Expires", "100")])
    it.start()
    ends.run()
    assert (it.registered, it.why) == (True, "registered for 100 s")
    ends.peer.registrar = lambda exchange: exchange.respond(403)
    ends.run(51)
    assert (it.registered, it.why) == (False, "403 Forbidden")
    it.stop()
    assert ends.is_clean()


def test_the_pause_grows_and_ends(ends: Ends) -> None:
    """7.5 s, 15 s, 30 s ... with the least spread, and 450 s at most."""
    it = make_registration(ends)
    times: list[float] = []

    def refuse(exchange: object) -> None:
        times.append(ends.clock.seconds())
        exchange.respond(503)

    ends.peer.registrar = refuse
    it.start()
    ends.run(3000)
    pauses = [round(later - earlier) for earlier, later in pairwise(times)]
    assert pauses[:3] == [8, 15, 30]
    assert max(pauses) == 450
    it.stop()
    assert ends.is_clean()
