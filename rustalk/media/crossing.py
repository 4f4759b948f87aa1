"""A description on its way from one side to the other: what of each media line passes, and what becomes ours to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rustalk.media import security
from rustalk.media.line import UNSAID, Ending, Line, is_opaque
from rustalk.media.security import Own, is_secure
from rustalk.media.side import MediaSide
from rustalk.sdp.codec import EVENT, NOISE, Codec, codecs, free, select
from rustalk.sdp.crypto import answered, read
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media
from rustalk.sdp.rewrite import Terms

__all__ = ["AS_IT_CAME", "Crossed", "Crossing", "converts", "ends", "mirrored"]

AS_IT_CAME = Terms()

Crossed: TypeAlias = tuple[Terms, Ending | None]
"""On which terms a line crosses, and what is remembered of it where its packets are treated."""

_EVENTS = Codec(EVENT, fmtp="0-16")
_RTPMAP = b"a=rtpmap:"
_CRYPTO = b"a=crypto:"


def converts(sides: tuple[MediaSide, MediaSide]) -> bool:
    """Whether digits have to be read and written here: the sides dial in different ways."""
    return sides[0].dtmf != sides[1].dtmf


def ends(media: Media, sides: tuple[MediaSide, MediaSide], to: int) -> bool:
    """Whether the packets of an offered line have to be treated here, so that its encryption cannot pass."""
    return security.ends(media, sides[to]) or (media.kind == "audio" and converts(sides))


def mirrored(codec: Codec, others: Mapping[str, Codec]) -> str | None:
    """The payload type by which ``others`` have this codec."""
    return next((number for number, other in others.items() if other.key == codec.key), None)


class Crossing:
    """Says for each line of a description from ``side`` on which terms it crosses, and what is to be remembered.

    ``own`` are our a=crypto lines by media line and side; what comes of this description is in ``own`` afterwards, in a
    new mapping. ``unlooked`` is whether encryption is the sides' own matter. ``lines`` are what both sides said last of
    the media line, UNSAID at first.
    """

    __slots__ = ("_secret", "_sides", "own", "side", "unlooked")

    def __init__(
        self,
        sides: tuple[MediaSide, MediaSide],
        side: int,
        own: Mapping[tuple[int, int], Own],
        secret: Callable[[int], bytes],
    ) -> None:
        self.side = side
        self.own = own
        self.unlooked = all(each.srtp == "any" for each in sides) and not converts(sides)
        self._sides = sides
        self._secret = secret

    def offer(self, index: int, media: Media, lines: tuple[Line, Line], *, replies: bool = False) -> Crossed:
        """A line of an offer. ``replies`` for one that answers us and is an offer only to the other side.

        Fax crosses as it came, and what is remembered of the audio before it stays. Raises SdpError where the two sides
        have nothing in common.
        """
        if is_opaque(media):
            return AS_IT_CAME, lines[self.side].ending
        if lines[0].ending is None and lines[1].ending is None and not ends(media, self._sides, 1 - self.side):
            return self._pass(media), None
        return self._end(index, media, lines, replies)

    def _pass(self, media: Media) -> Terms:
        to = self._sides[1 - self.side]
        secure = is_secure(media)
        proto = security.profile(media, to, secure=secure) if to.srtp != "any" else None
        cryptos = security.passed(media, to) if secure else None
        formats = self._kept(media, codecs(media)) if self._limited(media) else None
        if proto is None and cryptos is None and formats is None:
            return AS_IT_CAME
        return Terms(proto, formats, cryptos=cryptos)

    def _limited(self, media: Media) -> bool:
        """Whether codecs may have to be left out or put in another order."""
        return media.kind == "audio" and any(
            side.codecs or side.strip_comfort_noise or side.dtmf != "rfc4733" for side in self._sides
        )

    def _kept(self, media: Media, known: Mapping[str, Codec]) -> tuple[str, ...]:
        """The payload types that the other side is told, of those that our side knows."""
        ours, to = self._sides[self.side], self._sides[1 - self.side]
        quiet = ours.strip_comfort_noise or to.strip_comfort_noise
        left = {
            number: codec
            for number, codec in known.items()
            if not (quiet and codec.is_named(NOISE)) and not (to.dtmf != "rfc4733" and codec.is_named(EVENT))
        }
        return select(left, (ours.codecs, to.codecs), media.line)

    def _end(self, index: int, media: Media, lines: tuple[Line, Line], replies: bool) -> Crossed:
        """SRTP ends here, or digits are converted: both sides have keys and payload types of their own."""
        to = self._sides[1 - self.side]
        ours, theirs = (index, self.side), (index, 1 - self.side)
        key, own = None, dict(self.own)
        if not is_secure(media):
            own.pop(ours, None)
        elif replies and ours in own:
            key = security.accept(media, own[ours])
        else:
            tag, key = security.chosen(media, self._sides[self.side])
            own[ours] = security.create(key.suite, tag, own.get(ours), self._secret)
        secure = _secures(to, lines[1 - self.side], is_secure(media))
        last = own.pop(theirs, None)
        if secure:
            own[theirs] = last or security.create(security.first_suite(to.suites), 1, None, self._secret)
        self.own = own
        cryptos = (own[theirs].line(),) if secure else ()
        proto = security.profile(media, to, secure=secure)
        if media.kind != "audio":
            return Terms(proto, cryptos=cryptos), Ending(key, {}, {})
        known = codecs(media)
        formats = self._kept(media, known)
        last_said = lines[1 - self.side].ending
        numbers = _numbers(formats, known, last_said.said if last_said is not None else {}, media.line)
        told = {numbers.get(number, number): known[number] for number in formats}
        added = self._events_added(known, told, last_said, media.line)
        told |= added
        extra = {number: codec.lines(number) for number, codec in added.items()}
        return Terms(proto, formats, numbers, cryptos, added=extra), Ending(key, known, told)

    def _events_added(
        self, known: Mapping[str, Codec], told: Mapping[str, Codec], last: Ending | None, line: int
    ) -> dict[str, Codec]:
        """Telephone-events for a side that dials with them, where the other one does not."""
        if self._sides[1 - self.side].dtmf != "rfc4733" or self._sides[self.side].dtmf == "rfc4733":
            return {}
        if any(codec.is_named(EVENT) for codec in known.values()):
            return {}
        wanted = mirrored(_EVENTS, last.said) if last is not None else None
        return {str(free(int(wanted) if wanted else 101, {int(number) for number in told}, line)): _EVENTS}

    def own_offer(self, index: int, media: Media, *, secured: bool) -> Crossed:
        """A line that we offer by ourselves, in SRTP where ``secured``; its packets are treated here."""
        told, cryptos, proto = codecs(media), None, None
        if secured:
            suites = self._sides[1 - self.side].suites
            own = security.create(security.first_suite(suites), 1, None, self._secret)
            self.own = {**self.own, (index, 1 - self.side): own}
            cryptos, proto = (own.line(),), b"RTP/SAVP"
        formats = self._kept(media, told)
        return Terms(proto, formats, cryptos=cryptos), Ending(None, {}, {number: told[number] for number in formats})

    def answer(self, index: int, came: Media, told: Media, media: Media, lines: tuple[Line, Line]) -> Crossed:
        """A line of the answer to an offer that ``came`` from the other side and was ``told`` to this one.

        Raises SdpError for an answer to something else than was offered.
        """
        if is_opaque(media):
            return self._named(came, media), lines[self.side].ending
        if self.unlooked:
            formats = _offered(media, told)
            return (AS_IT_CAME if formats is None else Terms(formats=formats)), None
        if is_secure(media) != is_secure(told):
            raise SdpError(f"{media.proto} is no answer to {told.proto}", media.line)
        proto = None if media.proto == came.proto else came.proto.encode("ascii")
        offered = lines[1 - self.side].ending
        if offered is not None:
            return self._answer_ended(index, proto, came, media, offered)
        cryptos = _counted(media, told) if is_secure(media) else None
        formats = _offered(media, told)
        if proto is None and cryptos is None and formats is None:
            return AS_IT_CAME, None
        return Terms(proto, formats, cryptos=cryptos), None

    @staticmethod
    def _named(came: Media, media: Media) -> Terms:
        """The profile in the letters of who offered it: some write UDPTL."""
        return AS_IT_CAME if media.proto == came.proto else Terms(came.proto.encode("ascii"))

    def _answer_ended(self, index: int, proto: bytes | None, came: Media, media: Media, offered: Ending) -> Crossed:
        ours, theirs = self.own.get((index, self.side)), self.own.get((index, 1 - self.side))
        key = security.accept(media, ours) if ours is not None else None
        cryptos = (theirs.line(),) if theirs is not None else ()
        if media.kind != "audio":
            return Terms(proto, cryptos=cryptos), Ending(key, {}, {})
        known = codecs(media)
        numbers: dict[str, str] = {}
        for number, codec in known.items():
            there = mirrored(codec, offered.said) if mirrored(codec, offered.told) is not None else None
            if there is not None and there not in numbers.values():
                numbers[number] = there
        formats = tuple(numbers)
        told = {there: known[number] for number, there in numbers.items()}
        if not any(codec.is_voice for codec in told.values()):
            raise SdpError("no common codec: the answer has none that was offered", media.line)
        added = {}
        if self._sides[self.side].dtmf != "rfc4733" and self._sides[1 - self.side].dtmf == "rfc4733":
            added = {number: codec for number, codec in offered.said.items() if codec.is_named(EVENT)}
        extra = {number: codec.lines(number) for number, codec in added.items()}
        return Terms(proto, formats, numbers, cryptos, added=extra), Ending(key, known, told | added)


def _secures(to: MediaSide, line: Line, came_secure: bool) -> bool:
    """Whether SRTP is offered to a side: as it must, as it speaks already, else as the other one does."""
    if to.srtp in ("required", "off"):
        return to.srtp == "required"
    return came_secure if line is UNSAID else line.secure


def _numbers(
    formats: tuple[str, ...], known: Mapping[str, Codec], theirs: Mapping[str, Codec], line: int
) -> dict[str, str]:
    """The payload types that change, so that a side which has its own for a codec keeps it."""
    wanted = {number: mirrored(known[number], theirs) or number for number in formats}
    taken: set[str] = set()
    for number, there in wanted.items():
        if there in taken:
            wanted[number] = there = str(free(None, {int(other) for other in (*taken, *wanted.values())}, line))
        taken.add(there)
    return {number: there for number, there in wanted.items() if there != number}


def _counted(media: Media, told: Media) -> tuple[bytes, ...] | None:
    """Of several a=crypto lines in an answer the one that counts (MED-03); None for all, that is one."""
    lines = [line for line in media.lines if line.startswith(_CRYPTO)]
    if len(lines) < 2:
        return None
    counted = answered(media.cryptos, [line.tag for line in told.cryptos])
    return tuple(line for line in lines if read(line) == counted)[:1]


def _offered(media: Media, told: Media) -> tuple[str, ...] | None:
    """The payload types of an answer without those that were not offered; None for all (RFC 3264 section 6.1)."""
    maps = {line for line in media.lines if line.startswith(_RTPMAP)}
    if set(media.formats).issubset(told.formats) and maps.issubset(told.lines):
        return None
    known, offered = codecs(media), codecs(told)
    kept = tuple(number for number, codec in known.items() if mirrored(codec, offered) is not None)
    if kept == media.formats:
        return None
    if not any(known[number].is_voice for number in kept):
        raise SdpError("no common codec: the answer has none that was offered", media.line)
    return kept
