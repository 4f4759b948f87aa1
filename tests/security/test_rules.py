"""Rules on the whole source that keep known holes shut, and each rule shown to find what it is for."""

from __future__ import annotations

import ast
import re
import resource
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rustalk.config.pattern import Pattern
from rustalk.sip.digest import Verifier
from rustalk.ua.tokens import Tokens
from tests.pbx.plans import goal, to
from tests.security.evil import EVIL_PATTERNS, EVIL_TEXTS

SOURCE = Path(__file__).parents[2] / "rustalk"
MODULES = sorted(SOURCE.rglob("*.py"))
_NO_ANCHOR = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_PATTERNS = frozenset(("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"))


def dollar_signs(source: str) -> Iterator[int]:
    """The lines on which a pattern of Python's re has ``$``, which is also before a final newline; \\Z is not.

    With MULTILINE the sign is the end of a line, and meant to be.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            continue
        if not isinstance(node.func.value, ast.Name) or node.func.value.id != "re" or node.func.attr not in _PATTERNS:
            continue
        if {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} & {"M", "MULTILINE"}:
            continue
        for part in ast.walk(node.args[0]):
            text = part.value if isinstance(part, ast.Constant) else ""
            text = text.decode("latin-1") if isinstance(text, bytes) else str(text)
            if "$" in _NO_ANCHOR.sub("", text):
                yield node.lineno


def weak_sources(source: str) -> Iterator[str]:
    """What is imported that gives numbers which can be foretold."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in ("random", "numpy.random"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "random":
            yield "random"
        elif isinstance(node, ast.Attribute) and node.attr in ("uuid1", "getnode"):
            yield node.attr


def offenders(rule: Callable[[str], Iterator[object]]) -> dict[str, list[object]]:
    """What a rule finds, by module."""
    found = {str(each.relative_to(SOURCE)): list(rule(each.read_text(encoding="utf-8"))) for each in MODULES}
    return {module: places for module, places in found.items() if places}


def test_no_pattern_of_ours_ends_in_a_dollar_sign() -> None:
    """A19: re's ``$`` lets a final newline pass; fullmatch and \\Z do not."""
    assert offenders(dollar_signs) == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r're.match(r"^\+\d+$", number)', [1]),
        (r're.compile(rb"\A[a-z]+$", re.ASCII)', [1]),
        ('import re\nre.search(HEAD + "x$", number)', [2]),
        (r're.fullmatch(r"[!$&\]]+\$", text)', []),
        (r're.compile(r"\\?.\Z")', []),
        (r're.compile(r"^a$", re.MULTILINE)', []),
        (r'"5$"', []),
    ],
)
def test_the_rule_against_dollar_signs_finds_them(source: str, found: list[int]) -> None:
    """A19, negative control."""
    assert list(dollar_signs(source)) == found


def test_what_the_rule_is_about_is_true() -> None:
    """A19, negative control: the first is the mistake, the others are not."""
    assert re.match(r"^\+\d+$", "+15551234\n")
    assert not re.fullmatch(r"\+\d+", "+15551234\n")
    assert not Pattern(r"^\+\d+$").matches("+15551234\n")


def test_nothing_random_can_be_foretold() -> None:
    """A36: tags, branches, nonces, tokens and SSRCs come from `secrets`, and the module random is nowhere."""
    assert offenders(weak_sources) == {}


@pytest.mark.parametrize(
    "source", ["import random", "from random import Random", "import os, random", "import uuid\nuuid.uuid1()"]
)
def test_the_rule_against_weak_sources_finds_them(source: str) -> None:
    """A36, negative control."""
    assert list(weak_sources(source))


def test_a_million_tokens_are_all_different_and_even() -> None:
    """A36: no collision, and no octet comes up more often than chance lets it (7 standard deviations)."""
    tokens = Tokens(secrets.token_bytes)
    made = [int(tokens.take(), 16) for _ in range(1_000_000)]
    assert len(set(made)) == 1_000_000
    counts = Counter(b"".join(each.to_bytes(8, "big") for each in made))
    expected = 8_000_000 / 256
    assert max(abs(counts[octet] - expected) for octet in range(256)) < 7 * expected**0.5


def test_the_even_distribution_is_one_that_a_counter_fails() -> None:
    """A36, negative control: what counts up is as unique, and not even."""
    counts = Counter(b"".join(each.to_bytes(8, "big") for each in range(100_000)))
    assert abs(counts[0] - 800_000 / 256) > 7 * (800_000 / 256) ** 0.5


def test_a_nonce_cannot_be_made_without_the_key() -> None:
    """A36: two processes with keys of their own do not take each other's, at the same moment."""
    ours, theirs = (Verifier("pbx", secrets.token_bytes(32), lambda: 1000.0) for _ in range(2))
    nonces = {each.challenges("192.0.2.1", stale=False)[0].nonce for each in (ours, theirs)}
    assert len(nonces) == 2


@pytest.mark.parametrize("pattern", EVIL_PATTERNS)
def test_evil_patterns_answer_in_the_dialplan(pattern: str) -> None:
    """A18: 50 patterns on 64 characters each; every one of them is decided, by RE2, in time linear in the text."""
    assert Pattern(pattern).matches("7" * 63 + "\x00") == Pattern(pattern).matches("7" * 7 + "\x00")
    for text in EVIL_TEXTS:
        goal(to("x", pattern), to("else"), destination=text)


def test_the_engine_of_python_would_not_answer() -> None:
    """A18, negative control: a second of the processor is not enough for the first of them, so the kernel ends it."""
    program = f"import re; re.search({EVIL_PATTERNS[0]!r}, {EVIL_TEXTS[0]!r})"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", program],
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 2)),
    )
    assert ended.returncode == -signal.SIGXCPU
