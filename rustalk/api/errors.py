"""Errors as RFC 9457 problem details. Each has a ``code`` that stays the same; the words may improve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["PROBLEMS", "ApiError", "Fault", "ProblemKind", "unfit"]


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What all problems with one code have in common."""

    status: int
    title: str


PROBLEMS: dict[str, ProblemKind] = {
    "bad-request": ProblemKind(400, "The request cannot be understood"),
    "invalid-body": ProblemKind(400, "The body is not what this path takes"),
    "invalid-parameter": ProblemKind(400, "A query parameter has an impossible value"),
    "weak-password": ProblemKind(400, "The password is easily guessed"),
    "standard-item": ProblemKind(400, "The item came with the product and cannot be removed"),
    "token-missing": ProblemKind(401, "A token is needed"),
    "token-refused": ProblemKind(401, "The token is not valid"),
    "address-not-allowed": ProblemKind(403, "This address may not use the API"),
    "not-allowed": ProblemKind(403, "The token may not do this"),
    "origin-not-allowed": ProblemKind(403, "A page of another origin may not use this API"),
    "path-not-found": ProblemKind(404, "There is nothing at this path"),
    "call-not-found": ProblemKind(404, "This call is not known"),
    "item-not-found": ProblemKind(404, "There is no such item"),
    "method-not-allowed": ProblemKind(405, "The path does not take this method"),
    "already-exists": ProblemKind(409, "There is such an item already"),
    "never-banned": ProblemKind(409, "This address is never banned"),
    "call-over": ProblemKind(409, "The call is over already"),
    "in-use": ProblemKind(409, "Others need the item"),
    "changed-meanwhile": ProblemKind(409, "Somebody else changed it at the same time"),
    "changed-since": ProblemKind(412, "The item is not the one that If-Match names"),
    "body-too-large": ProblemKind(413, "The body is too large"),
    "wrong-content-type": ProblemKind(415, "The body is of another type than this path takes"),
    "host-not-allowed": ProblemKind(421, "The Host field does not name this API"),
    "invalid-value": ProblemKind(422, "A value cannot be used"),
    "too-many-attempts": ProblemKind(429, "Too many wrong tokens came from this address"),
    "internal-error": ProblemKind(500, "The API failed"),
    "database-down": ProblemKind(503, "The database cannot be used now"),
    "too-many-feeds": ProblemKind(503, "Too many follow the events already"),
}
"""Every code that the API can answer with."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, as a JSON path into the body or ``?`` and a query parameter, and what."""

    path: str
    message: str


class ApiError(Exception):
    """A refusal by the API. ``detail`` says cause and next step and holds nothing internal."""

    def __init__(
        self,
        code: str,
        detail: str,
        headers: tuple[tuple[str, str], ...] = (),
        faults: Iterable[Fault] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.headers = headers
        self.faults = tuple(faults)

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return PROBLEMS[self.code].status

    def body(self, instance: str | None) -> dict[str, object]:
        """The problem object of RFC 9457 section 3; ``instance`` is the path of the request, where it is known."""
        body: dict[str, object] = {
            "type": f"urn:rustalk:problem:{self.code}",
            "title": PROBLEMS[self.code].title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.faults:
            body["errors"] = [{"path": fault.path, "message": fault.message} for fault in self.faults]
        return body if instance is None else {**body, "instance": instance}


def unfit(parameter: str, expected: str) -> ApiError:
    """The problem for a query parameter that is not what was ``expected``."""
    faults = (Fault(f"?{parameter}", f"expected {expected}"),)
    return ApiError("invalid-parameter", f"{parameter} must be {expected}.", faults=faults)
