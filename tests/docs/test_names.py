"""What the pages name exists: files, classes with their members, packages, dependencies."""

from __future__ import annotations

import ast
import configparser
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.conftest import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(
    r"(?:rustalk|tests|docs|certs|sip|sdp|rtp|config|security|transport|ua|media|call|trunk|api|observe)/[\w/.-]+"
)
_MEMBER = re.compile(r"([A-Z]\w+)\.([a-z]\w+)")


@cache
def members() -> dict[str, set[str]]:
    """Each class under rustalk/ with its methods and attributes."""
    found: dict[str, set[str]] = {}
    for module in (ROOT / "rustalk").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = found.setdefault(node.name, set())
                names.update(
                    each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                )
                names.update(
                    t.id
                    for each in node.body
                    if isinstance(each, ast.Assign)
                    for t in each.targets
                    if isinstance(t, ast.Name)
                )
                for base in node.bases:
                    if isinstance(base, ast.Name):
                        names.add(f"<{base.id}>")
    return found


def has(classes: dict[str, set[str]], name: str, member: str) -> bool:
    """Whether the class or one of its bases has this member."""
    own = classes.get(name, set())
    return member in own or any(has(classes, base[1:-1], member) for base in own if base.startswith("<"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    """Paths in code style, from the top of the repository or from rustalk/."""
    for code in _CODE.findall(page.read_text(encoding="utf-8")):
        if _PATH.fullmatch(code) and "NUMBER" not in code:
            assert any((base / code).exists() for base in (ROOT, ROOT / "rustalk")), f"{page.name} names {code}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_members_exist(page: Path) -> None:
    """`Class.member` in code style."""
    classes = members()
    for code in _CODE.findall(page.read_text(encoding="utf-8")):
        match = _MEMBER.fullmatch(code)
        if match is not None and match[1] in classes:
            assert has(classes, match[1], match[2]), f"{page.name} names {code}"


def test_the_call_flow_names_only_what_there_is(root: Path) -> None:
    """Not only members, but the classes too."""
    classes = members()
    text = (root / "docs" / "call-flow.md").read_text(encoding="utf-8")
    named = {match[1] for code in _CODE.findall(text) if (match := _MEMBER.fullmatch(code))}
    assert named - classes.keys() == set()


def test_the_picture_is_the_contract(root: Path) -> None:
    """docs/architecture.md has the rows of setup.cfg in their order."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    layers = setup["importlinter:contract:layers"]["layers"].split()
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = text.split("```")[1]
    places = [re.search(rf"\b{layer}\b", picture) for layer in layers if layer != "|"]
    assert None not in places
    starts = [place.start() for place in places if place is not None]
    assert starts == sorted(starts)


def test_every_package_and_module_at_the_top_is_listed(root: Path) -> None:
    """In the tree of docs/architecture.md."""
    tree = (root / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[3]
    names = [f"{each.name}/" if each.is_dir() else each.name for each in (root / "rustalk").iterdir()]
    known = {"__init__.py", "__main__.py", "__pycache__/", "py.typed"}
    assert [name for name in names if name not in known and name not in tree] == []


def test_every_dependency_has_its_reason(root: Path) -> None:
    """In docs/dependencies.md."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    wanted = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    names = {line.split()[0].partition("[")[0] for lines in wanted for line in lines.split("\n") if line.strip()}
    text = (root / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert {name for name in names if name not in text} == set()


def test_the_tests_that_are_explained_exist(root: Path) -> None:
    """The Python in docs/testing.md is cut from test modules."""
    text = (root / "docs" / "testing.md").read_text(encoding="utf-8")
    tests = [module.read_text(encoding="utf-8") for module in (root / "tests").rglob("test_*.py")]
    for shown in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        assert any(shown in source for source in tests), shown
