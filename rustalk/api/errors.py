"""Errors as RFC 9457 problem details. Each has a ``code`` that stays the same; the words may improve."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PROBLEMS", "ApiError", "ProblemKind"]


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What all problems with one code have in common."""

    status: int
    title: str


PROBLEMS: dict[str, ProblemKind] = {
    "bad-request": ProblemKind(400, "The request cannot be understood"),
    "invalid-parameter": ProblemKind(400, "A query parameter has an impossible value"),
    "origin-not-allowed": ProblemKind(403, "A page of another origin may not use this API"),
    "path-not-found": ProblemKind(404, "There is nothing at this path"),
    "call-not-found": ProblemKind(404, "This call is not known"),
    "method-not-allowed": ProblemKind(405, "The path does not take this method"),
    "call-over": ProblemKind(409, "The call is over already"),
    "body-too-large": ProblemKind(413, "The body is too large"),
    "host-not-allowed": ProblemKind(421, "The Host field does not name this API"),
    "internal-error": ProblemKind(500, "The API failed"),
}
"""Every code that the API can answer with."""


class ApiError(Exception):
    """A refusal by the API. ``detail`` says cause and next step and holds nothing internal."""

    def __init__(self, code: str, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.headers = headers

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return PROBLEMS[self.code].status

    def body(self, instance: str | None) -> dict[str, object]:
        """The problem object of RFC 9457 section 3; ``instance`` is the path of the request, where it is known."""
        return {
            "type": f"urn:rustalk:problem:{self.code}",
            "title": PROBLEMS[self.code].title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        } | ({} if instance is None else {"instance": instance})
