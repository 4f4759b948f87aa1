"""Each row that a page says is met has a test, and no row of the contract is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages.requirements import citations, claimed, fill
from tests.docs.conftest import ROOT

CITED = citations(ROOT / "tests")
ROWS = {
    "NET": 12, "OPT": 15, "FO": 10, "HDR": 22, "RNG": 8, "HLD": 6, "XFR": 9, "MED": 16, "ICE": 8,
    "MTN": 7, "LMO": 2, "EMG": 3, "SBA": 1, "REC": 1, "OPS": 5,
}  # fmt: skip
"""How many rows of each kind Direct Routing has."""


def met(page: str) -> list[str]:
    return claimed((ROOT / "docs" / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", met("teams.md"))
def test_a_demand_of_teams_that_is_met_is_tested(row: str) -> None:
    """Cite the row in a test, or move it to Open in docs/teams.md."""
    assert CITED.get(row)


@pytest.mark.parametrize("row", met("security.md"))
def test_a_defence_is_tested(row: str) -> None:
    """Cite the row in a test, or take it out of docs/security.md."""
    assert CITED.get(row)


def test_every_demand_of_teams_is_met_or_open() -> None:
    """Each row stands in docs/teams.md, and only in one place."""
    text = (ROOT / "docs" / "teams.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([A-Z]{2,3}-[0-9]{2}) \|", text, re.MULTILINE)
    assert len(listed) == len(set(listed))
    wanted = {f"{kind}-{number:02}" for kind, count in ROWS.items() for number in range(1, count + 1)}
    assert wanted - set(listed) - set(re.findall(r"[A-Z]{2,3}-[0-9]{2}", text.rpartition("\n\n")[2])) == set()


def test_a_test_cites_by_id_and_by_range(tmp_path: Path) -> None:
    """In its own text, not in that of its module."""
    tests = tmp_path / "tests"
    tests.mkdir()
    source = '"""NET-01."""\n\ndef test_it():\n    """FO-02, OPT-06..08 and A20; HDR-01 to HDR-03."""\n'
    (tests / "test_one.py").write_text(source)
    assert sorted(citations(tests)) == [
        "A20", "FO-02", "HDR-01", "HDR-02", "HDR-03", "OPT-06", "OPT-07", "OPT-08",
    ]  # fmt: skip


def test_the_column_is_written_anew() -> None:
    """Rows without that column are left alone."""
    page = "| FO-01 | order | old |\n| XFR-01 | open |\n| FO-02 | next | |\n"
    filled = fill(page, {"FO-01": [Path("tests/trunk/test_choose.py")]})
    assert filled == (
        "| FO-01 | order | [trunk/test_choose](../tests/trunk/test_choose.py) |\n"
        "| XFR-01 | open |\n| FO-02 | next | none yet |\n"
    )
    assert claimed(page) == ["FO-01", "FO-02"]
