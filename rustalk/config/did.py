"""Numbers that the public calls, and where their calls go: the section dids."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config import dialling, formats
from rustalk.config.about import about
from rustalk.config.destination import Destination

__all__ = ["Did"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """A number that is dialled from outside (direct inward dialling)."""

    id: str = field(
        default="",
        metadata=about(
            "Name by which the API refers to the number. Empty: the number without `+`.", check=formats.identifier
        ),
    )
    number: str = field(
        metadata=about(
            "The number as it is called, in E.164 where the trunk's numbers are turned into it.",
            example="+12025550123",
            check=dialling.calling,
        )
    )
    description: str = field(default="", metadata=about("Free text.", example="Main number"))
    destination: Destination = field(
        metadata=about("Where the calls go. A text alone is the number of an extension.", example="1001")
    )
    enabled: bool = field(default=True, metadata=about("Whether the number is looked at."))
    priority: int = field(
        default=100,
        metadata=about("Of two entries for one number, lower is looked at first.", example=10, low=0, high=1000000),
    )

    def __post_init__(self) -> None:
        """A number without an id has its digits as one."""
        if not self.id:
            object.__setattr__(self, "id", self.number.removeprefix("+"))
