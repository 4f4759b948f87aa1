"""Which codecs of a Teams description a UDP trunk can do without (HDR-21)."""

from __future__ import annotations

from rustalk.sdp.model import Media

__all__ = ["common", "without"]

# Found in Teams offers and at no carrier; RED only repeats what the others carry.
_MICROSOFT = frozenset({"silk", "siren", "x-msrta", "red"})
_NOT_VOICE = frozenset({"telephone-event", "cn"})


def common(media: Media, formats: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the formats that not only Microsoft speaks, in their order; all of them if no voice would be left.

    To leave a format out is safe in an offer and in an answer: who sends it all the same offered or accepted it.
    """
    names = {number: encoding.partition("/")[0].lower() for number, encoding in media.rtpmaps.items()}
    kept = tuple(number for number in formats if names.get(number) not in _MICROSOFT)
    return kept if any(names.get(number) not in _NOT_VOICE for number in kept) else formats


def without(lines: list[bytes], formats: set[str]) -> list[bytes]:
    """The attribute lines that do not belong to one of these formats."""
    about = tuple(
        b"a=%b:%b " % (attribute, number.encode("ascii"))
        for number in formats
        for attribute in (b"rtpmap", b"fmtp", b"rtcp-fb")
    )
    return [line for line in lines if not line.startswith(about)]
