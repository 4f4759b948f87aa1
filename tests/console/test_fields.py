"""Values on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from rustalk.cli.command import CommandError
from rustalk.cli.fields import add_fields, fields_of, put, read_bytes
from rustalk.config.model import Extension, RateCard, Route, Settings


def read(kind: Any, *argv: str) -> dict[str, Any]:
    """What the arguments make."""
    parser = ArgumentParser()
    add_fields(parser)
    return fields_of(parser.parse_args(argv), kind)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Extension, "extension=1001", {"extension": "1001"}),
        (Extension, "enabled=false", {"enabled": False}),
        (Extension, "priority=3", {"priority": 3}),
        (Extension, "codecs=PCMU,PCMA", {"codecs": ["PCMU", "PCMA"]}),
        (Extension, 'codecs=["PCMU"]', {"codecs": ["PCMU"]}),
        (Extension, "codecs=", {"codecs": []}),
        (Extension, "call_forwarding.busy=1002", {"call_forwarding": {"busy": "1002"}}),
        (Extension, "permissions.deny=+4490,+1900", {"permissions": {"deny": ["+4490", "+1900"]}}),
        (Extension, "policy=7", {"policy": "7"}),
        (Extension, 'policy={"daily_limit": {"count": 1}}', {"policy": {"daily_limit": {"count": 1}}}),
        (Extension, "password=12345678", {"password": "12345678"}),
        (Route, "pattern=^1", {"pattern": "^1"}),
        (Route, "source_trunk=7", {"source_trunk": "7"}),
        (Route, "destination=1001", {"destination": "1001"}),
        (RateCard, "rate_per_minute=0.15", {"rate_per_minute": "0.15"}),
        (Settings, "sip.max_forwards=60", {"sip": {"max_forwards": 60}}),
        (Settings, "sip.domain=1.example", {"sip": {"domain": "1.example"}}),
        (None, "x=[1]", {"x": [1]}),
        (None, "x=a=b", {"x": "a=b"}),
    ],
)
def test_values_are_read_as_the_field_wants_them(kind: Any, text: str, value: dict[str, Any]) -> None:
    assert read(kind, text) == value


def test_fields_go_over_those_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"a": 1, "b": {"c": 2}}')
    assert read(None, "b.c=3", "-f", str(file)) == {"a": 1, "b": {"c": 3}}


@pytest.mark.parametrize("argv", [["x"], ["=1"], ["-f", "/nope"], ["a=1", "a.b=2"]])
def test_what_cannot_be_read_is_told(argv: list[str]) -> None:
    with pytest.raises(CommandError):
        read(None, *argv)


def test_a_file_without_an_object_is_told(tmp_path: Path) -> None:
    for text in ("[]", "nonsense"):
        (tmp_path / "x").write_text(text)
        with pytest.raises(CommandError):
            read(None, "-f", str(tmp_path / "x"))


def test_a_dot_leads_into_an_object() -> None:
    target: dict[str, Any] = {}
    put(target, "a.b.c", 1)
    assert target == {"a": {"b": {"c": 1}}}


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    assert read_bytes(str(tmp_path / "x")) == b"\xff"
