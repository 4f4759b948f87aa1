"""`rustalk route test`: where a call would go and why, by a configuration file or as a running switch has it."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from rustalk.config.load import load
from rustalk.config.model import Destination
from rustalk.config.problem import ConfigError
from rustalk.observe.printable import printable
from rustalk.pbx.directory import calling_extension
from rustalk.pbx.route_test import why
from rustalk.sip.errors import RemoteProtocolError
from rustalk.ua.reasons import REASONS

from .client import ApiClient, add_server_argument, client_for, query, server_of
from .command import Command, CommandError, Exit, write_json
from .configuration import read_file
from .dry_run import DryRun, Goal, Question, Trial
from .items import every, write_tested

__all__ = ["ROUTE"]

_FILE = "rustalk.json"
_LISTED = 20


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    test = verbs.add_parser("test", help=_HELP, description=_HELP)
    test.add_argument("number", metavar="NUMBER", help="the number that is called, as the trunk writes it")
    test.add_argument("--from", dest="source", required=True, metavar="WHO", help="a trunk, teams, or an extension")
    test.add_argument("--caller", default="", metavar="NUMBER", help="who calls; default: anonymous, or the extension")
    test.add_argument("--host", default="", help="the name that Teams calls, which tells the tenant; default: our own")
    test.add_argument("--location", default="", metavar="METHOD", help="how Teams found the caller's place, as LIS")
    test.add_argument("--at", type=_moment, metavar="TIME", help="when, as 2026-11-23T12:00, UTC unless said; now")
    test.add_argument(
        "--config",
        "-c",
        metavar="FILE",
        help=f"by this file; default: {_FILE}, where no server is named",
    )
    add_server_argument(test)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-11-23T12:00 or 2026-11-23T12:00+01:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _test(arguments: Namespace, out: TextIO) -> int:
    if arguments.config and arguments.server:
        raise CommandError("Give --config for a file or --server for a running switch, not both.", Exit.USAGE)
    return _by_file(arguments, out) if arguments.config or not server_of(arguments) else _by_switch(arguments, out)


def _by_file(arguments: Namespace, out: TextIO) -> int:
    name = arguments.config or _FILE
    try:
        settings = load(read_file(name), name)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    dry_run = DryRun(settings)
    source = dry_run.source(arguments.source)
    if source is None:
        raise _unknown(arguments.source, dry_run.trunks, (each.extension for each in settings.extensions))
    now = arguments.at or datetime.now(UTC)
    caller = arguments.caller or calling_extension(source)
    question = Question(source, arguments.number, now, caller, arguments.host, location=arguments.location)
    try:
        trial = dry_run.ask(question)
    except RemoteProtocolError as error:
        raise CommandError(f"--host {printable(arguments.host)}: {error.reason}. Give a name.", Exit.USAGE) from None
    if arguments.json:
        write_json(_as_json(question, trial), out)
    else:
        out.write("".join(f"{printable(line)}\n" for line in _lines(question, trial)))
    return Exit.FAILED if trial.destination is None else Exit.DONE


def _by_switch(arguments: Namespace, out: TextIO) -> int:
    if arguments.host or arguments.location:
        option = "--host" if arguments.host else "--location"
        raise CommandError(f"{option} can be tried on a file only: give --config, too.", Exit.USAGE)
    client, name = client_for(arguments), arguments.source
    trunks = [str(each["id"]) for each in every(client, "/api/v1/trunks", "trunks")[0]]
    wanted: dict[str, object] = {"caller_id": arguments.caller, "destination": arguments.number, "source_trunk": name}
    if name not in trunks:
        wanted |= {"caller_id": _number(client, name, trunks), "source_trunk": None}
    at = arguments.at and arguments.at.isoformat()
    body = client.request("POST", "/api/v1/routes/test", wanted | {"at": at})
    write_tested(arguments, body, out)
    return Exit.DONE if body["success"] else Exit.FAILED


def _number(client: ApiClient, name: str, trunks: Iterable[str]) -> str:
    """The number of an extension of the switch, by its number or id."""
    for key in ("extension", "id"):
        found, _ = every(client, f"/api/v1/extensions{query(**{key: name})}", "extensions", 1)
        if found:
            return str(found[0]["extension"])
    listed, total = every(client, "/api/v1/extensions", "extensions", _LISTED)
    raise _unknown(name, trunks, (str(each["extension"]) for each in listed), int(str(total)))


def _unknown(name: str, trunks: Iterable[str], extensions: Iterable[str], total: int | None = None) -> CommandError:
    """The error for a caller that there is not, with those that there are."""
    numbers = list(extensions)
    more = (len(numbers) if total is None else total) - _LISTED
    some = f"{', '.join(numbers[:_LISTED])} and {more} more" if more > 0 else ", ".join(numbers) or "none"
    told = (
        f"--from {name}: there is no such trunk or extension.",
        f"Trunks: {', '.join(sorted(trunks)) or 'none'}.",
        f"Extensions: {some}.",
    )
    return CommandError("\n".join(map(printable, told)), Exit.USAGE)


def _lines(question: Question, trial: Trial) -> list[str]:
    """The way of the call in words."""
    subject = trial.subject
    lines = [
        f"call     {_both(question.caller or 'anonymous', subject.caller)} to {_both(question.number, subject.called)}",
        f"from     {question.source} at {question.now.isoformat()}",
    ]
    if subject.is_emergency:
        lines.append("         an emergency number: no rule changes it")
    if question.location:
        lines.append(f"         with a location found by {question.location}")
    if subject.tenant:
        lines.append(f"tenant   {subject.tenant}")
    lines += [f"route    {step.name} {why(step)}" if step.route else f"then     {why(step)}" for step in trial.steps]
    if trial.destination is None:
        reason = REASONS[trial.code]
        lines.append(f"refused  {trial.status}, {trial.code}: {reason.text}")
        return [*lines, f"         see {reason.advice}"] if reason.advice else lines
    return [*lines, *_goal(trial, trial.destination)]


def _goal(trial: Trial, first: Destination) -> list[str]:
    """Where the call goes first, and where if that fails."""
    goal = trial.goal
    lines = [f"goes to  {goal.trunk} as {goal.called}" if goal is not None else f"goes to  {first.type} {first.value}"]
    if goal is not None:
        lines += [f"         From: {goal.from_}", *(f"         {name}: {value}" for name, value in goal.fields)]
    later = trial.destinations[trial.destinations.index(first) + 1 :]
    return [*lines, *(f"then     {each.type} {each.value}" for each in later)]


def _both(given: str, seen: str) -> str:
    return given if given == seen else f"{given} (that is {seen or 'nobody'})"


def _as_json(question: Question, trial: Trial) -> dict[str, object]:
    subject = trial.subject
    return {
        "from": question.source,
        "at": question.now.isoformat(),
        "caller": subject.caller,
        "called": subject.called,
        "emergency": subject.is_emergency,
        "location": question.location or None,
        "tenant": subject.tenant or None,
        "steps": [
            {
                "route": step.name,
                "result": step.result,
                "why": why(step),
                "condition": step.condition.TYPE if step.condition else None,
            }
            for step in trial.steps
        ],
        "destination": None if trial.destination is None else _destination(trial.destination, trial.goal),
        "destinations": [{"type": each.type, "value": each.value} for each in trial.destinations],
        "refusal": None
        if trial.destination is not None
        else {"code": trial.code, "status": trial.status, "text": REASONS[trial.code].text},
    }


def _destination(first: Destination, goal: Goal | None) -> dict[str, object]:
    """The first place, and the INVITE to it where it is a trunk."""
    place: dict[str, object] = {"type": first.type, "value": first.value}
    if goal is None:
        return place
    headers = [{"name": name, "value": value} for name, value in goal.fields]
    return place | {"trunk": goal.trunk, "called": goal.called, "from": goal.from_, "headers": headers}


_HELP = "tell where a call would go, and why, without calling anybody"
ROUTE = Command("route", f"test: {_HELP}", _arguments, _test)
