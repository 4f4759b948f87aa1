"""JSON schemas from the dataclasses of the configuration."""

from __future__ import annotations

from rustalk.api import schema
from rustalk.config.model import Extension, RateCard, RingGroup, Route, Settings, Trunk


def test_a_field_is_described_with_its_bounds_and_default() -> None:
    found = schema.item(Extension)["properties"]["max_concurrent_calls"]
    assert (found["type"], found["minimum"], found["maximum"], found["default"]) == ("integer", 0, 10000, 0)
    assert found["examples"] == [4]


def test_secrets_are_only_written() -> None:
    found = schema.item(Extension)["properties"]
    assert all(found[name]["writeOnly"] for name in ("password", "ha1_md5", "ha1_sha256"))


def test_what_has_no_default_is_required() -> None:
    assert "id" in schema.item(Trunk)["required"]
    assert set(schema.item(RateCard)["required"]) == {"id", "rate_per_minute"}


def test_kinds_lists_and_choices() -> None:
    route, group = schema.item(Route)["properties"], schema.item(RingGroup)["properties"]
    assert route["action"]["enum"] == ["accept", "reject", "continue"]
    assert {"$ref": "#/components/schemas/TimeCondition"} in route["conditions"]["items"]["anyOf"]
    assert group["extensions"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": group["extensions"]["description"],
        "examples": [["1001", "1002"]],
    }
    assert {"type": "null"} in group["overflow"]["anyOf"]
    assert "source_trunk" in route
    assert "source" not in route


def test_all_parts_of_a_kind_are_described_once() -> None:
    found = schema.components(Route, RingGroup)
    assert {"Route", "RingGroup", "Destination", "RouteTarget", "TimeCondition", "Member", "Policy"} <= found.keys()
    assert found["TimeCondition"]["properties"]["type"] == {"const": "Time"}


def test_the_whole_configuration_can_be_described() -> None:
    """A new type of field needs a word here."""
    assert "Settings" in schema.components(Settings)


def test_small_schemas() -> None:
    text = {"type": "string"}
    assert schema.record({"a": text}, b=text) == {
        "type": "object",
        "properties": {"a": text, "b": text},
        "required": ["a"],
    }
    assert schema.nullable(text) == {"type": ["string", "null"]}
    assert schema.nullable(schema.reference(Route))["anyOf"][1] == {"type": "null"}
