"""The generated pages are what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import main, pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_generated_page_is_fresh(page: Path) -> None:
    """Run: python -m docs.generate."""
    assert page.read_text(encoding="utf-8") == PAGES[page]


def test_a_stale_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing and says what to run."""
    stale = tmp_path / "api.md"
    monkeypatch.setattr("docs.generate.pages", lambda: {stale: "new"})
    assert main(["--check"]) == 1
    assert not stale.exists()
    assert "docs/api.md" in capsys.readouterr().err
    assert (main([]), main(["--check"])) == (0, 0)
