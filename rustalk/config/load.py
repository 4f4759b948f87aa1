"""JSON text to checked settings, or to one error that says all that is wrong with it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from rustalk.config.check import check
from rustalk.config.cloud import CLOUDS
from rustalk.config.model import Settings
from rustalk.config.problem import ConfigError, Notice, Problem
from rustalk.config.read import Reader
from rustalk.config.text import parse

__all__ = ["judged", "load", "of_cloud"]


def load(text: str, source: str = "configuration", *, now: datetime | None = None) -> Settings:
    """Return the settings that ``text`` describes; ``source`` names it in errors.

    Raises ConfigError with every problem of the file at once. Keys that are accepted without effect, and settings that
    are allowed but look like a mistake, are in ``Settings.warnings``. Files that the settings name are not opened here.
    With ``now``, a moment with its time zone, what is over by then is among them.
    """
    reader = Reader(now)
    settings = reader.section(Settings, parse(text, source), "$") or Settings()
    settings = replace(of_cloud(settings, reader), codecs=settings.codecs.completed(), acls=settings.acls.completed())
    return judged(settings, reader, source)


def judged(settings: Settings, reader: Reader, source: str) -> Settings:
    """Return ``settings`` with their warnings, or raise ConfigError with what the reader and the rules found."""
    findings = list(check(settings, reader))
    unread = tuple(problem.path for problem in reader.problems)
    problems = [*reader.problems, *(f for f in findings if isinstance(f, Problem) and not _follows(f.path, unread))]
    if problems:
        raise ConfigError(source, tuple(sorted(problems, key=lambda problem: _natural(problem.path))))
    return replace(settings, warnings=(*reader.notices, *(f for f in findings if isinstance(f, Notice))))


def of_cloud(settings: Settings, reader: Reader) -> Settings:
    """Fill in the proxies and networks of the cloud where ``reader`` found none."""
    teams = settings.teams
    cloud = CLOUDS[teams.cloud]
    chosen = replace(
        teams,
        sip_proxies=teams.sip_proxies if reader.gives(teams, "sip_proxies") else cloud.proxies,
        networks=teams.networks if reader.gives(teams, "networks") else cloud.networks,
    )
    return replace(settings, teams=chosen)


def _follows(path: str, unread: tuple[str, ...]) -> bool:
    """Whether a fault at ``path`` may only be there because a value at or below it could not be read."""
    return any(place == path or place.startswith((f"{path}.", f"{path}[")) for place in unread)


def _natural(path: str) -> list[tuple[int, str]]:
    """A sort key that keeps the problems of one section together and item 10 after item 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path)]
