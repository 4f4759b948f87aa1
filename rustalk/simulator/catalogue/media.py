"""SRTP ended at the SBC or passed through, keys, payload types and digits (section 1.8)."""

from __future__ import annotations

import re

from rustalk.rtp.srtp import KeyMaterial

from ..call import Call
from ..description import Change, facts, renumbered, swapped, written
from ..media import SUITE
from ..multipart import description
from .claim import has, need, same
from .pair import Pair
from .scene import Scene
from .story import story
from .wire import TEAMS

__all__: list[str] = []

OTHER_KEY = KeyMaterial(SUITE, bytes(range(30))).inline()
SHORT_TAG = f"a=crypto:0 AES_CM_128_HMAC_SHA1_32 {OTHER_KEY}|2^31"
WITH_MKI = f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 {OTHER_KEY}|2^31|1:1"
VIDEO = "m=video 50000 RTP/SAVP 122\r\na=rtpmap:122 X-H264UC/90000\r\na=sendrecv\r\n"
IMAGE = "m=image 50002 udptl t38\r\na=T38FaxVersion:0\r\n"
WRAP = 65530
DIGITS = "150*#"


def around_key(before: str = "", behind: str = "") -> Change:
    """Put lines around the a=crypto line."""
    head, tail = before and f"{before}\r\n", behind and f"\r\n{behind}"
    return lambda text: re.sub(r"(a=crypto:[^\r\n]*)", lambda found: f"{head}{found[1]}{tail}", text)


def keys(body: bytes) -> list[bytes]:
    """The a=crypto lines of a description."""
    return re.findall(rb"^a=crypto:[^\r\n]*", body, re.MULTILINE)


async def _over(scene: Scene, pair: Pair) -> None:
    await scene.answer(pair)
    await scene.audio(pair.teams, pair.carrier)


@story("MED-01", "MED-02", "MED-16")
async def plain_carrier_calls(scene: Scene) -> None:
    """A carrier with RTP/AVP calls Teams: SRTP ends at the SBC, the right tone is heard at both ends."""
    pair = await scene.to_teams("plain")
    _claim_profile(pair.taken.incoming.body, "RTP/SAVP")
    await _over(scene, pair)


@story("MED-01", "MED-02", "MED-16")
async def plain_carrier_is_called(scene: Scene) -> None:
    """Teams calls a carrier with RTP/AVP: it is offered no SRTP, no key reaches it."""
    pair = await scene.to_carrier("plain")
    _claim_profile(pair.taken.incoming.body, "RTP/AVP")
    same(keys(pair.taken.incoming.body), [], "the keys that reached the plain carrier")
    await _over(scene, pair)


def _claim_profile(body: bytes, profile: str) -> None:
    found = facts(body)
    same(found and found.audio.proto, profile, "MED-01: the profile of the offer")


@story("MED-01")
async def carrier_refuses_srtp(scene: Scene) -> None:
    """SRTP is preferred: a carrier that answers RTP/SAVP with 488 is offered RTP/AVP, and SRTP ends here."""
    pair = await scene.to_carrier("carrier")
    _claim_profile(pair.taken.incoming.body, "RTP/SAVP")
    pair.taken.refuse(488)
    second = await scene.arrival("carrier")
    _claim_profile(second.incoming.body, "RTP/AVP")
    await _over(scene, Pair(pair.placed, second))


@story("MED-01")
async def carrier_offers_plain_rtp_where_srtp_is_preferred(scene: Scene) -> None:
    """A carrier may offer RTP/AVP where SRTP is preferred; Teams gets RTP/SAVP all the same."""
    carrier = scene.carriers["carrier"]
    carrier.plain = True
    try:
        pair = await scene.to_teams("carrier")
    finally:
        carrier.plain = False
    _claim_profile(pair.taken.incoming.body, "RTP/SAVP")
    await _over(scene, pair)


@story("MED-04")
async def keys_pass_through(scene: Scene) -> None:
    """Where both sides speak SRTP with a common suite the a=crypto lines cross byte for byte, both ways."""
    pair = await scene.talk_to_teams()
    same(keys(pair.taken.incoming.body), keys(_sent(scene, "carrier", "INVITE")), "MED-04: the keys of the offer")
    same(keys(pair.placed.answers[0].body), keys(_sent(scene, TEAMS, "200")), "MED-04: the keys of the answer")


def _sent(scene: Scene, peer: str, what: str) -> bytes:
    """The first description that this peer has sent in a request or in a response of this kind."""
    if what.isdigit():
        every = [one for one in scene.wire.responses(peer, "INVITE", sent=True) if one.status == int(what)]
        return next((description(one) for one in every if one.body), b"")
    return next((description(one) for one in scene.wire.requests(peer, what, sent=True)), b"")


@story("MED-03")
async def teams_offers_several_keys(scene: Scene) -> None:
    """_32 first with tag 0, then _80, then one with MKI: audio flows with the plain _80 key."""
    usual = scene.teams.describe
    for role in ("carrier", "plain"):
        describe = written(usual, around_key(SHORT_TAG, WITH_MKI))
        pair = await scene.to_carrier(role, describe=describe)
        pair.placed.sound.describe = usual
        await _over(scene, pair)


@story("MED-03")
async def teams_answers_with_two_keys(scene: Scene) -> None:
    """Two a=crypto lines in an answer: the one with the offered tag counts."""
    for role in ("carrier", "plain"):
        pair = await scene.to_teams(role)
        pair.taken.sound.describe = written(pair.taken.sound.describe, around_key(SHORT_TAG))
        await _over(scene, pair)


@story("MED-02")
async def key_without_a_lifetime(scene: Scene) -> None:
    """`inline:` and nothing behind it."""
    for role in ("carrier", "plain"):
        describe = written(scene.teams.describe, swapped("|2^31", ""))
        await _over(scene, await scene.to_carrier(role, describe=describe))


@story("MED-05")
async def rollover_counter_stays_with_the_key(scene: Scene) -> None:
    """The sequence number wraps, then Teams refreshes with the same key: the counter goes on, audio is verified."""
    for role in ("carrier", "plain"):
        pair = await _wrapped(scene, role)
        same((await pair.teams.reinvite(same=True)).status, 200, "the answer to the refresh")
        await scene.audio(pair.teams, pair.carrier)


@story("MED-05")
async def new_key_starts_at_zero(scene: Scene) -> None:
    """After a wrap Teams takes a new key: its rollover counter is 0, and so must be the SBC's."""
    for role in ("carrier", "plain"):
        pair = await _wrapped(scene, role)
        pair.teams.sound.end.rekey()
        same((await pair.teams.reinvite()).status, 200, "the answer to the new key")
        await scene.audio(pair.teams, pair.carrier)


async def _wrapped(scene: Scene, role: str) -> Pair:
    """A call in which the sequence numbers of both ends have gone past 65535."""
    pair = await scene.to_carrier(role)
    for call in (pair.teams, pair.carrier):
        call.sound.end.jump(WRAP)
    await scene.answer(pair)
    before = [call.sound.counts.verified for call in (pair.teams, pair.carrier)]

    def past() -> bool:
        ends = (pair.teams, pair.carrier)
        return all(call.sound.counts.verified > old + 15 for call, old in zip(ends, before, strict=True))

    await scene.until(past, "fifteen packets at each end")
    return pair


@story("MED-07", "MED-08")
async def payload_types_are_mapped(scene: Scene) -> None:
    """A plain carrier numbers telephone-event otherwise than Teams: digits cross both ways by name."""
    describe = written(scene.carriers["plain"].describe, renumbered(101, 96))
    pair = await scene.to_teams("plain", describe=describe)
    pair.placed.sound.end.event = 96
    await _over(scene, pair)
    await _dial_both_ways(scene, pair)


@story("MED-08")
async def digits_pass_through(scene: Scene) -> None:
    """Telephone-events cross in SRTP that is passed through."""
    await _dial_both_ways(scene, await scene.talk_to_carrier())


async def _dial_both_ways(scene: Scene, pair: Pair) -> None:
    for call, other in ((pair.teams, pair.carrier), (pair.carrier, pair.teams)):
        for digit in DIGITS:
            call.sound.end.dial(digit)
            await scene.pause(0.12)
        await _dialled(scene, other)


async def _dialled(scene: Scene, call: Call) -> None:
    digits = call.sound.end
    await scene.until(lambda: len(digits.digits) >= len(DIGITS), f"the digits {DIGITS}, {digits.digits!r} came")
    same(digits.digits, DIGITS, "MED-08: the digits that arrived")


@story("MED-08", "HDR-09")
async def digits_become_info(scene: Scene) -> None:
    """A trunk with digits by INFO: telephone-events of Teams arrive there as INFO, once each."""
    pair = await scene.talk_to_carrier("info")
    for digit in DIGITS:
        pair.teams.sound.end.dial(digit)
        await scene.pause(0.15)
    await scene.until(lambda: len(_signals(pair.carrier)) >= len(DIGITS), "an INFO for each digit")
    same(_signals(pair.carrier), DIGITS, "MED-08: the digits that INFO told")
    need(pair.carrier.sound.counts.events == 0, "the telephone-events arrived as well")


def _signals(call: Call) -> str:
    found = ""
    for one in call.seen:
        if one.method == "INFO":
            fields = dict(line.split("=", 1) for line in one.body.decode().split() if "=" in line)
            found += fields.get("Signal", "?")
    return found


@story("MED-08", "HDR-09")
async def info_becomes_digits(scene: Scene) -> None:
    """INFO of such a trunk arrives at Teams as telephone-events; Teams gets no INFO (the reject list)."""
    pair = await scene.talk_to_teams("info")
    for digit in DIGITS:
        body = f"Signal={digit}\r\nDuration=160\r\n".encode()
        response = await pair.carrier.request("INFO", body, [("Content-Type", "application/dtmf-relay")])
        same(response.status if response else 0, 200, "the answer to INFO")
        await scene.pause(0.3)
    await _dialled(scene, pair.teams)
    await scene.audio(pair.teams, pair.carrier)


@story("MED-09")
async def comfort_noise_is_stripped(scene: Scene) -> None:
    """CN is neither offered to the carrier that cannot bear it nor sent there."""
    pair = await scene.talk_to_carrier("plain")
    found = facts(pair.taken.incoming.body)
    offered = found.encodings if found else []
    noise = [name for name in offered if name.startswith("cn/") or name == "13"]
    same(noise, [], "MED-09: the comfort noise that the carrier was offered")
    for _ in range(5):
        pair.teams.sound.end.whisper()
        await scene.pause(0.02)
    await scene.audio(pair.carrier)
    same(pair.carrier.sound.counts.noise, 0, "MED-09: packets of comfort noise at the carrier")


@story("MED-10", "MED-11")
async def rtcp_crosses(scene: Scene) -> None:
    """RTCP is verified at both ends, with SRTP passed through and with SRTP ended."""
    for role in ("carrier", "plain"):
        pair = await scene.talk_to_teams(role)
        for call in (pair.teams, pair.carrier):
            await _reported(scene, call)


async def _reported(scene: Scene, call: Call) -> None:
    end = "Teams" if call.style.upper else "the carrier"
    await scene.until(lambda: call.sound.counts.rtcp_verified, f"RTCP at {end}", 12.0)


@story("MED-10")
async def carrier_shares_one_port(scene: Scene) -> None:
    """A carrier with a=rtcp-mux while Teams has two ports: RTCP finds its way both ways."""
    muxed = written(scene.carriers["carrier"].describe, lambda text: f"{text}a=rtcp-mux\r\n")
    pair = await scene.to_teams(describe=muxed)
    await _over(scene, pair)
    for call in (pair.teams, pair.carrier):
        await _reported(scene, call)


@story("MED-13", "MED-14")
async def description_of_teams_is_cleaned(scene: Scene) -> None:
    """What is Microsoft's own in a description does not reach a UDP trunk, nor does any address of Teams."""
    pair = await scene.to_carrier()
    body = pair.taken.incoming.body.decode()
    for text in ("b=CT", "main-audio", "a=mid", "pstnhub", scene.teams.addresses.in_dialog[0]):
        need(text not in body, f"MED-13: the carrier's offer holds {text!r}")
    await _over(scene, pair)


@story("MED-15")
async def fax_is_refused_towards_teams(scene: Scene) -> None:
    """A carrier adds m=image: it is answered with port 0, Teams sees no image, audio goes on."""
    pair = await scene.talk_to_teams()
    usual = pair.carrier.sound.describe
    pair.carrier.sound.describe = written(usual, lambda text: text + IMAGE)
    same((await pair.carrier.reinvite()).status, 200, "the answer to audio and image")
    media = pair.carrier.remote.session.media if pair.carrier.remote else ()
    same([(one.kind, bool(one.port)) for one in media], [("audio", True), ("image", False)], "MED-15: the answer")
    await scene.audio(pair.teams, pair.carrier)


@story("MED-14", "MED-15")
async def video_of_teams_is_refused(scene: Scene) -> None:
    """Teams offers audio and video: the answer has both lines in order, video with port 0."""
    describe = written(scene.teams.describe, lambda text: text + VIDEO)
    pair = await scene.to_carrier(describe=describe)
    await scene.answer(pair)
    media = pair.placed.remote.session.media if pair.placed.remote else ()
    same([(one.kind, bool(one.port)) for one in media], [("audio", True), ("video", False)], "MED-14: the answer")
    await scene.audio(pair.teams, pair.carrier)


@story("MED-07", "MED-12")
async def codecs_by_name(scene: Scene) -> None:
    """Teams numbers its dynamic payload types otherwise: the carrier's offer has the same names, one number each."""
    shuffled = written(scene.teams.describe, renumbered(104, 119), renumbered(103, 120), renumbered(106, 104))
    pair = await scene.to_carrier(describe=shuffled)
    found = facts(pair.taken.incoming.body)
    offered = found.encodings if found else []
    for name in ("pcmu/8000", "pcma/8000", "telephone-event/8000"):
        has(offered, name, "MED-07: the codecs offered to the carrier")
    numbers = found.audio.formats if found else ()
    same(len(set(numbers)), len(numbers), "MED-07: the payload types, each once")
    await _over(scene, pair)
