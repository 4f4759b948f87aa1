"""What the configuration says, as a problem object."""

from __future__ import annotations

from rustalk.api.faults import refused
from rustalk.config.problem import ConfigError, Problem


def problem(path: str, found: str = '"x"') -> Problem:
    """One fault."""
    return Problem(path, found, "something else")


def test_places_within_the_item_begin_with_a_dollar() -> None:
    error = ConfigError("change", (problem('$.extensions["1001"].email'), problem("$.trunks[0].host")))
    told = refused(error, '$.extensions["1001"]')
    assert (told.code, told.status) == ("invalid-value", 422)
    assert [fault.path for fault in told.faults] == ["$.email", "$.trunks[0].host"]
    assert told.faults[0].message == 'found "x", expected something else'


def test_what_two_items_have_is_a_conflict() -> None:
    again = problem("$.extension", '"1001" again')
    assert refused(ConfigError("change", (again,))).status == 409
    assert refused(ConfigError("change", (again, problem("$.email")))).status == 422


def test_a_list_of_faults_is_bounded() -> None:
    error = ConfigError("change", tuple(problem(f"$.x[{number}]") for number in range(500)))
    assert len(refused(error).faults) == 100
