"""Our ICE credentials towards sides that do ICE (media bypass): when there are any, and when they change."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

from rustalk.media.side import MediaSide
from rustalk.media.standing import Credentials
from rustalk.rtp.treatment import IceCredentials
from rustalk.sdp import ice
from rustalk.sdp.model import Session

__all__ = ["greet", "meet"]


def meet(
    credentials: Credentials, session: Session, side: int, secret: Callable[[int], bytes], *, offer: bool
) -> Credentials:
    """Ours after a description of ``side``, which does ICE: new if an offer restarts ICE (ICE-05), else the same.

    Forks answer with credentials of their own, ours stay (RNG-06). A description without any ends ICE.
    """
    found = (ice.read(session, media) for media in session.media if media.port)
    remote = next((each for each in found if each is not None), None)
    ours = credentials[side]
    if remote is None:
        ours = None
    elif ours is None or (offer and ours.remote_ufrag not in ("", remote[0])):
        ours = _new(secret, *remote)
    else:
        ours = replace(ours, remote_ufrag=remote[0], remote_password=remote[1])
    return _with(credentials, side, ours)


def greet(
    credentials: Credentials, to: int, side: MediaSide, secret: Callable[[int], bytes], *, spoken: bool
) -> Credentials:
    """Ours before an offer to ``side``: new ones if it does ICE and has not ``spoken`` yet."""
    ours = credentials[to]
    if not side.ice:
        return credentials if ours is None else _with(credentials, to, None)
    return credentials if spoken or ours is not None else _with(credentials, to, _new(secret))


def _with(credentials: Credentials, side: int, ours: IceCredentials | None) -> Credentials:
    return (ours, credentials[1]) if side == 0 else (credentials[0], ours)


def _new(secret: Callable[[int], bytes], ufrag: str = "", password: str = "") -> IceCredentials:
    return IceCredentials(_text(secret(6)), _text(secret(18)), ufrag, password)


def _text(secret: bytes) -> str:
    """Random bytes as ice-chars (RFC 8839 section 5.4)."""
    return b64encode(secret).rstrip(b"=").decode("ascii")
