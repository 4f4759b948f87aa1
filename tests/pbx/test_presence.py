"""Who can be called, from what the switch knows and what phones say (RFC 3856)."""

from __future__ import annotations

from typing import Any

import pytest

from rustalk.config.extension import Extension, Permissions
from rustalk.pbx.pidf import Condition, read
from rustalk.pbx.presence import Presence


def presence(
    *, registered: bool = True, busy: bool = False, published: Condition | None = None, **extension: Any
) -> Presence:
    """What is known of 1002."""
    people = {"1002": Extension(extension="1002", **extension), "1001": Extension(extension="1001")}
    return Presence(
        people.get,
        lambda: "pbx.example.com",
        is_registered=lambda number: registered,
        is_busy=lambda number: busy,
        published=lambda number: published,
    )


LUNCH = Condition(True, ("away", "lunch"), "Back at 2")


@pytest.mark.parametrize(
    ("known", "condition"),
    [
        ({}, Condition(True)),
        ({"registered": False}, Condition(False)),
        ({"busy": True}, Condition(True, ("on-the-phone",), "On the phone")),
        ({"do_not_disturb": True}, Condition(False, ("busy",), "Do not disturb")),
        ({"published": LUNCH}, LUNCH),
        ({"published": Condition(False)}, Condition(False)),
        ({"published": LUNCH, "registered": False}, Condition(False, ("away", "lunch"), "Back at 2")),
        ({"published": LUNCH, "busy": True}, Condition(True, ("on-the-phone", "away", "lunch"), "Back at 2")),
        (
            {"published": Condition(True, ("busy",)), "do_not_disturb": True},
            Condition(False, ("busy",), "Do not disturb"),
        ),
        ({"enabled": False}, Condition(False)),
    ],
)
def test_what_is_known_is_put_together(known: dict[str, Any], condition: Condition) -> None:
    """The switch has the last word on whether somebody can be called; the note is theirs."""
    assert presence(**known).state("1002") == condition


def test_nobody_is_closed() -> None:
    """A number that was taken away while it was watched."""
    assert presence().state("4711") == Condition(False)


def test_a_document_says_it() -> None:
    """As PIDF."""
    document = presence().document("1002", LUNCH, None, 3)
    assert read(document) == LUNCH
    assert b'entity="sip:1002@pbx.example.com"' in document


def test_who_may_call_may_watch() -> None:
    """And nobody else; a trunk has no presence."""
    watcher = Extension(extension="1001", permissions=Permissions(internal=False))
    assert presence().refusal(Extension(extension="1001"), "1002") == ""
    assert presence().refusal(watcher, "1002") == "internal_barred"
    assert presence().refusal(Extension(extension="1001"), "teams") == "nobody_to_watch"
