"""What a JSON body must be."""

from __future__ import annotations

import pytest

from rustalk.api.body import DEEPEST, read_object
from rustalk.api.errors import ApiError


def faults(body: bytes) -> list[str]:
    """The places that are told of a body that is refused."""
    with pytest.raises(ApiError) as caught:
        read_object(body)
    assert caught.value.code == "invalid-body"
    return [fault.path for fault in caught.value.faults]


def test_an_object_is_read_as_it_is() -> None:
    assert read_object(b'{"a": [1, {"b": null}], "c": "\\u00fc"}') == {"a": [1, {"b": None}], "c": "\xfc"}


@pytest.mark.parametrize(
    "body", [b"", b"1", b"[]", b"{", b"nul", b"\xff{}", b"{'a': 1}", b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100000]
)
def test_what_is_no_object_is_refused_as_a_whole(body: bytes) -> None:
    assert faults(body) == []


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (b'{"a": 1, "a": 2}', ["$.a"]),
        (b'{"a": [{"b": 1, "b": 1}]}', ["$.a[0].b"]),
        (b'{"a": "\\ud800"}', ["$.a"]),
        (b'{"a": "x\\u0000"}', ["$.a"]),
        (b'{"\\u0000": 1}', ["$"]),
    ],
)
def test_what_two_readers_could_read_differently_is_refused_with_its_place(body: bytes, places: list[str]) -> None:
    """A27: nothing is smuggled past a check by saying it twice."""
    assert faults(body) == places


def test_nesting_is_bounded() -> None:
    """A16: at N it is taken, at N + 1 refused."""
    fits = b'{"a":' * (DEEPEST - 1) + b"{}" + b"}" * (DEEPEST - 1)
    assert read_object(fits)
    assert faults(b'{"a":' + fits + b"}")
