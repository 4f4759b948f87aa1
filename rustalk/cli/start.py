"""`rustalk start`: run the switch in the foreground."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, TextIO

import rustalk
from rustalk.observe.log import FORMATS, LEVELS

from .command import Command, Exit

__all__ = ["START"]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--config", "-c", metavar="FILE", help="the configuration; without one the switch starts on safe defaults"
    )
    parser.add_argument("--log-format", choices=sorted(FORMATS), help="default: $RUSTALK_LOG_FORMAT or text")
    parser.add_argument("--log-level", choices=LEVELS, help="default: $RUSTALK_LOG_LEVEL or info")


def _run(arguments: Namespace, out: TextIO) -> int:
    _find_plugin()
    for variable, choice in (("RUSTALK_LOG_FORMAT", arguments.log_format), ("RUSTALK_LOG_LEVEL", arguments.log_level)):
        if choice:
            os.environ[variable] = choice
    configuration = ["--config", arguments.config] if arguments.config else []
    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "rustalk", *configuration]

    from twisted.scripts import twistd

    run: Any = twistd.run
    run()
    return Exit.DONE


def _find_plugin() -> None:
    """Let Twisted see the plugin of a checkout that is not on the path as an installed one is."""
    from twisted import plugins

    here = Path(rustalk.__file__).parent.parent / "twisted" / "plugins"
    if here.is_dir() and str(here) not in plugins.__path__:
        plugins.__path__.append(str(here))


START = Command("start", "run the switch in the foreground until SIGTERM or Ctrl-C", _arguments, _run)
