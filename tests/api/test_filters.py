"""The filters of a list."""

from __future__ import annotations

import pytest

from rustalk.api.errors import ApiError
from rustalk.api.filters import Filter, filters
from rustalk.api.listing import Shelf, scalar_fields
from rustalk.config.collections import COLLECTIONS
from rustalk.config.model import Extension, RingGroup

OF_EXTENSIONS = filters(Extension, scalar_fields(Extension))
OF_GROUPS = filters(RingGroup, scalar_fields(RingGroup))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("enabled", "maybe"),
        ("enabled", ""),
        ("enabled", "True"),
        ("priority", "high"),
        ("priority", "1.5"),
        ("priority", "\u0663"),
        ("priority", "9" * 5000),
        ("dtmf_mode", "morse"),
    ],
)
def test_what_no_item_can_have_is_refused_with_its_place(name: str, text: str) -> None:
    """A filter that is misspelt never looks like one that nothing fits."""
    with pytest.raises(ApiError) as caught:
        OF_EXTENSIONS[name].read(text)
    assert (caught.value.code, caught.value.status) == ("invalid-parameter", 400)
    assert caught.value.faults[0].path == f"?{name}"


def test_a_value_is_read_as_its_field_is() -> None:
    read = {name: OF_EXTENSIONS[name].read(text) for name, text in (("enabled", "false"), ("priority", "007"))}
    assert read == {"enabled": False, "priority": 7}
    assert OF_GROUPS["timeout_seconds"].read("20") == 20.0
    assert OF_EXTENSIONS["display_name"].read("\u00c9ve") == "\u00c9ve"
    with pytest.raises(ApiError, match="timeout_seconds must be a number"):
        OF_GROUPS["timeout_seconds"].read("nan")


def test_a_number_is_found_however_it_is_written() -> None:
    shelf = Shelf(RingGroup, "id")
    source = (RingGroup(id="a", timeout_seconds=20.0), RingGroup(id="b", timeout_seconds=25.0))
    assert [each.id for each in shelf.chosen(source, {"timeout_seconds": "20"})] == ["a"]


def test_the_reference_tells_what_a_filter_takes() -> None:
    assert OF_EXTENSIONS["enabled"].parameter().schema == {"type": "string", "enum": ["true", "false"]}
    assert OF_EXTENSIONS["priority"].parameter().schema["type"] == "integer"
    assert OF_EXTENSIONS["dtmf_mode"].parameter().schema["enum"] == ["rfc4733", "info", "inband"]


def test_every_filter_of_every_collection_takes_what_its_items_have() -> None:
    """The default of each field, as the API would show it."""
    for collection in COLLECTIONS.values():
        names = scalar_fields(collection.kind)
        for name, each in filters(collection.kind, names).items():
            default = names[name].default
            if isinstance(default, str | bool | int | float):
                text = str(default).lower() if isinstance(default, bool) else str(default)
                assert Filter(name, each.attribute, each.hint).read(text) == default
