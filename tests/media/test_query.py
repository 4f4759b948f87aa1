"""Reading the figures that rtpengine gives, from answers of the real one and from nonsense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rustalk.media.bencode import decode, encode
from rustalk.media.ng import Answer
from rustalk.media.query import Count, read_counts

DATA = Path(__file__).parents[1] / "data" / "rtpengine"
LEAVES = some.integers() | some.binary(max_size=4)
KEYS = some.sampled_from([b"tags", b"caller", b"medias", b"streams", b"stats", b"flags", b"packets", b"SSRC"])
NONSENSE = some.recursive(LEAVES, lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner))


@pytest.fixture
def answer() -> Answer:
    """What rtpengine 10.5.3 answered to a delete."""
    decoded = decode((DATA / "delete.bencode").read_bytes())
    assert isinstance(decoded, dict)
    return decoded


def test_rtp_and_rtcp_of_both_sides_are_counted(answer: Answer) -> None:
    assert read_counts(answer) == (Count(5, 860, 1, 7), Count(3, 516, 2, 9))


def test_an_answer_without_figures_counts_nothing() -> None:
    assert read_counts({b"result": b"ok"}) == (Count(), Count())


def test_a_number_that_is_none_counts_nothing() -> None:
    streams = [{"flags": ["RTP"], "stats": {"packets": -1, "bytes": "x"}}, {"flags": 1, "stats": 1}, 7]
    written: Any = decode(encode({"tags": {"caller": {"medias": [{"streams": streams}, 3]}, "callee": 4}}))
    assert read_counts(written) == (Count(), Count())


@given(some.dictionaries(KEYS, NONSENSE))
def test_nonsense_counts_something_or_nothing(answer: dict[bytes, Any]) -> None:
    """Whatever a node sends, nothing is raised."""
    assert all(count.packets >= 0 for count in read_counts(answer))
