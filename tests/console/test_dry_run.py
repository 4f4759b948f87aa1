"""What the switch would do with a call: the same as it does."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.call.switchboard import Placed
from rustalk.cli.dry_run import DryRun, Question, compose
from rustalk.config.load import load
from rustalk.config.model import Extension, Manners, Settings
from rustalk.pbx.dialplan import Dialplan
from rustalk.pbx.directory import calling_extension
from rustalk.pbx.grants import Grants
from rustalk.pbx.phone import Phone
from rustalk.pbx.route_test import tested as told_by_api
from rustalk.pbx.switchboard import Goal, Switchboard
from rustalk.sip.message import Request
from rustalk.trunk.build import build_trunks
from rustalk.trunk.dialect import Dialect
from rustalk.ua.profile import name_ourselves
from rustalk.ua.reasons import REASONS
from tests.fakes.messages import parse
from tests.fakes.network import Network
from tests.scenarios.site import CONFIGURATION, FQDN, SBC, merged

CONFIGURATIONS, CALLS = 200, 50
MONDAY = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
HOSTS = (FQDN, f"a.{FQDN}", f"B.{FQDN.upper()}", "stranger.example", "")
TRUNKS = ("carrier", "other", "teams")
PATTERNS = ("", r"^\+49", r"^\+", "^1", "^0", "0$", r"^\+?911$", "^anonymous$")
NUMBERS = ("030123456", "+4930123456", "1001", "911", "+911", "112", "15551230002", "", "bob", "a@b", "0049301234567")
FIELDS = (
    ("P-Asserted-Identity", "<tel:+4930999>, <sip:u@contoso.example>"),
    ("Privacy", "id"),
    ("Diversion", "<sip:1001@pbx.example>;reason=user-busy"),
    ("History-Info", "<sip:+1@x?Reason=SIP%3Bcause%3D302>;index=1,<sip:+1@x?Reason=SIP%3Bcause%3D302>;index=1.1"),
    ("User-to-User", "00"),
    ("X-Known", "v"),
    ("x-ms-usersite", "v"),
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"type": "Time", "start_time": "09:00", "end_time": "17:00"},
    {"type": "DayOfWeek", "days": [1, 2, 3]},
    {"type": "CallerId", "pattern": r"^\+49", "negate": True},
    {"type": "Location", "methods": ["LIS", "assist"]},
    {"type": "Header", "name": "User-to-User", "pattern": "^00$"},
    {"type": "Holiday", "calendar": "holidays", "negate": True},
)


DESTINATIONS: tuple[dict[str, Any], ...] = (
    *({"type": "Trunk", "value": each} for each in TRUNKS),
    {"type": "Hangup", "value": "486"},
    {"type": "Extension", "value": "${destination}"},
    {"type": "Extension", "value": "1001"},
    {"type": "RingGroup", "value": "sales"},
)
REWRITES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"destination": [{"match": "^0", "replace": "+49"}]},
    {"caller": [{"match": "^(1)", "replace": r"+49\1"}], "destination": [{"match": r"^\+", "replace": ""}]},
)
HOUSE: dict[str, Any] = {
    "extensions": [
        {"extension": "1001", "display_name": "Alice", "caller_id_number": "+4930100", "password": "guess it slowly"},
        {"extension": "1002", "caller_id_name": "Bob Ltd", "password": "guess it slowly"},
        {"extension": "1003", "enabled": False, "password": "guess it slowly"},
    ],
    "ring_groups": [{"id": "sales", "extensions": ["1001", "1002"]}],
    "dids": [
        {"number": "+4930123456", "destination": {"type": "RingGroup", "value": "sales"}},
        {"number": "15551230002", "destination": "1002"},
        {"number": "0", "destination": {"type": "Hangup", "value": "410"}},
    ],
    "calendars": [{"id": "holidays", "dates": [{"date": "2026-11-25"}]}],
    "policies": [
        {"id": "office", "time_window": {"start": "07:00", "end": "19:00", "timezone": "Europe/Berlin"}},
        {"id": "here", "allowed_countries": ["DE"]},
        {"id": "few", "by": "caller", "daily_limit": {"count": 1}},
        {"id": "seldom", "by": "trunk", "frequency_limit": {"count": 1, "window_hours": 50}},
    ],
}
LASTING, COUNTING = ("", "", "", "office", "here"), ("", "", "office", "few", "seldom")
"""Policies that say the same of each call, and ones that count."""


def some_routes(random: Random, prefix: str, policies: Sequence[str]) -> list[dict[str, Any]]:
    """Up to five routes."""
    routes: list[dict[str, Any]] = []
    for number in range(random.randrange(6)):
        action = random.choice(("accept", "accept", "accept", "reject", "continue"))
        route: dict[str, Any] = {
            "id": f"{prefix}{number}",
            "pattern": random.choice(PATTERNS),
            "source": random.choice(("", "", *TRUNKS)),
            "priority": random.randrange(3),
            "enabled": random.random() < 0.9,
            "conditions": random.sample(CONDITIONS, random.choice((0, 0, 1, 2))),
            "timezone": random.choice(("UTC", "Asia/Tokyo")),
            "rewrite": random.choice(REWRITES),
            "action": action,
            "continue_on_match": action == "continue",
            "emergency": action == "accept" and random.random() < 0.2,
            "policy": random.choice(policies),
            "max_calls": 1 if policies is COUNTING and random.random() < 0.3 else 0,
        }
        if action == "accept" and random.random() < 0.3:
            route |= {"destinations": random.sample(DESTINATIONS[:3], 2), "select": random.choice(("order", "hash"))}
        elif action != "continue":
            route["destination"] = random.choice(DESTINATIONS if action == "accept" else DESTINATIONS[3:4])
        routes.append(route)
    return routes


def some_manners(random: Random) -> dict[str, Any]:
    """How a trunk wants to be spoken to."""
    rules = [
        {"match": r"^0(\d+)$", "replace": r"+49\1"},
        {"match": r"^\+", "replace": "00"},
        {"match": "^9", "replace": ""},
    ]
    return {
        "country": random.choice(("", "", "DE", "US")),
        "identity": random.choice(("pai", "ppi", "from", "none")),
        "history": random.choice(("history-info", "diversion", "both", "none")),
        "trusted": random.random() < 0.5,
        "numbers": {"in": random.sample(rules, random.randrange(3)), "out": random.sample(rules, random.randrange(3))},
        "headers": random.sample([{"name": "X-Known", "direction": "out", "action": "keep"}], random.randrange(2)),
    }


def some_settings(random: Random, policies: Sequence[str] = LASTING) -> Settings:
    """A switch between two carriers and two tenants of Teams, with random routes and manners."""
    tenants = [
        {"id": id, "fqdn": f"{id}.{FQDN}", "routes": some_routes(random, f"{id}-", policies)} for id in ("a", "b")
    ]
    base: Any = merged(
        CONFIGURATION,
        {
            "teams": some_manners(random) | {"tenants": random.choice(([], tenants))},
            "routing": {"routes": some_routes(random, "common-", policies)},
        },
    )
    base["trunks"] = [
        trunk | some_manners(random) | {"policy": random.choice(policies)} for trunk in CONFIGURATION["trunks"]
    ]
    extensions = [each | {"policy": random.choice(policies)} for each in HOUSE["extensions"]]
    return load(json.dumps(base | HOUSE | {"extensions": extensions}))


class Live:
    """The parts of the running switch that decide, with phones that are all there."""

    def __init__(self, settings: Settings) -> None:
        profiles = {each.id: name_ourselves(each, settings) for each in settings.profiles}
        self.trunks = build_trunks(settings, profiles, cast(Any, None), cast(Any, None), Clock())
        self.now = MONDAY
        self._settings = settings
        self._dialect = Dialect(Manners())
        self.grants = Grants(settings, lambda: 0.0)
        self.switchboard = Switchboard(
            Dialplan(settings, below=lambda _count: 0),
            self.grants,
            peers=cast(Any, self),
            address=lambda _uri: None,
            now=lambda: self.now,
        )

    def get(self, id: str) -> object:
        """A trunk."""
        return self.trunks.get(id)

    def is_busy(self, number: str) -> bool:
        """Nobody is."""
        return False

    def phone(self, number: str) -> Phone | None:
        """An extension, of whose phones a gateway of a trunk stands in for one."""
        extension = next((each for each in self._settings.extensions if each.extension == number), None)
        return None if extension is None else StandIn(extension, self._dialect, self.trunks["carrier"].gateways)

    def place(self, question: Question) -> Placed:
        """What becomes of a call whose INVITE comes over the wire."""
        self.now = question.now
        request = on_the_wire(question)
        peer: Any = self.phone(calling_extension(question.source)) or self.trunks[question.source]
        return self.switchboard.place(peer.subject(request), question.source, request.get)


class StandIn(Phone):
    """An extension with phones that are always there."""

    def __init__(self, extension: Extension, dialect: Dialect, devices: Sequence[Any]) -> None:
        self.extension = extension
        self._dialect = dialect
        self._devices = devices

    def targets(self, within: float | None = None) -> Sequence[Any]:
        """The phones."""
        return self._devices


def reached(placed: Placed) -> tuple[object, ...]:
    """Where a call went in the live switch: the destination that it has come to, or the refusal."""
    if not placed.targets:
        return placed.code, placed.status or REASONS[placed.code].status, placed.route
    assert isinstance(placed.goal, Goal)
    return placed.goal.destination.type, placed.goal.destination.value, placed.route


def some_calls(random: Random) -> list[Question]:
    """Calls of trunks, of Teams and of an extension."""
    calls = []
    for _ in range(CALLS):
        source = random.choice((*TRUNKS, "extension:1001"))
        caller = "1001" if source == "extension:1001" else random.choice(NUMBERS)
        calls.append(
            Question(
                source,
                random.choice(NUMBERS),
                MONDAY + datetime.timedelta(minutes=random.randrange(10080)),
                caller,
                random.choice(HOSTS),
                tuple(random.sample(FIELDS, random.choice((0, 0, 1, 3)))),
                random.choice(("", "LIS", "Assist", "Manual")),
            )
        )
    return calls


@pytest.mark.parametrize("part", range(4))
def test_the_dry_run_gives_what_the_live_engine_gives(part: int) -> None:
    """10,000 random calls over 200 random configurations, with the INVITE where it goes to a trunk."""
    random = Random(part)
    flow = Network(Clock(), 0).flow("inside", (SBC, 5060), ("198.51.100.7", 5060))
    for _ in range(CONFIGURATIONS // 4):
        settings = some_settings(random)
        dry_run, live = DryRun(settings), Live(settings)
        for question in some_calls(random):
            trial, placed = dry_run.ask(question), live.place(question)
            told: tuple[object, ...] = (trial.code, trial.status, trial.route)
            if trial.destination is not None:
                told = (trial.destination.type, trial.destination.value, trial.route)
            assert (told, trial.subject) == (reached(placed), placed.subject)
            if trial.goal is not None:
                invite = live.trunks[trial.goal.trunk].gateways[0].invite(placed.subject, b"", flow)
                fields = tuple((name, value.replace("this-sbc.invalid", SBC)) for name, value in trial.goal.fields)
                assert invite.uri.removeprefix("sip:").partition("@")[0] == trial.goal.called
                assert (invite.from_, invite.fields) == (trial.goal.from_.replace("this-sbc.invalid", SBC), fields)


@pytest.mark.parametrize("part", range(4))
def test_the_api_gives_what_the_live_engine_gives(part: int) -> None:
    """10,000 random calls: POST /routes/test, which knows of no header fields and no location, and the switch.

    Limits and what they have counted so far included, which asking does not change.
    """
    random = Random(part + 100)
    for _ in range(CONFIGURATIONS // 4):
        settings = some_settings(random, COUNTING)
        live, plan = Live(settings), Dialplan(settings, below=lambda _count: 0)
        for question in some_calls(random):
            asked = replace(question, fields=(), location="")
            who = asked.caller, asked.number, asked.source
            answer = told_by_api(plan, settings, *who, asked.now, grants=live.grants, host=asked.host)
            told = (answer["code"], answer["status"], answer["route_id"] or "")
            if answer["destination"] is not None:
                told = (answer["destination"]["type"], answer["destination"]["value"], answer["route_id"] or "")
            placed = live.place(asked)
            assert told == reached(placed)
            assert (answer["caller_id"], answer["called"]) == (placed.subject.caller, placed.subject.called)


def on_the_wire(question: Question) -> Request:
    """The INVITE as the switch gets it."""
    host = question.host or (FQDN if question.source == "teams" else "this-sbc.invalid")
    made = compose(question, host)
    made.fields += [
        ("Via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1"),
        ("To", "<sip:x>"),
        ("Call-ID", "1"),
        ("CSeq", "1 INVITE"),
    ]
    request = parse(made.to_bytes())
    assert isinstance(request, Request)
    return request


def test_every_route_that_was_asked_is_told() -> None:
    """In its order, up to the one that decides."""
    settings = load(json.dumps(CONFIGURATION))
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    trial = DryRun(settings).ask(Question("other", "+1", now))
    assert [(step.name, step.result) for step in trial.steps] == [
        ("to-teams", "source"),
        ("to-carrier", "source"),
        ("other-to-carrier", "matched"),
    ]
    assert trial.goal is not None
    assert (trial.goal.trunk, trial.goal.called) == ("carrier", "+1")


def test_a_route_to_a_trunk_that_is_switched_off() -> None:
    """The live switch answers 503 too."""
    off = merged(CONFIGURATION, {})
    off["trunks"] = [CONFIGURATION["trunks"][0] | {"enabled": False}, CONFIGURATION["trunks"][1]]
    off["routing"] = {"routes": [CONFIGURATION["routing"]["routes"][2]]}
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    trial = DryRun(load(json.dumps(off))).ask(Question("other", "+1", now))
    assert (trial.goal, trial.code, trial.status) == (None, "no_target", 503)


PHONES: dict[str, Any] = {
    "extensions": [
        {"extension": "1001", "display_name": "Alice", "password": "not so easily guessed"},
        {"extension": "1002", "password": "not so easily guessed"},
    ],
    "routing": {
        "routes": [
            {
                "id": "out",
                "pattern": "^0",
                "destinations": [{"type": "Trunk", "value": "carrier"}, {"type": "Voicemail", "value": "1001"}],
                "rewrite": {"destination": [{"match": "^0", "replace": "+49"}]},
            }
        ]
    },
}


def test_an_extension_calls() -> None:
    """Inside without a route, outside by one."""
    trunks = [trunk | {"country": "DE"} for trunk in CONFIGURATION["trunks"]]
    dry_run = DryRun(load(json.dumps(merged(CONFIGURATION, PHONES) | {"trunks": trunks})))
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    assert dry_run.source("1001") == "extension:1001"
    inside, outside = (dry_run.ask(Question("extension:1001", number, now, "1001")) for number in ("1002", "030123456"))
    assert inside.destination is not None
    assert (inside.destination.value, inside.goal) == ("1002", None)
    assert outside.goal is not None
    assert (outside.goal.called, outside.goal.from_) == ("+4930123456", '"Alice" <sip:1001@this-sbc.invalid>')
