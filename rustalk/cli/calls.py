"""`rustalk list-calls`, `rustalk call` and `rustalk hangup`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import datetime
from shutil import get_terminal_size
from typing import TextIO, cast

from rustalk.observe.ladder import Step, draw_ladder
from rustalk.observe.printable import printable

from .client import add_server_argument, client_for, segment
from .command import Command, Exit, text, write_json, write_table

__all__ = ["CALL", "HANGUP", "LIST_CALLS"]

_WIDTH = 110
_NARROWEST, _WIDEST = 20, 44


def _list_arguments(parser: ArgumentParser) -> None:
    add_server_argument(parser)
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default: %(default)s)")


def _list(arguments: Namespace, out: TextIO) -> int:
    body = client_for(arguments).get(f"/api/v1/calls?limit={arguments.limit}")
    if arguments.json:
        write_json(body, out)
        return Exit.DONE
    calls = cast("list[Mapping[str, object]]", body["calls"])
    rows = [
        [call["id"], call["status"], call["from"], call["to"], call["start_time"], _seconds(call), call["reason"]]
        for call in calls
    ]
    write_table(["ID", "STATUS", "FROM", "TO", "STARTED", "SECONDS", "REASON"], rows, out)
    out.write(f"{len(calls)} of {text(body, 'total')} calls\n")
    return Exit.DONE


def _one_call(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the id of the call, from list-calls")
    add_server_argument(parser)


def _call_arguments(parser: ArgumentParser) -> None:
    _one_call(parser)
    parser.add_argument("--full", action="store_true", help="write each message out, secrets masked")


def _call(arguments: Namespace, out: TextIO) -> int:
    client, path = client_for(arguments), f"/api/v1/calls/{segment(arguments.id)}"
    call, trace = client.get(path), client.get(f"{path}/trace")
    if arguments.json:
        write_json({**call, "trace": trace["messages"]}, out)
        return Exit.DONE
    out.write(_headline(call) + "\n\n")
    messages = cast("list[Mapping[str, object]]", trace["messages"])
    steps = [_step(message) for message in messages]
    width = get_terminal_size((_WIDTH, 0)).columns
    out.write(draw_ladder(steps, _names(trace), gap=_gap(width, len({step.leg for step in steps}))))
    if arguments.full:
        for message in messages:
            out.write(_in_full(message))
    return Exit.DONE


def _hang_up(arguments: Namespace, out: TextIO) -> int:
    body = client_for(arguments).request("DELETE", f"/api/v1/calls/{segment(arguments.id)}")
    if arguments.json:
        write_json(body, out)
    else:
        out.write(text(body, "message") + "\n")
    return Exit.DONE


def _headline(call: Mapping[str, object]) -> str:
    parts = [f"{text(call, 'from')} -> {text(call, 'to')}: {text(call, 'status')}"]
    if call["reason"]:
        parts.append(text(call, "reason"))
    if call["hung_up_by"]:
        parts.append(f"hung up by the {text(call, 'hung_up_by')}")
    if call["duration"] is not None:
        parts.append(f"{_seconds(call)} s of talk")
    return ", ".join(parts)


def _in_full(message: Mapping[str, object]) -> str:
    way = "to" if message["direction"] == "out" else "from"
    head = f"--- {text(message, 'time')} {way} {text(message, 'peer')} {text(message, 'transport')}"
    body = printable(str(message["text"]), lines=True).rstrip("\n")
    return f"\n{head}\n{body}\n"


def _step(message: Mapping[str, object]) -> Step:
    return Step(
        datetime.fromisoformat(str(message["time"])).timestamp(),
        cast("int", message["leg"]),
        message["direction"] == "out",
        str(message["peer"]),
        str(message["summary"]),
    )


def _gap(width: int, legs: int) -> int:
    """The width between two lines of a ladder that fills a terminal."""
    return max(_NARROWEST, min(_WIDEST, int((width - 12) / (legs + 0.25))))


def _names(trace: Mapping[str, object]) -> dict[int, str]:
    legs = cast("list[Mapping[str, object]]", trace["legs"])
    return {cast("int", leg["leg"]): str(leg["trunk"]) for leg in legs if leg["trunk"]}


def _seconds(call: Mapping[str, object]) -> str | None:
    duration = cast("float | None", call["duration"])
    return None if duration is None else f"{duration:.0f}"


LIST_CALLS = Command("list-calls", "list the calls, newest first", _list_arguments, _list)
CALL = Command("call", "show one call as a ladder", _call_arguments, _call)
HANGUP = Command("hangup", "hang a call up on both sides", _one_call, _hang_up)
