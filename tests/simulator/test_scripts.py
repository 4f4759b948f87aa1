"""The catalogue of scripts."""

from __future__ import annotations

import re

import rustalk.simulator.stage
from rustalk.simulator.scripts import ANSWERS, CALLS, answers
from rustalk.simulator.taken import TakenCall


def test_the_catalogue_is_filled_by_the_stage_that_plays_it() -> None:
    assert rustalk.simulator.stage.CATALOGUE
    assert {"answer", "forked", "unavailable", "hold"} <= ANSWERS.keys()
    assert {"call", "give-up", "no-ack"} <= CALLS.keys()


def test_every_script_says_what_it_does_and_cites_rows_of_the_document() -> None:
    for script in (*ANSWERS.values(), *CALLS.values()):
        assert script.about.endswith(".")
        assert all(re.fullmatch(r"[A-Z]{2,3}-\d\d", row) for row in script.rows)


def test_a_new_script_is_one_record_and_one_coroutine() -> None:
    @answers("refuses-politely", "HDR-02")
    async def refuses_politely(call: TakenCall) -> None:
        """404."""

    try:
        assert ANSWERS["refuses-politely"].rows == ("HDR-02",)
        assert ANSWERS["refuses-politely"].play is refuses_politely
    finally:
        del ANSWERS["refuses-politely"]
