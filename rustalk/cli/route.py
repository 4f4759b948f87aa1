"""`rustalk route test`: where a call would go, and why."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
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

from .command import Command, CommandError, Exit, write_json
from .configuration import read_file
from .dry_run import DryRun, Goal, Question, Trial

__all__ = ["ROUTE"]


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    test = verbs.add_parser("test", help=_HELP, description=_HELP)
    test.add_argument("number", metavar="NUMBER", help="the number that is called, as the trunk writes it")
    test.add_argument("--from", dest="source", required=True, metavar="WHO", help="a trunk, teams, or an extension")
    test.add_argument("--caller", default="", metavar="NUMBER", help="who calls; default: anonymous, or the extension")
    test.add_argument("--host", default="", help="the name that Teams calls, which tells the tenant; default: our own")
    test.add_argument("--location", default="", metavar="METHOD", help="how Teams found the caller's place, as LIS")
    test.add_argument("--at", type=_moment, metavar="TIME", help="when, as 2026-11-23T12:00, UTC unless said; now")
    test.add_argument("--config", "-c", default="rustalk.json", metavar="FILE", help="default: %(default)s")
    test.add_argument("--json", action="store_true", help="write JSON for programs")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-11-23T12:00 or 2026-11-23T12:00+01:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _test(arguments: Namespace, out: TextIO) -> int:
    try:
        dry_run = DryRun(load(read_file(arguments.config), arguments.config))
    except ConfigError as error:
        raise CommandError(str(error)) from None
    source = dry_run.source(arguments.source)
    if source is None:
        known = ", ".join(sorted(dry_run.trunks)) or "none"
        message = f"--from {printable(arguments.source)}: there is no such trunk or extension. Enabled trunks: {known}."
        raise CommandError(message, Exit.USAGE)
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
