"""Where offers and answers stand."""

from __future__ import annotations

from rustalk.media.line import UNSAID, Line
from rustalk.media.standing import NOTHING_SAID, Description


def test_a_line_that_nobody_described_is_unsaid() -> None:
    line = Line(("192.0.2.1", 4000))
    description = Description(b"v=0", (line,))
    assert (description.line(0), description.line(1)) == (line, UNSAID)
    assert NOTHING_SAID.lines(0) == (UNSAID, UNSAID)


def test_a_description_takes_the_place_of_its_side_alone() -> None:
    one, other = Description(b"one"), Description(b"other")
    assert NOTHING_SAID.with_said(1, other)[1] is other
    assert NOTHING_SAID.with_said(0, one) == (one, NOTHING_SAID.said[1])


def test_what_holds_keys_is_not_shown() -> None:
    assert "inline" not in repr(Description(b"a=crypto:1 inline:secret", (), b"inline:secret"))
