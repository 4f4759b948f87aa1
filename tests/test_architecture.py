"""What holds for the whole tree: who may import whom, and that each module has its tests.

That the generated pages are fresh is in tests/docs/test_generate.py. The contracts are those of setup.cfg, which
import-linter checks with all their subtleties (`tox -e contracts`); here they are checked in a second, without it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path.relative_to(ROOT / "rustalk") for path in (ROOT / "rustalk").rglob("*.py"))
CONTRACTS = ConfigParser()
CONTRACTS.read(ROOT / "setup.cfg")

ELSEWHERE = {
    "__main__.py": "calls the command line, as tests/console does",
    "app.py": "the composition root: tests/live runs it, tests/scenarios builds from its functions",
    "interfaces.py": "declares interfaces, and nothing in it runs",
    "cli/program.py": "the command line as a whole: tests/console/test_cli.py",
    "tap.py": "tests/console/test_tap.py",
    "call/events.py": "a vocabulary of values without behaviour",
    "call/switchboard.py": "protocols and a value; tests/call/test_fork.py and tests/pbx ask through them",
    "call/join.py": "a story of two calls: tests/scenarios/test_transfer.py plays it",
    "call/pickup.py": "a story of three parties: tests/scenarios/test_transfer.py plays it",
    "call/substitute.py": "part of each transfer that tests/scenarios/test_transfer.py plays",
    "call/takeover.py": "a story of two calls: tests/scenarios/test_transfer.py plays it",
    "call/target.py": "protocols for the type checker; tests/trunk and tests/call/test_setup.py implement them",
    "call/transfer.py": "a story of three parties: tests/scenarios/test_transfer.py plays it",
    "call/transfers.py": "decides for whole calls: tests/scenarios/test_transfer.py asks it",
    "observe/switch.py": "declares an interface; tests/test_switch.py checks who provides it",
    "core.py": "builds the parts that tests/scenarios play whole calls with",
    "pbx/device.py": "a phone as a target: tests/scenarios/test_phones.py calls it",
    "pbx/phone.py": "a phone as a peer: tests/scenarios/test_phones.py calls from it and to it",
    "pbx/switchboard.py": "decides for whole calls: tests/scenarios/test_phones.py and tests/pbx/test_grants.py ask it",
    "rtp/treatment.py": "values without behaviour; tests/media/test_treat.py uses them",
    "sdp/errors.py": "one exception class; tests/sdp/test_parse.py sees it raised",
    "sdp/grammar.py": "regular expressions; tests/sdp/test_parse.py has their cases",
    "sdp/model.py": "values; tests/sdp/test_parse.py and test_rewrite.py make and print them",
    "ua/subject.py": "a value without behaviour; tests/trunk/test_read.py makes it",
}
"""Modules that have no test module of their own, with the reason."""

PLACES = {"cli": "console"}
"""Where the tests of a package are when their directory has another name."""

WHOLE = {"simulator": "its parts are played against a small SBC, script by script, by the modules of tests/simulator"}
"""Packages whose parts are tested together, with the reason."""


def place_of_tests(module: Path) -> Path:
    """Where the tests of a module belong."""
    folder = Path(*(PLACES.get(part, part) for part in module.parent.parts))
    return ROOT / "tests" / folder / f"test_{module.name}"


@pytest.mark.parametrize("module", [each for each in MODULES if each.name != "__init__.py"], ids=str)
def test_each_module_has_its_tests(module: Path) -> None:
    """tests/sip/test_uri.py tests rustalk/sip/uri.py; every exception has a reason, and none is out of date."""
    has_tests, excused = place_of_tests(module).exists(), str(module) in ELSEWHERE
    assert has_tests or excused or module.parts[0] in WHOLE, f"{module} has no tests"
    assert not (has_tests and excused), f"{module} needs no exception any more"


def test_no_exception_is_for_a_module_that_is_gone() -> None:
    """The list above shrinks with the tree."""
    assert {Path(name) for name in ELSEWHERE} <= set(MODULES)


def tree_of(module: Path) -> ast.Module:
    """The parsed text of a module."""
    return ast.parse((ROOT / "rustalk" / module).read_text(encoding="utf-8"))


def imports(module: Path) -> Iterator[str]:
    """The full names of the modules that a module imports, relative imports resolved."""
    package = ["rustalk", *module.parent.parts]
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def part_of(name: str) -> str:
    """The part of the tree that a full name belongs to: ``rustalk.sip.uri`` to ``sip``; '' outside."""
    pieces = name.split(".")
    return pieces[1] if pieces[0] == "rustalk" and len(pieces) > 1 else ""


def rows() -> dict[str, int]:
    """The row of each part of the tree; the uppermost has the lowest number."""
    lines = CONTRACTS["importlinter:contract:layers"]["layers"].strip().splitlines()
    return {part.strip(): number for number, line in enumerate(lines) for part in line.split("|")}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_each_row_imports_only_the_rows_below(module: Path) -> None:
    """The contract "layers" of setup.cfg: never above, never sideways."""
    place, own = rows(), module.parts[0].removesuffix(".py")
    if own not in place:
        return
    used = {part_of(name) for name in imports(module)} & place.keys() - {own}
    assert {part for part in used if place[part] <= place[own]} == set()


def test_no_input_or_output_below_the_wire() -> None:
    """The contract "sansio" of setup.cfg: the protocol knows neither Twisted nor sockets."""
    contract = CONTRACTS["importlinter:contract:sansio"]
    pure = {name.removeprefix("rustalk.") for name in contract["source_modules"].split()}
    forbidden = set(contract["forbidden_modules"].split())
    found = {
        (str(module), name)
        for module in MODULES
        if module.parts[0] in pure
        for name in imports(module)
        if name.split(".")[0] in forbidden
    }
    assert found == set()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_each_module_says_what_it_is_for(module: Path) -> None:
    """A docstring at its head, and annotations that are not evaluated where there is code."""
    tree = tree_of(module)
    assert ast.get_docstring(tree)
    code = [node for node in tree.body[1:] if not isinstance(node, ast.Assign)]
    assert not code or any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in code)


def test_only_the_doors_know_the_reactor() -> None:
    """Time and the network are handed in: nobody else imports Twisted's reactor."""
    users = {str(module) for module in MODULES if "twisted.internet.reactor" in imports(module)}
    assert all(name.startswith(("tap", "app", "cli/", "simulator/", "__main__")) for name in users), users
