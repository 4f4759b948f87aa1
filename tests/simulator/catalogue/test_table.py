"""The catalogue as a table."""

from __future__ import annotations

import re

from rustalk.simulator.catalogue.table import CATALOGUE, TOPICS

OURS = ("XFR", "HLD", "RNG", "MED", "ICE", "MTN", "LMO", "EMG")
ROWS = {
    "XFR": 9, "HLD": 6, "RNG": 8, "MED": 16, "ICE": 8, "MTN": 6, "LMO": 2, "EMG": 3,
}  # fmt: skip
"""How many rows the document has of each kind; MTN-07 is about other people's trunks."""


def test_every_topic_is_told_and_no_story_twice() -> None:
    assert {one.play.__module__ for one in CATALOGUE} == {topic.__name__ for topic in TOPICS}
    assert len({one.name for one in CATALOGUE}) == len(CATALOGUE)


def test_every_story_says_what_it_shows_and_cites_rows_of_the_document() -> None:
    for one in CATALOGUE:
        assert one.about.endswith((".", ")")), one.name
        assert one.rows
        assert all(re.fullmatch(r"[A-Z]{2,3}-\d\d", row) for row in one.rows), one.name


def test_every_row_of_the_calls_has_its_story() -> None:
    """XFR-01 to EMG-03: no row of the document about calls is left out."""
    wanted = {f"{kind}-{number:02}" for kind in OURS for number in range(1, ROWS[kind] + 1)}
    assert wanted - {row for one in CATALOGUE for row in one.rows} == set()
