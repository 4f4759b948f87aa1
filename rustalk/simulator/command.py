"""``rustalk teams-sim``: the simulated Teams cloud in a terminal, for an SBC that runs somewhere else.

It writes the certificates that the SBC needs, prints what to put into the SBC's configuration, and then a line for each
ping, call and violation. With ``--catalogue`` it plays every call script of the document instead. The exit code is 1
when the SBC broke a rule of the document, else 0.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall, react

from rustalk.observe.printable import printable

from .catalogue.command import add_options, print_configuration, run_catalogue
from .catalogue.story import Story as CatalogueStory
from .catalogue.table import CATALOGUE
from .pki import Pki
from .result import Plan
from .sandbox import FQDN
from .scripts import ANSWERS, CALLS, Script
from .teams import Addresses, SimTeams
from .tenants import Tenant, TenantTable

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the simulator until interrupted or for ``--seconds``; the exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.scripts:
        print(_catalogue())
        return 0
    if arguments.call and not arguments.sbc:
        print("--call needs --sbc: the name and address of the SBC to call.", file=sys.stderr)
        return 2
    story = _simulate if arguments.catalogue is None and not arguments.print_config else _play_catalogue
    try:
        react(lambda reactor: Deferred.fromCoroutine(story(reactor, arguments)))
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else 1
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="rustalk teams-sim",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    defaults = [f"{address}:5061" for address in Addresses().proxies]
    parser.add_argument(
        "--listen", nargs=3, type=_place, default=[_place(one) for one in defaults], metavar="ADDRESS:PORT",
        help=f"where the three proxies listen (default: {' '.join(defaults)})",
    )  # fmt: skip
    parser.add_argument(
        "--sbc", type=_sbc, metavar="FQDN=ADDRESS[:PORT]", help="the SBC's name, its address and its port (5061)"
    )
    parser.add_argument(
        "--directory", type=Path, default=Path("teams-sim"), metavar="DIR",
        help="where the certificates are kept; made on the first run (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--number", action="append", default=[], metavar="NUMBER", help="a Teams user (default: +441273652000)"
    )
    parser.add_argument("--answer", choices=sorted(ANSWERS), default="answer", help="how calls are answered")
    parser.add_argument("--call", metavar="NUMBER", help="call this number through the SBC")
    parser.add_argument(
        "--from", dest="from_", default="John Doe<+441273652000>", metavar="NUMBER", help="as this user"
    )
    parser.add_argument("--script", choices=sorted(CALLS), default="call", help="how calls are made")
    parser.add_argument("--every", type=float, default=0.0, metavar="SECONDS", help="call again and again")
    parser.add_argument("--talk", type=float, default=5.0, metavar="SECONDS", help="how long (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="SECONDS", help="end after so long")
    parser.add_argument("--scripts", action="store_true", help="list the scripts and end")
    add_options(parser, _place)
    return parser


def _place(text: str) -> tuple[str, int]:
    address, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is not ADDRESS:PORT, such as 127.0.0.2:5061")
    return address, int(port)


def _sbc(text: str) -> tuple[str, str, int]:
    name, equals, place = text.partition("=")
    if not name or not equals or not place:
        raise ArgumentTypeError(f"{text!r} is not FQDN=ADDRESS or FQDN=ADDRESS:PORT, such as sbc.test=127.0.0.1:5061")
    address, port = _place(place if ":" in place else f"{place}:5061")
    return name.lower(), address, port


def _catalogue() -> str:
    lines = ["Calls are answered by (--answer):", *map(_line, ANSWERS.values())]
    lines += ["", "Calls are made by (--script):", *map(_line, CALLS.values())]
    return "\n".join([*lines, "", "The catalogue (--catalogue):", *map(_line, CATALOGUE)])


def _line(script: Script[Any] | CatalogueStory) -> str:
    rows = f" [{', '.join(script.rows)}]" if script.rows else ""
    return f"  {script.name:24} {' '.join(script.about.split())}{rows}"


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S.%f}"[:12], printable(line), flush=True)


def _certificates(directory: Path, fqdn: str) -> Pki:
    try:
        return Pki.load(directory)
    except FileNotFoundError:
        made = Pki.make([fqdn, f"*.{fqdn}"])
        made.write(directory)
        return made


async def _play_catalogue(reactor: Any, arguments: Namespace) -> None:
    pki = _usable_certificates(arguments.directory, arguments.sbc[0] if arguments.sbc else FQDN)
    if arguments.print_config:
        print_configuration(reactor, arguments, pki)
        return
    if not await run_catalogue(reactor, arguments, pki, lambda line: print(printable(line), flush=True)):
        raise SystemExit(1)


def _usable_certificates(directory: Path, fqdn: str) -> Pki:
    try:
        return _certificates(directory, fqdn)
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"The certificates in {directory} cannot be used: {error}. Remove it or name another."
        ) from None


async def _simulate(reactor: Any, arguments: Namespace) -> None:
    fqdn, address, port = arguments.sbc or ("sbc.example.test", "127.0.0.1", 5061)
    pki = _usable_certificates(arguments.directory, fqdn)
    table = TenantTable([Tenant.of("Simulated", [fqdn], arguments.number or ["+441273652000"])])
    places = arguments.listen
    teams = SimTeams(
        reactor,
        pki,
        table,
        {fqdn: address},
        addresses=Addresses(
            proxies=(places[0][0], places[1][0], places[2][0]), ports=(places[0][1], places[1][1], places[2][1])
        ),
        plan=Plan(talk=arguments.talk),
        notice=_say,
    )
    teams.answer_with(arguments.answer)
    try:
        await teams.start()
        _introduce(teams, arguments.directory, fqdn)
        await _go_on(reactor, teams, arguments, f"{fqdn}:{port}")
    except CannotListenError as error:
        raise SystemExit(f"{error}. Give other places with --listen.") from None
    finally:
        await teams.stop()
        _conclude(teams)
    if teams.violations:
        raise SystemExit(1)


def _introduce(teams: SimTeams, directory: Path, fqdn: str) -> None:
    names = ", ".join(f'"{name}": "{address}"' for name, address in teams.hosts.items())
    proxies = ", ".join(f'"{proxy}"' for proxy in teams.sip_proxies)
    print(
        f"Simulated Teams. For the configuration of the SBC {fqdn}:\n"
        f"  teams.sip_proxies      [{proxies}]\n"
        f'  teams.networks         ["127.0.0.0/8"]\n'
        f"  teams.mtls_cert_path   {directory / 'sbc.pem'}\n"
        f"  teams.mtls_key_path    {directory / 'sbc.key'}\n"
        f"  teams.ca_path          {directory / 'teams-root.pem'}\n"
        f"  dns.hosts              {{{names}}}",
        flush=True,
    )


async def _go_on(reactor: Any, teams: SimTeams, arguments: Namespace, trunk: str) -> None:
    """Place the calls that were asked for, until the time is over; for ever without one."""
    over: Deferred[None] = Deferred()
    if arguments.seconds:
        reactor.callLater(arguments.seconds, over.callback, None)
    reactor.addSystemEventTrigger("before", "shutdown", _end, over)

    def place() -> None:
        teams.place_call(arguments.call, arguments.from_, arguments.script, trunks=[trunk])

    repeated = LoopingCall(place)
    if arguments.call and arguments.every:
        repeated.start(arguments.every)
    elif arguments.call:
        place()
    await over
    if repeated.running:
        repeated.stop()


def _end(over: Deferred[None]) -> None:
    if not over.called:
        over.callback(None)


def _conclude(teams: SimTeams) -> None:
    for region in teams.regions.values():
        print(f"{region.name}: {region.state}; {region.in_options_seen} OPTIONS of the SBC")
    answered = sum(result.answered for result in teams.results)
    print(f"{len(teams.results)} calls, {answered} answered; {len(teams.violations)} violations", flush=True)
