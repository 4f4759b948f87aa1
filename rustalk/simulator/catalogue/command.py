"""``rustalk teams-sim --catalogue``: every story against a running SBC, a line for each, and how many passed.

``--print-config`` prints the configuration that the SBC needs for it, with the certificates of ``--directory``.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from twisted.internet.error import CannotListenError

from ..pki import Pki, PkiFiles
from ..sandbox import Ports
from ..teams import Addresses
from .claim import UnmetError
from .play import play_all
from .scene import Scene
from .site import ROLES, Site
from .table import CATALOGUE

__all__ = ["add_options", "print_configuration", "run_catalogue"]

HEALTHY_WITHIN = 75.0
"""An SBC pings every 60 s: longer than this it has not found us."""

API_PORT = 8080
FIRST_CARRIER = ("127.0.0.9", 5060)


def add_options(parser: ArgumentParser, place: Callable[[str], tuple[str, int]]) -> None:
    """Add what the catalogue needs; ``place`` reads ADDRESS:PORT."""
    group = parser.add_argument_group("the catalogue")
    group.add_argument(
        "--catalogue", nargs="*", metavar="STORY",
        help="play every story against the SBC, or those of these names; exit code 0 only if all pass",
    )  # fmt: skip
    group.add_argument(
        "--print-config", action="store_true", help="print the configuration that the SBC needs for the catalogue"
    )
    group.add_argument(
        "--sbc-carriers", type=place, metavar="ADDRESS:PORT",
        help="where the SBC listens for carriers, over UDP (default: its address, port 5060)",
    )  # fmt: skip
    group.add_argument(
        "--carriers", type=place, default=FIRST_CARRIER, metavar="ADDRESS:PORT",
        help=f"the first of the {len(ROLES)} addresses in a row at which the carriers listen"
        f" (default: {FIRST_CARRIER[0]}:{FIRST_CARRIER[1]})",
    )  # fmt: skip


def print_configuration(reactor: Any, arguments: Namespace, pki: Pki) -> None:
    """Print what the SBC must be configured with."""
    scene = _scene(reactor, arguments, pki, lambda line: None)
    directory = arguments.directory.resolve()
    files = PkiFiles(directory / "sbc.pem", directory / "sbc.key", directory / "teams-root.pem")
    print(scene.site.configuration(directory, files, scene.teams.hosts, scene.teams.sip_proxies))


async def run_catalogue(reactor: Any, arguments: Namespace, pki: Pki, say: Callable[[str], None]) -> bool:
    """Play the stories; whether all passed. Raises SystemExit with the cause when they cannot be played."""
    stories = [one for one in CATALOGUE if not arguments.catalogue or one.name in arguments.catalogue]
    if unknown := set(arguments.catalogue) - {one.name for one in CATALOGUE}:
        raise SystemExit(f"The catalogue has no {', '.join(sorted(unknown))}; --scripts lists what it has.")
    scene = _scene(reactor, arguments, pki, lambda line: None)
    try:
        await scene.open()
        say(f"Waiting for OPTIONS of {scene.site.fqdn} at three proxies ...")
        await scene.healthy(HEALTHY_WITHIN)
        verdicts = await play_all(scene, stories, say)
    except UnmetError as error:
        raise SystemExit(f"{error}. Does the SBC have the configuration that --print-config prints?") from None
    except CannotListenError as error:
        raise SystemExit(f"{error}. Give other places with --listen and --carriers.") from None
    finally:
        await scene.close()
    return not any(one.cause for one in verdicts)


def _scene(reactor: Any, arguments: Namespace, pki: Pki, notice: Callable[[str], None]) -> Scene:
    fqdn, address, port = arguments.sbc or (Site().fqdn, Site().address, Site().ports.teams)
    carriers = _in_a_row(*arguments.carriers)
    listening = arguments.sbc_carriers or (address, Site().ports.carrier)
    site = Site(fqdn, address, listening[0], Ports(port, listening[1], API_PORT), carriers)
    one, two, three = arguments.listen
    addresses = Addresses(proxies=(one[0], two[0], three[0]), ports=(one[1], two[1], three[1]))
    return Scene(reactor, site, pki, addresses=addresses, carriers=carriers, notice=notice)


def _in_a_row(first: str, port: int) -> dict[str, tuple[str, int]]:
    """An address for each role, counted up from the first."""
    start = ip_address(first)
    return {role.id: (str(start + number), port) for number, role in enumerate(ROLES)}
