"""What is raised when a session description cannot be used."""

from __future__ import annotations

__all__ = ["SdpError"]


class SdpError(ValueError):
    """The peer's session description cannot be used; in SIP the answer to such an offer is 488.

    ``line`` counts from 1, ``cause`` says what is wrong there and what would be right. Neither quotes the line, which
    could hold a key.
    """

    def __init__(self, cause: str, line: int) -> None:
        super().__init__(f"SDP line {line}: {cause}")
        self.cause = cause
        self.line = line
