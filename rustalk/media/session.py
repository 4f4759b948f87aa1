"""The media of one call, over any relay: each description that passes is rewritten to lead through us.

A session has two sides, 0 the caller's and 1 the callee's, and leases one stream of the relay for each line of audio,
video or fax when that is first described. Address and port towards a side stay the same until the call ends, whatever
the other side does, because Teams never follows to another one (HLD-04); also where audio becomes fax and audio again.
What a side may be told, and what is done to the packets because of it, rustalk.media.crossing and
rustalk.media.conclusion decide line by line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed

from rustalk.interfaces import IMediaRelay
from rustalk.media.bypass import greet, meet
from rustalk.media.crossing import AS_IT_CAME, Crossed, Crossing, ends
from rustalk.media.latch import UnusableAddressError
from rustalk.media.line import UNSAID, Ending, Line, is_opaque, read_line, relayable
from rustalk.media.security import InsecureError, admit
from rustalk.media.side import DtmfKind, MediaSide
from rustalk.media.standing import NOTHING_SAID, Credentials, Description, Standing
from rustalk.media.streams import SessionClosedError, Streams
from rustalk.rtp.treatment import IceCredentials
from rustalk.sdp import ice
from rustalk.sdp.codec import codecs
from rustalk.sdp.errors import SdpError
from rustalk.sdp.model import Media, Origin, Session
from rustalk.sdp.offer_answer import check_answer
from rustalk.sdp.own import compose, unheld
from rustalk.sdp.parse import parse
from rustalk.sdp.rewrite import LocalMedia, Terms, rewrite

if TYPE_CHECKING:
    from rustalk.rtp.statistics import StreamStatistics

__all__ = ["InsecureError", "MediaSession", "MediaSide", "SessionClosedError"]

_ANY = {4: "0.0.0.0", 6: "::"}
_NOT_READ: tuple[bytes, None] = b"", None


class MediaSession:
    """The media of one call from the first description to the release.

    ``random`` gives the session ids of our o= lines, ``secret`` the bytes of keys and ICE passwords. A stream is opened
    for treated packets where its first description needs that. One that is not is faster; what needs it later, such as
    a new leg in plain RTP, has it treated from then on, and is refused where an engine cannot do that. Whoever creates
    a session closes it, whatever happens.

    ``on_one_way(side)`` is called when this side is not heard while the other one is, ``on_silence()`` when neither is
    heard on any stream for the relay's timeout; both act only after ``answered()``. ``on_digit(side, digit,
    milliseconds)`` is called for a digit that ``side`` dialled and that the other side takes by INFO.
    """

    __slots__ = (
        "_answered",
        "_before",
        "_ids",
        "_random",
        "_read",
        "_secret",
        "_sides",
        "_standing",
        "_streams",
        "_trial",
        "_version",
        "on_digit",
    )

    def __init__(
        self,
        relay: IMediaRelay,
        sides: tuple[MediaSide, MediaSide],
        *,
        random: Callable[[], int],
        secret: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.on_digit: Callable[[int, str, int], None] = _ignore_digit
        self._sides = sides
        self._random = random
        self._secret = secret
        self._ids = (_id(random), _id(random))
        self._version = [0, 0]
        self._streams = Streams(relay)
        self._streams.on_digit = self._dialled
        self._standing = self._before = NOTHING_SAID
        self._read: tuple[bytes, Session | None] = _NOT_READ
        self._trial: tuple[int, MediaSide, int, Standing] | None = None
        self._answered = False

    @property
    def on_one_way(self) -> Callable[[int], None]:
        """Called with the side that is not heard while the other one is."""
        return self._streams.on_one_way

    @on_one_way.setter
    def on_one_way(self, told: Callable[[int], None]) -> None:
        self._streams.on_one_way = told

    @property
    def on_silence(self) -> Callable[[], None]:
        """Called when neither side is heard on any stream for the relay's timeout."""
        return self._streams.on_silence

    @on_silence.setter
    def on_silence(self, told: Callable[[], None]) -> None:
        self._streams.on_silence = told

    @property
    def direct(self) -> bool:
        """Whether media flows past us and descriptions pass untouched."""
        return self._sides[0].direct or self._sides[1].direct

    # Descriptions.

    def lease(self, body: bytes, side: int) -> Deferred[None]:
        """Open the streams that a description from ``side`` needs; wait for it before ``translate``.

        Without a ``body``: the one that our own ``offer`` needs. Fails with SdpError,
        rustalk.media.ports.NoPortsError, or SessionClosedError when the call ended meanwhile. To cancel it gives up
        the waiting only: a stream that opens after all serves the next description, or is closed.
        """
        if self._streams.closed:
            return fail(SessionClosedError())
        if self.direct:
            return succeed(None)
        try:
            session = self._parsed(body) if body else compose(())
        except SdpError as error:
            return fail(error)
        lines = [index for index, media in enumerate(session.media) if self._relayable(media)]
        needy = frozenset(index for index in lines if not body or self._needs(session.media[index], side))
        if not self._answered and self._standing.said[1].text is None:  # nobody but a side that refused knows the ports
            self._streams.release(needy)
        self._read = body, session
        return self._streams.open(lines, needy, (self._sides[0].family, self._sides[1].family))

    def _parsed(self, body: bytes) -> Session:
        """The meaning of a description; that of the one which was leased for is known already."""
        (known, session), self._read = self._read, _NOT_READ
        return session if session is not None and known is body else parse(body)

    def translate(self, body: bytes, side: int, *, offer: bool | None = None) -> bytes:
        """The description to send to the other side for one that arrived from ``side``, be it offer or answer.

        It is taken for an answer from a side that owes one, unless ``offer`` says which it is. The last description of
        a side counts, whichever fork it came from. The same one again gives the same bytes again (HDR-17); a changed
        one gets the next version (RFC 3264 section 8). A line for which ``lease`` has opened no stream is refused with
        port 0. Raises SdpError for a description that cannot be used, InsecureError for one that would be plain where
        only SRTP may be; what was in force before then stays in force.
        """
        if self._streams.closed:
            raise SessionClosedError
        if self.direct:
            return self._past(body, side)
        session = self._parsed(body)
        standing = self._standing
        if standing.asked != side and standing.turned is not None and not self._answered:
            standing = standing.turned if standing.turned.asked == side else standing
        answers = standing.asked == side if offer is None else not offer
        if answers and standing.told is not None and standing.asked == side:
            return self._translate_answer(body, session, side, standing, standing.told)
        return self._translate_offer(body, session, side)

    def _translate_offer(self, body: bytes, session: Session, side: int) -> bytes:
        standing = self._standing
        again = standing.asked == 1 - side and not standing.turns and standing.turned is None
        if again and not self._answered:  # the next target: what the last one said is forgotten
            standing = replace(standing, said=_forgotten(standing, 1 - side))
        relayed = [self._has(index, media) for index, media in enumerate(session.media)]
        if not any(relayed):
            self._refuse_fax(session)
        for media in session.media:
            if self._relayable(media):
                admit(session, media, self._sides[side])
        crossing = Crossing(self._sides, side, standing.own, self._secret)
        credentials = self._met(standing, session, side)
        crossed = [
            crossing.offer(index, media, standing.lines(index)) if relayed[index] else None
            for index, media in enumerate(session.media)
        ]
        description, told = self._compose(body, session, side, crossed, credentials)
        if not again:
            self._before = self._standing
        said = standing.with_said(side, description)
        self._take(Standing(said, crossing.own, credentials, 1 - side, session, told), session, told, side)
        return description.text or b""

    def _translate_answer(self, body: bytes, session: Session, side: int, standing: Standing, told: Session) -> bytes:
        """The answer of ``side`` to what it was ``told``."""
        crossing = Crossing(self._sides, side, standing.own, self._secret)
        keyed = {index for index, _ in standing.own}
        check_answer(told, session, keyed=range(len(told.media)) if crossing.unlooked else keyed)
        credentials = standing.ice
        if self._sides[side].ice:
            credentials = meet(credentials, session, side, self._secret, offer=False)
        crossed = [
            self._cross(crossing, index, media, told.media[index], standing)
            if told.media[index].port and self._has(index, media)
            else None
            for index, media in enumerate(session.media)
        ]
        description, text_told = self._compose(body, session, side, crossed, credentials)
        if standing.spare:
            description = _spared(description, standing.said[side], text_told)
        new = Standing(standing.with_said(side, description), crossing.own, credentials)
        if standing.turns:
            new = self._turn(new, standing, session, text_told, side)
        elif not self._answered:  # another fork may answer as well
            new = Standing(
                new.said, new.own, credentials, side, standing.came, told, False, standing.spare, standing.turned
            )
        self._take(new, session, text_told, side)
        if new.asked is None:
            self._before = self._standing
        return description.text or b""

    def _met(self, standing: Standing, session: Session, side: int) -> Credentials:
        """Our ICE credentials once ``side`` has made this offer."""
        credentials = standing.ice
        if self._sides[side].ice:
            credentials = meet(credentials, session, side, self._secret, offer=True)
        to = 1 - side
        return greet(credentials, to, self._sides[to], self._secret, spoken=bool(standing.said[to].body))

    @staticmethod
    def _cross(crossing: Crossing, index: int, media: Media, told: Media, standing: Standing) -> Crossed:
        """A line of an answer: an offer to the other side where that waits for none."""
        if standing.came is None or standing.turns or standing.spare:
            return crossing.offer(index, media, standing.lines(index), replies=True)
        return crossing.answer(index, standing.came.media[index], told, media, standing.lines(index))

    def _turn(self, new: Standing, standing: Standing, session: Session, told: Session, side: int) -> Standing:
        """The answer of ``side`` is an offer to the other side, unless that knows all of it."""
        if standing.came is not None and new.said[side].text == self._standing.said[side].text:
            return new
        turned = standing if not self._answered else None
        return replace(new, asked=1 - side, came=session, told=told, spare=True, turned=turned)

    def _past(self, body: bytes, side: int) -> bytes:
        """A description whose media flow past us: nothing can be done about it."""
        if any(each.srtp == "required" for each in self._sides):
            session = parse(body)
            for media in session.media:
                if media.port and media.kind == "audio" and "SAVP" not in media.proto:
                    raise InsecureError(f"{media.proto} past us, where a side requires SRTP", media.line)
        self._before = self._standing
        self._standing = replace(self._standing, said=self._standing.with_said(side, Description(body, text=body)))
        return body

    def offer(self, to: int) -> bytes:
        """The description for side ``to`` when the other side has said nothing: our own (HDR-11). Lease it first.

        What ``to`` answers is an offer when it is translated, for the other side, whose answer follows. Raises SdpError
        where media flow past us, for then there is nobody to speak of.
        """
        if self.direct:
            raise SdpError("an offer is needed: this call's media flow past us, so there is none of our own", 1)
        side = self._sides[to]
        credentials = greet(NOTHING_SAID.ice, to, side, self._secret, spoken=False)
        source = compose(side.codecs)
        crossing = Crossing(self._sides, 1 - to, {}, self._secret)
        secured = side.srtp in ("required", "preferred")
        crossed = [
            crossing.own_offer(index, media, secured=secured) if self._has(index, media) else None
            for index, media in enumerate(source.media)
        ]
        description, told = self._compose(b"", source, 1 - to, crossed, credentials)
        said = NOTHING_SAID.with_said(1 - to, description)
        self._before = self._standing
        new = Standing(said, crossing.own, credentials, asked=to, told=told, turns=True)
        self._take(new, source, told, 1 - to)
        return description.text or b""

    def again(self, to: int, new: MediaSide | None = None) -> bytes:
        """What a new leg on side ``to`` is offered: what the other side said last, as if nobody held (XFR-04).

        ``new`` is how the media of that leg are treated, as the old one's by default. The old leg is not disturbed:
        only ``replace`` puts the new one in its place. Raises SdpError where that cannot be.
        """
        if self._streams.closed:
            raise SessionClosedError
        side, new = 1 - to, new or self._sides[to]
        body = self._standing.said[side].body
        if self.direct or new.direct:
            return body
        if new.family != self._sides[to].family:
            raise SdpError(f"this call's media speak IPv{self._sides[to].family} here, the new side IPv{new.family}", 1)
        session = unheld(parse(body)) if body else compose(new.codecs)
        sides = (new, self._sides[1]) if to == 0 else (self._sides[0], new)
        standing = self._without(self._standing, to)
        credentials = greet(standing.ice, to, new, self._secret, spoken=False)
        crossing = Crossing(sides, side, standing.own, self._secret)
        crossed = [
            crossing.offer(index, media, standing.lines(index)) if self._has(index, media, sides) else None
            for index, media in enumerate(session.media)
        ]
        own_id = _id(self._random)
        before, now = (self._sides, self._ids, list(self._version)), self._with(to, new, own_id)
        self._sides, self._ids, self._version = now
        try:
            description, told = self._compose(body, session, side, crossed, credentials)
        finally:
            self._sides, self._ids, self._version = before
        said = standing.with_said(side, description)
        trial = Standing(said, crossing.own, credentials, asked=to, came=session, told=told, turns=True)
        self._streams.check(trial)
        self._trial = to, new, own_id, trial  # only the answer tells what else the other side has to know
        return description.text or b""

    def replace(self, side: int, new: MediaSide) -> Callable[[], None]:
        """A new leg takes the place of ``side``: what was learned from the old one is forgotten, the ports stay.

        After ``again`` its answer is the next description of ``side``, else its own offer. What is returned undoes it.
        Raises SdpError where the new side cannot be: it speaks another version of IP.
        """
        if new.family != self._sides[side].family:
            raise SdpError(f"the streams of this side speak IPv{self._sides[side].family}, not IPv{new.family}", 1)
        before = self._sides, self._ids, list(self._version), self._standing, self._before
        trial, self._trial = self._trial, None
        if trial is not None and trial[0] == side:
            _, new, own_id, standing = trial
            version = 1
        else:
            own_id, version = _id(self._random), 0
            standing = self._without(self._standing, side)
            untold = replace(standing.said[1 - side], text=None, version=0)
            said = standing.with_said(1 - side, untold)
            standing = replace(standing, said=said, asked=None, came=None, told=None, turns=False)
        self._sides, self._ids, self._version = self._with(side, new, own_id)
        self._version[side] = version
        self._standing = self._before = standing
        self._apply()

        def undo() -> None:
            self._sides, self._ids, self._version, self._standing, self._before = before
            self._apply()

        return undo

    def _with(
        self, side: int, new: MediaSide, own_id: int
    ) -> tuple[tuple[MediaSide, MediaSide], tuple[int, int], list[int]]:
        """Sides, ids and versions with a new leg on ``side``."""
        other = 1 - side
        sides = (new, self._sides[other]) if side == 0 else (self._sides[other], new)
        ids = (own_id, self._ids[other]) if side == 0 else (self._ids[other], own_id)
        version = list(self._version)
        version[side] = 0
        return sides, ids, version

    def plain(self, side: int) -> bool:
        """A side refused SRTP: from now on it is offered RTP/AVP, where its policy allows that.

        Returns whether that changes anything, so that it is worth another try; lease and translate again then.
        """
        told = self._standing.said[1 - side].text
        if self.direct or self._sides[side].srtp != "preferred" or told is None or b"/SAVP" not in told:
            return False
        self._set_side(side, replace(self._sides[side], srtp="off"))
        return True

    def internal(self, side: int, address: str) -> None:
        """Tell ``side`` this media address of ours instead of the advertised one (LMO-01).

        Raises RuntimeError once it was told another one, for a side never follows (HLD-04).
        """
        if self._standing.said[1 - side].text is not None:
            raise RuntimeError("the media address of a side is chosen before its first description")
        self._set_side(side, replace(self._sides[side], advertised=address))

    def _set_side(self, side: int, new: MediaSide) -> None:
        self._sides = (new, self._sides[1]) if side == 0 else (self._sides[0], new)

    def sent(self, side: int) -> bytes | None:
        """The last description sent to this side, to answer a session refresh with (HLD-05); None before the first."""
        return self._standing.said[1 - side].text

    def answered(self) -> None:
        """The call is answered: from now on both sides should be heard, except during hold."""
        self._answered = True
        standing = self._standing
        if not standing.spare and not standing.turns:
            self._standing = replace(standing, asked=None, came=None, told=None, turned=None)
        self._before = self._standing
        self._apply()

    def revert(self, side: int) -> None:
        """The last offer of ``side`` was refused: what was in force before it is in force again."""
        self._standing = self._before
        self._apply()

    # Digits.

    def takes_digits(self, side: int) -> DtmfKind:
        """How a side is dialled to."""
        return self._sides[side].dtmf

    def digit(self, side: int, digit: str, milliseconds: int) -> None:
        """Dial towards a side, by telephone-event or tone; nothing where it takes INFO or has no stream."""
        if self._sides[side].dtmf != "info":
            self._streams.digit(side, digit, milliseconds)

    def _dialled(self, side: int, digit: str, milliseconds: int) -> None:
        """A stream has heard a digit, which does not cross by itself."""
        if self._sides[1 - side].dtmf == "info":
            self.on_digit(side, digit, milliseconds)
        else:
            self.digit(1 - side, digit, milliseconds)

    # Figures and the end.

    def statistics(self) -> list[tuple[StreamStatistics, StreamStatistics]]:
        """For each stream what has arrived from side 0 and from side 1; still there after the close."""
        return self._streams.statistics()

    def close(self) -> None:
        """Return all ports. Closing twice is harmless."""
        self._trial = None
        self._streams.close()
        self.on_digit = _ignore_digit

    def _relayable(self, media: Media) -> bool:
        return relayable(media, self._sides)

    def _has(self, index: int, media: Media, sides: tuple[MediaSide, MediaSide] | None = None) -> bool:
        """Whether a media line is relayed, between these sides or those that there are."""
        return index in self._streams and relayable(media, sides or self._sides)

    def _needs(self, media: Media, side: int) -> bool:
        """Whether a line offered by ``side`` can only be relayed by a stream that treats its packets."""
        return any(each.ice for each in self._sides) or ends(media, self._sides, 1 - side)

    def _refuse_fax(self, session: Session) -> None:
        """Raise SdpError for an offer of nothing but fax that cannot cross: refused at once, audio goes on."""
        for media in session.media:
            if media.port and is_opaque(media) and not self._relayable(media):
                raise SdpError("fax (m=image) is not for Teams, nor for a trunk where SRTP is required", media.line)

    # What a side is told.

    def _compose(
        self, body: bytes, session: Session, side: int, crossed: list[Crossed | None], credentials: Credentials
    ) -> tuple[Description, Session]:
        """The description of ``side``, and the session that the other side is told; None is a line that is refused."""
        to, family = 1 - side, self._sides[side].family
        lines: list[Line] = []
        places: list[LocalMedia | None] = []
        for index, media in enumerate(session.media):
            crossing = crossed[index]
            if crossing is None:
                lines.append(UNSAID)
                places.append(None)
                continue
            terms, ending = crossing
            lines.append(read_line(media, family, ending) if body else Line(ending=ending))
            places.append(self._place(index, terms, to, credentials[to]))
        text, version, told = self._write(session, places, to, lite=credentials[to] is not None)
        return Description(body, tuple(lines), text, version), told

    def _place(self, index: int, terms: Terms, to: int, credentials: IceCredentials | None) -> LocalMedia:
        address, rtp, rtcp = self._streams.local(index, to)
        address = self._sides[to].advertised or address
        if credentials is not None:
            attributes = ice.lines(credentials.ufrag, credentials.password, address, rtp)
            terms = replace(terms, muxed=True, attributes=attributes)
        elif self._sides[1 - to].ice:
            terms = replace(terms, muxed=False)  # it shares the port of its own leg only
        return LocalMedia(address, rtp, rtcp) if terms is AS_IT_CAME else LocalMedia(address, rtp, rtcp, terms)

    def _write(
        self, session: Session, places: list[LocalMedia | None], to: int, *, lite: bool
    ) -> tuple[bytes, int, Session]:
        """The text for side ``to`` and its version: the one sent last if nothing in it has changed, else the next."""
        side, last = self._sides[to], self._standing.said[1 - to]
        version = last.version if last.text is not None else self._version[to] + 1
        origin = Origin("-", self._ids[to], version, self._address(to))
        attributes = (ice.LITE,) if lite else ()
        told = rewrite(session, places, origin, trim=side.trim, inactive_only=side.inactive_only, attributes=attributes)
        text = told.to_bytes()
        if text == last.text:
            return last.text, version, told
        self._version[to] += 1
        if version != self._version[to]:
            new = Origin("-", self._ids[to], self._version[to], origin.address)
            text = text.replace(origin.to_bytes(), new.to_bytes(), 1)
        return text, self._version[to], told

    def _address(self, to: int) -> str:
        """Our address towards a side; without any stream there is none to be reached at."""
        side = self._sides[to]
        return side.advertised or self._streams.address(to) or _ANY[side.family]

    # What is in force.

    def _take(self, new: Standing, session: Session, told: Session, side: int) -> None:
        """Put a description in force, or none of it."""
        self._streams.check(new)
        previous = self._standing
        self._standing = new
        try:
            self._streams.apply(new, self._sides, self._answered, previous)
        except UnusableAddressError as error:
            self._standing = previous
            self._apply()
            raise SdpError(str(error), session.media[0].line) from None
        self._streams.set_clock_rates(1 - side, session, told, new)

    def _apply(self) -> None:
        self._streams.apply(self._standing, self._sides, self._answered)

    @staticmethod
    def _without(standing: Standing, side: int) -> Standing:
        """The standing before ``side`` had said anything, and before it was told a key of ours."""
        credentials = (None, standing.ice[1]) if side == 0 else (standing.ice[0], None)
        own = {key: each for key, each in standing.own.items() if key[1] != side}
        return replace(standing, said=_forgotten(standing, side), own=own, ice=credentials, turned=None)


def _spared(new: Description, last: Description, told: Session) -> Description:
    """The other side has its answer already: unless this one changes its media, it keeps the text that it has."""
    if last.text is None or not _says_nothing_new(told, parse(last.text)):
        return new
    lines = tuple(
        replace(line, ending=Ending(line.ending.key, line.ending.said, before.told))
        if line.ending is not None and (before := last.line(index).ending) is not None
        else line
        for index, line in enumerate(new.lines)
    )
    return Description(new.body, lines, last.text, last.version)


def _forgotten(standing: Standing, side: int) -> tuple[Description, Description]:
    """Both descriptions, that of ``side`` without what it said; what the other side was told of it stays told."""
    last = standing.said[side]
    return standing.with_said(side, Description(text=last.text, version=last.version))


def _says_nothing_new(told: Session, before: Session) -> bool:
    """Whether kinds, directions, ports and keys are as they were and each codec was there before."""
    if len(told.media) != len(before.media):
        return False
    return all(
        (new.kind, new.port, new.direction) == (old.kind, old.port, old.direction)
        and set(_keys(new)) <= set(_keys(old))
        and {codec.key for codec in codecs(new).values()} <= {codec.key for codec in codecs(old).values()}
        for new, old in zip(told.media, before.media, strict=True)
    )


def _keys(media: Media) -> list[bytes]:
    return [line for line in media.lines if line.startswith(b"a=crypto:")]


def _id(random: Callable[[], int]) -> int:
    return random() & 0x7FFFFFFF  # 31 bits: some peers read the id as a signed 32-bit number


def _ignore_digit(side: int, digit: str, milliseconds: int) -> None:
    """Nobody has asked to be told of digits."""
