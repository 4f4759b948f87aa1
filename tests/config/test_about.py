"""The description that travels with a key."""

from __future__ import annotations

from dataclasses import fields

from rustalk.config.about import about_of
from rustalk.config.model import Server, Settings


def test_every_field_of_a_section_is_described() -> None:
    """A key without meaning or bounds cannot be added by accident."""
    abouts = [about_of(field) for field in fields(Server)]
    assert all(about is not None and about.meaning for about in abouts)


def test_a_field_that_is_no_key_has_no_description() -> None:
    """The warnings of a load cannot be written into the file."""
    assert [field.name for field in fields(Settings) if about_of(field) is None] == ["warnings"]
