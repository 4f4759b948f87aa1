"""The voicemail boxes of extensions: the section mailboxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import dialling, formats
from rustalk.config.about import UNUSED, about
from rustalk.config.secret import Secret

__all__ = ["Mailbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A voicemail box. An extension with voicemail but without an entry here has one with these defaults."""

    id: str = field(
        default="",
        metadata=about("Name by which the API refers to the box. Empty: its extension.", check=formats.identifier),
    )
    extension: str = field(
        metadata=about("Number of the extension that the box belongs to.", example="1001", check=dialling.extension)
    )
    name: str = field(
        default="", metadata=about("Name of who has the box.", example="Alice Archer", check=formats.one_line)
    )
    pin: Secret = field(
        default=Secret(),
        metadata=about(
            "PIN of the phone menu. Empty: the box opens on its own phones only. Never shown.", check=dialling.pin
        ),
    )
    pin_hash: Secret = field(
        default=Secret(), metadata=about("In place of `pin`: what the store keeps of it. Never shown.")
    )
    max_messages: int = field(
        default=100, metadata=about("Messages that the box holds; then it is full.", low=1, high=10000)
    )
    max_message_length: int = field(
        default=300, metadata=about("Longest message; it is cut there.", unit="seconds", low=1, high=3600)
    )
    greeting: Literal["default", "custom", "name", "unavailable"] = field(
        default="default", metadata=about("What callers hear first.")
    )
    greeting_path: str = field(
        default="", metadata=about("Sound file of a `custom` greeting.", example="/var/lib/rustalk/greeting.wav")
    )
    email: str = field(
        default="", metadata=about("Where messages are announced.", example="alice@example.com", check=formats.email)
    )
    email_attach: bool = field(default=False, metadata=about("Send the message itself along.", unused=UNUSED))
    enabled: bool = field(default=True, metadata=about("Whether the box takes messages."))

    def __post_init__(self) -> None:
        """A box without an id has its extension as one."""
        if not self.id:
            object.__setattr__(self, "id", self.extension)
