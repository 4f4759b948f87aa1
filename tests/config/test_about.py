"""The description that travels with a key."""

from __future__ import annotations

from dataclasses import fields

from rustalk.config.about import about_of, key_of
from rustalk.config.model import Numbers, Server, Settings


def test_every_field_of_a_section_is_described() -> None:
    """A key without meaning or bounds cannot be added by accident."""
    abouts = [about_of(field) for field in fields(Server)]
    assert all(about is not None and about.meaning for about in abouts)


def test_a_field_that_is_no_key_has_no_description() -> None:
    """The warnings of a load cannot be written into the file."""
    assert [field.name for field in fields(Settings) if about_of(field) is None] == ["warnings"]


def test_a_key_is_the_name_of_its_field() -> None:
    """An underscore at the end is Python's, not the file's."""
    assert [key_of(field) for field in fields(Numbers)] == ["in", "out"]
