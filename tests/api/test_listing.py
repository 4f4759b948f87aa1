"""Lists in pages, whatever happens between two of them."""

from __future__ import annotations

import random

import pytest

from rustalk.api.errors import ApiError
from rustalk.api.listing import Shelf, cut, scalar_fields
from rustalk.api.route import Ask
from rustalk.config.model import Extension
from rustalk.config.secret import Secret


def page(names: list[str], limit: int, cursor: str | None = None) -> tuple[list[str], str | None]:
    """One page of names."""
    found = cut(names, str, Ask(query={"limit": str(limit), "cursor": cursor or ""}))
    return list(found.items), found.next


@pytest.mark.parametrize("seed", range(20))
def test_what_is_there_all_the_time_comes_exactly_once(seed: int) -> None:
    """Others are deleted meanwhile, in front of the cursor and behind it."""
    chance = random.Random(seed)
    names = [f"n{number:03}" for number in range(60)]
    doomed = set(chance.sample(names, 25))
    seen: list[str] = []
    cursor: str | None = None
    left = list(names)
    while True:
        some, cursor = page(left, chance.randrange(1, 9), cursor)
        seen += some
        if cursor is None:
            break
        gone = chance.sample(sorted(doomed), min(len(doomed), 1))
        for name in gone:
            doomed.discard(name)
            if name in left and left.index(name) >= len(seen) - 1:
                left.remove(name)
    kept = [name for name in names if name in left]
    assert [name for name in seen if name in kept] == kept


@pytest.mark.parametrize(
    "cursor", ["zz", "e30", "WzEsMl0", "\x00", "W10", "WyJhIiwxXQ", "WzEsImEiLDJd", "W3RydWUsICJhIl0"]
)
def test_what_no_page_has_given_is_refused(cursor: str) -> None:
    with pytest.raises(ApiError, match="cursor must be the next of a page"):
        page(["a", "b"], 1, cursor)


def test_the_place_of_a_cursor_may_be_far_behind_the_end() -> None:
    names = [f"n{number}" for number in range(9)]
    _, cursor = page(names, 8)
    assert page(names[:3], 8, cursor) == ([], None)


def shelf_of(*extensions: Extension) -> tuple[Shelf, tuple[Extension, ...]]:
    """A shelf and what stands on it."""
    return Shelf(Extension, "id"), extensions


def test_items_stand_by_priority_then_as_they_were_made() -> None:
    shelf, source = shelf_of(Extension(extension="3", priority=5), Extension(extension="2"), Extension(extension="1"))
    assert [item.id for item in shelf.items(source)] == ["2", "1", "3"]
    assert shelf.items(source) is shelf.items(source)


def test_what_was_worked_out_is_forgotten_with_the_collection() -> None:
    shelf, source = shelf_of(Extension(extension="1", display_name="Alice"))
    assert shelf.chosen(source, {"q": "alice"})
    other = (Extension(extension="1", display_name="Bob"),)
    assert shelf.chosen(other, {"q": "alice"}) == []
    assert shelf.find(other, "1") is other[0]


def test_no_secret_is_a_filter_and_none_is_searched() -> None:
    """A40: not even whether a password holds a text can be found out."""
    assert not {"password", "ha1_md5", "ha1_sha256"} & scalar_fields(Extension).keys()
    shelf, source = shelf_of(Extension(extension="1", password=Secret("CANARY")))
    assert shelf.chosen(source, {"q": "canary"}) == shelf.chosen(source, {"q": "***"}) == []
