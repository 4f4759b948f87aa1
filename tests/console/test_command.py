"""How results are written."""

from __future__ import annotations

import io

from rustalk.cli.command import write_table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    out = io.StringIO()
    write_table(["ID", "STATE"], [["a", "up"], ["longer", None]], out)
    assert out.getvalue() == "ID      STATE\na       up\nlonger  -\n"


def test_no_cell_can_steer_the_terminal() -> None:
    """A30: raw control bytes printed = 0."""
    out = io.StringIO()
    write_table(["ID"], [["\x1b[2J\nforged"]], out)
    assert out.getvalue() == "ID\n\\x1b[2J\\x0aforged\n"
