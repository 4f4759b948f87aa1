"""What a script is told before a call, and what it tells afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from .media import MediaCounts

__all__ = ["CallResult", "Plan", "Progress"]

NO_MEDIA = MediaCounts()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a call shall run. All in seconds.

    ``ring``: between the steps before the answer; ``talk``: how long audio flows; ``patience``: how long to wait for
    the other side at each step. ``hang_up`` False leaves the BYE to the other side, for as long as patience lasts.
    ``session_expires`` is what Teams asks for in its INVITE.
    """

    ring: float = 0.05
    talk: float = 1.0
    patience: float = 10.0
    hang_up: bool = True
    session_expires: int = 3600


@dataclass(frozen=True, slots=True)
class Progress:
    """One provisional response: its status, its To tag, and whether it held a session description."""

    status: int
    tag: str
    sdp: bool


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call went.

    ``status`` is the final response to the INVITE, 0 when there was none. ``ended_by``: 'us', 'peer', 'cancel' or ''.
    ``cause`` says in words what went wrong, '' when nothing did. ``trunks`` are those that were tried, in order.
    """

    call_id: str
    script: str
    placed: bool
    status: int = 0
    progress: tuple[Progress, ...] = ()
    acknowledged: bool = False
    ended_by: str = ""
    media: MediaCounts = NO_MEDIA
    cause: str = ""
    trunks: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the call was taken."""
        return 200 <= self.status < 300
