"""The lists of the settings that the API changes."""

from __future__ import annotations

import pytest

from rustalk.config.collections import COLLECTIONS
from rustalk.config.model import Acl, Extension, Settings


@pytest.mark.parametrize("name", COLLECTIONS)
def test_each_collection_stands_where_it_says(name: str) -> None:
    """Its items can be read and put back."""
    collection, settings = COLLECTIONS[name], Settings()
    items = collection.items(settings)
    assert all(isinstance(item, collection.kind) for item in items)
    assert collection.items(collection.replaced(settings, (*items, *items))) == (*items, *items)


def test_items_are_found_by_their_key() -> None:
    """Most have an id, access lists a name, codecs name, clock rate and channels."""
    settings = Settings(extensions=(Extension(id="alice", extension="1001"),))
    assert COLLECTIONS["extensions"].find(settings, "alice") is settings.extensions[0]
    assert COLLECTIONS["extensions"].find(settings, "1001") is None
    assert COLLECTIONS["acls"].key_of(Acl(name="office")) == "office"
    assert COLLECTIONS["codecs"].find(settings, "opus/48000/2") is not None
