"""The diagrams say what the machines do."""

from __future__ import annotations

from docs.pages.state_machines import page


def test_a_transaction_is_drawn_from_its_table() -> None:
    """RFC 3261 figure 5, with RFC 6026."""
    text = page()
    assert "    calling --> [*] : timer B, transport error\n" in text
    assert "| proceeding | 2xx | accepted | accept |\n" in text


def test_the_health_of_a_gateway_is_found_by_asking_it() -> None:
    """OPT-13."""
    assert "    suspect --> down : failed 3 times in a row\n" in page()


def test_offers_and_answers_are_found_by_asking() -> None:
    """RFC 6337 table 1."""
    text = page()
    assert "    invited_local --> offered_remote : we get an offer\n" in text
    assert "| reliable 1xx to INVITE | PRACK | answer |\n" in text
