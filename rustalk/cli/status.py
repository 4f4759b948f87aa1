"""`rustalk status`, and what `rustalk trunks` shows: is it well, and whom does it reach."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TextIO, cast

from rustalk.observe.printable import printable

from .client import add_server_argument, client_for
from .command import Command, Exit, text, write_json, write_table

__all__ = ["STATUS", "show_trunks"]


def _status(arguments: Namespace, out: TextIO) -> int:
    body = client_for(arguments).get("/api/v1/status")
    if arguments.json:
        write_json(body, out)
        return Exit.DONE
    out.write(f"RusTalk {text(body, 'version')}, up {_span(cast('float', body['uptime_seconds']))}\n")
    out.write("Ready to take calls.\n" if body["ready"] else "NOT ready to take calls:\n")
    for reason in cast("list[str]", body["reasons"]):
        out.write(f"  - {printable(reason)}\n")
    out.write(f"Calls: {text(body, 'active_calls')} active, {text(body, 'total_calls')} since the start\n")
    trunks = cast("Mapping[str, int]", body["trunks"])
    out.write(f"Trunks: {trunks['total']}, of which {trunks['up']} up and {trunks['down']} down\n")
    for trunk, state in cast("Mapping[str, str]", body["trunks_not_up"]).items():
        out.write(f"Trunk {printable(trunk)}: {printable(state)}\n")
    teams = cast("Mapping[str, object]", body["teams"])
    for proxy, state in cast("Mapping[str, str]", teams["proxies"]).items():
        out.write(f"Teams {printable(proxy)}: {printable(state)}\n")
    return Exit.DONE


def show_trunks(arguments: Namespace, out: TextIO) -> int:
    """Write the trunks with the health of their hosts."""
    body = client_for(arguments).get("/api/v1/trunks")
    if arguments.json:
        write_json(body, out)
        return Exit.DONE
    rows: list[list[object]] = []
    for trunk in cast("list[Mapping[str, object]]", body["trunks"]):
        rows.append([trunk["id"], "", trunk["state"], trunk["active_calls"], trunk["since"], trunk["why"]])
        for target in cast("list[Mapping[str, object]]", trunk["targets"]):
            place = f"{target['host']}:{target['port']}/{target['transport']}"
            rows.append(["", place, target["state"], "", target["since"], target["why"]])
    write_table(["TRUNK", "HOST", "STATE", "CALLS", "SINCE", "WHY"], rows, out)
    return Exit.DONE


def _span(seconds: float) -> str:
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hours}:{minutes:02}:{whole:02}"


STATUS = Command("status", "show whether the switch is well", add_server_argument, _status)
