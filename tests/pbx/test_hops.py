"""The places that a call was sent to."""

from __future__ import annotations

from rustalk.pbx.hops import MOST_HOPS, Hops
from rustalk.ua.reasons import REASONS


def walked(*places: tuple[str, str]) -> Hops | str:
    """The way through these places, or why it ended."""
    hops: Hops | str = Hops()
    for kind, name in places:
        if isinstance(hops, str):
            return hops
        hops = hops.to(kind, name)
    return hops


def test_a_way_is_told_in_its_order() -> None:
    """For the log."""
    assert str(walked(("RingGroup", "sales"), ("Extension", "1001"))) == "RingGroup sales, Extension 1001"


def test_two_phones_that_forward_to_each_other_end() -> None:
    """The third place is the first one again."""
    assert walked(("Extension", "1"), ("Extension", "2"), ("Extension", "1")) == "forward_loop"


def test_a_group_and_a_phone_of_the_same_name_are_two_places() -> None:
    """A group may flow over to the phone whose number is its name."""
    assert isinstance(walked(("RingGroup", "1"), ("Extension", "1")), Hops)


def test_a_way_that_never_comes_back_ends_as_well() -> None:
    """Even where each number is another one."""
    places = [("Number", str(number)) for number in range(MOST_HOPS)]
    assert isinstance(walked(*places), Hops)
    assert walked(*places, ("Number", "more")) == "too_many_forwards"


def test_both_reasons_are_registered() -> None:
    """The record of such a call says why."""
    assert (REASONS["forward_loop"].status, REASONS["too_many_forwards"].status) == (482, 483)
