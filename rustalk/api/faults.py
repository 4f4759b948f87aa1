"""What the configuration says is wrong with a change, as the problem object of an answer."""

from __future__ import annotations

from rustalk.config.problem import ConfigError, Problem

from .errors import ApiError, Fault

__all__ = ["refused"]

_MOST = 100


def refused(error: ConfigError, place: str = "") -> ApiError:
    """The problem for a change that cannot be made; ``place`` is that of the item, whose faults begin with ``$``."""
    problems = error.problems
    faults = [Fault(_within(problem.path, place), problem.message) for problem in problems[:_MOST]]
    if all(_is_repeated(problem) for problem in problems):
        return ApiError("already-exists", "Another one has what only one can have; see errors.", faults=faults)
    what = "a value" if len(problems) == 1 else f"{len(problems)} values"
    return ApiError("invalid-value", f"Nothing was changed: mend {what}, see errors.", faults=faults)


def _within(path: str, place: str) -> str:
    return f"${path.removeprefix(place)}" if place and path.startswith(place) else path


def _is_repeated(problem: Problem) -> bool:
    """Whether this is about a name or number that two items have."""
    return problem.found.endswith(" again")
