"""The section of the numbers that are dialled from outside."""

from __future__ import annotations

from rustalk.config.destination import Destination
from rustalk.config.did import Did


def test_a_number_without_an_id_has_its_digits_as_one() -> None:
    """A plus would have to be escaped in the path of the API."""
    did = Did(number="+12025550123", destination=Destination.of_text("1001"))
    assert (did.id, did.enabled, did.priority) == ("12025550123", True, 100)
    assert Did(id="main", number="1", destination=did.destination).id == "main"
