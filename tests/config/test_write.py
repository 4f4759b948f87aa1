"""Sections of the model back to JSON."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rustalk.config.collections import COLLECTIONS
from rustalk.config.load import load
from rustalk.config.model import Dns, Extension, RateCard, Settings
from rustalk.config.secret import Secret
from rustalk.config.write import to_json

FILE = Path(__file__).parent.parent / "data" / "config" / "pbx.json"


@pytest.mark.parametrize("name", COLLECTIONS)
def test_what_is_written_is_read_as_the_same(name: str) -> None:
    """Every item of a file with every kind of section, passwords included where they are asked for."""
    collection, settings = COLLECTIONS[name], load(FILE.read_text())
    sections: dict[str, Any] = json.loads(FILE.read_text())
    top, _, inner = collection.path.partition(".")
    values = json.loads(json.dumps([to_json(item, secrets=True) for item in collection.items(settings)]))
    sections[top] = {inner: values} if inner else values
    assert values
    assert collection.items(load(json.dumps(sections))) == collection.items(settings)


def test_secrets_are_left_out() -> None:
    """The key itself is not there, so that nobody takes its mask for a password."""
    extension = Extension(extension="1001", password=Secret("hunter2"))
    assert not {"password", "ha1_md5", "ha1_sha256"} & to_json(extension).keys()
    assert to_json(extension, secrets=True)["password"] == "hunter2"


def test_amounts_and_moments_keep_each_digit() -> None:
    """An amount is a text, a moment RFC 3339."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    card = to_json(RateCard(id="a", rate_per_minute=Decimal("0.10"), effective_date=start))
    assert (card["rate_per_minute"], card["effective_date"], card["end_date"]) == ("0.10", "2026-01-01T00:00:00Z", None)


def test_a_route_is_written_in_the_words_of_the_api() -> None:
    """Its source is the source trunk there, and conditions have their type."""
    route = to_json(load(FILE.read_text()).routing.routes[0])
    assert route["source_trunk"] == "carrier"
    assert "source" not in route
    assert {"Time", "Holiday", "Header"} <= {condition["type"] for condition in route["conditions"]}


def test_only_sections_are_written() -> None:
    """A mapping within one is fine."""
    assert to_json(Dns(hosts={"a": "::1"}))["hosts"] == {"a": "::1"}
    assert to_json(Settings())["extensions"] == []
    with pytest.raises(TypeError):
        to_json("text")
