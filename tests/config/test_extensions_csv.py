"""Extensions as a table."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustalk.config.extension import Extension, Permissions
from rustalk.config.extensions_csv import LineError, imported, written
from rustalk.config.model import Settings
from rustalk.config.overlay import all_changed
from rustalk.config.secret import Secret

ALICE = Extension(
    id="alice",
    extension="1001",
    display_name="Alice",
    password=Secret("correct horse"),
    caller_id_number="+12025550123",
    permissions=Permissions(allow=("+44", "+49")),
)
HOUSE = Settings(extensions=(ALICE,))
HEADER = "extension,display_name,email,password,enabled,department\n"


def errors(text: str) -> list[tuple[int, str]]:
    """Import a table and return the lines and fields with a fault."""
    return [(error.line, error.field) for error in imported(HOUSE, text).errors]


def test_lines_become_extensions() -> None:
    """An empty cell is the default."""
    table = imported(HOUSE, HEADER + "1002,Bob,bob@example.com,correct battery,no,Sales\n1003,,,,,\n")
    assert table.errors == ()
    bob, carol = all_changed(HOUSE, table.changes).extensions[1:]
    assert (bob.display_name, bob.email, bob.enabled, bob.department) == ("Bob", "bob@example.com", False, "Sales")
    assert bob.password.reveal() == "correct battery"
    assert carol == Extension(extension="1003")


def test_further_columns_have_the_names_of_the_keys() -> None:
    """Those of a section with a dot, lists with blanks."""
    header = "extension;codecs;call_forwarding.busy;max_concurrent_calls;permissions.international"
    (bob,) = all_changed(HOUSE, imported(HOUSE, f"{header}\n1002;PCMA PCMU;1001;3;yes").changes).extensions[1:]
    assert (bob.codecs, bob.call_forwarding.busy, bob.max_concurrent_calls) == (("PCMA", "PCMU"), "1001", 3)
    assert bob.permissions.international


def test_an_extension_that_is_there_keeps_what_the_table_does_not_say() -> None:
    """It is found by its number, whatever its id."""
    (change,) = imported(HOUSE, "extension,department\n1001,Sales\n").changes
    assert change.key == "alice"
    assert change.value is not None
    assert (change.value["department"], change.value["display_name"]) == ("Sales", "Alice")
    assert "password" not in change.value


def test_every_bad_line_is_reported_with_all_its_faults() -> None:
    """The header is line 1, and a line break within a cell counts; good lines are there all the same."""
    text = HEADER + '1 2,,x,,maybe,\n\n1002,"two\nlines",,,,\n1003,,,,,\n1003,,,,,\n1004,,\n'
    assert sorted(errors(text)) == [
        (2, "email"),
        (2, "enabled"),
        (2, "extension"),
        (4, "display_name"),
        (7, "extension"),
        (8, ""),
    ]
    assert [change.key for change in imported(HOUSE, text).changes] == ["1003"]


def test_what_the_rules_refuse_is_reported_by_line() -> None:
    """A policy that does not exist, forwarding to itself, and the id of another."""
    text = "extension,policy,call_forwarding.always\n1002,nobody,\n1003,,1003\nalice,,\n"
    assert errors(text) == [(2, "policy"), (3, "call_forwarding.always"), (4, "extension")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("display_name\nAlice\n", [(1, "extension")]),
        ("extension,phone,extension\n", [(1, "phone"), (1, "extension")]),
        ('extension\n"1002\n', [(2, "")]),
        ('extension\n"1002"x\n', [(2, "")]),
    ],
)
def test_a_table_with_another_form_is_refused(text: str, found: list[tuple[int, str]]) -> None:
    """Unknown, missing and repeated columns, and quotes that do not close."""
    assert errors(text) == found


@pytest.mark.parametrize("column", ["phone", "display_name", "pasword", ""])
def test_a_header_that_is_not_understood_stops_the_table(column: str) -> None:
    """Cells of a column that nobody knows, or that is there twice, might have meant anything."""
    table = imported(HOUSE, f"extension,display_name,{column}\n1002,Bob,Robert\n")
    assert (table.changes, [error.line for error in table.errors]) == ((), [1])
    assert column != "pasword" or 'did you mean "password"?' in table.errors[0].message


def test_an_id_can_be_given_and_stays() -> None:
    """Issue 4, section 7: further columns by the field names."""
    table = imported(HOUSE, "extension,id\n1001,\n1002,bob\n1003,bob\n1004,alice\n1005,1006\n1006,\n")
    assert [change.key for change in table.changes] == ["alice", "bob", "1006"]
    assert [(error.line, error.field) for error in table.errors] == [(4, "id"), (5, "id"), (7, "id")]
    assert errors("extension,id\n1001,other\n") == [(2, "id")]


def test_a_fault_never_shows_a_password() -> None:
    """A40: a digest that is none is masked."""
    table = imported(HOUSE, "extension,ha1_md5,password\n1002,hunter2,hunter2\n")
    assert [error.field for error in table.errors] == ["ha1_md5"]
    assert "hunter2" not in repr(table.errors)


def test_what_is_written_is_read_as_the_same() -> None:
    """Apart from passwords, which are not there."""
    lines = "".join(written(HOUSE.extensions))
    assert "correct horse" not in lines
    assert not {"password", "ha1_md5", "ha1_sha256"} & set(lines.splitlines()[0].split(","))
    table = imported(HOUSE, lines)
    (alice,) = all_changed(Settings(), table.changes).extensions
    assert table.errors == ()
    assert (alice.permissions, alice.caller_id_number) == (ALICE.permissions, "+12025550123")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "=1+1"])
def test_no_cell_is_a_formula(name: str) -> None:
    """A29: a spreadsheet shows it and does not carry it out; reading takes the apostrophe away again."""
    house = Settings(extensions=(Extension(extension="1001", display_name=name),))
    lines = "".join(written(house.extensions))
    cells = list(csv.reader(io.StringIO(lines)))[1]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    (change,) = imported(house, lines).changes
    assert change.value is not None
    assert change.value["display_name"] == name


def test_a_password_may_begin_like_a_guarded_formula() -> None:
    """It was never written, so nothing is taken away from it."""
    (change,) = imported(HOUSE, "extension,password\n1002,'=secret\n").changes
    assert change.value is not None
    assert change.value["password"] == "'=secret"


def test_a_table_of_a_spreadsheet_is_read() -> None:
    """With a byte order mark, semicolons and other line ends."""
    table = imported(HOUSE, "\ufeffExtension;Enabled\r\n1002;TRUE\r\n")
    assert [change.key for change in table.changes] == ["1002"]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text(max_size=200), st.lists(st.text(max_size=12), min_size=6, max_size=6))
def test_no_text_raises(text: str, cells: list[str]) -> None:
    """A10: whatever is uploaded is taken or refused line by line."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    for table in (imported(HOUSE, text), imported(HOUSE, HEADER + line.getvalue())):
        assert all(isinstance(error, LineError) and error.line >= 1 for error in table.errors)
