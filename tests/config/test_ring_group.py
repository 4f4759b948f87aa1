"""The section of the ring groups."""

from __future__ import annotations

from rustalk.config.ring_group import Member, RingGroup


def test_a_group_rings_all_at_once_for_half_a_minute() -> None:
    """RusTalk's defaults."""
    group = RingGroup(id="g")
    assert (group.strategy, group.timeout_seconds, group.skip_busy) == ("simultaneous", 30, False)
    assert (group.overflow, group.enabled, group.ringing) == (None, True, ())


def test_members_with_a_delay_follow_those_without() -> None:
    """Both lists are one to whoever rings them."""
    group = RingGroup(id="g", extensions=("1", "2"), members=(Member(extension="3", delay=5.0),))
    assert [(member.extension, member.delay) for member in group.ringing] == [("1", 0), ("2", 0), ("3", 5)]
