"""The reference is written from the model and is fresh."""

from __future__ import annotations

from pathlib import Path

from rustalk.config.describe import describe

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"


def test_the_committed_reference_is_what_the_model_says() -> None:
    """Run: python -m rustalk.config.describe > docs/configuration.md."""
    assert REFERENCE.read_text(encoding="utf-8") == describe()


def test_every_section_and_key_of_the_file_is_described() -> None:
    """Down to the conditions of a route."""
    text = describe()
    for heading in (
        "## teams",
        "## trunks[].hosts[]",
        "## routing.routes[].conditions[] (Time)",
        "## acls.acls[].rules[]",
    ):
        assert f"\n{heading}\n" in text
    assert "| `mtls_cert_path` | text | empty |" in text
    assert "Accepted, not used by this version" in text
