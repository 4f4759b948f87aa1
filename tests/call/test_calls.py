"""The calls in progress and those lately ended."""

from __future__ import annotations

import pytest

from tests.scenarios.site import Site


@pytest.fixture
def site() -> Site:
    """A switch."""
    return Site()


def test_newest_first(site: Site) -> None:
    """Those in progress, then those lately ended."""
    first = site.talking()
    ended = site.calls.ids()[0]
    first.end()
    site.talking()
    site.talking("teams", "carrier")
    assert site.calls.ids()[-1] == ended
    assert [site.calls.look(one).source_trunk for one in site.calls.ids()] == ["teams", "carrier", "carrier"]
    site.calls.end_all()
    site.run()


def test_a_call_is_found_by_its_id(site: Site) -> None:
    """While it lasts and afterwards; nobody by another."""
    talk = site.talking()
    (call_id,) = site.calls.ids()
    assert site.calls.find(call_id) is not None
    talk.end()
    assert site.calls.look(call_id).reason == "normal"
    assert site.calls.find("nobody") is None
    with pytest.raises(LookupError):
        site.calls.look("nobody")


def test_calls_are_counted_by_trunk(site: Site) -> None:
    """In progress, and since the start."""
    talk = site.talking()
    assert (site.calls.active("carrier"), site.calls.active("teams"), site.calls.active("other")) == (1, 1, 0)
    talk.end()
    assert (site.calls.active("carrier"), site.calls.total("carrier")) == (0, 1)


def test_what_is_remembered_is_bounded(site: Site) -> None:
    """F-04: the oldest records go."""
    for _ in range(510):
        site.carrier.call(replace={"Max-Forwards": "0"})
        site.run(0.1)
    assert len(site.calls.ids()) == 500


def test_an_unanswered_call_counts_under_its_reason(site: Site) -> None:
    """The counters speak the same vocabulary."""
    talk = site.ringing()
    talk.callee.refuse(486)
    site.run()
    assert site.counters.refused == {"far_end": 1}
    assert (site.counters.calls, site.counters.calls_answered) == (1, 0)


def test_a_route_can_say_how_media_go() -> None:
    """`media` of a route before that of the trunks."""
    route = {
        "id": "to-teams",
        "pattern": "",
        "source": "carrier",
        "media": "direct",
        "destination": {"type": "Trunk", "value": "teams"},
    }
    site = Site(routing={"routes": [route]})
    site.carrier.media_profile = "RTP/SAVP"
    talk = site.talking()
    assert site.relay.streams == []
    talk.end()
