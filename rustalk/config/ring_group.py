"""Extensions that ring together: the section ring_groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import dialling, formats
from rustalk.config.about import about
from rustalk.config.destination import Destination

__all__ = ["Member", "RingGroup", "Strategy"]

Strategy = Literal["simultaneous", "sequential", "roundrobin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One extension of a group."""

    extension: str = field(metadata=about("Number or id of the extension.", example="1001", check=dialling.extension))
    delay: float = field(
        default=0.0,
        metadata=about(
            "How long after the start of its turn the extension begins to ring.", unit="seconds", low=0, high=600
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RingGroup:
    """A group of extensions that are called as one."""

    id: str = field(
        metadata=about("Name by which others refer to the group.", example="support", check=formats.identifier)
    )
    name: str = field(
        default="", metadata=about("Name to show. Empty: the id.", example="Support", check=formats.one_line)
    )
    description: str = field(default="", metadata=about("Free text."))
    extensions: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Extensions that ring, by number or id, in their order.", example=["1001", "1002"], check=dialling.extension
        ),
    )
    members: tuple[Member, ...] = field(
        default=(), metadata=about("Extensions that ring with a delay; they follow those of `extensions`.")
    )
    strategy: Strategy = field(
        default="simultaneous",
        metadata=about(
            "`simultaneous`: all ring at once; `sequential`: one after the other; `roundrobin`: one after the other, "
            "each call beginning with the next."
        ),
    )
    timeout_seconds: float = field(
        default=30.0,
        metadata=about(
            "How long the group rings, with `simultaneous` in all and else each member.",
            unit="seconds",
            low=1,
            high=600,
        ),
    )
    skip_busy: bool = field(default=False, metadata=about("Leave out extensions that are in a call."))
    overflow: Destination | None = field(
        default=None,
        metadata=about("Where a call goes that no member takes. null: it is refused with 480.", example="1009"),
    )
    enabled: bool = field(default=True, metadata=about("Whether the group can be called."))
    priority: int = field(
        default=0, metadata=about("Place in lists that people see, lower first.", low=0, high=1000000)
    )

    @property
    def ringing(self) -> tuple[Member, ...]:
        """All members in their order, those of `extensions` without a delay."""
        return (*(Member(extension=extension) for extension in self.extensions), *self.members)
