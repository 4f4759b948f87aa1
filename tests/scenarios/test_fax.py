"""Fax (T.38) between providers: by a re-INVITE in a call of audio, from the beginning, refused, and given up again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rustalk.sdp.model import Media
from rustalk.sdp.parse import parse
from tests.fakes.agents import Leg
from tests.fakes.relay import MemoryStream
from tests.scenarios.site import CARRIER, CONFIGURATION, OTHER, Site, Talk, merged

T38 = ("a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF")
BOTH = pytest.mark.parametrize("asker", ["caller", "callee"])


def fax(host: str, port: int = 4400, *, version: int = 2, head: str = "") -> bytes:
    """A description of fax, behind the media lines of ``head``."""
    text = ("v=0", f"o=- 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0")
    lines = (*text, *([head] if head else []), f"m=image {port} udptl t38", *T38)
    return "".join(f"{line}\r\n" for line in lines).encode()


def media(body: bytes) -> list[Media]:
    return list(parse(body).media)


def sides(talk: Talk, asker: str) -> tuple[Leg, Leg]:
    """Who asks for something else, and who is asked."""
    return (talk.caller, talk.callee) if asker == "caller" else (talk.callee, talk.caller)


def turn(talk: Talk, asks: Leg, asked: Leg, offer: bytes, answer: bytes) -> tuple[bytes, bytes]:
    """One side's re-INVITE is accepted by the other: what each of them was told."""
    asked.agent.answers["INVITE"] = 0
    answers = asks.ask("INVITE", offer)
    talk.site.run(0.1)
    waiting = asked.waiting.pop()
    asked.agree(waiting, answer)
    talk.site.run()
    assert answers[-1].status == 200
    return answers[-1].body, waiting.request.body


def faxing(talk: Talk, asker: str = "callee") -> tuple[bytes, bytes]:
    """The audio becomes fax: what the asker, and what the other side was told."""
    asks, asked = sides(talk, asker)
    return turn(talk, asks, asked, fax(asks.agent.hosts[0]), fax(asked.agent.hosts[0], 4500))


def expected(stream: MemoryStream) -> list[tuple[str, int] | None]:
    """Where both sides want RTP, or fax."""
    return [rtp for rtp, _ in stream.expected]


@BOTH
def test_audio_becomes_fax_and_audio_again(site: Site, asker: str) -> None:
    """T.38 as fax machines do it: the one line of the call, at our address and port as before."""
    talk = site.talking("other", "carrier")
    (stream,) = site.relay.streams
    audio = expected(stream)
    asks, asked = sides(talk, asker)
    for told in faxing(talk, asker):
        (line,) = media(told)
        assert (line.kind, line.proto, line.formats, line.lines[1:]) == (
            "image",
            "udptl",
            ("t38",),
            tuple(each.encode() for each in T38),
        )
    assert [media(leg.remote)[0].port for leg in (talk.caller, talk.callee)] == [stream.local(0)[1], stream.local(1)[1]]
    assert stream.is_opaque
    assert sorted(filter(None, expected(stream))) == sorted([(asks.agent.hosts[0], 4400), (asked.agent.hosts[0], 4500)])
    turn(talk, asks, asked, asks.agent.describe(version=3), asked.agent.describe(version=3))
    assert (expected(stream), stream.is_opaque, len(site.relay.streams)) == (audio, False, 1)
    talk.end()


@BOTH
@pytest.mark.parametrize("status", [488, 415, 606])
def test_fax_that_is_refused_leaves_the_audio(site: Site, asker: str, status: int) -> None:
    """The refusal comes back, and nothing of the audio has changed meanwhile; a second attempt is asked again."""
    talk = site.talking("other", "carrier")
    (stream,) = site.relay.streams
    before = list(stream.expected)
    asks, asked = sides(talk, asker)
    asked.agent.answers["INVITE"] = status
    answers = asks.ask("INVITE", fax(asks.agent.hosts[0]))
    site.run()
    assert [response.status for response in answers if response.status >= 200] == [status]
    assert (stream.expected, stream.is_opaque) == (before, False)
    faxing(talk, asker)
    assert stream.is_opaque
    talk.end()


def test_fax_beside_the_audio_that_stops(site: Site) -> None:
    """The other form of the change: m=audio with port 0, and a second line."""
    talk = site.talking("other", "carrier")
    silent = "m=audio 0 RTP/AVP 0"
    told = turn(talk, talk.callee, talk.caller, fax(CARRIER, head=silent), fax(OTHER, 4500, head=silent))
    audio, image = site.relay.streams
    for body, side in zip(told, (1, 0), strict=True):
        assert [(line.kind, line.port) for line in media(body)] == [("audio", 0), ("image", image.local(side)[1])]
    assert (expected(audio), expected(image)) == ([None, None], [(OTHER, 4500), (CARRIER, 4400)])
    assert (audio.is_opaque, image.is_opaque) == (False, True)
    talk.end()


def test_a_call_begins_as_fax(site: Site) -> None:
    """An INVITE with nothing but fax, and its answer."""
    talk = site.ringing("other", "carrier", body=fax(OTHER))
    (line,) = media(talk.callee.invite.body)
    talk.callee.answer(body=fax(CARRIER, 4500))
    site.run()
    (stream,) = site.relay.streams
    assert (talk.caller.statuses[-1], line.port, stream.is_opaque) == (200, stream.local(1)[1], True)
    assert expected(stream) == [(OTHER, 4400), (CARRIER, 4500)]
    talk.end()


def test_a_line_of_fax_from_the_beginning_is_used_later(site: Site) -> None:
    """Both lines are agreed on in the INVITE; each has its own ports."""
    lines = f"m=image 4400 udptl t38\r\n{T38[0]}\r\n".encode()
    offer, answer = site.other.describe() + lines, site.carrier.describe() + lines
    talk = site.ringing("other", "carrier", body=offer)
    talk.callee.answer(body=answer)
    site.run()
    assert [(stream.is_opaque, stream.watched) for stream in site.relay.streams] == [(False, True), (True, True)]
    assert [line.port for line in media(talk.caller.remote)] == [stream.local(0)[1] for stream in site.relay.streams]
    talk.end()


def test_a_fax_call_ends_when_nobody_sends_anything(site: Site) -> None:
    """Peers that are gone leave no call behind, as with audio."""
    talk = site.talking("other", "carrier")
    faxing(talk)
    site.relay.streams[0].on_silence()
    site.run()
    assert (talk.is_over, site.record.reason) == (True, "no_media")


def test_a_fax_is_not_measured(site: Site) -> None:
    """The record tells no codec of voice and no quality."""
    talk = site.talking("other", "carrier")
    faxing(talk)
    site.relay.streams[0].packets = [300, 200]
    legs = site.record.legs
    found = [leg.media for leg in legs]
    assert [each.packets if each else None for each in found] == [300, 200]
    assert [(each.mos, each.sent) if each else None for each in found] == [(None, None)] * 2
    assert [leg.codecs for leg in legs] == [(), ()]
    talk.end()


@pytest.mark.parametrize(("caller", "callee"), [("carrier", "teams"), ("teams", "carrier")])
def test_teams_hears_nothing_of_fax(site: Site, caller: str, callee: str) -> None:
    """MED-15: the carrier's re-INVITE gets 488 at once, so that it goes on in G.711; the audio of Teams goes on too."""
    talk = site.talking(caller, callee)
    carrier, teams = sides(talk, "caller" if caller == "carrier" else "callee")
    before, told = list(site.relay.streams[0].expected), len(teams.requests)
    answers = carrier.ask("INVITE", fax(CARRIER))
    site.run()
    assert answers[-1].status == 488
    assert (site.relay.streams[0].expected, len(teams.requests)) == (before, told)
    assert not talk.is_over
    talk.end()


def test_a_call_of_fax_alone_is_not_for_teams(site: Site) -> None:
    """MED-15."""
    leg = site.carrier.call(body=fax(CARRIER))
    site.run()
    assert (leg.statuses, site.teams.requests("INVITE")) == ([488], [])


def test_a_trunk_that_requires_srtp_gets_no_fax(build: Callable[..., Site]) -> None:
    """UDPTL is not encrypted: port 0 beside audio, 488 for fax alone."""
    secure = [trunk | ({"srtp": "required"} if trunk["id"] == "carrier" else {}) for trunk in CONFIGURATION["trunks"]]
    site = build(trunks=secure)
    site.carrier.media_profile = "RTP/SAVP"
    talk = site.ringing("other", "carrier", body=site.other.describe() + b"m=image 4400 udptl t38\r\n")
    assert [line.port > 0 for line in media(talk.callee.invite.body)] == [True, False]
    talk.callee.answer(body=site.carrier.describe() + b"m=image 0 udptl t38\r\n")
    site.run()
    assert [line.port > 0 for line in media(talk.caller.remote)] == [True, False]
    answers = talk.callee.ask("INVITE", fax(CARRIER))
    site.run()
    assert answers[-1].status == 488
    talk.end()


def test_srtp_ends_here_before_and_after_a_fax(build: Callable[..., Site]) -> None:
    """One trunk prefers SRTP, the other one has none: plain fax crosses between them, and the same keys serve again."""
    trunks = [
        merged(trunk, {"srtp": "preferred"} if trunk["id"] == "other" else {}) for trunk in CONFIGURATION["trunks"]
    ]
    site = build(trunks=trunks)
    site.other.media_profile = "RTP/SAVP"
    talk = site.talking("other", "carrier")
    (stream,) = site.relay.streams
    before, told = stream.treatments, talk.caller.remote
    assert before is not None
    faxing(talk)
    assert (stream.treatments, stream.is_opaque) == (None, True)
    turn(talk, talk.caller, talk.callee, site.other.describe(version=4), site.carrier.describe(version=4))
    assert (stream.treatments, stream.is_opaque) == (before, False)
    assert media(talk.caller.remote)[0].cryptos == media(told)[0].cryptos
    talk.end()
