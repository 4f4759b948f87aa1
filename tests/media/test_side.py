"""What is known of a side beforehand."""

from __future__ import annotations

from rustalk.media.side import MediaSide


def test_a_side_of_which_nothing_is_said_takes_what_comes() -> None:
    """The defaults change nothing of a description: keys, codecs and digits pass."""
    side = MediaSide(4)
    assert (side.srtp, side.suites, side.codecs, side.dtmf, side.ice) == ("any", (), (), "rfc4733", False)
