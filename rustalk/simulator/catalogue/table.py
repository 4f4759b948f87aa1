"""The catalogue as a table: every story, by topic and in the order in which it is told."""

from __future__ import annotations

from . import attended, bypass, emergency, exchange, hold, identity, media, ringing, tenants, transfer
from .story import STORIES, Story

__all__ = ["CATALOGUE", "TOPICS"]

TOPICS = (transfer, attended, exchange, hold, ringing, identity, media, bypass, tenants, emergency)
CATALOGUE: tuple[Story, ...] = tuple(
    one for topic in TOPICS for one in STORIES.values() if one.play.__module__ == topic.__name__
)
