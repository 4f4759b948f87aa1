"""The dialog of a call as its peer keeps it (RFC 3261 section 12)."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Request, Response

__all__ = ["Dialog"]


@dataclass(slots=True)
class Dialog:
    """A dialog, early or confirmed; ``local`` and ``remote`` are From and To as we write them, with their tags."""

    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    cseq: int

    @classmethod
    def placed(cls, invite: Request, response: Response, own_route: str, cseq: int) -> Dialog:
        """The caller's view. ``own_route`` is a Record-Route that we wrote ourselves; it is no hop of ours."""
        return cls(
            local=invite.get("From") or "",
            remote=response.get("To") or "",
            target=response.contact.address if response.contact else invite.uri,
            routes=tuple(reversed([one for one in response.items("Record-Route") if one != own_route])),
            cseq=cseq,
        )

    @classmethod
    def taken(cls, invite: Request, tag: str) -> Dialog:
        """The called side's view, with the To tag that it has chosen."""
        contact = invite.contact
        return cls(
            local=f"{invite.get('To')};tag={tag}",
            remote=invite.get("From") or "",
            target=contact.address if contact else invite.from_.address,
            routes=tuple(invite.items("Record-Route")),
            cseq=0,
        )

    @property
    def local_tag(self) -> str:
        """Our tag."""
        return NameAddr.parse(self.local).tag

    @property
    def remote_tag(self) -> str:
        """The other side's tag."""
        return NameAddr.parse(self.remote).tag
