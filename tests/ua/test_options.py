"""Answering OPTIONS."""

from __future__ import annotations

from rustalk.ua.options import answer_options
from tests.ua.ends import Ends


def test_the_answer_says_what_we_can(ends: Ends) -> None:
    """OPT-10, OPT-11: Contact, Allow, Accept, Supported."""
    ends.act = lambda transaction: answer_options(transaction, "<sip:sbc.example.com>")
    answers = ends.peer.ask("OPTIONS")
    ends.run()
    (answer,) = answers
    assert answer.status == 200
    assert answer.get("Contact") == "<sip:sbc.example.com>"
    assert "INVITE" in answer.tokens("Allow")
    assert answer.get("Accept") == "application/sdp"
    assert answer.tokens("Supported") == {"timer", "replaces", "100rel", "norefersub"}


def test_options_that_require_too_much(ends: Ends) -> None:
    """420 as for any other request."""
    ends.act = lambda transaction: answer_options(transaction, "<sip:sbc.example.com>")
    answers = ends.peer.ask("OPTIONS", fields=[("Require", "gruu")])
    ends.run()
    assert [answer.status for answer in answers] == [420]
