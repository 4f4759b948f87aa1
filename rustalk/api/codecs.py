"""Codecs: a collection whose items are called by name and clock rate, with the verbs of the seed beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rustalk.config.codecs import STANDARD, Codec
from rustalk.config.overlay import to_json

from . import schema
from .collection import Items
from .errors import ApiError
from .route import Answer, Ask, Route

__all__ = ["Codecs"]

_NAMED = schema.record({"name": {"type": "string"}}, enabled={"type": "boolean"})


class Codecs(Items):
    """``/api/v1/codecs``. A codec is called ``PCMU/8000``; its name alone does where no other has it."""

    converter = "path:"

    def routes(self) -> list[Route]:
        """The routes of every collection, and update, add and remove."""
        body = schema.reference(Codec)
        verbs = [
            self.writing(
                "PUT", f"{self.root}/update", self.update, "Switch a codec on or off, by its name.", takes=_NAMED
            ),
            self.writing("POST", f"{self.root}/add", self.create, "Add a codec.", takes=body, status=201),
            self.writing(
                "POST",
                f"{self.root}/remove",
                self.remove,
                "Remove a codec that is no standard one, by its name.",
                takes=_NAMED,
                gives=schema.record({"success": {"type": "boolean"}, "message": {"type": "string"}}),
                problems=(
                    "item-not-found",
                    "in-use",
                    "invalid-body",
                    "standard-item",
                    "changed-meanwhile",
                    "database-down",
                ),
            ),
        ]
        return [*verbs, *super().routes()]

    def shown_schema(self) -> dict[str, Any]:
        """A codec and what it is called."""
        return {"allOf": [super().shown_schema(), schema.record({"id": {"type": "string"}})]}

    def key_for(self, value: Mapping[str, Any]) -> str:
        """The name of a new codec as in a session description."""
        name, rate, channels = (value.get(key) for key in ("name", "clock_rate", "channels"))
        rate, channels = 8000 if rate is None else rate, 1 if channels is None else channels
        return f"{name}/{rate}" + (f"/{channels}" if channels != 1 else "")

    def find(self, ask: Ask) -> Codec:
        """The codec that the path names. Raises ApiError."""
        return self._called(ask.path["key"])

    async def update(self, ask: Ask) -> Answer:
        """Change some of a codec that the body names."""
        body = ask.json()
        codec = self._called(body.pop("name", ""))
        return await self._put(ask, self._change(codec, {**to_json(codec), **body}), {}, new=False)

    async def remove(self, ask: Ask) -> Answer:
        """Remove the codec that the body names."""
        body = ask.json()
        codec = self._called(body.get("name", ""))
        return await self.delete(Ask({"key": codec.encoding}, ask.query, who=ask.who))

    async def delete(self, ask: Ask) -> Answer:
        """Take a codec out, but no standard one: it would be back with the next start."""
        codec = self.find(ask)
        if codec.key in {each.key for each in STANDARD}:
            raise ApiError("standard-item", f"{codec.encoding} is a standard codec: switch it off instead (enabled).")
        return await super().delete(Ask({"key": codec.encoding}, ask.query, who=ask.who, if_match=ask.if_match))

    def _called(self, name: object) -> Codec:
        found = [
            each
            for each in self.source
            if isinstance(name, str) and name.lower() in (each.name.lower(), each.encoding.lower())
        ]
        exact = [each for each in found if each.encoding == name]
        if len(exact or found) != 1:
            several = f": {', '.join(each.encoding for each in found)}" if found else ""
            raise ApiError("item-not-found", f"No one codec is called {str(name)[:64]!r}{several}; see {self.root}.")
        codec: Codec = (exact or found)[0]
        return codec
