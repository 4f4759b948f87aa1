"""Where changes, registrations and records are kept: the section database."""

from __future__ import annotations

from dataclasses import dataclass, field

from rustalk.config.about import about
from rustalk.config.secret import Secret

__all__ = ["Database"]

_SCHEMES = ("sqlite:///", "postgresql://", "postgres://")


def _url(text: str) -> str:
    """The address of a database of a kind that is known."""
    if not text.startswith(_SCHEMES) or text in _SCHEMES:
        raise ValueError("sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The database that lies over this file: what the API changes, registrations, call records."""

    url: Secret = field(
        default=Secret(),
        metadata=about(
            "Address of the database, password included: `sqlite:///` and an absolute path, or `postgresql://`. Empty: "
            "the SQLite file `rustalk.sqlite3` in `server.state_directory`. Never shown.",
            example="postgresql://rustalk:PASSWORD@db.example.com/rustalk",
            check=_url,
        ),
    )
    max_connections: int = field(default=10, metadata=about("Connections to PostgreSQL at most.", low=1, high=10000))
    min_connections: int = field(
        default=2, metadata=about("Connections to PostgreSQL that are kept open.", low=0, high=10000)
    )
