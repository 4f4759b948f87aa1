"""Fax and video beside or instead of audio, and how long a packet lasts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.scenarios.site import CARRIER, CONFIGURATION, Site

FAX = b"m=image 4300 udptl t38\r\na=T38FaxVersion:0\r\n"
VIDEO = b"m=video 4302 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


def lines(body: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and port of each media line."""
    return re.findall(rb"m=(\w+) (\d+)", body)


@pytest.mark.parametrize("extra", [FAX, VIDEO])
def test_teams_gets_audio_only(site: Site, extra: bytes) -> None:
    """MED-15: the line keeps its place with port 0, in the offer to Teams and in the answer to the carrier."""
    talk = site.ringing(body=site.carrier.describe() + extra)
    kind = extra[2:7]
    assert lines(talk.callee.invite.body)[1] == (kind, b"0")
    rejected = b"m=" + kind + (b" 0 udptl t38\r\n" if extra is FAX else b" 0 RTP/AVP 96\r\n")
    talk.callee.answer(body=site.teams.describe() + rejected)
    site.run()
    assert talk.caller.statuses[-1] == 200
    assert lines(talk.caller.remote)[1] == (kind, b"0")
    talk.end()


def test_a_switch_to_fax_is_refused(site: Site) -> None:
    """MED-15: T.38 by re-INVITE gets 488 or a refused line, and Teams hears nothing of fax; the call goes on."""
    talk = site.talking()
    fax = site.carrier.describe(version=2).partition(b"m=audio")[0] + FAX
    answers = talk.caller.ask("INVITE", fax)
    site.run()
    assert answers[-1].status == 488 or lines(answers[-1].body) == [(b"image", b"0")]
    assert all(port == b"0" for invite in site.teams.requests("INVITE") for kind, port in lines(invite.body)[1:])
    assert not talk.is_over
    talk.end()


def test_video_crosses_between_providers(site: Site) -> None:
    """MED-15: through us, since neither side is Teams."""
    talk = site.ringing("other", "carrier", body=site.other.describe() + VIDEO)
    (_, (kind, port)) = lines(talk.callee.invite.body)
    assert (kind, port != b"0", port != b"4302") == (b"video", True, True)
    talk.callee.answer(body=site.carrier.describe() + VIDEO)
    site.run()
    assert site.relay.streams[1].expected[0][0] == ("198.51.100.9", 4302)
    talk.end()


def test_fax_crosses_where_media_go_past_us(build: Callable[..., Site]) -> None:
    """MED-15: between two providers with media: direct nothing of a description changes."""
    site = build(trunks=[trunk | {"media": "direct"} for trunk in CONFIGURATION["trunks"]])
    offer = site.other.describe() + FAX
    talk = site.ringing("other", "carrier", body=offer)
    assert talk.callee.invite.body == offer
    talk.callee.answer(body=site.carrier.describe() + FAX)
    site.run()
    assert talk.caller.remote == talk.callee.local
    talk.end()


def test_the_length_of_packets_crosses(site: Site) -> None:
    """MED-12: ptime and annexb as they came, in both directions; nothing here needs packets of another length."""
    offer = site.carrier.describe(lines=["a=ptime:20"]).replace(b"0 8 101", b"0 8 18 101")
    offer += b"a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"
    talk = site.ringing(body=offer)
    assert b"a=ptime:20\r\n" in talk.callee.invite.body
    assert b"a=fmtp:18 annexb=no\r\n" in talk.callee.invite.body
    talk.callee.answer(body=site.teams.describe(lines=["a=ptime:20"]))
    site.run()
    assert b"a=ptime:20\r\n" in talk.caller.remote
    talk.end()


def test_candidates_and_microsofts_lines_stay_here(site: Site) -> None:
    """MED-13, HDR-21: what only Teams understands does not go to a carrier over UDP."""
    extra = ["a=candidate:1 1 UDP 2130706431 52.114.0.1 4000 typ host", "a=label:main-audio", "a=x-bypassid:1"]
    talk = site.talking("teams", "carrier", body=site.teams.describe(lines=extra))
    for word in (b"candidate", b"main-audio", b"bypassid", b"52.114."):
        assert word not in talk.callee.invite.body
    talk.end()
    assert site.invites(CARRIER)
