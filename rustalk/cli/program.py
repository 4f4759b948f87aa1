"""The `rustalk` program: start a switch, check its configuration, look into a running one, simulate Teams."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import TextIO

from rustalk import __version__
from rustalk.cli.calls import CALL, HANGUP, LIST_CALLS
from rustalk.cli.certificates import RELOAD_CERTIFICATES
from rustalk.cli.command import Command, CommandError, Exit
from rustalk.cli.completion import completion
from rustalk.cli.configuration import CHECK_CONFIG, GENERATE_CONFIG
from rustalk.cli.database import DATABASE
from rustalk.cli.items import ITEMS
from rustalk.cli.operation import OPERATION
from rustalk.cli.revisions import CONFIG
from rustalk.cli.route import ROUTE
from rustalk.cli.start import START
from rustalk.cli.status import STATUS
from rustalk.cli.teams import TEAMS
from rustalk.cli.token import TOKEN

__all__ = ["COMMANDS", "main"]

_EPILOG = """\
Begin with `rustalk demo`: a simulated Teams, a carrier and a switch, and one call each way.

What asks a running switch takes a token of its API: --token, $RUSTALK_TOKEN, or a file (--token-file); --server or
$RUSTALK_SERVER says where the switch is. `rustalk help COMMAND` tells more of one command.

exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no switch answers
"""


def _rest(parser: ArgumentParser) -> None:
    parser.add_argument("rest", nargs=REMAINDER, metavar="...", help="its own options; --help lists them")


def _demo(arguments: Namespace, out: TextIO) -> int:
    from rustalk.simulator.demo import run

    return run(arguments.rest)


def _teams_sim(arguments: Namespace, out: TextIO) -> int:
    from rustalk.simulator.command import run

    return run(arguments.rest)


COMMANDS = (
    Command("demo", "simulator, switch and carrier: one call each way, with audio, in under a minute", _rest, _demo),
    START,
    CHECK_CONFIG,
    GENERATE_CONFIG,
    ROUTE,
    STATUS,
    LIST_CALLS,
    CALL,
    HANGUP,
    *ITEMS,
    *OPERATION,
    CONFIG,
    TEAMS,
    RELOAD_CERTIFICATES,
    DATABASE,
    TOKEN,
    completion(lambda: _parser()),
    Command("teams-sim", "run the simulated Teams proxies", _rest, _teams_sim),
)
"""Every verb, in the order of the help."""

_OWN_OPTIONS = frozenset(("demo", "teams-sim"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Wrong usage raises SystemExit(2), as argparse does."""
    arguments = _parse(list(sys.argv[1:] if argv is None else argv))
    try:
        code: int = arguments.command.run(arguments, sys.stdout)
        sys.stdout.flush()
    except CommandError as error:
        sys.stderr.write(f"rustalk {arguments.command.name}: {error}\n")
        return error.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except KeyboardInterrupt:
        return 130
    return code


def _parse(argv: list[str]) -> Namespace:
    if argv[:1] == ["help"]:
        argv = [*(word for word in argv[1:] if word not in ("-h", "--help")), "--help"]
    if argv and argv[0] in _OWN_OPTIONS:
        command = next(command for command in COMMANDS if command.name == argv[0])
        return Namespace(command=command, rest=argv[1:])
    return _parser().parse_args(argv)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "rustalk",
        description="Session border controller for Microsoft Teams Direct Routing.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"RusTalk {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(own)
        own.set_defaults(command=command)
    about = commands.add_parser("help", help="tell what there is, or more of one command", add_help=False)
    about.add_argument("words", nargs="*", metavar="COMMAND", choices=[each.name for each in COMMANDS])
    version = commands.add_parser("version", help="show the version")
    version.set_defaults(command=_VERSION)
    return parser


def _version(arguments: Namespace, out: TextIO) -> int:
    out.write(f"RusTalk {__version__}\n")
    return Exit.DONE


_VERSION = Command("version", "show the version", lambda parser: None, _version)
