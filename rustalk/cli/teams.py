"""`rustalk teams script`: the PowerShell that pairs this configuration with a tenant."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import zip_longest
from typing import TextIO

from rustalk.config.load import load
from rustalk.config.problem import ConfigError
from rustalk.trunk.pairing import PairingError, User, script

from .command import Command, CommandError, Exit
from .configuration import read_file

__all__ = ["TEAMS"]

_HELP = "write the PowerShell that pairs this configuration with a Microsoft 365 tenant"


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    pair = verbs.add_parser("script", help=_HELP, description=_HELP)
    pair.add_argument("--config", "-c", default="rustalk.json", metavar="FILE", help="default: %(default)s")
    pair.add_argument("--tenant", default="", metavar="ID", help="for this customer of teams.tenants; default: our own")
    pair.add_argument("--name", default="RusTalk", help="of usage, voice route and policy (default: %(default)s)")
    pair.add_argument("--user", action="append", default=[], metavar="UPN", help="who gets the policy; again for more")
    pair.add_argument("--number", action="append", default=[], metavar="+E164", help="of the users, in their order")


def _script(arguments: Namespace, out: TextIO) -> int:
    if len(arguments.number) > len(arguments.user):
        raise CommandError("There are more --number than --user. Give a --user for each.", Exit.USAGE)
    try:
        users = [User(*pair) for pair in zip_longest(arguments.user, arguments.number, fillvalue="")]
        settings = load(read_file(arguments.config), arguments.config)
        text = script(settings, name=arguments.name, tenant=arguments.tenant, users=users)
    except (ConfigError, PairingError) as error:
        raise CommandError(str(error)) from None
    out.write(text)
    return Exit.DONE


TEAMS = Command("teams", f"script: {_HELP}", _arguments, _script)
