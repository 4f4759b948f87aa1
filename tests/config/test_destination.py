"""Where a call is sent."""

from __future__ import annotations

from rustalk.config.destination import Destination, RouteTarget


def test_a_text_alone_is_an_extension() -> None:
    """As in RusTalk's DIDs."""
    assert Destination.of_text("1001") == Destination(type="Extension", value="1001")
    assert RouteTarget.of_text("1001") == RouteTarget(type="Extension", value="1001", weight=1, order=0)


def test_an_extension_can_be_the_one_that_was_called() -> None:
    """One route then does for a whole range of numbers."""
    assert Destination(type="Extension", value="${destination}").number("2345") == "2345"
    assert Destination(type="Extension", value="1001").number("2345") == "1001"
