"""What stands in for values that are missing or unfit."""

from __future__ import annotations

from rustalk.config.about import About
from rustalk.config.pattern import Pattern
from rustalk.config.stand_in import StandIn, stand_in

ABOUT = About("A host.", example="a.example")


def test_a_stand_in_reads_like_its_example_and_equals_only_itself() -> None:
    """It is neither a name given twice nor anything that a reference can mean."""
    one, two = StandIn("a"), StandIn("a")
    assert len({one, two, "a"}) == 3
    assert one != two
    assert one == one.lower()
    assert f"{one}" == "a"


def test_only_what_its_section_needs_gets_a_stand_in() -> None:
    """A text, a pattern without questions of its own, and a switch that is on; else the default or nothing."""
    assert str(stand_in(str, ABOUT, required=True)) == "a.example"
    pattern = stand_in(Pattern, ABOUT, required=True)
    assert isinstance(pattern, Pattern)
    assert pattern.anchored
    assert stand_in(bool, ABOUT, required=False) is True
    assert stand_in(str, ABOUT, required=False) is stand_in(int, ABOUT, required=True) is None
