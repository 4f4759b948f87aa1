"""Problem details (RFC 9457)."""

from __future__ import annotations

import pytest

from rustalk.api.errors import PROBLEMS, ApiError


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_code_makes_a_complete_problem_object(code: str) -> None:
    body = ApiError(code, "Because.").body("/x")
    assert body == {
        "type": f"urn:rustalk:problem:{code}",
        "title": PROBLEMS[code].title,
        "status": PROBLEMS[code].status,
        "detail": "Because.",
        "instance": "/x",
        "code": code,
    }


def test_an_unknown_path_is_left_out() -> None:
    assert "instance" not in ApiError("bad-request", "x").body(None)
