"""How the process logs: full sentences with named fields, for people as text or for programs as JSON lines.

A part that serves a call logs through a ``CallLog``, so that each line names its call. Whatever came from the network
is made printable, so that no header field can forge a line or steer a terminal (A30).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from .printable import printable

__all__ = ["FORMATS", "LEVELS", "CallLog", "JsonObserver", "TextObserver", "environment_observer", "make_observer"]

LEVELS = ("debug", "info", "warn", "error", "critical")
"""The levels a person may choose, from all to little."""


class CallLog:
    """A logger that names one call on each of its lines."""

    __slots__ = ("_call", "_log")

    def __init__(self, log: Logger, call_id: str) -> None:
        self._log = log
        self._call = call_id

    def debug(self, format: str, **fields: object) -> None:
        """Tell what only a developer wants to know."""
        self._log.debug(format, call=self._call, **fields)

    def info(self, format: str, **fields: object) -> None:
        """Tell what happened in the normal course."""
        self._log.info(format, call=self._call, **fields)

    def warn(self, format: str, **fields: object) -> None:
        """Tell what somebody should look at."""
        self._log.warn(format, call=self._call, **fields)

    def error(self, format: str, **fields: object) -> None:
        """Tell what failed."""
        self._log.error(format, call=self._call, **fields)

    def failure(self, format: str, failure: Failure, **fields: object) -> None:
        """Tell what failed by a fault of ours, with its traceback."""
        self._log.emit(LogLevel.critical, format, log_failure=failure, call=self._call, **fields)


@implementer(ILogObserver)
class TextObserver:
    """Writes an event as one line: time in UTC, level, the call where there is one, the sentence."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        """Write one event; a traceback follows indented."""
        call = f"[{printable(str(event['call']))}] " if "call" in event else ""
        lines = [f"{_time(event)} {_level(event):8} {call}{_sentence(event)}"]
        lines += ["    " + printable(line) for line in _traceback(event)]
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()


@implementer(ILogObserver)
class JsonObserver:
    """Writes an event as one JSON object: time, level, source, message, call and each named field."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        """Write one event."""
        line: dict[str, object] = {key: _plain(value) for key, value in event.items() if _is_field(key)}
        line |= {
            "time": _time(event),
            "level": _level(event),
            "source": str(event.get("log_namespace", "")),
            "message": _sentence(event),
        }
        if traceback := _traceback(event):
            line["traceback"] = [printable(each) for each in traceback]
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


FORMATS: dict[str, Callable[[TextIO], ILogObserver]] = {"text": TextObserver, "json": JsonObserver}
"""The ways to write a log."""


def make_observer(format: str = "text", level: str = "info", stream: TextIO | None = None) -> ILogObserver:
    """The observer for a format of FORMATS and a level of LEVELS; ``stream`` is standard output when not given.

    Twisted's own chatter about factories and ports is let through from "warn" on, whatever the level.
    """
    predicate = LogLevelFilterPredicate(LogLevel.lookupByName(level))
    quiet = level if level in ("error", "critical") else "warn"
    for namespace in ("twisted", "log_legacy"):
        predicate.setLogLevelForNamespace(namespace, LogLevel.lookupByName(quiet))
    return FilteringLogObserver(FORMATS[format](stream or sys.stdout), [predicate])


def environment_observer() -> ILogObserver:
    """The observer that RUSTALK_LOG_FORMAT and RUSTALK_LOG_LEVEL ask for; twistd takes it by name (``--logger``).

    Raises ValueError when one of them has no such value.
    """
    return make_observer(_choice("RUSTALK_LOG_FORMAT", "text", FORMATS), _choice("RUSTALK_LOG_LEVEL", "info", LEVELS))


def _choice(variable: str, default: str, choices: Collection[str]) -> str:
    value = os.environ.get(variable) or default
    if value not in choices:
        raise ValueError(f"{variable} is {value!r} in the environment: use one of {', '.join(choices)}.")
    return value


def _is_field(key: str) -> bool:
    return not key.startswith("log_") and key not in _LEGACY


_LEGACY = frozenset(("time", "system", "message", "format", "isError", "failure", "why", "logLevel"))


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return printable(str(value))


def _time(event: LogEvent) -> str:
    milliseconds = int(event.get("log_time", 0.0) * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(2)
def _second(second: int) -> str:
    """The part of a time that many lines share."""
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return "info" if level is None else str(level.name)


def _sentence(event: LogEvent) -> str:
    """The sentence of an event: by a template where its fields are plain names, which is ten times as fast."""
    template, names = _template(event.get("log_format") or "")
    if template:
        try:
            return printable(template % tuple(event[name] for name in names))
        except KeyError:
            pass
    return printable(formatEvent(event))


@lru_cache(1024)
def _template(format: str) -> tuple[str, tuple[str, ...]]:
    """A format as a %-template and the fields it takes; '' where a field is more than a name."""
    if not isinstance(format, str) or "%" in format:
        return "", ()
    template = _PLAIN_FIELD.sub("%s", format)
    if "{" in template or "}" in template:
        return "", ()
    return template, tuple(_PLAIN_FIELD.findall(format))


_PLAIN_FIELD = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


def _traceback(event: LogEvent) -> list[str]:
    failure = event.get("log_failure")
    return str(failure.getTraceback()).splitlines() if isinstance(failure, Failure) else []
