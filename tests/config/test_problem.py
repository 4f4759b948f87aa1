"""Faults and notices read as sentences."""

from __future__ import annotations

from rustalk.config.problem import ConfigError, Notice, Problem, member


def test_a_fault_names_place_value_expectation_and_next_step() -> None:
    """Everything that is needed to mend it is on one line."""
    problem = Problem("$.api.port", "70000", "an integer from 0 to 65535", "free ports start at 1024")
    assert str(problem) == "$.api.port: found 70000, expected an integer from 0 to 65535; free ports start at 1024"
    assert str(Notice("$.acme", "not used")) == "$.acme: not used"


def test_an_error_counts_and_lists_its_faults() -> None:
    """The source comes first, then each fault on its own line."""
    faults = (Problem("$.a", "1", "2"), Problem("$.b", "3", "4"))
    assert str(ConfigError("x.json", faults)).splitlines() == [
        "x.json: 2 problems",
        "  $.a: found 1, expected 2",
        "  $.b: found 3, expected 4",
    ]


def test_a_key_that_is_no_word_is_quoted_and_cut_in_a_path() -> None:
    """A key from the file cannot break the line or fill the screen (A30)."""
    assert member("$.sip", "domain") == "$.sip.domain"
    assert member("$", "a\n\x1b") == '$["a\\n\\u001b"]'
    assert len(member("$", "x" * 1000)) < 80


def test_the_message_is_the_fault_without_its_place() -> None:
    """For those who say the place in another way."""
    problem = Problem("$.a", "5", "a text", "put it in quotes")
    assert problem.message == "found 5, expected a text; put it in quotes"
    assert str(problem) == f"$.a: {problem.message}"
