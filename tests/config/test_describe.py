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


def test_keys_that_sections_share_come_after_their_own() -> None:
    """What is particular to a trunk is read first."""
    rows = [line.split("`")[1] for line in describe().partition("\n## trunks[]\n")[2].splitlines() if line[:3] == "| `"]
    assert rows.index("id") < rows.index("enabled") < rows.index("media") < rows.index("srtp") < rows.index("country")


def test_a_kind_of_section_is_described_once() -> None:
    """In the place that is nearest to the top; others refer to it."""
    text = describe()
    refer = text.partition("\n## teams.tenants[].routes[]\n")[2].partition("\n## ")[0]
    assert "The keys are those of `routing.routes[]`." in refer
    assert text.count("| `continue_on_match` |") == 1
    assert "\n## teams.numbers.in[]\n" in text
