"""What can be wrong with a configuration, in words for the person who has to mend it."""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["ConfigError", "Notice", "Problem", "member"]

_MAX_KEY = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where it is, what stands there, what was expected and what to do next.

    ``found`` is ready to print: secrets are masked and long values are cut.
    """

    path: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the fault as one line."""
        return f"{self.path}: {self.message}"

    @property
    def message(self) -> str:
        """The fault without its place."""
        message = f"found {self.found}, expected {self.expected}"
        return f"{message}; {self.hint}" if self.hint else message


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that is allowed but that the operator should know, such as a key that has no effect yet."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return the notice as one line."""
        return f"{self.path}: {self.message}"


class ConfigError(Exception):
    """The configuration cannot be used. ``problems`` holds every fault that was found, by path."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        """Name the file (or other source) and its faults."""
        self.source = source
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {problem}" for problem in problems)]))


def member(path: str, key: str) -> str:
    """Return the path of a key; one that is no plain word is quoted, escaped and cut."""
    if key.isidentifier() and len(key) <= _MAX_KEY:
        return f"{path}.{key}"
    return f"{path}[{json.dumps(key[:_MAX_KEY])}]"
